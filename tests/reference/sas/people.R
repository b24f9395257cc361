# Writes people.sas7bdat, empty.sas7bdat and many.sas7bdat (R 4.2, haven 2.5.1). Run in this folder.
library(haven)

people <- data.frame(
  person_id = sprintf("p%02d", 1:5),
  y_0544 = c(111, NA, 130, 700, 0),
  income = c(1.5, NA, -2.25, 1e6, 0),
  name = c("S\u00f8ren", "\u00c5se", "", "x", "\u00c6r\u00f8")
)
origin <- as.Date("1960-01-01")
# The last day is SAS's number for 31DEC9999 (SAS knows no leap day in 4000 and 8000).
people$birth <- origin + c(0, -1, NA, 16130, 2936547)
people$moved <- as.POSIXct("2005-11-01 12:30:00", tz = "UTC") + c(0, 1, NA, 3, 4)
people$half_day <- people$birth + 0.5
write_sas(people, "people.sas7bdat")
write_sas(people[0, ], "empty.sas7bdat")

many <- data.frame(person_id = sprintf("p%04d", 1:1000), y_0544 = (0:999) %% 7 * 111)
write_sas(many, "many.sas7bdat")
