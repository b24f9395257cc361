"""Published numbers as estimates, against the numbers worked out from them by hand and by another tool."""

import numpy as np
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep

from analysis_lib.errors import DefinitionError
from analysis_lib.trials.definition import read_trial
from analysis_lib.trials.evaluation.sites import pool_places
from analysis_lib.trials.summary_cases import DIFFERENCE_IN_SHARES, SHARE, load_summary


@pytest.fixture(scope="module")
def tta():
    return load_summary(read_trial("tta"))


@pytest.fixture(scope="module")
def mentor():
    return load_summary(read_trial("mentor"))


def test_standard_errors_are_those_that_the_intervals_imply(tta):
    """Half the logarithm of high / low over 1.96: .073, .072, .125 and .084(5), .102, .144."""
    found = [row.std_error for row in tta.estimates]
    np.testing.assert_allclose(found, [0.073, 0.072, 0.125, 0.0845, 0.102, 0.144], atol=5e-4)
    for row in tta.estimates:
        assert row.scale == "log"
        # The interval that the standard error gives again is the published one but for its rounding.
        again = row.interval_at(0.95)
        assert again.low == pytest.approx(row.interval.low, abs=0.008)
        assert again.high == pytest.approx(row.interval.high, abs=0.008)


@pytest.mark.parametrize(
    ("outcome", "statistic", "p_value"), [("recovery", 21.4, 2.3e-5), ("self_support", 12.3, 0.002)]
)
def test_the_municipalities_differ(tta, outcome, statistic, p_value):
    """Cochran's Q worked out from the published intervals; Poulsen et al. (2014) print P = .00005 for recovery."""
    pooling = read_trial("tta").inference.pooling
    (check,) = pool_places(list(tta.where(outcome=outcome).estimates), pooling, level=0.95).heterogeneity.checks
    assert check.statistic == pytest.approx(statistic, abs=0.1)
    assert check.p_value == pytest.approx(p_value, rel=0.1)


def test_sizes_by_site_where_they_were_published(tta):
    found = {(row.outcome, row.group): (row.n_treated, row.n_control) for row in tta.estimates}
    assert found["self_support", "m3"] == (331, 95)
    # Of recovery only the total is known.
    assert found["recovery", "m1"] == (None, None)


def test_shares_and_their_difference(mentor):
    shares = mentor.where(outcome="education", estimand=SHARE).estimates
    assert {row.arm: row.value for row in shares} == {"treated": 16, "control": 12}
    (row,) = mentor.where(outcome="education", estimand=DIFFERENCE_IN_SHARES).estimates
    assert row.value == pytest.approx(4)
    # z = 2.9 for education and 2.1 for a job, worked out from the published numbers.
    assert row.value / row.std_error == pytest.approx(2.94, abs=0.005)
    (job,) = mentor.where(outcome="job", estimand=DIFFERENCE_IN_SHARES).estimates
    assert job.value / job.std_error == pytest.approx(2.15, abs=0.005)


def test_interval_against_statsmodels(mentor):
    (row,) = mentor.where(outcome="education", estimand=DIFFERENCE_IN_SHARES).estimates
    low, high = confint_proportions_2indep(0.16 * 1296, 1296, 0.12 * 1297, 1297, method="wald", compare="diff")
    assert (row.interval.low, row.interval.high) == pytest.approx((100 * low, 100 * high), rel=1e-8)


def test_without_sizes_there_is_no_interval():
    trial = read_trial("mentor")
    known = trial.model_copy(update={"data": trial.data.model_copy(update={"sizes": trial.data.sizes[:1]})})
    rows = load_summary(known)
    assert all(
        row.reason == "the number of people in an arm is not known"
        for row in rows.where(estimand=DIFFERENCE_IN_SHARES).estimates
    )
    control = next(row for row in rows.where(estimand=SHARE).estimates if row.arm == "control")
    assert (control.value, control.n) == (12, None)
    assert np.isnan(control.interval.low)


def test_the_size_of_an_outcome_comes_before_that_of_all():
    data = read_trial("tta").data
    assert data.size_of("recovery", "treated").n == 1948
    assert data.size_of("recovery", "treated", "m1") is None
    assert data.size_of("self_support", "control", "m2").n == 324


def test_a_trial_with_people_is_refused():
    with pytest.raises(
        DefinitionError, match=r"trial hig has data of kind register; must be summary \(others: load_cases\)"
    ):
        load_summary(read_trial("hig"))
