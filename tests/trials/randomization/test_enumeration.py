"""Every statistic, over all assignments of small trials, against the loops of `naive`."""

import functools
import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from analysis_lib.trials.design import Design
from analysis_lib.trials.randomization import max_t, randomization_test, romano_wolf
from tests.trials.randomization import naive

MEANS = ("difference_in_means", "studentized", "additive_adjusted", "lin_adjusted", "rank_sum")
DURATIONS = ("log_rank", "restricted_mean_difference", "survival_difference")


@dataclass
class Trial:
    treated: np.ndarray
    block: np.ndarray | None = None
    unit: np.ndarray | None = None
    seed: int = 1
    weeks: np.ndarray = field(init=False)
    event: np.ndarray = field(init=False)
    x: np.ndarray = field(init=False)

    def __post_init__(self):
        rng, n = np.random.default_rng(self.seed), len(self.treated)
        self.treated = np.asarray(self.treated, dtype=bool)
        self.x = np.round(rng.normal(size=(n, 1 if n < 13 else 2)), 2)
        # whole weeks, so that assignments tie
        self.weeks = np.ceil(rng.exponential(5, size=(n, 2)) + 2 * self.treated[:, None] + np.abs(self.x[:, :1]))
        self.weeks = np.minimum(self.weeks, 9)
        self.event = (rng.random((n, 2)) < 0.8) | (self.weeks <= 2)
        # followed to the horizon in both arms
        for arm in (self.treated, ~self.treated):
            self.weeks[np.flatnonzero(arm)[0]] = 9

    @property
    def design(self):
        return Design.from_arrays(self.treated, block=self.block, cluster=self.unit)

    @property
    def units(self):
        return np.arange(len(self.treated)) if self.unit is None else self.unit

    @functools.cached_property
    def stratum(self):
        return naive.stratum_labels(len(self.treated), self.unit, self.block)

    @functools.cached_property
    def assignments(self):
        return list(naive.assignments(self.treated, unit=self.unit, block=self.block))


TRIALS = {
    "people": Trial([1, 0, 0, 1, 0, 1, 0, 0], seed=11),
    "one of ten": Trial([1] + [0] * 9, seed=2),
    "blocks of unequal shares": Trial([1, 0, 0, 1, 0, 1, 0, 1, 0, 0], block=np.repeat([3, 1], [4, 6]), seed=3),
    "pairs": Trial(np.tile([1, 0], 6), block=np.repeat(np.arange(6), 2), seed=4),
    "small and large blocks": Trial(
        [1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0], block=np.repeat([0, 1, 2, 3], [3, 4, 3, 4]), seed=5
    ),
    "clusters of equal size": Trial(np.repeat([1, 0, 0, 1, 0, 1, 0], 2), unit=np.repeat(np.arange(7), 2), seed=6),
    "clusters of unequal sizes": Trial(
        np.repeat([1, 0, 0, 1, 0, 1, 0], [1, 4, 2, 3, 2, 2, 1]), unit=np.repeat([4, 2, 9, 1, 0, 5, 7], [1, 4, 2, 3, 2, 2, 1]), seed=7,
    ),
    "clusters within blocks": Trial(
        np.repeat([1, 0, 0, 1, 0, 1, 0, 0, 1], [2, 1, 3, 2, 2, 1, 2, 1, 2]), unit=np.repeat(np.arange(9), [2, 1, 3, 2, 2, 1, 2, 1, 2]),
        block=np.repeat([0, 0, 0, 0, 1, 1, 1, 1, 1], [2, 1, 3, 2, 2, 1, 2, 1, 2]), seed=8,
    ),
    "clusters that cross blocks": Trial(
        np.array([1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0]), unit=np.array([0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4]),
        block=np.repeat([0, 1, 2], 5), seed=9,
    ),
}  # fmt: skip


def slow_values(trial, statistic, j=0, shift=0.0):
    """Return the statistic as observed and over all assignments, of outcomes less the shift of the treated."""
    of = slow_statistic(trial, statistic, j, shift)
    return of(trial.treated), [of(t) for t in trial.assignments]


def slow_statistic(trial, statistic, j=0, shift=0.0):
    stratum, units = trial.stratum, trial.units
    y = trial.weeks[:, j] - shift * trial.treated
    event = trial.event[:, j]
    share = np.empty(len(y))
    for s in np.unique(stratum):
        own = np.unique(units[stratum == s])
        share[stratum == s] = np.mean([trial.treated[units == u].any() for u in own])
    return {
        "difference_in_means": lambda t: naive.difference(y, t, stratum),
        "studentized": lambda t: _ratio(*naive.student(y, t, stratum, units)),
        "additive_adjusted": lambda t: np.sum(naive.residuals(y, trial.x, stratum)[t]),
        "lin_adjusted": lambda t: naive.lin(y, t, trial.x, stratum),
        "rank_sum": lambda t: naive.van_elteren(y, t, stratum),
        "log_rank": lambda t: naive.log_rank(y, event, t, stratum),
        "restricted_mean_difference": lambda t: naive.curves(y, event, t, share, 7.0, area=True),
        "survival_difference": lambda t: naive.curves(y, event, t, share, 6.0, area=False),
    }[statistic]


def _ratio(value, std_error):
    return value / std_error if std_error > 1e-9 else math.inf


def arguments(trial, statistic):
    return {
        "additive_adjusted": {"covariates": trial.x}, "lin_adjusted": {"covariates": trial.x},
        "log_rank": {"event": trial.event}, "restricted_mean_difference": {"event": trial.event, "horizon": 7.0},
        "survival_difference": {"event": trial.event, "at": 6.0},
    }.get(statistic, {})  # fmt: skip


# What cannot be: one treated has no standard error, pairs have too many coefficients for Lin's regression.
IMPOSSIBLE = {("one of ten", "studentized"), ("one of ten", "lin_adjusted"), ("pairs", "lin_adjusted")}
CASES = [(name, statistic) for name in TRIALS for statistic in MEANS + DURATIONS if (name, statistic) not in IMPOSSIBLE]


def run(trial, statistic, **changed):
    return randomization_test(
        trial.weeks, trial.design, statistic=statistic, rng=np.random.default_rng(1),
        **arguments(trial, statistic), **changed,
    ).estimates  # fmt: skip


@pytest.mark.parametrize(("name", "statistic"), CASES)
def test_p_values_are_those_of_all_assignments(name, statistic):
    trial = TRIALS[name]
    for j, estimate in enumerate(run(trial, statistic)):
        observed, values = slow_values(trial, statistic, j)
        assert estimate.method.startswith(f"exact randomisation test, all {len(values)} assignments")
        assert estimate.p_value == pytest.approx(naive.p_value(observed, values), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "statistic"),
    [c for c in CASES if c[1] in ("difference_in_means", "studentized", "lin_adjusted", *DURATIONS[1:])],
)
def test_values_are_those_of_their_definitions(name, statistic):
    trial = TRIALS[name]
    for j, estimate in enumerate(run(trial, statistic)):
        if statistic == "studentized":
            value, std_error = naive.student(trial.weeks[:, j], trial.treated, trial.stratum, trial.units)
            assert estimate.std_error == pytest.approx(std_error, rel=1e-10)
        else:
            value = slow_statistic(trial, statistic, j)(trial.treated)
            assert math.isnan(estimate.std_error)
        assert estimate.value == pytest.approx(value, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("statistic", ["difference_in_means", "studentized", "additive_adjusted", "lin_adjusted"])
@pytest.mark.parametrize(
    "name", ["people", "blocks of unequal shares", "clusters of unequal sizes", "clusters within blocks"]
)
def test_interval_is_of_the_shifts_not_rejected(name, statistic):
    level = 0.9
    trial = TRIALS[name]
    estimate = run(trial, statistic, level=level)[0]
    interval = estimate.interval
    assert interval.low <= estimate.value <= interval.high
    for limit, outward in ((interval.low, -1), (interval.high, 1)):
        if math.isinf(limit):
            observed, values = slow_values(trial, statistic, shift=outward * 1e6)
            assert naive.p_value(observed, values) > 1 - level
            assert "too few assignments" in estimate.note
            continue
        step = 1e-6 * (1 + abs(limit))
        inside = naive.p_value(*slow_values(trial, statistic, shift=limit - outward * step))
        outside = naive.p_value(*slow_values(trial, statistic, shift=limit + outward * step))
        assert outside <= 1 - level + 1e-12 < inside
    assert estimate.interval_at(level) == interval


@pytest.mark.parametrize("name", ["people", "blocks of unequal shares", "clusters of unequal sizes"])
@pytest.mark.parametrize("function", [max_t, romano_wolf])
def test_step_down_is_westfall_and_youngs(name, function):
    trial = TRIALS[name]
    rng = np.random.default_rng(5)
    weeks = np.column_stack([trial.weeks, np.ceil(rng.exponential(3, len(trial.treated)) + 3 * trial.treated)])
    found = [e.p_value for e in function(weeks, trial.design, rng=rng).adjusted.estimates]
    sizes, drawn = [], []
    for j in range(3):
        trial_j = Trial(trial.treated, trial.block, trial.unit, trial.seed)
        trial_j.weeks = weeks
        statistic = "studentized" if function is romano_wolf else "difference_in_means"
        observed, values = slow_values(trial_j, statistic, j) if j < 2 else _third(trial_j, statistic)
        scale = 1 if function is romano_wolf else np.sqrt(np.mean(np.square([*values, observed])))
        sizes.append(abs(observed) / scale)
        drawn.append(np.abs(values) / scale)
    # the hypotheses one after the other, from the clearest on
    expected, before, left = {}, 0.0, set(range(3))
    while left:
        clearest = max(left, key=lambda j: sizes[j])
        largest = np.max([drawn[j] for j in left], axis=0)
        before = max(before, float(np.mean(largest >= sizes[clearest] - 1e-7)))
        expected[clearest] = before
        left.remove(clearest)
    assert found == pytest.approx([expected[j] for j in range(3)], abs=1e-12)


def _third(trial, statistic):
    trial.weeks = trial.weeks[:, [2]]
    return slow_values(trial, statistic, 0)


def test_lin_leaves_out_what_an_assignment_makes_collinear():
    """A covariate that two of nine people have: in some assignments it does not vary in an arm, or is the arm."""
    trial = Trial([1, 0, 0, 1, 0, 1, 0, 0, 0], seed=12)
    trial.x = np.array([1.0, 0, 0, 0, 1, 0, 0, 0, 0])[:, None]
    estimate = run(trial, "lin_adjusted")[0]
    observed, values = slow_values(trial, "lin_adjusted")
    assert estimate.value == pytest.approx(observed, rel=1e-10)
    assert estimate.p_value == pytest.approx(naive.p_value(observed, values), abs=1e-12)


def test_an_assignment_that_lin_cannot_fit_counts_as_far_out():
    trial = Trial([1, 0, 0, 1, 0, 0], seed=13)
    trial.x = np.array([1.0, 0, 0, 0, 1, 0])[:, None]
    estimate = run(trial, "lin_adjusted")[0]
    observed, values = slow_values(trial, "lin_adjusted")
    lost = int(np.isnan(values).sum())
    assert lost == 1  # where the two with the covariate are the two treated
    assert estimate.p_value == pytest.approx(naive.p_value(observed, values), abs=1e-12)
    assert "counted as at least as far out: 1" in estimate.note
