"""Arguments that are not arrays: every function refuses what is of the wrong kind, and names the argument."""

import numpy as np
import pandas as pd
import pytest

from analysis_lib.errors import InvalidInput
from analysis_lib.trials import design, durations, effects, randomization

N = 60
RNG = np.random.default_rng(1)
ARM = np.arange(N) % 2
Y, TIME = RNG.normal(size=N), RNG.integers(1, 30, N).astype(float)
EVENT, CAUSE = RNG.integers(0, 2, N), RNG.integers(0, 3, N)
TABLE = RNG.normal(size=(N, 2))
DESIGN = design.Design.from_arrays(ARM)
SPELLS = {"first_cuts": [], "second_cuts": [], "left_within": 9, "returned_within": 9}


def generator():
    return np.random.default_rng(2)


def two_spells(**given):
    return durations.two_spell_model(TIME, EVENT, TIME, EVENT, ARM, **({"rng": generator()} | SPELLS | given))


def mixed(cuts=(5,), **given):
    return durations.mixed_proportional_hazards(TIME, EVENT, ARM, cuts, **({"rng": generator(), "starts": 1} | given))


def of_durations(statistic, **given):
    return randomization.randomization_test(
        TIME, DESIGN, statistic=statistic, event=EVENT, draws=9, rng=generator(), **given
    )


def cluster_plan(**given):
    plan = {"clusters_treated": 4, "clusters_control": 5, "cluster_size": 10, "std_dev": 1, "icc": 0.1}
    return design.ClusterPlan(**(plan | given))


NUMBERS = {
    "level": [
        lambda v: effects.difference_in_means(Y, ARM, level=v),
        lambda v: effects.lee_bounds(Y, ARM, ARM * 0 + 1, level=v),
        lambda v: effects.attrition_check(EVENT, ARM, level=v),
        lambda v: effects.quantile_effects(Y, ARM, [0.5], level=v),
        lambda v: randomization.randomization_test(Y, DESIGN, draws=9, rng=generator(), level=v),
        lambda v: durations.survival_curve(TIME, EVENT, level=v),
        lambda v: durations.hazard_ratio(TIME, EVENT, ARM, level=v),
        lambda v: durations.cumulative_incidence(TIME, CAUSE, 1, level=v),
        lambda v: durations.fine_gray(TIME, CAUSE, 1, ARM, level=v),
        lambda v: design.minimum_detectable_effect(design.EventPlan(events=50), level=v),
    ],
    "horizon": [
        lambda v: durations.restricted_mean(TIME, EVENT, v),
        lambda v: durations.restricted_mean_difference(TIME, EVENT, ARM, v),
        lambda v: of_durations("restricted_mean_difference", horizon=v),
    ],
    "at": [
        lambda v: durations.cumulative_incidence_difference(TIME, CAUSE, 1, ARM, v),
        lambda v: of_durations("survival_difference", at=v),
    ],
    "rho": [lambda v: durations.gray_test(TIME, CAUSE, 1, ARM, rho=v)],
    "draws": [
        lambda v: randomization.randomization_test(Y, DESIGN, draws=v, rng=generator()),
        lambda v: effects.bootstrap_effects(TABLE, ARM, draws=v, rng=generator()),
        lambda v: effects.effect_over_time(TABLE, ARM, draws=v, rng=generator()),
        lambda v: design.balance_table(pd.DataFrame(TABLE), DESIGN, "treated", draws=v, rng=generator()),
    ],
    "effect": [lambda v: design.power(v, design.EventPlan(events=50))],
    "power": [
        lambda v: design.minimum_detectable_effect(design.EventPlan(events=50), power=v),
        lambda v: design.events_needed(1.3, power=v),
    ],
    "hazard_ratio": [design.events_needed],
    "share_treated": [lambda v: design.events_needed(1.3, share_treated=v)],
    "events": [lambda v: design.EventPlan(events=v)],
    "n_covariates": [lambda v: design.IndividualPlan(n_treated=9, n_control=9, std_dev=1, n_covariates=v)],
    "r_squared": [lambda v: design.IndividualPlan(n_treated=9, n_control=9, std_dev=1, r_squared=v)],
    "clusters_treated": [lambda v: cluster_plan(clusters_treated=v)],
    "cluster_size": [lambda v: cluster_plan(cluster_size=v)],
    "std_dev": [lambda v: cluster_plan(std_dev=v)],
    "icc": [lambda v: cluster_plan(icc=v)],
    "size_variation": [lambda v: cluster_plan(size_variation=v)],
    "threshold": [lambda v: design.check_sample_ratio(ARM, {0: 0.5, 1: 0.5}, threshold=v)],
    "allowed": [lambda v: design.check_assignment_rule(ARM, ARM, allowed=v)],
    "expected_share": [lambda v: design.check_sample_ratio(ARM, {0: v, 1: 0.5})],
}
OTHERS = [
    ("rng is a int", lambda: effects.bootstrap_effects(TABLE, ARM, rng=1)),
    ("rng is a int", lambda: effects.effect_over_time(TABLE, ARM, rng=1)),
    ("rng is a int", lambda: mixed(rng=1)),
    ("rng is a int", lambda: two_spells(rng=1)),
    ("grouped is 2.5; must be True or False", lambda: mixed(grouped=2.5)),
    ("interpolate is 'no'", lambda: durations.median_duration(TIME, EVENT, interpolate="no")),
    ("interpolate is 'no'", lambda: durations.restricted_mean(TIME, EVENT, 9, interpolate="no")),
    ("interpolate is 'no'", lambda: durations.restricted_mean_difference(TIME, EVENT, ARM, 9, interpolate="no")),
    ("cumulative is 'no'", lambda: effects.effect_over_time(TABLE, ARM, rng=generator(), cumulative="no")),
    ("cuts is 4; must be a list of numbers", lambda: mixed(cuts=4)),
    ("cuts is ['4']; must be numbers", lambda: mixed(cuts=["4"])),
    ("windows is [None]; must be numbers", lambda: mixed(windows=[None])),
    ("first_cuts is '4'; must be a list of numbers", lambda: two_spells(first_cuts="4")),
    ("cuts is 4; must be a list of numbers", lambda: durations.cloglog(TIME, EVENT, ARM, cuts=4)),
    ("cuts is [True]; must be numbers", lambda: durations.cloglog(TIME, EVENT, ARM, cuts=[True])),
    ("windows is 4; must be cut points, or pairs", lambda: durations.piecewise_hazard_ratios(TIME, EVENT, ARM, 4)),
    (
        "windows has [1, 2]; must be numbers",
        lambda: durations.piecewise_hazard_ratios(TIME, EVENT, ARM, [([1, 2], 5)]),
    ),
    ("plan is a dict; must be an IndividualPlan", lambda: design.power(1, {"events": 50})),
    ("design is a ndarray; must be a Design", lambda: randomization.max_t(TABLE, ARM, rng=generator())),
    ("arms is 1; must be a list", lambda: randomization.max_t(TABLE, DESIGN, arms=1, rng=generator())),
    ("y has rows of different lengths", lambda: effects.difference_in_means([1.0, [2.0, 3.0]], [1, 0])),
    ("shares has rows of different lengths", lambda: effects.effect_of_shares([[0.1, 0.2], [0.3]], [9, 9])),
]


WRONG = [None, "0.5", float("nan"), float("inf"), [0.5], -1]
# a weight (1 - F)^rho may have any power
CASES = [
    pytest.param(name, call, value, id=f"{name}-{k}-{value!r}")
    for name, calls in NUMBERS.items()
    for k, call in enumerate(calls)
    for value in WRONG
    if (name, value) != ("rho", -1)
]


@pytest.mark.parametrize(("name", "call", "value"), CASES)
def test_numbers_of_the_wrong_kind_name_the_argument(name, call, value):
    with pytest.raises(InvalidInput, match=f"^{name}"):
        call(value)


@pytest.mark.parametrize(("message", "call"), OTHERS, ids=[message for message, _ in OTHERS])
def test_other_options_name_the_argument(message, call):
    with pytest.raises(InvalidInput) as raised:
        call()
    assert str(raised.value).startswith(message)
