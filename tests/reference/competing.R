# Writes competing_people.csv (made-up people), competing_curves.csv and competing_answers.csv (what R says of them).
# R 4.2, survival 3.5-3, cmprsk 2.2-11. Run in this folder: Rscript competing.R
suppressMessages({library(survival); library(cmprsk)})
set.seed(20080601)

people <- list(); answers <- list(); curves <- list()
exact <- function(x) sprintf("%.17g", unname(x))
say <- function(case, call, ...) {
  given <- list(...)
  for (name in names(given))
    answers[[length(answers) + 1]] <<- data.frame(case = case, call = call, quantity = name, value = exact(given[[name]]))
}
columns <- c("case", "time", "cause", "treated", "age", "female", "stratum", "cluster")
keep <- function(case, d) {
  d$case <- case
  for (name in setdiff(columns, names(d))) d[[name]] <- NA
  people[[length(people) + 1]] <<- d[columns]
}
curve <- function(case, d, level, arms = c("all", 0, 1)) for (arm in arms) {
  own <- if (arm == "all") d else d[d$treated == arm, ]
  causes <- sort(unique(own$cause[own$cause > 0]))
  fit <- survfit(Surv(time, factor(cause, c(0, causes))) ~ 1, own, conf.type = "log-log", conf.int = level)
  for (cause in causes) {
    k <- match(cause, fit$states)
    curves[[length(curves) + 1]] <<- data.frame(case = case, arm = arm, cause = cause, level = level, time = exact(fit$time),
      at_risk = fit$n.risk[, 1], incidence = exact(fit$pstate[, k]), std_error = exact(fit$std.err[, k]),
      low = exact(fit$lower[, k]), high = exact(fit$upper[, k]))
  }
}
gray <- function(case, call, d, rho = 0, strata = rep(1, nrow(d))) {
  found <- cuminc(d$time, d$cause, d$treated, strata, rho)$Tests
  for (cause in rownames(found))
    say(case, paste("gray", call, cause), statistic = found[cause, "stat"], p_value = found[cause, "pv"])
}
# gtol: far beyond crr's own 1e-6, so that the coefficients are comparable.
fine <- function(case, call, d, covariates = character()) for (cause in 1:2) {
  x <- as.matrix(d[c("treated", covariates)])
  # + 1: at time 0 crr takes the curve of censoring at 0 for the one just before 0
  fit <- crr(d$time + 1, d$cause, x, failcode = cause, gtol = 1e-14, maxiter = 50)
  say(case, paste("crr", call, cause), log_ratio = fit$coef[[1]], std_error = sqrt(fit$var[1, 1]))
  d$ending <- factor(ifelse(d$cause == 0, 0, ifelse(d$cause == cause, 1, 2)), 0:2, c("censored", "interest", "other"))
  weighted <- finegray(Surv(time, ending) ~ ., d[c("time", "ending", "treated", covariates)], etype = "interest")
  formula <- reformulate(c("treated", covariates), "Surv(fgstart, fgstop, fgstatus)")
  cox <- coxph(formula, weighted, weights = fgwt, ties = "breslow", eps = 1e-11, toler.chol = 1e-12)
  say(case, paste("finegray", call, cause), log_ratio = coef(cox)[["treated"]])
}
specific <- function(case, call, formula, d) for (cause in 1:2) {
  d$came <- as.numeric(d$cause == cause)
  fit <- coxph(formula, d, ties = "efron")
  say(case, paste("coxph", call, cause), log_ratio = coef(fit)[["treated"]], std_error = sqrt(vcov(fit)["treated", "treated"]))
}

# Whole weeks with many ties within and between causes and with censoring; three causes; strata, days of birth.
n <- 420
d <- data.frame(cluster = sample(31, n, TRUE), age = round(runif(n, 18, 60)), female = rbinom(n, 1, .45),
                stratum = sample(c("a", "b", "c", "d"), n, TRUE, prob = c(.5, .3, .15, .05)))
d$treated <- as.numeric(d$cluster <= 15)
rates <- cbind(.035 * exp(.4 * d$treated - .02 * (d$age - 40)), .02 * exp(-.3 * d$treated + .3 * d$female), .008)
left <- ceiling(rexp(n) / rowSums(rates)); until <- pmin(52, ceiling(runif(n, 4, 80)))
ended <- apply(rates, 1, function(p) sample(3, 1, prob = p))
d$time <- pmin(left, until); d$cause <- ifelse(left <= until, ended, 0)
keep("weeks", d)
curve("weeks", d, .95); curve("weeks", d, .8, "all")
for (rho in c(0, 1, .5)) gray("weeks", paste("rho", rho), d, rho)
gray("weeks", "strata", d, 0, d$stratum); gray("weeks", "strata rho 1", d, 1, d$stratum)
fine("weeks", "plain", d); fine("weeks", "covariates", d, c("age", "female"))
specific("weeks", "plain", Surv(time, came) ~ treated, d)
specific("weeks", "all", Surv(time, came) ~ treated + age + female + strata(stratum) + cluster(cluster), d)

# Exact times without ties but for three at 0; arms censored differently.
n <- 130
e <- data.frame(treated = rbinom(n, 1, .4), age = round(runif(n, 18, 60)), time = round(rexp(n, .2), 6))
e$time[1:3] <- 0; e$cause <- ifelse(rbinom(n, 1, .75 - .25 * e$treated) == 1, sample(2, n, TRUE, c(.6, .4)), 0)
e$cause[1:3] <- c(1, 0, 2)
keep("exact", e); curve("exact", e, .95, "all"); gray("exact", "rho 0", e); gray("exact", "rho 1", e, 1)
fine("exact", "covariates", e, "age")
# Without the three at 0 no censoring is tied with an ending: crr and finegray then have the same weights.
fine("untied", "covariates", e[-(1:3), ], "age")

# All followed to the end: no censoring, and the last one ends (incidences add up to 1).
n <- 60
full <- data.frame(treated = rep(0:1, n / 2), time = ceiling(rexp(n, .1)), cause = sample(2, n, TRUE))
keep("complete", full); curve("complete", full, .95); gray("complete", "rho 0", full); fine("complete", "plain", full)

# Small samples: an arm that is at risk no longer, a cause that comes in one arm only, single people.
for (k in 1:12) {
  n <- 6 + 3 * k
  s <- data.frame(treated = rep(c(1, 0), c(ceiling(n / 3), n - ceiling(n / 3))), cause = sample(0:2, n, TRUE, c(.3, .45, .25)))
  s$time <- ceiling(rexp(n, .2) * ifelse(s$treated == 1, .6, 1.4))
  if (k == 3) s$cause[s$treated == 1 & s$cause == 1] <- 2
  s$cause[n] <- 1
  case <- paste0("small", k)
  keep(case, s); curve(case, s, .95); gray(case, "rho 0", s); gray(case, "rho 1", s, 1)
}

everyone <- do.call(rbind, people)
everyone$time <- exact(everyone$time)
for (name in c("people", "curves", "answers"))
  write.csv(if (name == "people") everyone else do.call(rbind, get(name)), paste0("competing_", name, ".csv"),
            row.names = FALSE, na = "", quote = FALSE)
