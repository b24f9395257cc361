# Writes effects_more_people.csv and effects_more_weeks.csv (made-up people) and effects_more_answers.csv (what R says).
# R 4.2, estimatr 1.0.0, clubSandwich 0.5.8, mvtnorm 1.1-3, quantreg 5.94. Run in this folder: Rscript effects_more.R (minutes).
suppressMessages({library(estimatr); library(clubSandwich); library(mvtnorm); library(quantreg)})
set.seed(20120101)

answers <- list()
say <- function(case, call, found) for (name in names(found))
  answers[[length(answers) + 1]] <<- data.frame(case = case, call = call, quantity = name,
                                                value = sprintf("%.17g", found[[name]]))
centre <- function(x) sweep(as.matrix(x), 2, colMeans(as.matrix(x)))

people <- function(case, n) {
  age <- round(runif(n, 20, 60)); prior <- round(rexp(n, 1 / 20), 4)
  data.frame(case = case, id = seq_len(n), age = age, prior = prior, block = NA, cluster = NA, arm = NA, y = NA, observed = NA)
}
weeks <- function(d, effect) round(exp(rnorm(nrow(d), 1.5 + .01 * d$age + .01 * d$prior, .7)) + effect * (1 + d$prior / 40), 4)
seen <- function(d, more) rbinom(nrow(d), 1, plogis(1 + .03 * (d$age - 40) + more + more * .08 * (d$age - 40)))

# Three arms: people, in blocks, in clusters.
arms <- people("arms", 240)
arms$arm <- sample(rep(c("control", "early", "daily"), c(120, 90, 30)))
arms$y <- weeks(arms, c(control = 0, early = -1, daily = -2)[arms$arm]); arms$observed <- seen(arms, .8 * (arms$arm != "control"))
blocked <- people("blocked", 260)
blocked$block <- rep(c("n", "s", "e"), c(60, 80, 120))
share <- list(n = c(.6, .3, .1), s = c(.4, .3, .3), e = c(.3, .2, .5))
blocked$arm <- unlist(lapply(blocked$block, function(b) sample(c("control", "early", "daily"), 1, prob = share[[b]])))
blocked$y <- weeks(blocked, 2 * match(blocked$block, c("n", "s", "e"))); blocked$observed <- seen(blocked, .8 * (blocked$arm != "control"))
clustered <- people("clustered", 390)
clustered$cluster <- sample(rep(1:39, c(rep(4, 13), rep(8, 13), rep(18, 13))))
clustered$arm <- c("control", "early", "daily")[1 + (clustered$cluster * 7) %% 3]
clustered$y <- round(weeks(clustered, 0) + rnorm(39, 0, 2)[clustered$cluster], 4); clustered$observed <- seen(clustered, .8 * (clustered$arm != "control"))

for (d in list(arms, blocked, clustered)) {
  case <- d$case[1]
  by <- if (case == "clustered") d$cluster else d$id
  X <- centre(if (case == "blocked") cbind(model.matrix(~ block, d)[, -1], d[c("age", "prior")]) else d[c("age", "prior")])
  for (base in c("control", "daily")) {
    d$a <- relevel(factor(d$arm), base)
    fit <- lm(y ~ a * X, d); V <- vcovCR(fit, cluster = by, type = "CR2")
    tests <- coef_test(fit, vcov = V, test = "Satterthwaite")
    for (other in if (base == "control") c("early", "daily") else "early") {
      t <- tests[rownames(tests) == paste0("a", other), ]
      say(case, paste(other, base), list(value = t$beta, std_error = t$SE, df = t[[grep("^df", names(t))[1]]]))
    }
    if (base == "control") {
      t <- Wald_test(fit, constraints = constrain_zero(c("adaily", "aearly")), vcov = V, test = "HTZ")
      say(case, "joint", list(statistic = t$Fstat, df = t$df_denom, p_value = t$p_val))
    }
  }
  # estimatr knows factors too
  if (case == "arms") {
    fit <- lm_lin(y ~ factor(arm, c("control", "daily", "early")), ~ age + prior, d, se_type = "HC2")
    pick <- grep("early$", fit$term)[1]
    say(case, "lm_lin early control", list(value = fit$coefficients[[pick]], std_error = fit$std.error[[pick]]))
  }
  # Attrition: any treatment against control.
  d$treated <- as.numeric(d$arm != "control")
  fit <- lm(observed ~ treated * X, d); V <- vcovCR(fit, cluster = by, type = "CR2")
  t <- Wald_test(fit, constraints = constrain_zero(c("treated:Xage", "treated:Xprior")), vcov = V, test = "HTZ")
  say(case, "attrition by covariates", list(statistic = t$Fstat, df = t$df_denom, p_value = t$p_val))
}

# 12 weeks of indicators, each person at work from a week of their own on; days of birth as clusters.
course <- data.frame(id = 1:180, age = round(runif(180, 20, 60)), cluster = sample(39, 180, replace = TRUE))
course$treated <- as.numeric(course$cluster <= 20)
begins <- ceiling(rexp(180, 1 / (11 - 3 * course$treated + .05 * course$age)))
W <- sapply(1:12, function(week) as.numeric(begins <= week)); colnames(W) <- sprintf("w%02d", 1:12)
X <- centre(course["age"])
for (how in c("people", "clusters")) {
  by <- if (how == "people") course$id else course$cluster
  errors <- sapply(1:12, function(week) {
    fit <- lm(W[, week] ~ course$treated * X)
    t <- coef_test(fit, vcov = vcovCR(fit, cluster = by, type = "CR2"), test = "Satterthwaite")[2, ]
    c(value = t$beta, std_error = t$SE, df = t[[grep("^df", names(t))[1]]])
  })
  for (week in 1:12) say("course", paste(how, week), as.list(errors[, week]))
  # The simultaneous band: HC2 or CR2 over all weeks at once, by stacking them in one regression.
  long <- data.frame(y = as.vector(W), week = factor(rep(1:12, each = 180)), treated = rep(course$treated, 12), x = rep(X, 12), by = rep(by, 12))
  stacked <- lm(y ~ 0 + week + week:treated + week:x + week:treated:x, long)
  V <- as.matrix(vcovCR(stacked, cluster = long$by, type = "CR2", target = rep(1, nrow(long))))
  terms <- paste0("week", 1:12, ":treated")
  V <- V[match(terms, names(coef(stacked))), match(terms, names(coef(stacked)))]
  say("course", paste(how, "band"),
      list(critical = qmvnorm(.95, tail = "both.tails", corr = cov2cor(V), algorithm = GenzBretz(maxpts = 2e6, abseps = 1e-5))$quantile))
}

# Quantiles: type 2, and quantreg's regression quantiles where they are unique.
for (p in c(.25, .5, .9)) {
  d <- arms[arms$arm != "daily", ]; q <- tapply(d$y, d$arm, quantile, probs = p, type = 2, names = FALSE)
  say("arms", paste("quantile", p), list(value = q[["early"]] - q[["control"]]))
}
d <- rbind(arms[arms$arm == "early", ][1:89, ], arms[arms$arm == "control", ][1:119, ])
for (p in c(.25, .5, .9))
  say("arms", paste("rq", p), list(value = coef(rq(y ~ I(arm == "early"), tau = p, data = d))[[2]]))

columns <- c("case", "id", "age", "prior", "block", "cluster", "arm", "y", "observed")
write.csv(rbind(arms, blocked, clustered)[columns], "effects_more_people.csv", row.names = FALSE, na = "", quote = FALSE)
write.csv(cbind(course, W), "effects_more_weeks.csv", row.names = FALSE, quote = FALSE)
write.csv(do.call(rbind, answers), "effects_more_answers.csv", row.names = FALSE, quote = FALSE)
