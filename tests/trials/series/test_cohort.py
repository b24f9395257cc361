"""A break in a cohort's share with people as clusters: statsmodels on person-weeks, and what must not matter."""

import numpy as np
import pytest
import statsmodels.api as sm

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.series import interrupted_cohort, interrupted_time_series

CLOSED = {"rel": 1e-8, "abs": 1e-12}
BREAK = 30


def cohort(n=60, weeks=70, seed=3):
    """People who stay in a state for long, some of whom are not observed to the end."""
    rng = np.random.default_rng(seed)
    inside = rng.normal(size=(n, 1)) + 0.4 * rng.normal(size=(n, weeks)) < np.where(
        np.arange(weeks) < BREAK, -0.8, -0.3
    )
    return inside, np.arange(weeks) < rng.integers(40, 2 * weeks, size=(n, 1))


def in_person_weeks(inside, observed, harmonics):
    """Return statsmodels' values and standard errors by person, with n / (n - 1) as the only correction."""
    person, week = np.nonzero(observed)
    since, late = week - BREAK, (week >= BREAK).astype(float)
    columns = [np.ones(len(week)), since, late, late * since]
    for j in range(1, harmonics + 1):
        columns += [np.cos(2 * np.pi * j * week / (365.25 / 7)), np.sin(2 * np.pi * j * week / (365.25 / 7))]
    fit = sm.OLS(inside[observed].astype(float), np.column_stack(columns)).fit(
        cov_type="cluster", cov_kwds={"groups": person, "use_correction": False}
    )
    mean = np.zeros(len(fit.params))
    mean[2:4] = 1, np.arange(inside.shape[1] - BREAK).mean()
    contrasts = np.vstack([np.eye(len(mean))[2], np.eye(len(mean))[3], mean])
    n = len(inside)
    variance = np.einsum("qi,ij,qj->q", contrasts, fit.cov_params(), contrasts) * n / (n - 1)
    return contrasts @ fit.params, np.sqrt(variance)


@pytest.mark.parametrize("harmonics", [0, 1])
def test_as_statsmodels_on_person_weeks(harmonics):
    inside, observed = cohort()
    rows = interrupted_cohort(inside, observed, BREAK, harmonics=harmonics).effects.estimates
    values, errors = in_person_weeks(inside, observed, harmonics)
    assert [row.value for row in rows] == pytest.approx(values.tolist(), **CLOSED)
    assert [row.std_error for row in rows] == pytest.approx(errors.tolist(), **CLOSED)
    assert {row.df for row in rows} == {59.0}


def test_values_and_curves_are_those_of_the_weekly_shares():
    inside, observed = cohort()
    people = observed.sum(axis=0)
    found = interrupted_cohort(inside, observed, BREAK)
    weekly = interrupted_time_series((inside & observed).sum(axis=0) / people, BREAK, lag=4, people=people)
    for one, other in zip(found.effects, weekly.effects, strict=True):
        assert one.value == pytest.approx(other.value, **CLOSED)
    np.testing.assert_allclose(found.fitted.y, weekly.fitted.y)
    np.testing.assert_allclose(found.without_break.y, weekly.without_break.y)
    assert (found.fitted.low < found.fitted.y).all()
    # people who stay make weeks alike, of which weekly ups and downs say little
    assert found.effects[2].std_error > 1.5 * weekly.effects[2].std_error


def test_order_of_people_and_the_complement():
    inside, observed = cohort()
    order = np.random.default_rng(1).permutation(len(inside))
    one, moved, other = (
        interrupted_cohort(*given, BREAK).effects.estimates
        for given in ((inside, observed), (inside[order], observed[order]), (~inside, observed))
    )
    for row, same, opposite in zip(one, moved, other, strict=True):
        assert same.value == pytest.approx(row.value, **CLOSED)
        assert same.std_error == pytest.approx(row.std_error, **CLOSED)
        assert opposite.value == pytest.approx(-row.value, **CLOSED)
        assert opposite.std_error == pytest.approx(row.std_error, **CLOSED)


def test_weeks_in_which_a_person_is_not_observed_do_not_count():
    inside, observed = cohort()
    found = interrupted_cohort(inside | ~observed, observed, BREAK)
    assert [r.value for r in found.effects] == [r.value for r in interrupted_cohort(inside, observed, BREAK).effects]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"inside": [[0.5, 0.1]]}, InvalidInput, "inside is float64 of 2 dimensions; must be booleans"),
        ({"observed": np.ones(70, dtype=bool)}, InvalidInput, "observed is bool of 1 dimensions; must be booleans"),
        (
            {"observed": np.ones((3, 70), dtype=bool)},
            InvalidInput,
            r"observed has shape \(3, 70\); must have \(60, 70\)",
        ),
        ({"interruption": 70}, InvalidInput, "interruption is 70; must be a whole number from 1 to 69"),
        ({"interruption": 2}, NotEstimable, "2 weeks before the break; 3 are needed"),
        ({"level": 1}, InvalidInput, "level is 1"),
        ({"observed": np.zeros((60, 70), dtype=bool)}, NotEstimable, "nobody is observed in 70 weeks"),
        ({"inside": np.zeros((60, 70), dtype=bool)}, NotEstimable, "no variation"),
    ],
)
def test_what_cannot_be_is_named(given, error, message):
    inside, observed = cohort()
    arguments = {"inside": inside, "observed": observed, "interruption": BREAK} | given
    with pytest.raises(error, match=message):
        interrupted_cohort(**arguments)


def test_one_person_is_no_cohort():
    inside, observed = cohort()
    with pytest.raises(NotEstimable, match="1 people in the cohort; two are needed"):
        interrupted_cohort(inside[:1], observed[:1], BREAK)
