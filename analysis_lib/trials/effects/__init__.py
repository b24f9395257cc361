"""Effects of assignment on outcomes measured for each person.

All functions compare people as assigned. Arguments are arrays of shape (n,), matched by position. Results carry no
unit: the caller knows the outcome's.
"""

from analysis_lib.trials.effects.arms import multi_arm_effects
from analysis_lib.trials.effects.attrition import attrition_check
from analysis_lib.trials.effects.bootstrap import BootstrapEffects, bootstrap_effects
from analysis_lib.trials.effects.bounds import LeeBounds, lee_bounds
from analysis_lib.trials.effects.means import additive_adjusted, difference_in_means, lin_adjusted
from analysis_lib.trials.effects.multiplicity import adjust_p_values
from analysis_lib.trials.effects.over_time import EffectOverTime, effect_of_shares, effect_over_time
from analysis_lib.trials.effects.quantiles import quantile_effects
from analysis_lib.trials.effects.weights import inverse_probability_weights

__all__ = [
    "BootstrapEffects",
    "EffectOverTime",
    "LeeBounds",
    "additive_adjusted",
    "adjust_p_values",
    "attrition_check",
    "bootstrap_effects",
    "difference_in_means",
    "effect_of_shares",
    "effect_over_time",
    "inverse_probability_weights",
    "lee_bounds",
    "lin_adjusted",
    "multi_arm_effects",
    "quantile_effects",
]
