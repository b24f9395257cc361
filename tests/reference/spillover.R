# Writes spillover_people.csv (made-up people) and spillover_answers.csv (what R says of them).
# R 4.2, clubSandwich 0.5.8. Run in this folder: Rscript spillover.R
suppressMessages(library(clubSandwich))
set.seed(20051101)

answers <- list()
record <- function(case, call, found)
  for (name in names(found))
    answers[[length(answers) + 1]] <<- data.frame(case = case, call = call, quantity = name,
                                                  value = sprintf("%.17g", found[[name]]))
of_club <- function(fit, cluster, term) {
  test <- coef_test(fit, vcov = vcovCR(fit, cluster = cluster, type = "CR2"), test = "Satterthwaite")
  test <- test[rownames(test) == term, ]
  list(value = test$beta, std_error = test$SE, df = test[[grep("^df", names(test))[1]]], p_value = test$p_Satt)
}

# Nine areas of 8 to 60 people a period, the first three exposed; four periods, the last with the trial.
make <- function(case, periods) {
  size <- c(20, 60, 8, 35, 12, 50, 25, 9, 15)
  d <- do.call(rbind, lapply(1:9, function(a) do.call(rbind, lapply(periods, function(p) {
    n <- size[a] + sample(-3:6, 1)
    data.frame(case = case, area = paste0("area ", a), exposed = as.numeric(a <= 3), period = p, n = n)
  }))))
  d$shock <- rnorm(nrow(d), 0, .8)
  d <- d[rep(seq_len(nrow(d)), d$n), ]
  d$age <- round(runif(nrow(d), 18, 64)); d$prior <- round(rexp(nrow(d), 1 / 15), 4)
  d$after <- as.numeric(d$period == max(periods))
  d$y <- round(20 + .1 * d$age + .05 * d$prior + match(d$area, unique(d$area)) + d$shock + 1.5 * d$exposed * d$after +
                 rnorm(nrow(d), 0, 4), 6)
  d
}
two <- make("two", 1:2)
two$both <- two$exposed * two$after
record("two", "people", of_club(lm(y ~ area + after + both, two), two$area, "both"))
# Covariates: slopes within areas and times, then as before.
within <- lm(y ~ interaction(area, after) + age + prior, two)
two$adjusted <- two$y - drop(as.matrix(two[c("age", "prior")]) %*% coef(within)[c("age", "prior")])
record("two", "adjusted", of_club(lm(adjusted ~ area + after + both, two), two$area, "both"))
# Each area the same: its change in mean.
means <- aggregate(y ~ area + exposed + after, two, mean)
change <- merge(means[means$after == 1, ], means[means$after == 0, ], by = c("area", "exposed"))
change$change <- change$y.x - change$y.y
record("two", "areas", of_club(lm(change ~ exposed, change), change$area, "exposed"))
record("two", "areas adjusted", {
  means <- aggregate(adjusted ~ area + exposed + after, two, mean)
  wide <- merge(means[means$after == 1, ], means[means$after == 0, ], by = c("area", "exposed"))
  wide$change <- wide$adjusted.x - wide$adjusted.y
  of_club(lm(change ~ exposed, wide), wide$area, "exposed")
})

# Several periods before, and two after: common effects of periods within the two sides.
four <- make("four", 1:5)
four$after <- as.numeric(four$period >= 4); four$both <- four$exposed * four$after
within <- lm(y ~ interaction(area, after) + I(period == 1) + I(period == 2) + I(period == 4), four)
shift <- coef(within)[grep("^I", names(coef(within)))]
four$adjusted <- four$y - drop(cbind(four$period == 1, four$period == 2, four$period == 4) %*% shift)
record("four", "people", of_club(lm(adjusted ~ area + after + both, four), four$area, "both"))
for (p in 1:2) {
  pair <- four[four$period %in% c(p, 3), ]
  pair$late <- as.numeric(pair$period == 3); pair$fake <- pair$late * pair$exposed
  record("four", paste("placebo", p), of_club(lm(y ~ area + late + fake, pair), pair$area, "fake")["value"])
}

# Two-stage design: 12 jobcentres of unequal sizes at saturations 0, 1/4 and 3/4.
stage <- do.call(rbind, lapply(1:12, function(c) {
  n <- c(10, 40, 16, 24)[1 + c %% 4]; s <- c(0, .25, .75)[1 + c %% 3]
  data.frame(case = "stage", area = paste0("office ", c), saturation = s,
             treated = sample(rep(c(1, 0), c(round(n * s), n - round(n * s)))), shock = rnorm(1))
}))
stage$y <- round(10 + 2 * stage$treated - stage$saturation + stage$shock + rnorm(nrow(stage), 0, 2), 6)
for (s in c(.25, .75)) {
  there <- stage$saturation == s; pure <- stage$saturation == 0
  sides <- list(direct = list(there & stage$treated == 1, there & stage$treated == 0),
                spillover = list(there & stage$treated == 0, pure),
                total = list(there & stage$treated == 1, pure), overall = list(there, pure))
  for (name in names(sides)) {
    one <- sides[[name]][[1]]; zero <- sides[[name]][[2]]
    used <- stage[one | zero, ]; used$z <- as.numeric(one[one | zero])
    record("stage", paste("people", name, s), of_club(lm(y ~ z, used), used$area, "z"))
    # Means of clusters: each counts the same.
    one_means <- tapply(stage$y[one], stage$area[one], mean); zero_means <- tapply(stage$y[zero], stage$area[zero], mean)
    test <- if (name == "direct") t.test(one_means, zero_means[names(one_means)], paired = TRUE)
            else t.test(one_means, zero_means)
    record("stage", paste("clusters", name, s),
           list(value = if (name == "direct") test$estimate[[1]] else test$estimate[[1]] - test$estimate[[2]],
                std_error = test$stderr, df = test$parameter[[1]], p_value = test$p.value,
                low = test$conf.int[1], high = test$conf.int[2]))
  }
}

columns <- c("case", "area", "exposed", "period", "after", "saturation", "treated", "age", "prior", "y")
everyone <- do.call(rbind, lapply(list(two, four, stage), function(d) {
  for (name in setdiff(columns, names(d))) d[[name]] <- NA
  d[columns]
}))
write.csv(everyone, "spillover_people.csv", row.names = FALSE, na = "", quote = FALSE)
write.csv(do.call(rbind, answers), "spillover_answers.csv", row.names = FALSE, quote = FALSE)
