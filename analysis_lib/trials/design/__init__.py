"""How people came into the arms: designs, checks of the assignment, balance."""

from analysis_lib.trials.design.assignment import Design
from analysis_lib.trials.design.balance import balance_table, check_joint_balance, covariate_columns
from analysis_lib.trials.design.checks import check_treated_share
from analysis_lib.trials.design.plans import ClusterPlan, EventPlan, IndividualPlan, Plan, intraclass_correlation
from analysis_lib.trials.design.power import events_needed, minimum_detectable_effect, power
from analysis_lib.trials.design.rules import assigned_by_rule, birth_day_design, recorded_design, treated_day_share
from analysis_lib.trials.design.sample_ratio import check_assignment_rule, check_sample_ratio

__all__ = [
    "ClusterPlan",
    "Design",
    "EventPlan",
    "IndividualPlan",
    "Plan",
    "assigned_by_rule",
    "balance_table",
    "birth_day_design",
    "check_assignment_rule",
    "check_joint_balance",
    "check_sample_ratio",
    "check_treated_share",
    "covariate_columns",
    "events_needed",
    "intraclass_correlation",
    "minimum_detectable_effect",
    "power",
    "recorded_design",
    "treated_day_share",
]
