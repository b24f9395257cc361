# Writes durations_people.csv (made-up people), durations_curves.csv and durations_answers.csv (what R says of them).
# R 4.2, survival 3.5-3. Run in this folder: Rscript durations.R
suppressMessages(library(survival))
set.seed(20050101)

people <- list(); answers <- list(); curves <- list()
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
curve <- function(case, d, level) {
  fit <- survfit(Surv(time, event) ~ 1, d, conf.type = "log-log", conf.int = level)
  curves[[length(curves) + 1]] <<- data.frame(case = case, level = level, time = exact(fit$time), at_risk = fit$n.risk,
    survival = exact(fit$surv), low = exact(fit$lower), high = exact(fit$upper))
  found <- summary(fit)$table
  say(case, paste("median", level), value = found[["median"]], low = found[[8]], high = found[[9]])
}
cox <- function(case, call, formula, d, ties) {
  fit <- coxph(formula, d, ties = ties)
  say(case, paste(call, ties), log_ratio = coef(fit)[["treated"]], std_error = sqrt(vcov(fit)["treated", "treated"]))
}
logrank <- function(case, call, formula, d) {
  fit <- survdiff(formula, d)
  both <- function(x) if (is.matrix(x)) rowSums(x) else x
  say(case, call, statistic = fit$chisq, p_value = pchisq(fit$chisq, 1, lower.tail = FALSE),
      observed = both(fit$obs)[2], expected = both(fit$exp)[2])
}

# Whole weeks with many ties, strata of unequal size, days of birth as clusters (1-15 treated).
n <- 400
d <- data.frame(cluster = sample(31, n, TRUE), age = round(runif(n, 18, 60)), female = rbinom(n, 1, .45),
                stratum = sample(c("a", "b", "c", "d"), n, TRUE, prob = c(.5, .3, .15, .05)))
d$treated <- as.numeric(d$cluster <= 15)
rate <- exp(.26 * d$treated - .02 * (d$age - 40) + .3 * (d$stratum == "a") + rnorm(31, 0, .4)[d$cluster])
left <- ceiling(18.43 * (rexp(n) / rate)^(1 / 1.334)); until <- pmin(52, ceiling(runif(n, 4, 90)))
d$time <- pmin(left, until); d$event <- as.numeric(left <= until)
# Stratum e has no event: it must do no harm.
d <- rbind(d, data.frame(cluster = 1:6, age = 30, female = 0, stratum = "e", treated = as.numeric(1:6 <= 3), time = 5, event = 0))
d$cluster[d$stratum == "e"] <- c(1, 2, 3, 16, 17, 18)
keep("weeks", d)
for (ties in c("efron", "breslow")) {
  cox("weeks", "plain", Surv(time, event) ~ treated, d, ties)
  cox("weeks", "covariates", Surv(time, event) ~ treated + age + female, d, ties)
  cox("weeks", "strata", Surv(time, event) ~ treated + strata(stratum), d, ties)
  cox("weeks", "cluster", Surv(time, event) ~ treated + cluster(cluster), d, ties)
  cox("weeks", "all", Surv(time, event) ~ treated + age + female + strata(stratum) + cluster(cluster), d, ties)
}
logrank("weeks", "logrank", Surv(time, event) ~ treated, d)
logrank("weeks", "logrank strata", Surv(time, event) ~ treated + strata(stratum), d)
curve("weeks", d, .95); curve("weeks", d, .8)

# Exact times, some at 0, some equal but for rounding (0.1 + 0.2 and 0.3).
n <- 90
e <- data.frame(treated = rbinom(n, 1, .4), age = round(runif(n, 18, 60)), time = round(rexp(n, .2), 4), event = rbinom(n, 1, .7))
e$time[1:3] <- 0; e$event[1:3] <- c(1, 0, 1)
e$time[4:7] <- c(.1 + .2, .3, .1 + .2, .3); e$event[4:7] <- c(1, 1, 0, 1)
keep("exact", e)
for (ties in c("efron", "breslow")) cox("exact", "covariates", Surv(time, event) ~ treated + age, e, ties)
logrank("exact", "logrank", Surv(time, event) ~ treated, e)
curve("exact", e, .95)

# Small samples for the rules of the median: a curve at exactly one half, limits that are not reached, a last event.
small <- function(time, event) data.frame(time = time, event = event)
sets <- list(flat = small(1:4, rep(1, 4)), flat_censored = small(c(1, 2, 2, 5, 6, 7, 7, 9), c(1, 1, 1, 1, 0, 1, 1, 0)),
             rounding = small(1:10, rep(1, 10)), half_at_end = small(c(1, 2, 3, 3), c(1, 1, 0, 0)),
             one_time = small(c(3, 3, 3), c(1, 1, 1)), thirds = small(rep(1:6, 3), rep(1, 18)))
for (k in 1:12) {
  n <- 5 + 2 * k
  sets[[paste0("random", k)]] <- small(ceiling(rexp(n, .1)), rbinom(n, 1, .75))
}
for (name in names(sets)) { keep(name, sets[[name]]); curve(name, sets[[name]], .95) }

everyone <- do.call(rbind, people)
everyone$time <- exact(everyone$time)
for (name in c("people", "curves", "answers"))
  write.csv(if (name == "people") everyone else do.call(rbind, get(name)), paste0("durations_", name, ".csv"),
            row.names = FALSE, na = "", quote = FALSE)
