"""How people came into the arms: designs, checks of the assignment, balance."""

from analysis_lib.trials.design.assignment import Design
from analysis_lib.trials.design.balance import balance_table, check_joint_balance, covariate_columns
from analysis_lib.trials.design.checks import check_treated_share
from analysis_lib.trials.design.rules import assigned_by_rule, birth_day_design, recorded_design, treated_day_share

__all__ = [
    "Design",
    "assigned_by_rule",
    "balance_table",
    "birth_day_design",
    "check_joint_balance",
    "check_treated_share",
    "covariate_columns",
    "recorded_design",
    "treated_day_share",
]
