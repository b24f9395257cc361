"""Costs and benefits of a trial, per person assigned and by jobcentre.

Effects on quantities (weeks on benefits, meetings, weeks of programmes) are priced in DKK. Prices are parameters with
their evidence marks: none is built in. Above 0 is a gain to the public.
"""

from analysis_lib.trials.costs.discounting import discount_factors, discounted_sum
from analysis_lib.trials.costs.jobcentres import net_benefit_by_jobcentre
from analysis_lib.trials.costs.prices import Component, Price
from analysis_lib.trials.costs.quantities import JointEffects, joint_effects
from analysis_lib.trials.costs.sensitivity import BreakEven, PriceSwing, Sensitivity, break_even, sensitivity
from analysis_lib.trials.costs.valuation import cost_benefit, net_benefit, probability_of_gain

__all__ = [
    "BreakEven",
    "Component",
    "JointEffects",
    "Price",
    "PriceSwing",
    "Sensitivity",
    "break_even",
    "cost_benefit",
    "discount_factors",
    "discounted_sum",
    "joint_effects",
    "net_benefit",
    "net_benefit_by_jobcentre",
    "probability_of_gain",
    "sensitivity",
]
