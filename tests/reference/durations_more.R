# Writes durations_more_people.csv (made-up people) and durations_more_answers.csv (what R says of them).
# R 4.2, survival 3.5-3, sandwich 3.0-2. Run in this folder: Rscript durations_more.R
suppressMessages({library(survival); library(sandwich)})
set.seed(20060101)

people <- list(); answers <- list()
exact <- function(x) sprintf("%.17g", unname(x))
say <- function(case, call, ...) {
  given <- list(...)
  for (name in names(given))
    answers[[length(answers) + 1]] <<- data.frame(case = case, call = call, quantity = name, value = exact(given[[name]]))
}
columns <- c("case", "time", "event", "treated", "age", "female", "stratum", "cluster")
keep <- function(case, d) {
  d$case <- case
  for (name in setdiff(columns, names(d))) d[[name]] <- NA
  people[[length(people) + 1]] <<- d[columns]
}

# The area under the curve up to h, its error (Greenwood), and its error by cluster from survfit's influence.
area <- function(d, h) {
  fit <- survfit(Surv(time, event) ~ 1, d)
  found <- summary(fit, rmean = h)$table
  c(value = found[["rmean"]], std_error = found[["se(rmean)"]])
}
influence_on_area <- function(d, h) {
  d$who <- factor(d$cluster)
  fit <- survfit(Surv(time, event) ~ 1, d, cluster = who, influence = 1)
  widths <- diff(c(pmin(fit$time, h), h))
  found <- drop(fit$influence.surv %*% widths)
  setNames(found, levels(d$who))
}
restricted <- function(case, d, h) {
  one <- area(d[d$treated == 1, ], h); zero <- area(d[d$treated == 0, ], h)
  say(case, paste("mean", h), value = area(d, h)[[1]], std_error = area(d, h)[[2]])
  say(case, paste("difference", h), value = one[[1]] - zero[[1]], std_error = sqrt(one[[2]]^2 + zero[[2]]^2))
}
by_cluster <- function(case, call, d, h, clusters) {
  total <- setNames(numeric(length(clusters)), clusters); value <- 0
  for (s in unique(d$stratum)) for (arm in 0:1) {
    part <- d[d$stratum == s & d$treated == arm, ]
    weight <- (2 * arm - 1) * mean(d$stratum == s)
    found <- influence_on_area(part, h)
    total[names(found)] <- total[names(found)] + weight * found
    value <- value + weight * area(part, h)[[1]]
  }
  say(case, call, value = value, std_error = sqrt(sum(total^2)))
}

# A ratio by window: (tstart, time] pieces of time, an interaction of treatment and window.
windows <- function(case, call, d, cuts, pieces, terms = "", robust = FALSE) {
  long <- survSplit(Surv(time, event) ~ ., d, cut = cuts, episode = "piece")
  long <- long[long$piece %in% pieces, ]
  for (k in seq_along(pieces)) long[[paste0("w", k)]] <- long$treated * (long$piece == pieces[k])
  names <- paste0("w", seq_along(pieces))
  formula <- as.formula(paste("Surv(tstart, time, event) ~", paste(names, collapse = " + "), terms))
  fit <- if (robust) coxph(formula, long, cluster = long$cluster, ties = "efron") else coxph(formula, long, ties = "efron")
  b <- coef(fit)[names]; V <- vcov(fit)[names, names]
  for (k in seq_along(pieces)) {
    do.call(say, c(list(case, call), setNames(list(b[[k]], sqrt(V[k, k])), paste0(c("log_ratio", "std_error"), k))))
  }
  C <- cbind(-1, diag(length(pieces) - 1))
  say(case, call, wald = drop(t(C %*% b) %*% solve(C %*% V %*% t(C), C %*% b)))
}

# A row for each person and week; weeks in which nobody, or everybody at risk, has the event are left out.
person_weeks <- function(d) {
  long <- d[rep(seq_len(nrow(d)), d$time), ]
  long$week <- sequence(d$time)
  long$id <- rep(seq_len(nrow(d)), d$time)
  long$y <- as.numeric(long$event == 1 & long$week == long$time)
  long
}
cloglog <- function(case, call, d, terms, group = function(week) week, robust = FALSE) {
  long <- person_weeks(d)
  long$level <- factor(group(long$week))
  share <- ave(long$y, long$level)
  long <- droplevels(long[share > 0 & share < 1, ])
  fit <- glm(as.formula(paste("y ~ 0 + level + treated", terms)), binomial("cloglog"), long,
             control = glm.control(epsilon = 1e-14, maxit = 100))
  V <- if (robust) vcovCL(fit, cluster = long$cluster, type = "HC0", cadjust = FALSE) else vcov(fit)
  say(case, call, log_ratio = coef(fit)[["treated"]], std_error = sqrt(V["treated", "treated"]))
}

proportional <- function(case, call, formula, d) {
  environment(formula) <- environment()  # where cox.zph looks for d
  fit <- coxph(formula, d, ties = "efron", control = coxph.control(eps = 1e-12, toler.chol = 1e-13))
  for (transform in c("km", "identity", "rank", "log")) {
    found <- cox.zph(fit, transform = transform, terms = FALSE)$table
    for (name in rownames(found)) {
      given <- setNames(list(found[name, "chisq"], found[name, "df"], found[name, "p"]), paste(name, c("chisq", "df", "p")))
      do.call(say, c(list(case, paste(call, transform)), given))
    }
  }
}

# Whole weeks with many ties, strata of unequal size, days of birth as clusters (1-15 treated), the effect in the
# first four weeks only.
n <- 600
d <- data.frame(cluster = sample(31, n, TRUE), age = round(runif(n, 18, 60)), female = rbinom(n, 1, .45),
                stratum = sample(c("a", "b", "c"), n, TRUE, prob = c(.5, .3, .2)))
d$treated <- as.numeric(d$cluster <= 15)
rate <- exp(-.02 * (d$age - 40) + .3 * (d$stratum == "a") + rnorm(31, 0, .3)[d$cluster])
early <- (rexp(n) / rate / exp(.4 * d$treated)); late <- rexp(n) / rate
exact_time <- 18.43 * ifelse(early < (4 / 18.43)^1.334, early, (4 / 18.43)^1.334 + late)^(1 / 1.334)
left <- ceiling(exact_time); until <- pmin(52, ceiling(runif(n, 4, 90)))
d$time <- pmin(left, until); d$event <- as.numeric(left <= until)
keep("weeks", d)
for (h in c(10.5, 26, 50)) restricted("weeks", d, h)
whole <- transform(d, stratum = "all")
say("weeks", "mean cluster", value = area(d, 26)[[1]], std_error = sqrt(sum(influence_on_area(d, 26)^2)))
by_cluster("weeks", "difference cluster", whole, 26, 1:31)
by_cluster("weeks", "difference strata cluster", d, 26, 1:31)
strata <- sapply(unique(d$stratum), function(s) {
  one <- area(d[d$stratum == s & d$treated == 1, ], 26); zero <- area(d[d$stratum == s & d$treated == 0, ], 26)
  mean(d$stratum == s) * c(one[[1]] - zero[[1]], sqrt(one[[2]]^2 + zero[[2]]^2))
})
say("weeks", "difference strata", value = sum(strata[1, ]), std_error = sqrt(sum(strata[2, ]^2)))
windows("weeks", "cuts", d, c(4, 8, 16), 1:4)
windows("weeks", "cuts covariates", d, c(4, 8, 16), 1:4, "+ age + female")
windows("weeks", "cuts strata", d, c(4, 8, 16), 1:4, "+ age + strata(stratum)")
windows("weeks", "cuts cluster", d, c(4, 8, 16), 1:4, robust = TRUE)
windows("weeks", "cuts all", d, c(4, 8, 16), 1:4, "+ age + female + strata(stratum)", robust = TRUE)
windows("weeks", "pairs", d, c(4, 8, 16), c(1, 3), "+ age + female")
cloglog("weeks", "cloglog", d, "")
cloglog("weeks", "cloglog covariates", d, "+ age + female")
cloglog("weeks", "cloglog cluster", d, "+ age + female", robust = TRUE)
grouped <- function(week) cut(week, c(0, 4, 8, 16, 30, Inf))
cloglog("weeks", "cloglog groups", d, "+ age + female", grouped)
cloglog("weeks", "cloglog groups cluster", d, "+ age + female", grouped, robust = TRUE)
proportional("weeks", "plain", Surv(time, event) ~ treated, d)
proportional("weeks", "covariates", Surv(time, event) ~ treated + age + female, d)
proportional("weeks", "strata", Surv(time, event) ~ treated + age + female + strata(stratum), d)

# Few weeks: nobody treated leaves in weeks 4 to 6, nobody at all in weeks 4 and 8, everybody left does in week 10.
few <- data.frame(time = c(1, 1, 2, 2, 3, 3, 7, 7, 9, 10, 10, 1, 2, 3, 3, 4, 5, 5, 6, 7, 9, 9, 10, 10, 10),
                  event = 1, treated = rep(1:0, c(11, 14)), age = c(31:41, 30:43) %% 7)
few$event[c(2, 7, 16)] <- 0
keep("few", few)
windows("few", "cuts", few, c(3, 6), c(1, 3))
cloglog("few", "cloglog covariates", few, "+ age")
restricted("few", few, 20)

# Exact times.
n <- 120
e <- data.frame(treated = rbinom(n, 1, .4), age = round(runif(n, 18, 60)), time = round(rexp(n, .2), 4), event = rbinom(n, 1, .7))
keep("exact", e)
for (h in c(3, 8)) restricted("exact", e, h)
windows("exact", "cuts covariates", e, c(2, 5), 1:3, "+ age")
proportional("exact", "covariates", Surv(time, event) ~ treated + age, e)

everyone <- do.call(rbind, people)
everyone$time <- exact(everyone$time)
for (name in c("people", "answers"))
  write.csv(if (name == "people") everyone else do.call(rbind, get(name)), paste0("durations_more_", name, ".csv"),
            row.names = FALSE, na = "", quote = FALSE)
