"""Complementary log-log regression: R's answers, statsmodels on person-weeks, Cox, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.durations.discrete_time import cloglog
from analysis_lib.trials.durations.hazards import hazard_ratio

REFERENCE = Path(__file__).parents[2] / "reference"
# glm with epsilon = 1e-14
ITERATIVE = 1e-7

PEOPLE = pd.read_csv(REFERENCE / "durations_more_people.csv")
ANSWERS = pd.read_csv(REFERENCE / "durations_more_answers.csv")


def people(case: str) -> pd.DataFrame:
    return PEOPLE[PEOPLE["case"] == case].reset_index(drop=True)


def expected(case: str, call: str) -> dict[str, float]:
    rows = ANSWERS[(ANSWERS["case"] == case) & (ANSWERS["call"] == call)]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"], strict=True))


BOTH = ["age", "female"]
CUTS = [4, 8, 16, 30]
CALLS = [
    ("weeks", "cloglog", {}, None),
    ("weeks", "cloglog covariates", {"covariates": BOTH}, None),
    ("weeks", "cloglog cluster", {"covariates": BOTH, "cluster": "cluster"}, None),
    ("weeks", "cloglog groups", {"covariates": BOTH}, CUTS),
    ("weeks", "cloglog groups cluster", {"covariates": BOTH, "cluster": "cluster"}, CUTS),
    ("few", "cloglog covariates", {"covariates": ["age"]}, None),
]


@pytest.mark.parametrize(("case", "call", "options", "cuts"), CALLS, ids=[f"{c[0]} {c[1]}" for c in CALLS])
def test_ratio_as_in_r(case, call, options, cuts):
    d = people(case)
    given = {name: d[columns] for name, columns in options.items()}
    found = cloglog(d["time"], d["event"], d["treated"], cuts=cuts, **given)
    wanted = expected(case, call)
    assert np.log(found.value) == pytest.approx(wanted["log_ratio"], rel=ITERATIVE)
    assert found.std_error == pytest.approx(wanted["std_error"], rel=ITERATIVE)
    assert (found.scale, found.n, found.n_treated) == ("log", len(d), int(d["treated"].sum()))
    assert found.n_clusters == (31 if "cluster" in options else None)


def person_weeks(d: pd.DataFrame, columns: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A row for each person and week: the week, the columns, whether the event came."""
    weeks = d["time"].to_numpy().astype(int)
    row = np.repeat(np.arange(len(d)), weeks)
    week = np.concatenate([np.arange(1, w + 1) for w in weeks])
    return week, d[columns].to_numpy(dtype=float)[row], (d["event"].to_numpy()[row] == 1) & (week == weeks[row])


@pytest.mark.parametrize("cuts", [None, [3, 20]])
def test_ratio_as_in_statsmodels(cuts):
    d = people("weeks")
    week, x, y = person_weeks(d, ["treated", *BOTH])
    level = week if cuts is None else np.searchsorted(cuts, week)
    share = pd.Series(y).groupby(level).transform("mean").to_numpy()
    kept = (share > 0) & (share < 1)
    dummies = (level[kept, None] == np.unique(level[kept])).astype(float)
    family = sm.families.Binomial(sm.families.links.CLogLog())
    fit = sm.GLM(y[kept].astype(float), np.hstack([x[kept], dummies]), family=family).fit(tol=1e-12, maxiter=100)
    found = cloglog(d["time"], d["event"], d["treated"], covariates=d[BOTH], cuts=cuts)
    assert np.log(found.value) == pytest.approx(fit.params[0], rel=1e-6)
    assert found.std_error == pytest.approx(fit.bse[0], rel=1e-6)


def test_weeks_that_hold_no_information_are_left_out_and_counted():
    d = people("few")
    found = cloglog(d["time"], d["event"], d["treated"])
    everyone = "weeks in which everyone at risk had the event, left out: 1"
    # weeks 4 and 8, and week 10
    assert found.note == f"weeks (or groups of weeks) without an event, left out: 2; {everyone}"
    # seen no longer than week 9, nobody is known to leave in week 10: nothing else is lost
    until = cloglog(np.minimum(d["time"], 9), d["event"] * (d["time"] <= 9), d["treated"])
    assert (until.value, until.std_error) == pytest.approx((found.value, found.std_error), rel=1e-10)
    groups = cloglog(d["time"], d["event"], d["treated"], cuts=[7, 8, 9])
    assert groups.note == f"weeks (or groups of weeks) without an event, left out: 1; {everyone}"


def test_cuts_at_every_week_are_no_cuts():
    d = people("weeks")
    whole = cloglog(d["time"], d["event"], d["treated"], covariates=d[BOTH], cluster=d["cluster"])
    each = cloglog(
        d["time"], d["event"], d["treated"], covariates=d[BOTH], cluster=d["cluster"], cuts=range(1, 60)
    )  # fmt: skip
    assert (each.value, each.std_error) == pytest.approx((whole.value, whole.std_error), rel=1e-10)


def test_weeks_counted_from_0():
    """The event in week 0 makes it a week like others; without it, whoever is seen only in week 0 tells nothing."""
    d = people("weeks")
    whole = cloglog(d["time"], d["event"], d["treated"])
    shifted = cloglog(d["time"] - 1, d["event"], d["treated"])
    assert (shifted.value, shifted.std_error) == pytest.approx((whole.value, whole.std_error), rel=1e-12)
    by_group = cloglog(d["time"], d["event"], d["treated"], cuts=[5, 9])
    shifted = cloglog(d["time"] - 1, d["event"], d["treated"], cuts=[4, 8])
    assert (shifted.value, shifted.std_error) == pytest.approx((by_group.value, by_group.std_error), rel=1e-12)
    for cuts in (None, [5, 9]):
        unseen = cloglog([0, 0, *d["time"]], [0, 0, *d["event"]], [1, 0, *d["treated"]], cuts=cuts)
        seen = cloglog(d["time"], d["event"], d["treated"], cuts=cuts)
        assert (unseen.value, unseen.std_error) == pytest.approx((seen.value, seen.std_error), rel=1e-12)
        assert unseen.n == len(d) + 2


def test_short_weeks_come_to_cox():
    """With few events in a week the two likelihoods meet (Prentice and Gloeckler 1978)."""
    d = people("exact")
    fine = np.ceil(d["time"] * 2000)
    found = cloglog(fine, d["event"], d["treated"], covariates=d["age"])
    cox = hazard_ratio(d["time"], d["event"], d["treated"], covariates=d["age"])
    # incidental parameters: a week with one event of r adds of order 1/r
    assert np.log(found.value) == pytest.approx(np.log(cox.value), abs=0.1 * cox.std_error)
    assert found.std_error == pytest.approx(cox.std_error, rel=0.03)


def test_collinear_covariates_are_left_out_and_named():
    d = people("weeks")
    columns = pd.concat([d["age"], (2 * d["age"]).rename("twice")], axis=1)
    found = cloglog(d["time"], d["event"], d["treated"], covariates=columns)
    assert found.note.endswith("collinear columns left out: 1 (twice)")
    # constant among those who reach the first week with an event
    time, event, arm = [1, 1, *[2, 2, 3, 3, 4, 4, 5, 5]], [0, 0, *[1] * 8], [1, 0, *[1, 0] * 4]
    late = cloglog(time, event, arm, covariates=[1, 2, *[7] * 8])
    assert "collinear columns left out: 1 (covariate 1)" in late.note


def test_row_order_and_arms():
    d = people("weeks")
    found = cloglog(d["time"], d["event"], d["treated"], covariates=d[BOTH], cluster=d["cluster"])
    e = d.sample(frac=1, random_state=1)
    turned = cloglog(e["time"], e["event"], 1 - e["treated"], covariates=e[BOTH], cluster=e["cluster"])
    assert np.log([found.value, turned.value]).sum() == pytest.approx(0, abs=1e-10)
    assert turned.std_error == pytest.approx(found.std_error, rel=1e-9)


TIME, EVENT, ARM = [3, 5, 6, 6, 9, 11, 12, 14], [1, 1, 0, 1, 1, 1, 1, 1], [1, 0, 1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": [-1, *TIME[1:]]}, "time has the value -1; must be 0 or more"),
        ({"time": [2.5, *TIME[1:]]}, "time has the value 2.5; must be whole weeks"),
        ({"event": [np.nan, *EVENT[1:]]}, "event has 1 missing or infinite values"),
        ({"treated": [3, *ARM[1:]]}, "treated has the value 3; must be 0 or 1"),
        ({"covariates": [np.nan, *range(7)]}, "covariates, column 'covariate 1', has 1 missing or infinite values"),
        ({"cluster": [None, *"abcdefg"]}, "cluster is missing for 1 people"),
        ({"cuts": [4, 2.5]}, "cuts is [4, 2.5]; must be whole weeks from 1 on"),
        ({"cuts": [0, 4]}, "cuts is [0, 4]; must be whole weeks from 1 on"),
        ({"cuts": [4, np.inf]}, "cuts is [4, inf]; must be whole weeks from 1 on"),
        ({"cuts": [8, 4]}, "cuts is [8, 4]; must be increasing"),
        ({"level": 0}, "level is 0; must be between 0 and 1"),
    ],
)
def test_invalid_arguments_name_themselves(change, message):
    with pytest.raises(InvalidInput) as raised:
        cloglog(**({"time": TIME, "event": EVENT, "treated": ARM} | change))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"event": [0] * 8}, "none of 8 people had the event"),
        ({"treated": [0] * 8}, "nobody in the treated arm"),
        ({"event": [1, 0, 1, 0, 1, 0, 1, 0]}, "nobody in the control arm had the event"),
        ({"cluster": [1, 2, 1, 3, 1, 4, 1, 5]}, "1 clusters in the treated arm; two are needed"),
        ({"covariates": [2 * a + 1 for a in ARM]}, "the covariates or strata determine the treatment"),
        # the only control who leaves is the last at risk
        ({"event": [1, 0, 1, 0, 1, 0, 1, 1]},
         "nobody in the control arm had the event in a week when others at risk had not"),
        # all treated leave before the first control
        ({"treated": [1, 1, 1, 1, 0, 0, 0, 0]}, "the likelihood has no maximum: treatment separates"),
        # the only control at risk in week 5 leaves: the likelihood is flat long before its steps would end
        ({"time": [1, 0, 8, 4, 5, 8, 3, 5, 6, 1], "event": [0, 0, 0, 0, 1, 1, 0, 1, 0, 0],
          "treated": [0, 1, 1, 1, 1, 1, 1, 0, 1, 1]}, "the likelihood has no maximum: treatment separates"),
        ({"covariates": [0, 0, 1, 0, 0, 0, 0, 0]}, "the likelihood has no maximum: covariate 1 separates"),
        ({"covariates": np.random.default_rng(1).normal(size=(8, 10))}, "the covariates or strata determine the treatment"),
    ],
)  # fmt: skip
def test_ratios_that_cannot_be_estimated(change, reason):
    with pytest.raises(NotEstimable) as raised:
        cloglog(**({"time": TIME, "event": EVENT, "treated": ARM} | change))
    assert reason in str(raised.value)
