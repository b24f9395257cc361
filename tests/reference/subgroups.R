# Writes subgroups_people.csv (made-up people) and subgroups_answers.csv (what R says of them).
# R 4.2, clubSandwich 0.5.8, sandwich 3.0-2, survival 3.5-3. Run in this folder: Rscript subgroups.R
suppressMessages({library(clubSandwich); library(sandwich); library(survival)})
set.seed(20130415)

answers <- list()
say <- function(case, call, ...) {
  given <- list(...)
  for (name in names(given))
    answers[[length(answers) + 1]] <<- data.frame(case = case, call = call, quantity = name,
                                                  value = sprintf("%.17g", given[[name]]))
}

n <- 420
people <- data.frame(
  id = seq_len(n), group = sample(c("high", "low", "middle"), n, replace = TRUE, prob = c(.3, .2, .5)),
  day = sample(31, n, replace = TRUE), office = sample(c("north", "south"), n, replace = TRUE), age = round(runif(n, 20, 60)))
people$treated <- as.numeric(people$day <= 15)
people$y <- round(exp(rnorm(n, 1 + .01 * people$age, .7)) + (people$group == "low") * people$treated +
                    rnorm(31, 0, 1)[people$day], 6)
# weeks with ties, censored at 26
weeks <- ceiling(rexp(n, .06 * exp(.4 * people$treated * (people$group != "low") + .2 * (people$group == "high"))))
people$event <- as.numeric(weeks <= 26); people$time <- pmin(weeks, 26)
# proxies learned elsewhere, and the probability that a person was treated
people$propensity <- ifelse(people$office == "north", .4, .25)
people$assigned <- rbinom(n, 1, people$propensity)
people$baseline <- round(.5 * people$age + rnorm(n, 0, 4), 6)
people$effect <- round(people$age / 20 + rnorm(n), 6)
people$outcome <- round(.4 * people$age + people$assigned * people$effect + rnorm(n, 0, 5), 6)

# Welch's test of means with unequal variances: the effect where no control has the event.
d <- people[people$treated == 1, ]
test <- oneway.test(y ~ group, d)
say("treated", "oneway.test", statistic = test$statistic, df = test$parameter[[1]], df_error = test$parameter[[2]],
    p_value = test$p.value)

# Days of birth that groups share: a regression in each group, as one.
record <- function(call, fit, terms, d = people) {
  v <- vcovCR(fit, cluster = d$day, type = "CR2")
  tests <- coef_test(fit, vcov = v, test = "Satterthwaite")
  for (i in seq_along(terms)) {
    row <- tests[rownames(tests) == terms[[i]], ]
    say("crossed", call, value = row$beta, std_error = row$SE, df = row[[grep("^df", names(row))[1]]])
    n <- length(answers)
    for (j in (n - 2):n) answers[[j]]$quantity <<- paste(names(terms)[[i]], answers[[j]]$quantity)
  }
  v
}
groups <- c("high", "low", "middle")
dummies <- function(x, base) { for (g in setdiff(groups, base)) x[[paste0("t_", g)]] <- x$treated * (x$group == g); x }
crossed <- function(call, controls) {
  d <- dummies(people, "none")
  fit <- lm(as.formula(paste("y ~ 0 + group +", controls, "t_high + t_low + t_middle")), d)
  v <- record(call, fit, list(high = "t_high", low = "t_low", middle = "t_middle"))
  at <- match(c("t_high", "t_low", "t_middle"), names(coef(fit)[!is.na(coef(fit))]))
  constraint <- matrix(0, 2, sum(!is.na(coef(fit)))); constraint[1, at[1:2]] <- c(-1, 1); constraint[2, at[c(1, 3)]] <- c(-1, 1)
  wald <- Wald_test(fit, constraints = constraint, vcov = v, test = "HTZ")
  say("crossed", call, F = wald$Fstat, df_num = wald$df_num, df_denom = wald$df_denom, p_value = wald$p_val)
  d <- dummies(people, "high")
  fit <- lm(as.formula(paste("y ~ 0 + group +", controls, "treated + t_low + t_middle")), d)
  record(call, fit, list("low - high" = "t_low", "middle - high" = "t_middle"))
}
invisible(crossed("plain", ""))
# Lin's adjustment within each group: centred there, with slopes by arm.
for (g in groups) {
  people[[paste0("x_", g)]] <- (people$age - mean(people$age[people$group == g])) * (people$group == g)
  people[[paste0("tx_", g)]] <- people[[paste0("x_", g)]] * people$treated
}
invisible(crossed("age", paste(c(paste0("x_", groups), paste0("tx_", groups), ""), collapse = " + ")))

# Cox regression with a baseline hazard for each group.
ratios <- function(call, controls = "", robust = FALSE) {
  d <- dummies(people, "high")
  formula <- function(x) as.formula(paste("Surv(time, event) ~ treated", x, controls))
  if (robust) {
    fit <- coxph(formula("+ t_low + t_middle"), d, cluster = day)
  } else {
    fit <- coxph(formula("+ t_low + t_middle"), d)
    test <- anova(coxph(formula(""), d), fit)
    say("cox", call, chi_square = test$Chisq[2], p_value = test[[ncol(test)]][2])
  }
  b <- coef(fit); v <- vcov(fit); at <- c("t_low", "t_middle")
  for (term in at) say("cox", call, value = exp(b[[term]]), std_error = sqrt(v[term, term]))
  k <- length(answers)
  for (j in (k - 3):k) answers[[j]]$quantity <<- paste(c("low - high", "middle - high")[1 + (j > k - 2)], answers[[j]]$quantity)
  say("cox", call, high = exp(b[["treated"]]), wald = drop(b[at] %*% solve(v[at, at]) %*% b[at]))
}
ratios("plain", "+ strata(group)")
ratios("office", "+ strata(group, office)")
ratios("age", "+ x_high + x_low + x_middle + strata(group)")
ratios("day", "+ strata(group)", robust = TRUE)

# Best linear predictor and sorted groups of given proxies, weighted by 1 / (p (1 - p)).
p <- people$propensity; s <- people$effect
learned <- data.frame(y = people$outcome, b = people$baseline, s = s, p = p, ps = p * s, h = people$assigned - p,
                      w = 1 / (p * (1 - p)), day = people$day)
learned$hs <- learned$h * (s - mean(s))
fifth <- cut(s, quantile(s, (0:5) / 5), labels = FALSE, include.lowest = TRUE)
for (k in 1:5) learned[[paste0("h", k)]] <- learned$h * (fifth == k)
by <- function(call, formula, terms, cluster) {
  fit <- lm(formula, learned, weights = w)
  hc <- if (missing(cluster)) vcovHC(fit, type = "HC2") else vcovCR(fit, cluster, type = "CR2", target = rep(1, n))
  cr <- vcovCR(fit, if (missing(cluster)) people$id else cluster, type = "CR2", target = rep(1, n))
  test <- coef_test(fit, vcov = cr, test = "Satterthwaite")
  for (term in terms) say("learned", paste(call, term), value = coef(fit)[[term]], std_error = sqrt(hc[term, term]),
                          df = test[rownames(test) == term, grep("^df", names(test))[1]])
}
by("blp", y ~ b + s + p + ps + h + hs, c("h", "hs"))
by("blp by day", y ~ b + s + p + ps + h + hs, c("h", "hs"), people$day)
by("gates", y ~ b + s + p + ps + h1 + h2 + h3 + h4 + h5, paste0("h", 1:5))
by("gates difference", y ~ b + s + p + ps + h + h2 + h3 + h4 + h5, "h5")
ages <- t.test(people$age[fifth == 5], people$age[fifth == 1])
say("learned", "clan age", value = ages$estimate[[1]] - ages$estimate[[2]], std_error = ages$stderr, df = ages$parameter)
one <- t.test(people$age[fifth == 5])
say("learned", "clan age most", value = one$estimate, std_error = one$stderr, df = one$parameter)

keep <- setdiff(names(people), grep("^t?x_", names(people), value = TRUE))
write.csv(people[keep], "subgroups_people.csv", row.names = FALSE, quote = FALSE)
write.csv(do.call(rbind, answers), "subgroups_answers.csv", row.names = FALSE, quote = FALSE)
