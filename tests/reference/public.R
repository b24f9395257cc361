# Writes public_answers.csv: what R says of the public data sets in the folder PUBLIC_DATA (docs/data.md).
# R 4.2, estimatr 1.0.0, sandwich 3.0-2, survival 3.5-3. Run in this folder: PUBLIC_DATA=... Rscript public.R
suppressMessages({library(estimatr); library(sandwich); library(survival)})
folder <- Sys.getenv("PUBLIC_DATA"); stopifnot(nzchar(folder))
answers <- data.frame()
say <- function(case, call, ...) {
  given <- list(...)
  answers <<- rbind(answers, data.frame(case = case, call = call, quantity = names(given),
                                        value = sprintf("%.17g", unlist(given))))
}

# National Supported Work, Dehejia and Wahba's sample: earnings in 1978, dollars.
nsw <- read.csv(file.path(folder, "nsw_mixtape.csv")); nsw$age2 <- nsw$age^2
fit <- difference_in_means(re78 ~ treat, nsw)
say("nsw", "difference", value = fit$coefficients[[1]], std_error = fit$std.error[[1]], df = fit$df[[1]])
form <- re78 ~ treat + age + age2 + educ + black + hisp + nodegree
fit <- lm_robust(form, nsw, se_type = "HC2")
say("nsw", "additive", value = fit$coefficients[["treat"]], std_error = fit$std.error[["treat"]])
fit <- lm_lin(re78 ~ treat, ~ age + age2 + educ + black + hisp + nodegree, nsw, se_type = "HC2")
say("nsw", "lin", value = fit$coefficients[["treat"]], std_error = fit$std.error[["treat"]])

# Pennsylvania bonus experiment: log weeks of benefit, group 4 against control.
penn <- read.table(file.path(folder, "penn_jae.dat"), header = TRUE)
penn <- penn[penn$tg %in% c(0, 4), ]; penn$t <- as.numeric(penn$tg == 4)
fit <- difference_in_means(log(inuidur1) ~ t, penn)
say("penn", "difference", value = fit$coefficients[[1]], std_error = fit$std.error[[1]], df = fit$df[[1]],
    hc1 = sqrt(vcovHC(lm(log(inuidur1) ~ t, penn), type = "HC1")[2, 2]))

# Rossi, Berk and Lenihan: weeks to arrest, financial aid.
rossi <- read.csv(file.path(folder, "Rossi.csv"))
form <- Surv(week, arrest) ~ I(fin == "yes") + age + race + wexp + mar + paro + prio
for (ties in c("efron", "breslow")) {
  fit <- coxph(form, rossi, ties = ties)
  say("rossi", ties, log_ratio = coef(fit)[[1]], std_error = sqrt(vcov(fit)[1, 1]))
}
fit <- coxph(update(form, . ~ . - race + strata(race) + cluster(educ)), rossi[!is.na(rossi$educ), ])
say("rossi", "strata and cluster", log_ratio = coef(fit)[[1]], std_error = sqrt(vcov(fit)[1, 1]))
fit <- survdiff(Surv(week, arrest) ~ fin, rossi)
say("rossi", "logrank", statistic = fit$chisq)
write.csv(answers, "public_answers.csv", row.names = FALSE, quote = FALSE)
