# Writes series_weeks.csv, series_units.csv (made up) and series_answers.csv (what R says of them).
# R 4.2, sandwich 3.0-2, nlme 3.1-162. Run in this folder: Rscript series.R
suppressMessages({library(sandwich); library(nlme)})
set.seed(20060701)

answers <- list()
record <- function(case, call, quantity, value)
  answers[[length(answers) + 1]] <<- data.frame(case = case, call = call, quantity = quantity,
                                                value = sprintf("%.17g", value))

# Weekly shares with autocorrelation 0.5, seasons, a break, and the people behind each week.
make <- function(case, n, at) {
  week <- 0:(n - 1)
  noise <- as.numeric(arima.sim(list(ar = .5), n, sd = .006))
  data.frame(case = case, week = week, at = at, people = sample(300:900, n, replace = TRUE),
             y = round(.08 + .0002 * week + (week >= at) * (.04 + .0005 * (week - at)) +
                         .01 * cos(2 * pi * week / (365.25 / 7)) + noise, 8))
}
weeks <- rbind(make("campaign", 230, 182), make("short", 24, 15))

ask <- function(d, call, lag, harmonics, weights) {
  d$since <- d$week - d$at; d$late <- as.numeric(d$since >= 0); d$more <- d$since * d$late
  waves <- do.call(cbind, lapply(seq_len(harmonics), function(j) {
    angle <- 2 * pi * j * d$week / (365.25 / 7); cbind(cos(angle), sin(angle))
  }))
  X <- cbind(1, d$since, d$late, d$more, waves)
  fit <- lm(d$y ~ X - 1, weights = if (weights) d$people else NULL)
  V <- NeweyWest(fit, lag = lag, prewhite = FALSE, adjust = TRUE)
  k <- ncol(X); df <- nrow(X) - k
  late <- d$late == 1
  contrasts <- list(level = as.numeric(seq_len(k) == 3), slope = as.numeric(seq_len(k) == 4),
                    mean = as.numeric(seq_len(k) == 3) + mean(d$since[late]) * (seq_len(k) == 4))
  for (name in names(contrasts)) {
    b <- sum(contrasts[[name]] * coef(fit)); s <- sqrt(drop(contrasts[[name]] %*% V %*% contrasts[[name]]))
    record(d$case[1], call, paste(name, c("value", "std_error", "df", "p_value")),
           c(b, s, df, 2 * pt(-abs(b / s), df)))
  }
  # Curves at the last week, with and without the break.
  last <- X[nrow(X), ]; without <- last; without[3:4] <- 0
  for (name in c("fitted", "without")) {
    x <- if (name == "fitted") last else without
    b <- sum(x * coef(fit)); s <- sqrt(drop(x %*% V %*% x))
    record(d$case[1], call, paste(name, c("y", "low", "high")), c(b, b - qt(.975, df) * s, b + qt(.975, df) * s))
  }
}
campaign <- weeks[weeks$case == "campaign", ]; short <- weeks[weeks$case == "short", ]
ask(campaign, "plain", 8, 0, FALSE)
ask(campaign, "no lag", 0, 0, FALSE)
ask(campaign, "seasons", 8, 2, FALSE)
ask(campaign, "weights and seasons", 12, 1, TRUE)
ask(short, "plain", 3, 0, FALSE)
ask(short, "most lags", 21, 0, TRUE)

# AR(1) errors by restricted likelihood. The degrees of freedom are written out: nlme's own are n - k.
satterthwaite <- function(r, X, week, weights, contrasts) {
  n <- nrow(X); k <- ncol(X)
  apart <- abs(outer(week, week, "-")); s <- 1 / sqrt(weights)
  R <- r^apart * outer(s, s); D <- apart * r^pmax(apart - 1, 0) * outer(s, s)
  Ri <- solve(R); P <- Ri - Ri %*% X %*% solve(t(X) %*% Ri %*% X, t(X) %*% Ri)
  info <- matrix(c(n - k, sum(diag(P %*% D)), sum(diag(P %*% D)), sum(diag(P %*% D %*% P %*% D))), 2) / 2
  V <- solve(t(X) %*% Ri %*% X); dV <- V %*% t(X) %*% Ri %*% D %*% Ri %*% X %*% V
  sapply(contrasts, function(c) {
    g <- c(drop(c %*% V %*% c), drop(c %*% dV %*% c)); 2 * g[1]^2 / drop(g %*% solve(info, g))
  })
}
ar1 <- function(d, call, harmonics, weights) {
  d$since <- d$week - d$at; d$late <- as.numeric(d$since >= 0); d$more <- d$since * d$late
  waves <- do.call(cbind, lapply(seq_len(harmonics), function(j) {
    angle <- 2 * pi * j * d$week / (365.25 / 7); cbind(cos(angle), sin(angle))
  }))
  X <- cbind(1, d$since, d$late, d$more, waves); k <- ncol(X); late <- d$late == 1
  d$w <- if (weights) d$people else rep(1, nrow(d))
  columns <- data.frame(y = d$y, week = d$week, w = d$w, X)
  formula <- reformulate(c(names(columns)[-(1:3)], "-1"), "y")
  at <- function(r, fixed) gls(formula, columns, correlation = corAR1(r, form = ~ week, fixed = fixed),
                               weights = varFixed(~ I(1 / w)), method = "REML")
  # gls stops near the maximum; its own likelihood is followed to it.
  near <- atanh(coef(at(.5, FALSE)$modelStruct$corStruct, unconstrained = FALSE))
  r <- tanh(optimize(function(z) logLik(at(tanh(z), TRUE)), near + c(-.01, .01), maximum = TRUE, tol = 1e-12)$maximum)
  fit <- at(r, TRUE)
  contrasts <- list(level = as.numeric(seq_len(k) == 3), slope = as.numeric(seq_len(k) == 4),
                    mean = as.numeric(seq_len(k) == 3) + mean(d$since[late]) * (seq_len(k) == 4),
                    fitted = X[nrow(X), ], without = replace(X[nrow(X), ], 3:4, 0))
  df <- satterthwaite(r, X, d$week, d$w, contrasts)
  record(d$case[1], call, "autocorrelation", r)
  for (name in names(contrasts)) {
    b <- sum(contrasts[[name]] * coef(fit)); s <- sqrt(drop(contrasts[[name]] %*% vcov(fit) %*% contrasts[[name]]))
    record(d$case[1], call, paste(name, c("value", "std_error", "df", "low", "high")),
           c(b, s, df[[name]], b - qt(.975, df[[name]]) * s, b + qt(.975, df[[name]]) * s))
  }
}
ar1(campaign, "ar1", 0, FALSE)
ar1(campaign, "ar1 weights and seasons", 1, TRUE)
ar1(short, "ar1", 0, FALSE)

# Level change from 26 weeks on either side of earlier dates, seasons of the whole series' model taken off or not.
placebo <- function(call, harmonics, weights) {
  d <- campaign; d$since <- d$week - d$at; d$late <- as.numeric(d$since >= 0); d$more <- d$since * d$late
  y <- d$y
  if (harmonics > 0) {
    waves <- do.call(cbind, lapply(seq_len(harmonics), function(j) {
      angle <- 2 * pi * j * d$week / (365.25 / 7); cbind(cos(angle), sin(angle))
    }))
    whole <- lm(y ~ since + late + more + waves, d, weights = if (weights) people else NULL)
    y <- y - drop(waves %*% coef(whole)[-(1:4)])
  }
  for (date in c(26, 90, 156, 182)) {
    w <- d$week >= date - 26 & d$week < date + 26
    e <- data.frame(y = y[w], s = d$week[w] - date, p = d$people[w]); e$l <- as.numeric(e$s >= 0)
    fit <- lm(y ~ s * l, e, weights = if (weights) p else NULL)
    record("campaign", paste("placebo", call), date, coef(fit)[["l"]])
  }
}
placebo("plain", 0, FALSE); placebo("weights and seasons", 2, TRUE)

# Offices that adopt in one period, and never: Welch tests of changes, and a saturated regression.
n <- 22; periods <- 6; adopts <- rep(c(3, NA), c(9, 13))
units <- expand.grid(period = 0:(periods - 1), unit = 1:n)
units$first <- adopts[units$unit]
units$x <- round(rnorm(n, 10, 3), 4)[units$unit]
units$y <- round(rnorm(n, 20, 3)[units$unit] + units$period * (1 + .1 * units$x) +
                   ifelse(is.na(units$first), 0, (units$period >= 3) * (1 + units$period - 3)) + rnorm(n * periods), 6)
units$case <- "one"
wide <- matrix(units$y, ncol = periods, byrow = TRUE)
treated <- !is.na(adopts)
for (t in c(0, 1, 3, 4, 5)) {
  change <- wide[, t + 1] - wide[, 3]
  test <- t.test(change[treated], change[!treated])
  record("one", "welch", paste(t, c("value", "std_error", "df", "p_value")),
         c(test$estimate[[1]] - test$estimate[[2]], test$stderr, test$parameter[[1]], test$p.value))
}
units$relative <- factor(ifelse(is.na(units$first), "reference", ifelse(units$period == 2, "reference", units$period)),
                         levels = c("reference", 0, 1, 3, 4, 5))
saturated <- lm(y ~ factor(unit) + factor(period) + relative, units)
for (t in c(0, 1, 3, 4, 5)) record("one", "saturated", paste(t, "value"), coef(saturated)[[paste0("relative", t)]])
# Changes at equal x: the controls' regression, evaluated for the treated.
x <- units$x[units$period == 0]
for (t in c(3, 5)) {
  change <- wide[, t + 1] - wide[, 3]
  fit <- lm(change ~ x, subset = !treated)
  record("one", "regression", paste(t, "value"), mean(change[treated]) - mean(predict(fit, data.frame(x = x[treated]))))
}

write.csv(weeks, "series_weeks.csv", row.names = FALSE, quote = FALSE)
write.csv(units[c("case", "unit", "period", "first", "x", "y")], "series_units.csv", row.names = FALSE, na = "", quote = FALSE)
write.csv(do.call(rbind, answers), "series_answers.csv", row.names = FALSE, quote = FALSE)
