# Writes randomization_people.csv (made-up people) and randomization_answers.csv (what R says of them).
# R 4.2, coin 1.4-2, survival 3.5-3. Run in this folder: Rscript randomization.R
suppressMessages({library(coin); library(survival)})
set.seed(20080101)

people <- list(); answers <- list()
say <- function(case, call, ...) {
  given <- list(...)
  for (name in names(given))
    answers[[length(answers) + 1]] <<- data.frame(case = case, call = call, quantity = name,
                                                  value = sprintf("%.17g", given[[name]]))
}
of_coin <- function(case, call, test)
  say(case, call, statistic = statistic(test, "linear")[1] - expectation(test)[1], std_error = sqrt(variance(test)[1]),
      p_value = pvalue(test)[1])
keep <- function(case, d) {
  d$case <- case
  people[[length(people) + 1]] <<- d[c("case", "block", "treated", "weeks", "event")]
}
made <- function(block, treated) {
  n <- length(block)
  weeks <- pmin(ceiling(rexp(n, 1 / (6 + 2 * block + 3 * treated))), 26)
  data.frame(block = block, treated = treated, weeks = weeks, event = as.integer(weeks < 26 & runif(n) < .9))
}
# Scores of the treated within blocks: their sum, its exact variance, and its exact or asymptotic p-value.
scores <- function(case, call, score, d, distribution) {
  d$score <- score
  d$arm <- factor(d$treated, levels = c(1, 0)); d$stratum <- factor(d$block)
  test <- if (length(unique(d$block)) > 1) oneway_test(score ~ arm | stratum, d, distribution = distribution)
          else oneway_test(score ~ arm, d, distribution = distribution)
  of_coin(case, call, test)
}
ask <- function(case, d) {
  keep(case, d)
  size <- ave(d$weeks, d$block, FUN = length)
  scores(case, "weeks", d$weeks, d, exact())
  # van Elteren: ranks within blocks over n + 1
  elteren <- ave(d$weeks, d$block, FUN = rank) / (size + 1)
  scores(case, "van Elteren", elteren, d, asymptotic())
  if (length(unique(size)) == 1) scores(case, "van Elteren exact", elteren * 2 * (size + 1), d, exact())
  # martingale residuals of the null Cox model: their sum over the treated is the log-rank's O - E
  null <- if (length(unique(d$block)) > 1) coxph(Surv(weeks, event) ~ strata(block), d, ties = "breslow")
          else coxph(Surv(weeks, event) ~ 1, d, ties = "breslow")
  scores(case, "log-rank", residuals(null, "martingale"), d, asymptotic())
  formula <- if (length(unique(d$block)) > 1) Surv(weeks, event) ~ treated + strata(block)
             else Surv(weeks, event) ~ treated
  fit <- survdiff(formula, d)
  both <- function(x) if (is.matrix(x)) rowSums(x) else x
  say(case, "survdiff", statistic = both(fit$obs)[2] - both(fit$exp)[2])
}

# 9 treated and 51 control, no blocks, heavy ties.
ask("small", made(rep(1, 60), sample(rep(1:0, c(9, 51)))))
# 12 blocks of 20 with 2 treated in each.
ask("tenth", made(rep(1:12, each = 20), c(replicate(12, sample(rep(1:0, c(2, 18)))))))
# 5 blocks of unequal sizes and shares.
sizes <- c(8, 15, 24, 33, 40); ones <- c(4, 3, 12, 5, 26)
ask("uneven", made(rep(1:5, sizes), unlist(mapply(function(n, k) sample(rep(1:0, c(k, n - k))), sizes, ones))))

write.csv(do.call(rbind, people), "randomization_people.csv", row.names = FALSE, quote = FALSE)
write.csv(do.call(rbind, answers), "randomization_answers.csv", row.names = FALSE, quote = FALSE)
