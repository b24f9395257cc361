# Writes sites_effects.csv (made-up sites) and sites_answers.csv (what R says of them).
# R 4.2, metafor 3.8-1. Run in this folder: Rscript sites.R
suppressMessages(library(metafor))
set.seed(20120301)

answers <- list()
say <- function(case, call, ...) {
  given <- list(...)
  for (name in names(given)) for (i in seq_along(given[[name]]))
    answers[[length(answers) + 1]] <<- data.frame(
      case = case, call = call, quantity = if (length(given[[name]]) == 1) name else paste(name, i),
      value = sprintf("%.17g", given[[name]][[i]]))
}

# k sites with unequal standard errors, whose effects vary by tau.
sites <- function(case, k, tau, tenths = 3:12) {
  std_error <- round(sample(tenths, k, replace = TRUE) / 10 * runif(k, .9, 1.1), 6)
  data.frame(case = case, site = seq_len(k), effect = round(rnorm(k, .4, sqrt(tau^2 + std_error^2)), 6),
             std_error = std_error)
}
everywhere <- rbind(
  sites("two", 2, 2),
  sites("three", 3, 1.5),
  sites("ten", 10, .6),
  sites("offices", 94, .4),
  # one site far away, one known very precisely
  data.frame(case = "outlier", site = 1:6, effect = c(.1, .2, -.1, 4, .3, .05), std_error = c(.3, .02, .4, .6, .5, .9)),
  # less varied than chance would have it: tau2 is 0, and Knapp and Hartung's interval narrower than the fixed one
  data.frame(case = "alike", site = 1:5, effect = c(.50, .55, .46, .58, .41), std_error = c(.2, .3, .25, .4, .35)))

tight <- list(threshold = 1e-14, maxiter = 10000, tol = 1e-14)
for (case in unique(everywhere$case)) {
  d <- everywhere[everywhere$case == case, ]
  for (method in c("REML", "DL", "PM", "FE")) for (test in c("z", "knha")) {
    if (method == "FE" && test == "knha") next
    fit <- rma(effect, sei = std_error, data = d, method = method, test = test, control = tight)
    call <- paste(tolower(method), test)
    say(case, call, value = fit$b[[1]], std_error = fit$se, p_value = fit$pval, low = fit$ci.lb, high = fit$ci.ub,
        tau2 = fit$tau2, i2 = fit$I2 / 100, q = fit$QE, q_df = fit$k - 1, q_p_value = fit$QEp)
    out <- suppressWarnings(leave1out(fit))
    if (nrow(d) > 2 && nrow(d) <= 10) say(case, call, without = out$estimate)
    if (method == "FE") next
    shrunk <- blup(fit)
    say(case, call, site_value = shrunk$pred, site_std_error = shrunk$se, site_low = shrunk$pi.lb)
    if (nrow(d) > 2) {
      ahead <- predict(fit, pi.type = "riley")
      say(case, call, new_low = ahead$pi.lb, new_high = ahead$pi.ub)
    }
    if (test == "z") {
      range <- suppressMessages(confint(fit, control = list(tol = 1e-14, tau2.max = 1e6)))$random
      say(case, call, tau2_low = range["tau^2", "ci.lb"], tau2_high = range["tau^2", "ci.ub"],
          i2_low = range["I^2(%)", "ci.lb"] / 100, i2_high = range["I^2(%)", "ci.ub"] / 100)
    }
  }
}

# Two proportions: Pearson's chi-square without continuity correction.
counts <- list(c(207, 1296, 156, 1297), c(91, 1296, 65, 1297), c(9, 10, 3, 10), c(5, 56, 0, 29))
for (one in counts) {
  found <- suppressWarnings(prop.test(one[c(1, 3)], one[c(2, 4)], correct = FALSE))
  say(paste(one, collapse = " "), "prop.test", chi_square = found$statistic, p_value = found$p.value)
}

write.csv(everywhere, "sites_effects.csv", row.names = FALSE, quote = FALSE)
write.csv(do.call(rbind, answers), "sites_answers.csv", row.names = FALSE, quote = FALSE)
