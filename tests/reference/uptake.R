# Writes uptake_people.csv (made-up people) and uptake_answers.csv (what R says of them).
# R 4.2, AER 1.2-10, estimatr 1.0.0, clubSandwich 0.5.8, sandwich 3.0-2. Run in this folder: Rscript uptake.R
suppressMessages({library(AER); library(estimatr); library(clubSandwich); library(sandwich)})
set.seed(20090101)

answers <- list()
say <- function(case, call, found)
  for (name in names(found))
    answers[[length(answers) + 1]] <<- data.frame(case = case, call = call, quantity = name,
                                                  value = sprintf("%.17g", found[[name]]))
of_estimatr <- function(fit, term) {
  pick <- function(x) if (length(x) == 1) x[[1]] else x[[match(term, fit$term)]]
  list(value = pick(fit$coefficients), std_error = pick(fit$std.error), df = pick(fit$df),
       p_value = pick(fit$p.value), low = pick(fit$conf.low), high = pick(fit$conf.high))
}
of_club <- function(fit, cluster, term) {
  test <- coef_test(fit, vcov = vcovCR(fit, cluster = cluster, type = "CR2"), test = "Satterthwaite")
  test <- test[rownames(test) == term, ]
  list(value = test$beta, std_error = test$SE, df = test[[grep("^df", names(test))[1]]])
}
# The test that all instruments' coefficients are 0: CR2 (HC2 with each person as a cluster), HTZ.
all_zero <- function(fit, cluster, terms) {
  test <- Wald_test(fit, constraints = constrain_zero(terms), vcov = vcovCR(fit, cluster = cluster, type = "CR2"),
                    test = "HTZ")
  list(statistic = test$Fstat, df = test$df_denom, p_value = test$p_val)
}
wald <- function(fit, cluster, terms) {
  V <- vcovCR(fit, cluster = cluster, type = "CR2")[terms, terms, drop = FALSE]
  b <- coef(fit)[terms]
  sum(b * solve(V, b))
}
# Montiel Olea and Pflueger (2013), eq. 3.1 and section 3.2, from the first stage.
effective <- function(fit, Z, cluster, terms) {
  V <- vcovCR(fit, cluster = cluster, type = "CR2")[terms, terms, drop = FALSE]
  Q <- crossprod(Z); b <- coef(fit)[terms]; e <- eigen(Q, symmetric = TRUE)
  root <- e$vectors %*% diag(sqrt(e$values), length(terms)) %*% t(e$vectors)
  W <- root %*% V %*% root; x <- 10
  K <- sum(diag(W))^2 * (1 + 2 * x) / (sum(W^2) + 2 * x * sum(diag(W)) * max(eigen(W)$values))
  list(statistic = c(t(b) %*% Q %*% b) / sum(diag(W)), threshold = qchisq(.95, K, ncp = x * K) / K)
}
# Ends of the Anderson-Rubin set: where the p-value of the reduced form of y - theta d crosses 5 %.
p_at <- function(d, formula, cluster, terms) function(theta) {
  d$rest <- d$y - theta * d$d1
  all_zero(lm(formula, d), cluster, terms)$p_value
}
crossings <- function(p, grid) {
  at <- sapply(grid, p) - .05
  where <- which(diff(sign(at)) != 0)
  lapply(where, function(i) uniroot(function(t) p(t) - .05, grid[i + 0:1], tol = 1e-12)$root)
}

people <- function(case, n, sites, years) {
  data.frame(case = case, id = seq_len(n), site = sample(sites, n, replace = TRUE),
             year = sample(years, n, replace = TRUE), age = round(runif(n, 20, 60)), wish = round(rnorm(n), 6),
             z = NA, d1 = NA, d2 = NA, y = NA)
}

# One instrument, taking part yes or no.
one <- people("one", 150, 4, 39)
one$z <- sample(rep(c(1, 0), c(60, 90)))
one$d1 <- as.numeric(.5 * one$wish + 1.2 * one$z + rnorm(150) > .6)
one$y <- round(exp(rnorm(150, 1.5 + .01 * one$age + .3 * one$wish, .5)) - 2 * one$d1, 6)
say("one", "late", of_estimatr(iv_robust(y ~ d1 | z, one, se_type = "HC2"), "d1")[c("value", "std_error")])
say("one", "late", of_club(ivreg(y ~ d1 | z, data = one), one$id, "d1")["df"])
say("one", "covariates", of_estimatr(iv_robust(y ~ d1 + age + factor(site) | z + age + factor(site), one,
                                               se_type = "HC2"), "d1")[c("value", "std_error")])
say("one", "covariates", of_club(ivreg(y ~ d1 + age + factor(site) | z + age + factor(site), data = one),
                                 one$id, "d1")["df"])
say("one", "share", of_estimatr(difference_in_means(d1 ~ z, one), "z"))
say("one", "age of compliers", of_estimatr(iv_robust(I(age * d1) ~ d1 | z, one, se_type = "HC2"), "d1")[c("value", "std_error")])
first <- lm(d1 ~ z + age + factor(site), one)
say("one", "first stage", all_zero(first, one$id, "z"))
p <- p_at(one, rest ~ z + age + factor(site), one$id, "z")
say("one", "anderson-rubin", setNames(crossings(p, seq(-12, 12, 1)), c("low", "high")))
say("one", "anderson-rubin", list(p_value = p(0)))

# The same people by year of birth (39 clusters, odd years assigned).
year <- people("year", 320, 4, 39)
year$z <- year$year %% 2
year$d1 <- round(pmax(0, 3 + 4 * year$z + year$wish + rnorm(39)[year$year] + rnorm(320)), 6)
year$y <- round(20 - .8 * year$d1 + 2 * year$wish + rnorm(39, 0, 1)[year$year] + rexp(320) * (2 + year$z), 6)
say("year", "2sls", of_estimatr(iv_robust(y ~ d1 + age | z + age, year, clusters = year, se_type = "CR2"), "d1"))
say("year", "2sls club", of_club(ivreg(y ~ d1 + age | z + age, data = year), year$year, "d1"))
say("year", "first stage", all_zero(lm(d1 ~ z + age, year), year$year, "z"))
p <- p_at(year, rest ~ z + age, year$year, "z")
say("year", "anderson-rubin", setNames(crossings(p, seq(-3, 2, .25)), c("low", "high")))

# Assignment by site as instruments: two activities, whose mix differs between six sites.
sites <- people("sites", 320, 6, 39)
sites$z <- rbinom(320, 1, .5)
one_more <- c(4, 0, 3, 1, 2, 5); two_more <- c(0, 4, 1, 3, 2, -1)
sites$d1 <- round(5 + one_more[sites$site] * sites$z + sites$wish + rnorm(320, 0, 2), 6)
sites$d2 <- round(5 + two_more[sites$site] * sites$z - sites$wish + rnorm(320, 0, 2), 6)
sites$y <- round(20 - .5 * sites$d1 + .3 * sites$d2 + 2 * sites$wish + rexp(320) * (1 + sites$site / 3), 6)
I <- sapply(1:6, function(s) sites$z * (sites$site == s)); colnames(I) <- paste0("at", 1:6)
terms <- colnames(I)
wide <- cbind(sites, I)
right <- paste(c(terms, "age", "factor(site)"), collapse = " + ")
both <- as.formula(paste("y ~ d1 + d2 + age + factor(site) |", right))
for (d in c("d1", "d2")) {
  say("sites", paste("2sls", d), of_estimatr(iv_robust(both, wide, se_type = "HC2"), d)[c("value", "std_error")])
  say("sites", paste("2sls", d), of_club(ivreg(both, data = wide), wide$id, d)["df"])
  say("sites", paste("2sls by year", d), of_estimatr(iv_robust(both, wide, clusters = year, se_type = "CR2"), d))
  fit <- lm(as.formula(paste(d, "~", right)), wide)
  say("sites", paste("first stage", d), all_zero(fit, wide$id, terms))
  say("sites", paste("first stage by year", d), all_zero(fit, wide$year, terms))
  # Sanderson and Windmeijer (2016): what is left of one activity given the other, regressed on the instruments.
  other <- setdiff(c("d1", "d2"), d)
  given <- ivreg(as.formula(paste(d, "~", other, "+ age + factor(site) |", right)), data = wide)
  wide$left <- residuals(given)
  fit <- lm(as.formula(paste("left ~", right)), wide)
  say("sites", paste("conditional", d), list(statistic = wald(fit, wide$id, terms) / 5))
  say("sites", paste("conditional by year", d), list(statistic = wald(fit, wide$year, terms) / 5))
}
# One activity, six instruments: the effective F and the Anderson-Rubin set.
partial <- residuals(lm(I ~ age + factor(site), wide))
fit <- lm(as.formula(paste("d1 ~", right)), wide)
say("sites", "effective", effective(fit, partial, wide$id, terms))
say("sites", "effective by year", effective(fit, partial, wide$year, terms))
p <- p_at(wide, as.formula(paste("rest ~", right)), wide$id, terms)
say("sites", "anderson-rubin of d1 alone", list(largest_p = max(sapply(seq(-1, 1, .1), p))))
# without the other activity's effect, which contradicts any effect of the first alone
wide$y <- wide$y - .3 * wide$d2
p <- p_at(wide, as.formula(paste("rest ~", right)), wide$id, terms)
say("sites", "anderson-rubin", setNames(crossings(p, seq(-1.5, .5, .1)), c("low", "high")))
say("sites", "anderson-rubin", list(p_value = p(0)))

# Weak instruments. Assignment moves the outcome and hardly the activity: two rays. It moves neither: everything.
set.seed(8)  # a draw that shows both shapes
weak <- people("weak", 80, 2, 39)
weak$z <- sample(rep(0:1, 40))
weak$d1 <- round(4 + .3 * weak$z + weak$wish + rnorm(80), 6)
weak$y <- round(10 + 3 * weak$z + 2 * weak$wish + rexp(80), 6)
none <- people("none", 80, 2, 39)
none$z <- sample(rep(0:1, 40))
none$d1 <- round(4 + none$wish + rnorm(80), 6); none$y <- round(10 + 2 * none$wish + rexp(80), 6)
for (d in list(weak, none)) {
  p <- p_at(d, rest ~ z, d$id, "z")
  found <- crossings(p, c(-exp(seq(7, -2, -.5)), exp(seq(-2, 7, .5))))
  if (length(found)) say(d$case[1], "anderson-rubin", setNames(found, paste0("end", seq_along(found))))
  say(d$case[1], "anderson-rubin", list(p_low = p(-1e6), p_value = p(0), p_high = p(1e6)))
}

everyone <- do.call(rbind, list(one, year, sites, weak, none))
write.csv(everyone, "uptake_people.csv", row.names = FALSE, na = "", quote = FALSE)
write.csv(do.call(rbind, answers), "uptake_answers.csv", row.names = FALSE, quote = FALSE)
