"""Proportional hazards: R's cox.zph, an interaction with time, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.durations.proportionality import check_proportional_hazards

REFERENCE = Path(__file__).parents[2] / "reference"
# at a fit where R stops when the log likelihood changes by less than 1e-12 of itself
ITERATIVE = 1e-6

PEOPLE = pd.read_csv(REFERENCE / "durations_more_people.csv")
ANSWERS = pd.read_csv(REFERENCE / "durations_more_answers.csv")
TRANSFORMS = ["km", "identity", "rank", "log"]


def people(case: str) -> pd.DataFrame:
    return PEOPLE[PEOPLE["case"] == case].reset_index(drop=True)


def expected(case: str, call: str) -> dict[str, float]:
    rows = ANSWERS[(ANSWERS["case"] == case) & (ANSWERS["call"] == call)]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"], strict=True))


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize(
    ("case", "call", "options"),
    [
        ("weeks", "plain", {}),
        ("weeks", "covariates", {"covariates": ["age", "female"]}),
        ("weeks", "strata", {"covariates": ["age", "female"], "stratum": "stratum"}),
        ("exact", "covariates", {"covariates": ["age"]}),
    ],
)
def test_score_tests_as_in_r(case, call, options, transform):
    d = people(case)
    given = {name: d[columns] for name, columns in options.items()}
    found = check_proportional_hazards(d["time"], d["event"], d["treated"], transform=transform, **given)
    wanted = expected(case, f"{call} {transform}")
    names = ["treated", *options.get("covariates", []), "GLOBAL"]
    assert len(found.checks) == len(names)
    for check, name in zip(found.checks, names, strict=True):
        assert check.statistic == pytest.approx(wanted[f"{name} chisq"], rel=ITERATIVE)
        assert check.p_value == pytest.approx(wanted[f"{name} p"], rel=ITERATIVE)
        assert check.df == wanted[f"{name} df"]
        assert check.passed == (check.p_value >= 0.05)
    labels = ["treatment", *options.get("covariates", [])]
    assert [check.name for check in found.checks[:-1]] == [f"proportional hazards, {label}" for label in labels]
    assert found.checks[-1].name == "proportional hazards, all columns"
    assert found.checks[-1].detail == f"{len(labels)} columns"


def test_naive_score_test_without_ties():
    """A second implementation: Schoenfeld's residuals, and the covariance of the covariate, time by time."""
    rng = np.random.default_rng(4)
    time, event = rng.exponential(size=80), rng.random(80) < 0.7
    z = rng.integers(0, 2, 80).astype(float)
    order = np.argsort(time)
    time, event, z = time[order], event[order], z[order]

    def by_event(beta):
        residuals, variances = [], []
        for i in np.flatnonzero(event):
            weight = np.exp(beta * z[i:])
            mean = np.sum(weight * z[i:]) / np.sum(weight)
            residuals.append(z[i] - mean)
            variances.append(np.sum(weight * z[i:] ** 2) / np.sum(weight) - mean**2)
        return np.array(residuals), np.array(variances)

    beta = 0.0
    for _ in range(30):
        residuals, variances = by_event(beta)
        beta += residuals.sum() / variances.sum()
    g = time[event] - time[event].mean()
    variance = np.sum(g**2 * variances) - np.sum(g * variances) ** 2 / np.sum(variances)
    found = check_proportional_hazards(time, event, z, transform="identity").checks[0]
    assert found.statistic == pytest.approx(np.sum(g * residuals) ** 2 / variance, rel=1e-8)


def test_direction_of_a_ratio_that_changes():
    """Everyone treated leaves evenly over 40 weeks, control ever faster or ever slower: the ratio falls, or rises."""
    rng = np.random.default_rng(5)
    treated = np.repeat([1, 0], 400)
    even = rng.exponential(20, 400)
    for power, words in ((2.0, "fall"), (0.5, "rise")):
        other = 20 * rng.exponential(size=400) ** (1 / power)
        time = np.ceil(np.minimum(np.append(even, other), 40))
        found = check_proportional_hazards(time, time < 40, treated)
        assert found.checks[0].passed is False
        assert found.checks[0].detail == f"the ratio seems to {words} with time"


def test_row_order_and_arms():
    d = people("weeks")
    found = check_proportional_hazards(d["time"], d["event"], d["treated"], covariates=d["age"])
    e = d.sample(frac=1, random_state=1)
    turned = check_proportional_hazards(e["time"], e["event"], 1 - e["treated"], covariates=e["age"])
    for a, b in zip(found.checks, turned.checks, strict=True):
        assert a.statistic == pytest.approx(b.statistic, rel=1e-7)
    assert found.checks[0].detail != turned.checks[0].detail


def test_a_column_that_tells_nothing_over_time_is_not_tested():
    """The covariate varies at the first event only: a slope over time cannot be told from a level."""
    time, event = [1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]
    treated, covariate = [1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0], [1, 0, 2, 1, 1, 1, 1, 1, 1, 1, 1]
    found = check_proportional_hazards(time, event, treated, covariates=covariate)
    own, everything = found.checks[1], found.checks[2]
    assert (own.passed, everything.passed) == (None, None)
    assert own.detail == "a change over time cannot be told from the ratio itself"
    assert found.checks[0].passed is not None


TIME, EVENT, ARM = [3, 5, 6, 6, 9, 11, 12, 14], [1, 1, 0, 1, 1, 1, 1, 1], [1, 0, 1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": [-1, *TIME[1:]]}, "time has the value -1; must be 0 or more"),
        ({"event": [np.nan, *EVENT[1:]]}, "event has 1 missing or infinite values"),
        ({"treated": [3, *ARM[1:]]}, "treated has the value 3; must be 0 or 1"),
        ({"covariates": [np.nan, *range(7)]}, "covariates, column 'covariate 1', has 1 missing or infinite values"),
        ({"stratum": [None, *"abcdefg"]}, "stratum is missing for 1 people"),
        ({"transform": "sqrt"}, "transform is 'sqrt'; must be one of km, identity, rank, log"),
        ({"time": [0, *TIME[1:]], "transform": "log"}, "transform is 'log' and 1 events are at time 0"),
    ],
)
def test_invalid_arguments_name_themselves(change, message):
    with pytest.raises(InvalidInput) as raised:
        check_proportional_hazards(**({"time": TIME, "event": EVENT, "treated": ARM} | change))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"event": [0] * 8}, "none of 8 people had the event"),
        ({"treated": [0] * 8}, "nobody in the treated arm"),
        ({"event": [1, 0, 1, 0, 1, 0, 1, 0]}, "nobody in the control arm had the event"),
        ({"time": [5] * 8}, "all events came at one time: no change over time can be seen"),
        ({"stratum": ARM}, "the covariates or strata determine the treatment"),
        ({"treated": [1, 1, 1, 1, 0, 0, 0, 0]}, "the likelihood has no maximum: treatment separates"),
        ({"covariates": np.random.default_rng(1).normal(size=(8, 10))}, "the covariates or strata determine"),
    ],
)
def test_checks_that_cannot_be_made(change, reason):
    with pytest.raises(NotEstimable) as raised:
        check_proportional_hazards(**({"time": TIME, "event": EVENT, "treated": ARM} | change))
    assert reason in str(raised.value)
