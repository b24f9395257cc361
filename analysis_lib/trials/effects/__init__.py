"""Effects of assignment on outcomes measured for each person.

All functions compare people as assigned. Arguments are arrays of shape (n,), matched by position. Results carry no
unit: the caller knows the outcome's.
"""

from analysis_lib.trials.effects.means import additive_adjusted, difference_in_means, lin_adjusted

__all__ = ["additive_adjusted", "difference_in_means", "lin_adjusted"]
