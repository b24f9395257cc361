# Writes mixed_people.csv (made-up people and spells) and mixed_answers.csv (what R says of them).
# R 4.2, survival 3.5-3, sandwich 3.0-2. Run in this folder: Rscript mixed.R
suppressMessages({library(survival); library(sandwich)})
set.seed(20111106)

answers <- list()
exact <- function(x) sprintf("%.17g", unname(x))
say <- function(case, call, ...) {
  given <- list(...)
  for (name in names(given))
    answers[[length(answers) + 1]] <<- data.frame(case = case, call = call, quantity = name, value = exact(given[[name]]))
}

# 350 people of two kinds, in 30 clusters, seen for up to 40 weeks.
n <- 350
d <- data.frame(person = 1:n, spell = 1, treated = rbinom(n, 1, 0.5), age = round(rnorm(n, 40, 10), 1),
                cluster = sample(30, n, TRUE))
rate <- 0.07 * exp(0.3 * d$treated - 0.02 * (d$age - 40)) * ifelse(runif(n) < 0.5, 0.4, 1.6)
left <- rexp(n) / rate; until <- runif(n, 10, 40)
exact_times <- transform(d, case = "exact", time = round(pmin(left, until), 4), event = as.numeric(left <= until))
weeks <- transform(d, case = "weeks", time = pmin(ceiling(left), ceiling(until)), event = as.numeric(ceiling(left) <= ceiling(until)))

# A row for each person and piece of time; the hazard is constant between the cuts.
pieces <- function(d, cuts, windows) {
  long <- survSplit(Surv(time, event) ~ ., d, cut = sort(unique(c(cuts, windows))))
  long$interval <- cut(long$time, c(0, cuts, Inf))
  long$window <- cut(long$time, c(0, windows, Inf))
  long
}
ratios <- function(long, terms) {
  W <- nlevels(long$window)
  for (k in seq_len(W)) long[[paste0("w", k)]] <- long$treated * (as.integer(long$window) == k)
  list(long = long, names = paste0("w", seq_len(W)),
       formula = as.formula(paste("event ~ 0 + interval +", paste(c(paste0("w", seq_len(W)), terms), collapse = " + "))))
}
report <- function(case, call, fit, names, V) {
  for (name in names) {
    do.call(say, c(list(case, call), setNames(list(coef(fit)[[name]], sqrt(V[name, name])), c(paste0("b_", name), paste0("se_", name)))))
  }
  base <- grep("^interval", names(coef(fit)))
  for (k in seq_along(base))
    do.call(say, c(list(case, call), setNames(list(coef(fit)[[base[k]]]), paste0("log_hazard", k))))
}
poisson_pieces <- function(case, call, d, cuts, windows, terms = character(), robust = FALSE) {
  made <- ratios(pieces(d, cuts, windows), terms)
  long <- made$long; long$length <- long$time - long$tstart
  fit <- glm(update(made$formula, . ~ . + offset(log(length))), poisson, long, control = glm.control(epsilon = 1e-14, maxit = 100))
  V <- if (robust) vcovCL(fit, cluster = long$cluster, type = "HC0", cadjust = FALSE) else vcov(fit)
  report(case, call, fit, c(made$names, terms), V)
  say(case, call, log_likelihood = sum(ifelse(long$event == 1, log(fitted(fit) / long$length), 0)) - sum(fitted(fit)))
}
cloglog_weeks <- function(case, call, d, cuts, windows, terms = character(), robust = FALSE) {
  long <- d[rep(seq_len(nrow(d)), d$time), ]
  long$week <- sequence(d$time)
  long$event <- as.numeric(long$event == 1 & long$week == long$time)
  long$interval <- cut(long$week, c(0, cuts, Inf)); long$window <- cut(long$week, c(0, windows, Inf))
  made <- ratios(long, terms)
  fit <- glm(made$formula, binomial("cloglog"), made$long, control = glm.control(epsilon = 1e-14, maxit = 100))
  report(case, call, fit, c(made$names, terms), vcov(fit))
  say(case, call, log_likelihood = as.numeric(logLik(fit)))
}

poisson_pieces("exact", "plain", exact_times, c(4, 13), numeric())
poisson_pieces("exact", "windows age", exact_times, c(4, 13), c(6, 13), "age")
poisson_pieces("exact", "cluster", exact_times, c(4, 13), 6, "age", robust = TRUE)
cloglog_weeks("weeks", "plain", weeks, c(4, 13), numeric())
cloglog_weeks("weeks", "windows age", weeks, c(4, 13), c(6, 13), "age")

# Up to 4 spells of 200 people; a spell that did not end is the last.
m <- 200
who <- data.frame(person = 1:m, treated = rbinom(m, 1, 0.5), cluster = sample(25, m, TRUE), kind = runif(m) < 0.5)
spells <- do.call(rbind, lapply(seq_len(m), function(i) {
  time <- ceiling(rexp(4) / (0.08 * exp(0.3 * who$treated[i]) * ifelse(who$kind[i], 0.5, 1.5)))
  until <- ceiling(runif(4, 10, 60)); event <- as.numeric(time <= until)
  last <- min(c(which(event == 0), sample(4, 1)))
  data.frame(case = "spells", person = i, spell = 1:last, treated = who$treated[i], cluster = who$cluster[i],
             age = round(rnorm(last, 40, 10), 1), time = pmin(time, until)[1:last], event = event[1:last])
}))
spells <- spells[sample(nrow(spells)), ]
cox <- function(call, formula, data, by, ties = "efron") {
  data$unit <- by  # coxph looks a name up among the columns first
  fit <- coxph(formula, data, cluster = unit, ties = ties)
  say("spells", call, log_ratio = coef(fit)[["treated"]], std_error = sqrt(vcov(fit)["treated", "treated"]))
}
all <- Surv(time, event) ~ treated + strata(spell)
cox("all", all, spells, spells$person)
cox("all age", update(all, . ~ . + age), spells, spells$person)
cox("all cluster", all, spells, spells$cluster)
cox("all breslow", all, spells, spells$person, ties = "breslow")
for (j in 1:4) {
  part <- spells[spells$spell == j, ]
  cox(paste("spell", j), Surv(time, event) ~ treated, part, part$person)
  cox(paste("spell", j, "age"), Surv(time, event) ~ treated + age, part, part$person)
}

columns <- c("case", "person", "spell", "time", "event", "treated", "age", "cluster")
write.csv(do.call(rbind, lapply(list(exact_times, weeks, spells), function(x) x[columns])), "mixed_people.csv", row.names = FALSE, quote = FALSE)
write.csv(do.call(rbind, answers), "mixed_answers.csv", row.names = FALSE, quote = FALSE)
