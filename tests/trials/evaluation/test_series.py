"""The plan's series: the array functions with the plan's choices, in percentage points."""

import json
from dataclasses import replace

import numpy as np
import pytest

from analysis_lib.batch.simulated_extract import write_simulated_extract
from analysis_lib.errors import DefinitionError
from analysis_lib.trials.cases import in_group
from analysis_lib.trials.definition import read_trial
from analysis_lib.trials.evaluation.series import LEVEL, MEAN_CHANGE, SLOPE, STANDS_OUT, estimate_series
from analysis_lib.trials.series import interrupted_cohort, interrupted_time_series, placebo_breaks
from analysis_lib.trials.sources import load_cases


@pytest.fixture(scope="module")
def extract(tmp_path_factory):
    return write_simulated_extract("ny_chance", tmp_path_factory.mktemp("series") / "ny_chance", persons=3000, seed=3)


@pytest.fixture(scope="module")
def cases(extract):
    return load_cases(read_trial("ny_chance"), extract)


@pytest.fixture(scope="module")
def found(cases):
    return estimate_series(cases)


def test_the_plan_is_carried_out(cases, found):
    people = cases.series.observed.sum(axis=0)
    broken = cases.series.column("2006-W27")
    ours = {"harmonics": 1, "people": people}
    both = (
        interrupted_cohort(cases.series.inside, cases.series.observed, broken, harmonics=1),
        interrupted_time_series(cases.series.share, broken, lag=8, **ours),
        interrupted_time_series(cases.series.share, broken, method="ar1", **ours),
    )
    assert [row.estimand for row in found.effects.estimates] == [LEVEL, SLOPE, MEAN_CHANGE] * 3
    np.testing.assert_array_equal(found.fitted.y, both[0].fitted.y)
    expected = [row for one in both for row in one.effects.estimates]
    assert {row.estimated for row in found.effects.estimates[:6]} == {True}
    for row, same, unit in zip(found.effects.estimates, expected, (100, 5200, 100) * 3, strict=True):
        assert row.estimated == (same.df >= 2)
        if not row.estimated:
            assert "no useful interval" in row.reason
            continue
        assert row.value == pytest.approx(unit * same.value)
        assert row.std_error == pytest.approx(unit * same.std_error)
        limits = (row.interval.low, row.interval.high)
        assert limits == pytest.approx((unit * same.interval.low, unit * same.interval.high))
        assert (row.p_value, row.n, row.unit) == (same.p_value, len(cases), "percentage points")
    (check,) = found.effects.checks
    same = placebo_breaks(cases.series.share, broken, window=26, harmonics=1, people=people).check
    assert (check.name, check.passed, check.p_value) == (STANDS_OUT, True, same.p_value)
    assert check.statistic == pytest.approx(100 * same.statistic)
    np.testing.assert_array_equal(found.observed.y, cases.series.share)
    assert (found.interruption, len(found.without_break.x)) == (broken, len(people) - broken)


def test_placebo_weeks_see_nothing_of_the_break(cases, found):
    """Jumps at the plan's placebo weeks are those of a series that ends where the campaign begins."""
    names = [row.estimand for row in found.placebo.estimates]
    assert names == [f"level change in week {week}" for week in ("2005-W01", "2005-W27", "2006-W01")]
    later = replace(cases.series, inside=cases.series.inside.copy())
    later.inside[:, cases.series.column("2006-W27") :] = True
    again = estimate_series(replace(cases, series=later))
    assert [row.value for row in again.placebo.estimates] == [row.value for row in found.placebo.estimates]
    assert again.effects.estimates[0].value > 50


def test_the_simulated_break_is_found(extract, found):
    """The mean change of the expected series, by the same model, is in the interval, as it must be for most seeds."""
    truth = json.loads((extract / "truth.json").read_text(encoding="utf-8"))["series"]
    share, plan = np.array(truth["expected_share"]), read_trial("ny_chance").series
    expected = interrupted_time_series(share, found.interruption, lag=plan.lag_weeks, harmonics=plan.harmonics)
    row, same = found.effects.estimates[2], expected.effects.estimates[2]
    weekly = found.effects.estimates[5]
    assert row.interval.low <= 100 * same.value <= row.interval.high
    assert row.interval.low > 0
    assert row.std_error > 2 * weekly.std_error


def test_the_plan_chooses_whose_rows_come_first(cases, found):
    series = cases.trial.series.model_copy(update={"errors": "ar1"})
    other = estimate_series(replace(cases, trial=cases.trial.model_copy(update={"series": series})))
    people, weekly, ar1 = (found.effects.estimates[k : k + 3] for k in (0, 3, 6))
    assert other.effects.estimates == (*people, *ar1, *weekly)
    np.testing.assert_array_equal(other.fitted.y, found.fitted.y)


def test_few_people_have_no_series(cases):
    few = estimate_series(in_group(cases, np.arange(len(cases)) < 10))
    least = cases.trial.inference.min_per_arm
    assert {row.reason for row in few.effects.estimates} == {f"fewer than {least} people are observed in a week"}
    assert few.effects.checks[0].passed is None
    assert (few.fitted, few.without_break, len(few.placebo)) == (None, None, 0)


def test_a_share_that_never_changes_is_empty(cases):
    still = replace(cases.series, inside=np.zeros_like(cases.series.inside))
    rows = estimate_series(replace(cases, series=still)).effects.estimates
    assert not any(row.estimated for row in rows)
    assert all(row.reason for row in rows)


def test_a_trial_without_a_series_is_refused(hig_cases):
    with pytest.raises(DefinitionError, match="trial hig has no series"):
        estimate_series(hig_cases)
