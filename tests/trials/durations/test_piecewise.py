"""Hazard ratios by window: R's answers, a second implementation, which time is in which window, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.durations.hazards import hazard_ratio
from analysis_lib.trials.durations.piecewise import piecewise_hazard_ratios

REFERENCE = Path(__file__).parents[2] / "reference"
# R stops when the log likelihood changes by less than 1e-9 of itself, here when the step is below 1e-8.
ITERATIVE = 1e-6

PEOPLE = pd.read_csv(REFERENCE / "durations_more_people.csv")
ANSWERS = pd.read_csv(REFERENCE / "durations_more_answers.csv")


def people(case: str) -> pd.DataFrame:
    return PEOPLE[PEOPLE["case"] == case].reset_index(drop=True)


def expected(case: str, call: str) -> dict[str, float]:
    rows = ANSWERS[(ANSWERS["case"] == case) & (ANSWERS["call"] == call)]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"], strict=True))


CUTS = [4, 8, 16]
BOTH = ["age", "female"]
CALLS = [
    ("weeks", "cuts", CUTS, {}),
    ("weeks", "cuts covariates", CUTS, {"covariates": BOTH}),
    ("weeks", "cuts strata", CUTS, {"covariates": ["age"], "stratum": "stratum"}),
    ("weeks", "cuts cluster", CUTS, {"cluster": "cluster"}),
    ("weeks", "cuts all", CUTS, {"covariates": BOTH, "stratum": "stratum", "cluster": "cluster"}),
    ("weeks", "pairs", [(0, 4), (9, 16)], {"covariates": BOTH}),
    ("exact", "cuts covariates", [2, 5], {"covariates": ["age"]}),
]


@pytest.mark.parametrize(("case", "call", "windows", "options"), CALLS, ids=[f"{c[0]} {c[1]}" for c in CALLS])
def test_ratios_by_window_as_in_r(case, call, windows, options):
    d = people(case)
    given = {name: d[columns] for name, columns in options.items()}
    found = piecewise_hazard_ratios(d["time"], d["event"], d["treated"], windows, **given)
    wanted = expected(case, call)
    for k, row in enumerate(found.estimates, start=1):
        assert np.log(row.value) == pytest.approx(wanted[f"log_ratio{k}"], rel=ITERATIVE)
        assert row.std_error == pytest.approx(wanted[f"std_error{k}"], rel=ITERATIVE)
        assert row.scale == "log"
    check = found.checks[0]
    assert check.statistic == pytest.approx(wanted["wald"], rel=ITERATIVE)
    assert check.df == len(found.estimates) - 1
    p_value = stats.chi2.sf(wanted["wald"], check.df)
    if "cluster" in options:
        # Hotelling's, with 15 days of birth in the treated arm; R gives Wald's statistic
        assert {row.df for row in found.estimates} == {14}
        q, df = check.df, 28
        assert q > 1
        p_value = stats.f.sf(wanted["wald"] * 14 / 15 * (df - q + 1) / (df * q), q, df - q + 1)
    assert check.p_value == pytest.approx(p_value, rel=1e-5)
    assert check.passed == (check.p_value >= 0.05)


def test_each_window_alone_is_a_cox_regression_of_those_who_reach_it():
    d = people("weeks")
    for row, (low, high) in zip(
        piecewise_hazard_ratios(d["time"], d["event"], d["treated"], CUTS).estimates,
        [(0, 4), (4, 8), (8, 16), (16, 99)],
        strict=True,
    ):
        there = d[d["time"] > low]
        alone = hazard_ratio(
            np.minimum(there["time"], high), there["event"] * (there["time"] <= high), there["treated"]
        )  # fmt: skip
        assert (row.value, row.std_error) == pytest.approx((alone.value, alone.std_error), rel=1e-7)
        assert (row.n, row.n_treated) == (len(there), int(there["treated"].sum()))


def test_one_window_is_the_hazard_ratio():
    d = people("weeks")
    options = {"covariates": d[BOTH], "stratum": d["stratum"], "cluster": d["cluster"]}
    found = piecewise_hazard_ratios(d["time"], d["event"], d["treated"], [(0, np.inf)], **options)
    whole = hazard_ratio(d["time"], d["event"], d["treated"], **options)
    row = found.estimates[0]
    assert (row.value, row.std_error) == pytest.approx((whole.value, whole.std_error), rel=1e-7)
    assert (row.note, row.n, row.n_clusters) == (whole.note, whole.n, 31)
    assert found.checks[0].passed is None
    assert found.checks[0].detail == "fewer than two windows could be estimated"


def test_a_window_holds_its_ends():
    """In whole weeks the cut points 4, 8 and the pairs 0-4, 5-8 are the same; week 4 is in the first of either."""
    d = people("weeks")
    by_cut = piecewise_hazard_ratios(d["time"], d["event"], d["treated"], [4, 8])
    by_pair = piecewise_hazard_ratios(d["time"], d["event"], d["treated"], [(0, 4), (5, 8), (9, np.inf)])
    assert [row.value for row in by_cut.estimates] == [row.value for row in by_pair.estimates]
    assert [row.group for row in by_cut.estimates] == ["to 4", "over 4 to 8", "over 8"]
    assert [row.group for row in by_pair.estimates] == ["0 to 4", "5 to 8", "from 9"]
    named = piecewise_hazard_ratios(d["time"], d["event"], d["treated"], {"threat": (0, 4), "course": (5, 8)})
    assert [row.group for row in named.estimates] == ["threat", "course"]
    assert named.where(group="threat").estimates[0].value == pytest.approx(by_cut.estimates[0].value, rel=1e-12)
    outside = int(((d["time"] > 8) & (d["event"] == 1)).sum())
    assert named.estimates[0].note == f"events in no window, not used: {outside}"
    # an event at 0 belongs to the first window
    at_zero = piecewise_hazard_ratios([0, 0, *d["time"]], [1, 0, *d["event"]], [1, 0, *d["treated"]], [4, 8])
    assert at_zero.estimates[0].n == len(d) + 2
    assert at_zero.estimates[0].value != by_cut.estimates[0].value


def test_windows_without_events_in_an_arm_are_empty_and_the_others_as_in_r():
    d = people("few")
    found = piecewise_hazard_ratios(d["time"], d["event"], d["treated"], [3, 6])
    wanted = expected("few", "cuts")
    for row, k in ((found.estimates[0], 1), (found.estimates[2], 2)):
        assert np.log(row.value) == pytest.approx(wanted[f"log_ratio{k}"], rel=ITERATIVE)
        assert row.std_error == pytest.approx(wanted[f"std_error{k}"], rel=ITERATIVE)
    empty = found.estimates[1]
    assert np.isnan([empty.value, empty.std_error, empty.interval.low]).all()
    assert empty.reason == "nobody in the treated arm had the event in this window"
    assert (empty.n, empty.n_treated) == (int((d["time"] > 3).sum()), int(d.loc[d["time"] > 3, "treated"].sum()))
    assert found.checks[0].statistic == pytest.approx(wanted["wald"], rel=ITERATIVE)
    assert found.checks[0].detail == "2 windows compared"
    # with covariates, the events of a window without an estimate are used for nothing
    given = piecewise_hazard_ratios(d["time"], d["event"], d["treated"], [3, 6], covariates=d["age"])
    without = piecewise_hazard_ratios(d["time"], d["event"], d["treated"], [(0, 3), (7, 10)], covariates=d["age"])
    assert [given.estimates[k].value for k in (0, 2)] == pytest.approx([row.value for row in without.estimates])


def test_reasons_for_an_empty_window():
    time = [1, 1, 2, 2, 3, 3, 7, 8, 9, 10]
    event, arm = [1] * 10, [1, 0, 1, 0, 1, 0, 0, 0, 0, 0]
    reasons = [row.reason for row in piecewise_hazard_ratios(time, event, arm, [3]).estimates]
    assert reasons == ["", "nobody in the treated arm was still at risk"]
    # in the second window all treated leave before the first control
    arm = [1, 0, 1, 0, 1, 0, 1, 1, 0, 0]
    reasons = [row.reason for row in piecewise_hazard_ratios(time, event, arm, [3]).estimates]
    assert reasons[1] == "treatment separates those with the event from those without: the ratio is 0 or infinite"
    # the arms are in different strata there
    arm, stratum = [1, 0, 1, 0, 1, 0, 1, 0, 1, 0], list("aaaaaaabab")
    reasons = [row.reason for row in piecewise_hazard_ratios(time, event, arm, [3], stratum=stratum).estimates]
    assert reasons[1] == "treatment separates those with the event from those without: the ratio is 0 or infinite"
    cluster = [1, 2, 3, 4, 5, 6, 7, 8, 7, 9]
    reasons = [row.reason for row in piecewise_hazard_ratios(time, event, arm, [3], cluster=cluster).estimates]
    assert reasons == ["", "1 clusters in the treated arm; two are needed"]


def test_no_window_with_an_estimate():
    found = piecewise_hazard_ratios([1, 2, 3, 4], [1, 1, 1, 1], [1, 1, 0, 0], [2])
    assert [row.reason != "" for row in found.estimates] == [True, True]
    assert found.checks[0].passed is None


def test_fewer_clusters_than_windows_are_not_compared():
    """Four clusters cannot tell five ratios apart."""
    d = people("weeks")
    found = piecewise_hazard_ratios(d["time"], d["event"], d["treated"], [2, 4, 8, 16], cluster=d["cluster"] // 8)
    assert found.checks[0].passed is None
    assert found.checks[0].detail == "too few clusters to compare the windows"
    assert all(row.estimated for row in found.estimates)


def test_row_order_and_arms():
    d = people("weeks")
    found = piecewise_hazard_ratios(d["time"], d["event"], d["treated"], CUTS, covariates=d[BOTH])
    e = d.sample(frac=1, random_state=1)
    turned = piecewise_hazard_ratios(e["time"], e["event"], 1 - e["treated"], CUTS, covariates=e[BOTH])
    for a, b in zip(found.estimates, turned.estimates, strict=True):
        assert np.log([a.value, b.value]).sum() == pytest.approx(0, abs=1e-9)
        assert a.std_error == pytest.approx(b.std_error, rel=1e-8)
    assert turned.checks[0].statistic == pytest.approx(found.checks[0].statistic, rel=1e-7)


def test_columns_are_compared_among_those_ever_at_risk():
    """The first person is gone before the first event; among the others age and children add up to 2."""
    time, event, arm = [1, 3, 3, 4, 4, 5, 5, 6], [0, 1, 1, 1, 0, 1, 1, 1], [1, 1, 0, 1, 0, 0, 1, 0]
    covariates = np.array([[5, 5], [0, 2], [1, 1], [2, 0], [0, 2], [1, 1], [0, 2], [2, 0]])
    found = piecewise_hazard_ratios(time, event, arm, [(0, 9)], covariates=covariates).estimates[0]
    whole = hazard_ratio(time, event, arm, covariates=covariates)
    wanted = hazard_ratio(time[1:], event[1:], arm[1:], covariates=covariates[1:, 0])
    for row in (found, whole):
        assert (row.value, row.std_error) == pytest.approx((wanted.value, wanted.std_error), rel=1e-8)
        assert row.note == "collinear columns left out: 1 (covariate 2)"
        assert row.n == 8


TIME, EVENT, ARM = [3, 5, 6, 6, 9, 11, 12, 14], [1, 1, 0, 1, 1, 1, 1, 1], [1, 0, 1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": [-1, *TIME[1:]]}, "time has the value -1; must be 0 or more"),
        ({"event": [np.nan, *EVENT[1:]]}, "event has 1 missing or infinite values"),
        ({"treated": [3, *ARM[1:]]}, "treated has the value 3; must be 0 or 1"),
        ({"covariates": [np.nan, *range(7)]}, "covariates, column 'covariate 1', has 1 missing or infinite values"),
        ({"stratum": [None, *"abcdefg"]}, "stratum is missing for 1 people"),
        ({"cluster": [None, *"abcdefg"]}, "cluster is missing for 1 people"),
        ({"windows": []}, "windows is empty; must have a cut point or a pair (from, to)"),
        ({"windows": [0, 4]}, "windows is [0.0, 4.0]; cut points must be above 0 and increasing"),
        ({"windows": [4, 4]}, "windows is [4.0, 4.0]; cut points must be above 0 and increasing"),
        ({"windows": [4, np.inf]}, "windows is [4.0, inf]; cut points must be above 0 and increasing"),
        ({"windows": [4, "8"]}, "windows has '8'; must be numbers"),
        ({"windows": [4, np.nan]}, "windows has nan; must be numbers"),
        ({"windows": [(0, 4), 8]}, "must be cut points, or pairs (from, to)"),
        ({"windows": {"threat": 4}}, "must be cut points, or pairs (from, to)"),
        ({"windows": [(4, 0)]}, "windows has (4, 0); must have 0 <= from <= to"),
        ({"windows": [(0, 4), (4, 8)]}, "windows has (4, 8) after (0, 4); must increase and not overlap"),
        ({"windows": [(5, 8), (0, 4)]}, "windows has (0, 4) after (5, 8); must increase and not overlap"),
        ({"level": 0}, "level is 0; must be between 0 and 1"),
    ],
)
def test_invalid_arguments_name_themselves(change, message):
    with pytest.raises(InvalidInput) as raised:
        piecewise_hazard_ratios(**({"time": TIME, "event": EVENT, "treated": ARM, "windows": [6]} | change))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"event": [0] * 8}, "none of 8 people had the event"),
        ({"treated": [0] * 8}, "nobody in the treated arm"),
        ({"event": [1, 0, 1, 0, 1, 0, 1, 0]}, "nobody in the control arm had the event"),
        ({"cluster": [1, 2, 1, 3, 1, 4, 1, 5]}, "1 clusters in the treated arm; two are needed"),
        ({"covariates": [2 * a + 1 for a in ARM]}, "the covariates or strata determine the treatment"),
        ({"covariates": np.random.default_rng(1).normal(size=(8, 10))}, "the covariates or strata determine"),
        ({"covariates": [0, 0, 1, 0, 0, 0, 0, 0]}, "the likelihood has no maximum: covariate 1 separates"),
    ],
)
def test_ratios_that_cannot_be_estimated(change, reason):
    with pytest.raises(NotEstimable) as raised:
        piecewise_hazard_ratios(**({"time": TIME, "event": EVENT, "treated": ARM, "windows": [6]} | change))
    assert reason in str(raised.value)


def test_windows_of_two_treated_clusters_cannot_be_compared_at_once():
    rng = np.random.default_rng(3)
    cluster = np.repeat(np.arange(20), 30)
    found = piecewise_hazard_ratios(rng.exponential(6, 600), np.ones(600), cluster < 2, [1, 3, 6], cluster=cluster)
    assert [(row.df, row.note) for row in found.estimates] == [
        (1, "only 1.0 degrees of freedom: the interval is not to be relied on")
    ] * 4
    assert found.checks[0].passed is None
    assert found.checks[0].detail == "2.0 degrees of freedom are too few to test 3 contrasts at once"
