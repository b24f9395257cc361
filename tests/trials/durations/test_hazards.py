"""Curves, medians, hazard ratios and the log-rank test: R's answers, published numbers, and what is refused."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Message
from analysis_lib.trials.durations import hazard_ratio, logrank, median_duration, survival_curve

REFERENCE = Path(__file__).parents[2] / "reference"
CLOSED_FORM = 1e-8
# R stops when the log likelihood changes by less than 1e-9 of itself, here when the step is below 1e-8.
ITERATIVE = 1e-7

PEOPLE = pd.read_csv(REFERENCE / "durations_people.csv")
CURVES = pd.read_csv(REFERENCE / "durations_curves.csv")
ANSWERS = pd.read_csv(REFERENCE / "durations_answers.csv")
PUBLIC = pd.read_csv(REFERENCE / "public_answers.csv")
BANDS = list(CURVES.groupby(["case", "level"]).groups)


def people(case: str) -> pd.DataFrame:
    return PEOPLE[PEOPLE["case"] == case].reset_index(drop=True)


def expected(answers: pd.DataFrame, case: str, call: str) -> dict[str, float]:
    rows = answers[(answers["case"] == case) & (answers["call"] == call)]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"], strict=True))


@pytest.mark.parametrize(("case", "level"), BANDS)
def test_survival_curve_as_in_r(case, level):
    d = people(case)
    wanted = CURVES[(CURVES["case"] == case) & (CURVES["level"] == level)]
    found = survival_curve(d["time"], d["event"], level=level)
    np.testing.assert_allclose(found.x, wanted["time"], rtol=CLOSED_FORM)
    np.testing.assert_array_equal(found.at_risk, wanted["at_risk"])
    for name, column in (("y", "survival"), ("low", "low"), ("high", "high")):
        # the curve may be 1e-17 where R has 0
        np.testing.assert_allclose(getattr(found, name), wanted[column], rtol=CLOSED_FORM, atol=1e-14)
    assert (found.start, found.level) == (1.0, level)


@pytest.mark.parametrize(("case", "level"), BANDS)
def test_median_as_in_r(case, level):
    d = people(case)
    wanted = expected(ANSWERS, case, f"median {level}")
    found = median_duration(d["time"], d["event"], interpolate=False, level=level)
    limits = {"value": found.value, "low": found.interval.low, "high": found.interval.high}
    assert limits == pytest.approx(wanted, rel=CLOSED_FORM, nan_ok=True)
    assert ("upper limit not reached" in found.note) == np.isnan(wanted["high"])
    assert ("lower limit not reached" in found.note) == np.isnan(wanted["low"])


def test_interpolated_median_by_hand():
    """2 of 8 leave in week 1, 1 in week 2, 2 in week 4: the curve is 3/4, 5/8, 3/8; halfway from week 2 to week 4."""
    found = median_duration([1, 1, 2, 4, 4, 9, 9, 9], [1, 1, 1, 1, 1, 0, 0, 0])
    assert found.value == pytest.approx(3.0, rel=CLOSED_FORM)
    assert found.note.startswith("whole units of time")
    # Censoring between the points of the curve is no corner of the line.
    censored = median_duration([1, 1, 2, 3, 4, 4, 4, 9, 9], [1, 1, 1, 0, 1, 1, 0, 0, 0])
    before, after = 6 / 9, 6 / 9 * (1 - 2 / 5)
    assert censored.value == pytest.approx(2 + 2 * (before - 0.5) / (before - after), rel=CLOSED_FORM)
    # Down to one half in the first week: the line starts from everyone at time 0.
    assert median_duration([2, 2, 2, 5], [1, 1, 1, 1]).value == pytest.approx(2 * 0.5 / 0.75, rel=CLOSED_FORM)
    # An event at time 0 is a drop, not a slope.
    assert median_duration([0, 0, 3], [1, 1, 1]).value == 0


def test_interpolated_limits_are_crossings_of_the_band():
    d = people("weeks")
    found = median_duration(d["time"], d["event"])
    curve = survival_curve(d["time"], d["event"])
    for limit, band in ((found.interval.low, curve.low), (found.interval.high, curve.high)):
        assert np.interp(limit, curve.x, band) == pytest.approx(0.5, rel=CLOSED_FORM)
    assert np.interp(found.value, curve.x, curve.y) == pytest.approx(0.5, rel=CLOSED_FORM)
    assert np.isnan([found.std_error, found.p_value, found.df]).all()


def test_median_interval_at_another_level_travels_with_the_estimate():
    d = people("weeks")
    for interpolate in (True, False):
        found = pickle.loads(pickle.dumps(median_duration(d["time"], d["event"], interpolate=interpolate)))
        wanted = median_duration(d["time"], d["event"], interpolate=interpolate, level=0.8)
        assert found.interval_at(0.8) == wanted.interval


def test_median_that_is_not_reached_says_how_far_the_curve_came():
    for interpolate in (True, False):
        with pytest.raises(NotEstimable) as raised:
            median_duration([1, 2, 3, 8, 8], [1, 1, 0, 0, 0], interpolate=interpolate)
        reason = "the median is not reached: 60 % had not had the event at the last time, 8"
        assert str(raised.value) == reason


OPTIONS = {
    "plain": {},
    "covariates": {"covariates": ["age", "female"]},
    "strata": {"stratum": "stratum"},
    "cluster": {"cluster": "cluster"},
    "all": {"covariates": ["age", "female"], "stratum": "stratum", "cluster": "cluster"},
}


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("call", OPTIONS)
def test_hazard_ratio_as_in_r(call, ties):
    d = people("weeks")
    given = {name: d[columns] for name, columns in OPTIONS[call].items()}
    found = hazard_ratio(d["time"], d["event"], d["treated"], ties=ties, **given)
    wanted = expected(ANSWERS, "weeks", f"{call} {ties}")
    assert np.log(found.value) == pytest.approx(wanted["log_ratio"], rel=ITERATIVE)
    assert found.std_error == pytest.approx(wanted["std_error"], rel=ITERATIVE)
    # 15 days of birth against 16
    assert (found.scale, found.df) == ("log", 14 if "cluster" in given else np.inf)
    half = stats.t.isf(0.025, found.df) * wanted["std_error"]
    limits = np.exp([wanted["log_ratio"] - half, wanted["log_ratio"] + half])
    assert (found.interval.low, found.interval.high) == pytest.approx(tuple(limits), rel=ITERATIVE)
    assert found.p_value == pytest.approx(
        2 * stats.t.sf(abs(wanted["log_ratio"]) / wanted["std_error"], found.df), rel=1e-5
    )
    assert found.interval_at(0.95) == found.interval
    assert found.n_clusters == (31 if "cluster" in given else None)
    assert (found.n, found.n_treated) == (len(d), int(d["treated"].sum()))
    assert found.note == ""


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_hazard_ratio_of_exact_times_as_in_r(ties):
    d = people("exact")
    found = hazard_ratio(d["time"], d["event"], d["treated"], covariates=d["age"], ties=ties)
    wanted = expected(ANSWERS, "exact", f"covariates {ties}")
    assert np.log(found.value) == pytest.approx(wanted["log_ratio"], rel=ITERATIVE)
    assert found.std_error == pytest.approx(wanted["std_error"], rel=ITERATIVE)


def test_interval_and_p_value_of_the_ratio():
    """Wald on the log scale: the interval's ends are symmetric there, and it holds 1 where p > 0.05."""
    d = people("weeks")
    found = hazard_ratio(d["time"], d["event"], d["treated"])
    low, high = found.interval.low, found.interval.high
    assert np.log(high) - np.log(found.value) == pytest.approx(1.959963984540054 * found.std_error, rel=CLOSED_FORM)
    assert np.sqrt(low * high) == pytest.approx(found.value, rel=CLOSED_FORM)
    assert (low < 1 < high) == (found.p_value > 0.05)


def test_collinear_covariates_are_left_out_and_named():
    d = people("weeks")
    office = d["stratum"].map({"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}).rename("office")
    columns = pd.concat([d["age"], office, (2 * d["age"]).rename("twice")], axis=1)
    found = hazard_ratio(d["time"], d["event"], d["treated"], covariates=columns, stratum=d["stratum"])
    assert found.note == "collinear columns left out: 2 (office, twice)"
    wanted = hazard_ratio(d["time"], d["event"], d["treated"], covariates=d["age"], stratum=d["stratum"])
    assert (found.value, found.std_error) == pytest.approx((wanted.value, wanted.std_error), rel=ITERATIVE)


@pytest.mark.parametrize(
    ("case", "call", "stratified"),
    [("weeks", "logrank", False), ("weeks", "logrank strata", True), ("exact", "logrank", False)],
)
def test_logrank_as_in_r(case, call, stratified):
    d = people(case)
    found = logrank(d["time"], d["event"], d["treated"], stratum=d["stratum"] if stratified else None)
    wanted = expected(ANSWERS, case, call)
    assert found.statistic == pytest.approx(wanted["statistic"], rel=CLOSED_FORM)
    assert found.p_value == pytest.approx(wanted["p_value"], rel=CLOSED_FORM)
    assert found.passed == (wanted["p_value"] >= 0.05)
    assert (found.threshold, found.df) == (0.05, 1)
    text = f"treated: {wanted['observed']:.0f} events, {wanted['expected']:.1f} expected; control: "
    assert found.detail.startswith(text)
    assert isinstance(found.detail, Message)


def test_logrank_is_the_score_test_of_breslow():
    """Cox (1972): with no tied events the log-rank statistic is the score test at a hazard ratio of 1."""
    rng = np.random.default_rng(8)
    time, treated = rng.exponential(size=60), rng.integers(0, 2, 60)
    order = np.argsort(time)
    arm = treated[order]
    share = np.cumsum(arm[::-1])[::-1] / np.arange(60, 0, -1)
    score = (arm - share).sum() ** 2 / (share * (1 - share)).sum()
    assert logrank(time, np.ones(60), treated).statistic == pytest.approx(score, rel=CLOSED_FORM)


TIME, EVENT, ARM = [3, 5, 6, 6, 9, 11, 12, 14], [1, 1, 0, 1, 1, 1, 1, 1], [1, 0, 1, 0, 1, 0, 1, 0]
CALLS = {
    "curve": lambda time, event, **_: survival_curve(time, event),
    "median": lambda time, event, **_: median_duration(time, event),
    "ratio": hazard_ratio,
    "logrank": logrank,
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": [-1, *TIME[1:]]}, "time has the value -1; must be 0 or more"),
        ({"time": [np.nan, *TIME[1:]]}, "time has 1 missing or infinite values"),
        ({"event": [2, *EVENT[1:]]}, "event has the value 2; must be 0 or 1"),
        ({"event": [None, *EVENT[1:]]}, "event has 1 missing values"),
        ({"event": EVENT[1:]}, "event has 7 rows; must have 8"),
    ],
)
def test_invalid_durations_name_the_argument(call, change, message):
    with pytest.raises(InvalidInput) as raised:
        CALLS[call](**({"time": TIME, "event": EVENT, "treated": ARM} | change))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"treated": [3, *ARM[1:]]}, "treated has the value 3; must be 0 or 1"),
        ({"covariates": [np.nan, *range(7)]}, "covariates, column 'covariate 1', has 1 missing or infinite values"),
        ({"stratum": [None, *"abcdefg"]}, "stratum is missing for 1 people"),
        ({"cluster": [None, *"abcdefg"]}, "cluster is missing for 1 people"),
        ({"ties": "exact"}, "ties is 'exact'; must be 'efron' or 'breslow'"),
        ({"level": 0}, "level is 0; must be between 0 and 1"),
    ],
)
def test_invalid_arguments_of_the_hazard_ratio(change, message):
    with pytest.raises(InvalidInput) as raised:
        hazard_ratio(**({"time": TIME, "event": EVENT, "treated": ARM} | change))
    assert message in str(raised.value)


@pytest.mark.parametrize("call", CALLS)
def test_nobody_with_the_event_is_not_estimable(call):
    with pytest.raises(NotEstimable, match="none of 8 people had the event"):
        CALLS[call](time=TIME, event=[0] * 8, treated=ARM)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"treated": [0] * 8}, "nobody in the treated arm"),
        ({"treated": [1] * 8}, "nobody in the control arm"),
        ({"event": [1, 0, 1, 0, 1, 0, 1, 0]}, "nobody in the control arm had the event"),
        ({"cluster": [1, 2, 1, 3, 1, 4, 1, 5]}, "1 clusters in the treated arm; two are needed"),
        ({"stratum": ARM}, "the covariates or strata determine the treatment"),
        ({"covariates": [2 * a + 1 for a in ARM]}, "the covariates or strata determine the treatment"),
        # all treated leave before the first control
        ({"treated": [1, 1, 1, 1, 0, 0, 0, 0]}, "the likelihood has no maximum: treatment separates"),
        # nobody of the second category leaves
        ({"covariates": [0, 0, 1, 0, 0, 0, 0, 0]}, "the likelihood has no maximum: covariate 1 separates"),
    ],
)
def test_hazard_ratios_that_cannot_be_estimated(change, reason):
    with pytest.raises(NotEstimable) as raised:
        hazard_ratio(**({"time": TIME, "event": EVENT, "treated": ARM} | change))
    assert reason in str(raised.value)


def test_logrank_without_times_in_common():
    with pytest.raises(NotEstimable, match="both arms are never at risk of the event at the same time"):
        logrank([1, 2, 5, 6], [0, 0, 1, 1], [1, 1, 0, 0])
    with pytest.raises(NotEstimable, match="nobody in the treated arm"):
        logrank([1, 2], [1, 1], [0, 0])


def rossi(public_data: Path) -> pd.DataFrame:
    d = pd.read_csv(public_data / "Rossi.csv")
    for name, yes in (("fin", "yes"), ("race", "other"), ("wexp", "yes"), ("mar", "not married"), ("paro", "yes")):
        d[name] = (d[name] == yes).astype(int)
    return d


def test_recidivism(public_data):
    """Rossi, Berk and Lenihan (1980) as in Fox and Weisberg's appendix on Cox regression: -0.379 (0.191)."""
    d = rossi(public_data)
    covariates = d[["age", "race", "wexp", "mar", "paro", "prio"]]
    for ties in ("efron", "breslow"):
        found = hazard_ratio(d["week"], d["arrest"], d["fin"], covariates=covariates, ties=ties)
        wanted = expected(PUBLIC, "rossi", ties)
        assert np.log(found.value) == pytest.approx(wanted["log_ratio"], rel=ITERATIVE)
        assert found.std_error == pytest.approx(wanted["std_error"], rel=ITERATIVE)
    efron = hazard_ratio(d["week"], d["arrest"], d["fin"], covariates=covariates)
    assert (round(np.log(efron.value), 3), round(efron.std_error, 3)) == (-0.379, 0.191)
    known = d[d["educ"].notna()]
    found = hazard_ratio(
        known["week"], known["arrest"], known["fin"],
        covariates=known[["age", "wexp", "mar", "paro", "prio"]], stratum=known["race"], cluster=known["educ"],
    )  # fmt: skip
    wanted = expected(PUBLIC, "rossi", "strata and cluster")
    assert np.log(found.value) == pytest.approx(wanted["log_ratio"], rel=ITERATIVE)
    assert found.std_error == pytest.approx(wanted["std_error"], rel=ITERATIVE)
    test = logrank(d["week"], d["arrest"], d["fin"])
    assert test.statistic == pytest.approx(expected(PUBLIC, "rossi", "logrank")["statistic"], rel=CLOSED_FORM)
