# Writes effects_people.csv (made-up people) and effects_answers.csv (what R says of them).
# R 4.2, estimatr 1.0.0, clubSandwich 0.5.8, sandwich 3.0-2. Run in this folder: Rscript effects.R
suppressMessages({library(estimatr); library(clubSandwich); library(sandwich)})
set.seed(20110101)

answers <- list()
say <- function(case, call, ...) {
  given <- list(...)
  for (name in names(given))
    answers[[length(answers) + 1]] <<- data.frame(case = case, call = call, quantity = name,
                                                  value = sprintf("%.17g", given[[name]]))
}
of_estimatr <- function(fit, term = "treated") {
  pick <- function(x) if (length(x) == 1) x[[1]] else x[[match(term, fit$term)]]
  list(value = pick(fit$coefficients), std_error = pick(fit$std.error), df = pick(fit$df),
       p_value = pick(fit$p.value), low = pick(fit$conf.low), high = pick(fit$conf.high))
}
of_club <- function(fit, cluster, term = "treated") {
  test <- coef_test(fit, vcov = vcovCR(fit, cluster = cluster, type = "CR2"), test = "Satterthwaite")
  test <- test[rownames(test) == term, ]
  list(value = test$beta, std_error = test$SE, df = test[[grep("^df", names(test))[1]]])
}
record <- function(case, call, found, only = names(found)) do.call(say, c(list(case, call), found[only]))
both <- c("value", "std_error")

# Skewed outcomes, and covariates related to them.
people <- function(case, n) {
  age <- round(runif(n, 20, 60)); prior <- round(rexp(n, 1 / 20), 6); female <- rbinom(n, 1, .45)
  data.frame(case = case, id = seq_len(n), age = age, prior = prior, female = female, block = NA, cluster = NA,
             weight = NA, treated = NA, y = NA)
}
outcome <- function(d, shift = 0)
  round(exp(rnorm(nrow(d), 1.5 + .01 * d$age + .01 * d$prior, .8)) * (1 + .3 * d$treated) + shift, 6)
centre <- function(x) sweep(as.matrix(x), 2, colMeans(as.matrix(x)))

# 9 treated, 51 control, with weights.
small <- people("small", 60)
small$treated <- sample(rep(c(1, 0), c(9, 51))); small$y <- outcome(small)
small$weight <- round(ifelse(small$treated == 1, 60 / 9, 60 / 51) * runif(60, .5, 2), 6)
record("small", "difference", of_estimatr(difference_in_means(y ~ treated, small)))
record("small", "weighted", of_estimatr(lm_robust(y ~ treated, small, weights = weight, se_type = "HC2")), both)
weighted <- lm(y ~ treated, small, weights = weight)
record("small", "weighted", of_club(weighted, small$id), "df")
X <- centre(small[c("age", "prior", "female")])
record("small", "lin", of_estimatr(lm_lin(y ~ treated, ~ age + prior + female, small, se_type = "HC2")), both)
record("small", "lin", of_club(lm(y ~ treated * X, small), small$id), "df")
record("small", "additive", of_estimatr(lm_robust(y ~ treated + age + prior + female, small, se_type = "HC2")), both)
record("small", "additive", of_club(lm(y ~ treated + X, small), small$id), "df")
# Collinear columns: a constant, a copy, a sum. R's lm leaves out the later ones.
small$constant <- 7; small$copy <- 3 * small$age - 2; small$both <- small$age + small$prior
Z <- centre(small[c("age", "constant", "prior", "copy", "both", "female")])
for (call in c("lin", "additive")) {
  fit <- if (call == "lin") lm(y ~ treated + Z + treated:Z, small) else lm(y ~ treated + Z, small)
  record("small", paste(call, "collinear"),
         list(value = coef(fit)[["treated"]], std_error = sqrt(vcovHC(fit, type = "HC2")["treated", "treated"])))
}

# Blocks of unequal sizes and shares.
blocked <- people("blocked", 210)
blocked$block <- rep(c("a", "b", "c", "d", "e"), c(9, 20, 41, 60, 80))
blocked$treated <- ave(blocked$id, blocked$block, FUN = function(i) sample(rep(c(1, 0), c(2 + length(i) %/% 5, length(i)))[seq_along(i)]))
blocked$y <- outcome(blocked, 3 * match(blocked$block, letters))
record("blocked", "difference", of_estimatr(difference_in_means(y ~ treated, blocked, blocks = block)), both)
# Bell and McCaffrey's degrees of freedom of the same difference, where estimatr has n - 2 B.
X <- centre(model.matrix(~ block, blocked)[, -1])
record("blocked", "difference", of_club(lm(y ~ treated * X, blocked), blocked$id), "df")
X <- centre(cbind(model.matrix(~ block, blocked)[, -1], blocked[c("age", "prior")]))
record("blocked", "lin", of_estimatr(lm_lin(y ~ treated, ~ block + age + prior, blocked, se_type = "HC2")), both)
record("blocked", "lin", of_club(lm(y ~ treated * X, blocked), blocked$id), "df")
record("blocked", "additive", of_estimatr(lm_robust(y ~ treated + block + age + prior, blocked, se_type = "HC2")), both)
record("blocked", "additive", of_club(lm(y ~ treated + block + age + prior, blocked), blocked$id), "df")

# Matched pairs.
pairs <- people("pairs", 36)
pairs$block <- rep(1:18, 2); pairs$treated <- rep(c(1, 0), each = 18); pairs$y <- outcome(pairs)
record("pairs", "difference", of_estimatr(difference_in_means(y ~ treated, pairs, blocks = block)))

# Clusters of unequal sizes, assigned whole, with weights.
clustered <- people("clustered", 250)
clustered$cluster <- sample(rep(1:23, c(rep(2, 6), rep(5, 6), rep(12, 7), rep(28, 3), 40)))
noise <- rnorm(23, 0, 3); clustered$treated <- as.numeric(clustered$cluster %in% c(1, 4, 7, 9, 13, 15, 18, 20, 22))
clustered$y <- round(outcome(clustered) + noise[clustered$cluster], 6)
clustered$weight <- round(runif(250, .5, 3), 6)
record("clustered", "difference", of_estimatr(difference_in_means(y ~ treated, clustered, clusters = cluster)))
weighted <- lm(y ~ treated, clustered, weights = weight)
record("clustered", "weighted", of_estimatr(difference_in_means(y ~ treated, clustered, clusters = cluster, weights = weight)), both)
record("clustered", "weighted", of_club(weighted, clustered$cluster), "df")
record("clustered", "lin", of_estimatr(lm_lin(y ~ treated, ~ age + prior, clustered, clusters = cluster, se_type = "CR2")))
record("clustered", "additive",
       of_estimatr(lm_robust(y ~ treated + age + prior, clustered, clusters = cluster, se_type = "CR2")))

# Clusters within blocks.
nested <- people("nested", 320)
nested$cluster <- sample(rep(1:26, c(rep(6, 10), rep(12, 10), rep(20, 4), 30, 30)))
nested$block <- c("n", "e", "s", "w")[1 + nested$cluster %% 4]
nested$treated <- as.numeric(nested$cluster %in% c(1, 3, 4, 6, 8, 9, 11, 14, 15, 20, 22, 23, 25))
nested$y <- round(outcome(nested, 2 * match(nested$block, c("n", "e", "s", "w"))) + rnorm(26, 0, 2)[nested$cluster], 6)
record("nested", "difference", of_estimatr(difference_in_means(y ~ treated, nested, blocks = block, clusters = cluster)), both)
X <- centre(model.matrix(~ block, nested)[, -1])
record("nested", "difference", of_club(lm(y ~ treated * X, nested), nested$cluster), "df")

# Days of birth (clusters) that cross offices (blocks): born on days 1-15 is treated.
crossed <- people("crossed", 400)
crossed$cluster <- sample(31, 400, replace = TRUE); crossed$treated <- as.numeric(crossed$cluster <= 15)
crossed$block <- sample(c("odense", "holstebro", "vejle"), 400, replace = TRUE, prob = c(.6, .3, .1))
crossed$y <- round(outcome(crossed) + rnorm(31, 0, 2)[crossed$cluster], 6)
X <- centre(model.matrix(~ block, crossed)[, -1])
record("crossed", "difference", of_club(lm(y ~ treated * X, crossed), crossed$cluster))
X <- centre(cbind(model.matrix(~ block, crossed)[, -1], crossed[c("age", "prior")]))
record("crossed", "lin", of_club(lm(y ~ treated * X, crossed), crossed$cluster))
# Office as cluster: its indicators fit each cluster's mean exactly, so that I - H is singular within clusters.
record("crossed", "additive by office", of_club(lm(y ~ treated + X, crossed), crossed$block))

# People assigned, clusters sampled: treatment varies within clusters.
within <- people("within", 180)
within$cluster <- sample(rep(1:15, c(rep(4, 5), rep(10, 5), rep(22, 5)))); within$treated <- rbinom(180, 1, .35)
within$y <- round(outcome(within) + rnorm(15, 0, 4)[within$cluster], 6)
record("within", "difference", of_club(lm(y ~ treated, within), within$cluster))

columns <- c("case", "id", "age", "prior", "female", "block", "cluster", "weight", "treated", "y")
everyone <- do.call(rbind, lapply(list(small, blocked, pairs, clustered, nested, crossed, within), `[`, columns))
write.csv(everyone, "effects_people.csv", row.names = FALSE, na = "", quote = FALSE)
write.csv(do.call(rbind, answers), "effects_answers.csv", row.names = FALSE, quote = FALSE)
