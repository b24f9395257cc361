# Power of planned trials. Writes design_answers.csv.
suppressMessages(library(pwr))
answers <- data.frame()
add <- function(case, call, quantity, value) {
  answers <<- rbind(answers, data.frame(case = case, call = call, quantity = quantity, value = value))
}
for (n in list(c(40, 0.4), c(6, 1.2), c(3, 3), c(500, 0.05))) {
  case <- sprintf("%d treated, %d control, %g standard deviations", n[1], n[1], n[2])
  for (size in c(0.05, 0.1)) {
    add(case, sprintf("pwr.t.test(sig.level = %g)", size), "power",
        pwr.t.test(n = n[1], d = n[2], sig.level = size)$power)
  }
}
# Arms of different size: pwr takes n - 2 degrees of freedom; the analysis has Welch's.
for (n in list(c(40, 90, 0.4), c(5, 7, 1.2), c(9, 51, 0.9), c(51, 9, 0.9))) {
  case <- sprintf("%d treated, %d control, %g standard deviations", n[1], n[2], n[3])
  v <- 1 / n[1:2]
  df <- sum(v)^2 / sum(v^2 / (n[1:2] - 1))
  for (size in c(0.05, 0.1)) {
    limit <- qt(1 - size / 2, df)
    shift <- n[3] / sqrt(sum(v))
    add(case, sprintf("pt(welch, sig.level = %g)", size), "power",
        pt(limit, df, shift, lower.tail = FALSE) + pt(-limit, df, shift))
  }
}
for (n in c(9, 40, 500)) {
  case <- sprintf("%d treated, %d control", n, n)
  for (power in c(0.8, 0.9)) {
    add(case, sprintf("pwr.t.test(power = %g)", power), "effect",
        pwr.t.test(n = n, d = NULL, power = power, sig.level = 0.05)$d)
  }
}
set.seed(4)
people <- data.frame(case = "offices", cluster = rep(1:12, times = c(3, 5, 8, 2, 9, 4, 6, 7, 1, 5, 10, 3)))
people$y <- rnorm(nrow(people)) + rnorm(12)[people$cluster]
table <- anova(lm(y ~ factor(cluster), people))$"Mean Sq"
m <- tabulate(people$cluster)
m0 <- (sum(m) - sum(m^2) / sum(m)) / (length(m) - 1)
add("offices", "anova(lm(y ~ factor(cluster)))", "intraclass correlation",
    (table[1] - table[2]) / (table[1] + (m0 - 1) * table[2]))
people$y <- sprintf("%.17g", people$y)
write.csv(people, "design_people.csv", row.names = FALSE, quote = FALSE)
answers$value <- sprintf("%.17g", answers$value)
write.csv(answers, "design_answers.csv", row.names = FALSE, quote = TRUE)
