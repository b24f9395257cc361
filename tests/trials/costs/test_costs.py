"""Costs and benefits: hand calculations, naive second implementations, and the direct estimate of the priced sum."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis_lib.parameters import Text, check_definition
from analysis_lib.trials.costs import (
    Component,
    JointEffects,
    Price,
    break_even,
    cost_benefit,
    discount_factors,
    discounted_sum,
    joint_effects,
    net_benefit,
    net_benefit_by_jobcentre,
    probability_of_gain,
    sensitivity,
)
from analysis_lib.trials.effects import difference_in_means, lin_adjusted

# Closed forms in double precision on both sides.
CLOSED_FORM = 1e-8
N = 240


def text(word):
    return Text(da=word, en=word)


def price(name, value, **more):
    given = {"label": text(name), "per": text("unit"), "year": 2009, "mark": "derived" if value else "unknown"} | more
    return Price(id=name, value=value, **given)


def component(name, value, counts_as="cost", **more):
    return Component(id=name, label=text(name), price=price(name, value, **more), counts_as=counts_as)


COMPONENTS = [
    component("benefit_weeks", 3500.0, mark="verified", source="a law", low=3400.0, high=3600.0),
    component("cash_weeks", 2300.0, std_error=100.0),
    component("meetings", 450.0, mark="recalled", low=200.0, high=900.0),
    component("programme_weeks", 1800.0),
    component("taxes", 1.0, counts_as="gain"),
]
WEIGHTS = np.array([-3500.0, -2300.0, -450.0, -1800.0, 1.0])


def people(seed, n=N, treated=None):
    rng = np.random.default_rng(seed)
    arm = np.repeat([1, 0], [n // 3, n - n // 3] if treated is None else [treated, n - treated])
    arm = rng.permutation(arm)
    unemployed = np.minimum(rng.exponential(20 - 3 * arm), 52)
    cash = np.where(rng.random(n) < 0.3, unemployed, 0)
    quantities = np.column_stack(
        [unemployed - cash, cash, rng.poisson(2 + 5 * arm), rng.poisson(1 + arm), (52 - unemployed) * 3000]
    )
    return pd.DataFrame(quantities, columns=[c.id for c in COMPONENTS]), arm, rng


DESIGNS = ["plain", "covariates", "block", "cluster", "block and cluster", "covariates and cluster"]


def options(design, rng, n=N):
    given = {}
    if "covariates" in design:
        given["covariates"] = rng.normal(size=(n, 2))
    if "block" in design:
        given["block"] = rng.integers(0, 3, n)
    if "cluster" in design:
        given["cluster"] = rng.integers(0, 31, n)
    return given


# The whole against the direct estimate


@pytest.mark.parametrize("design", DESIGNS)
def test_delta_method_equals_the_direct_estimate_of_the_priced_sum(design):
    quantities, arm, rng = people(3)
    more = options(design, rng)
    found = net_benefit(quantities, arm, COMPONENTS, **more).estimates[-1]
    direct = lin_adjusted(quantities.to_numpy() @ WEIGHTS, arm, more.pop("covariates", np.empty((N, 0))), **more)
    for name in ("value", "std_error", "df", "p_value"):
        assert getattr(found, name) == pytest.approx(getattr(direct, name), rel=CLOSED_FORM), name
    assert found.interval.low == pytest.approx(direct.interval.low, rel=CLOSED_FORM)
    assert (found.n_treated, found.n_control, found.n_clusters) == (80, 160, direct.n_clusters)


@pytest.mark.parametrize("design", ["plain", "block", "cluster"])
def test_delta_method_has_the_standard_error_of_the_difference_in_means(design):
    quantities, arm, rng = people(4)
    more = options(design, rng)
    found = net_benefit(quantities, arm, COMPONENTS, **more).estimates[-1]
    direct = difference_in_means(quantities.to_numpy() @ WEIGHTS, arm, **more)
    assert (found.value, found.std_error) == pytest.approx((direct.value, direct.std_error), rel=CLOSED_FORM)


def test_components_are_priced_differences_and_add_up():
    quantities, arm, _ = people(5)
    rows = net_benefit(quantities, arm, COMPONENTS).estimates
    for row, weight, name in zip(rows, WEIGHTS, quantities, strict=False):
        plain = difference_in_means(quantities[name], arm)
        assert row.value == pytest.approx(weight * plain.value, rel=CLOSED_FORM)
        assert row.std_error == pytest.approx(abs(weight) * plain.std_error, rel=CLOSED_FORM)
        assert (row.outcome, row.unit) == (name, "DKK per person")
    assert rows[-1].value == pytest.approx(sum(row.value for row in rows[:-1]), rel=CLOSED_FORM)
    assert rows[0].note == "price 3500.00 DKK per unit (2009 level, verified)"
    assert rows[2].note == "price 450.00 DKK per unit (2009 level, from memory)"
    assert rows[-1].note == "prices of 2009; prices not verified: meetings"


def test_joint_covariance_against_a_naive_one():
    """By arm, the covariance matrix of the quantities over the arm's size."""
    quantities, arm, _ = people(6)
    found = joint_effects(quantities, arm)
    table = quantities.to_numpy()
    naive = sum(np.cov(table[arm == side].T) / np.sum(arm == side) for side in (0, 1))
    assert found.covariance == pytest.approx(naive, rel=CLOSED_FORM)
    assert found.values == pytest.approx(table[arm == 1].mean(axis=0) - table[arm == 0].mean(axis=0), rel=CLOSED_FORM)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(-1e4, 1e4), min_size=5, max_size=5).filter(lambda w: max(map(abs, w)) > 1), st.integers(0, 99)
)
def test_any_weighted_sum_has_the_variance_of_the_direct_estimate(weights, seed):
    quantities, arm, rng = people(seed, n=60)
    cluster = rng.integers(0, 12, 60)
    effects = joint_effects(quantities, arm, cluster=cluster)
    direct = difference_in_means(quantities.to_numpy() @ weights, arm, cluster=cluster)
    variance = np.array(weights) @ effects.covariance @ weights
    assert math.sqrt(variance) == pytest.approx(direct.std_error, rel=1e-7)
    assert effects.df == pytest.approx(direct.df, rel=CLOSED_FORM)


# Discounting


@pytest.mark.parametrize(("weeks", "rate"), [(1, 0.04), (52, 0.0), (104, 0.035), (260, 0.05)])
def test_factors_add_up_to_an_annuity(weeks, rate):
    """Paid in advance: (1 - v^W) / (1 - v), v = (1 + r)^(-1/52); W where r is 0."""
    v = (1 + rate) ** (-1 / 52)
    annuity = weeks if rate == 0 else (1 - v**weeks) / (1 - v)
    assert discount_factors(weeks, rate).sum() == pytest.approx(annuity, rel=CLOSED_FORM)


def test_discounted_sums_against_a_loop():
    rng = np.random.default_rng(2)
    weekly = rng.integers(0, 3, (7, 80))
    naive = [sum(row[w] / 1.04 ** (w / 52) for w in range(60)) for row in weekly.tolist()]
    assert discounted_sum(weekly, yearly_rate=0.04, horizon=60) == pytest.approx(naive, rel=CLOSED_FORM)
    assert discounted_sum(weekly > 1, yearly_rate=0) == pytest.approx((weekly > 1).sum(axis=1), rel=CLOSED_FORM)


# Draws


def test_draws_give_percentiles_and_their_own_standard_error():
    rng = np.random.default_rng(9)
    covariance = np.array([[0.5, -0.2], [-0.2, 0.3]])
    effects = JointEffects(values=np.array([-2.0, 4.0]), covariance=covariance)
    pair = [component("weeks", 1000.0), component("meetings", 300.0)]
    draws = rng.multivariate_normal(effects.values, covariance, size=4000)
    by_draws, by_delta = (cost_benefit(effects, pair, draws=d).estimates[-1] for d in (draws, None))
    sums = draws @ [-1000.0, -300.0]
    assert by_draws.value == by_delta.value == 2000 - 1200
    assert (by_draws.interval.low, by_draws.interval.high) == pytest.approx(tuple(np.quantile(sums, [0.025, 0.975])))
    assert by_draws.std_error == pytest.approx(sums.std(ddof=1), rel=CLOSED_FORM)
    assert by_draws.interval_at(0.5).low == pytest.approx(np.quantile(sums, 0.25))
    assert by_draws.method == "percentiles of 4000 draws"
    # by hand: 1000^2 x 0.5 + 300^2 x 0.3 + 2 x 1000 x 300 x (-0.2) = 407,000
    assert by_delta.std_error == pytest.approx(math.sqrt(407000), rel=CLOSED_FORM)
    # four Monte Carlo standard errors: of a standard deviation, s / sqrt(2 x 4000), and of a share
    assert abs(by_draws.std_error - by_delta.std_error) < 4 * by_delta.std_error / math.sqrt(8000)
    assert abs(by_draws.p_value - by_delta.p_value) < 4 * 2 * math.sqrt(0.25 / 4000)
    gain = probability_of_gain(draws, pair)
    truth = float(stats.norm.sf(-800 / math.sqrt(407000)))
    assert gain.value == np.mean(sums > 0)
    assert abs(gain.value - truth) < 4 * math.sqrt(truth * (1 - truth) / 4000)


def test_wilson_interval_of_the_share_of_draws():
    """statsmodels' proportion_confint(method="wilson"), also where every draw is a gain."""
    from statsmodels.stats.proportion import proportion_confint

    weeks = [component("weeks", 1000.0)]
    for gains in (0, 7, 250, 500):
        draws = np.r_[np.full(gains, -1.0), np.full(500 - gains, 1.0)][:, None]
        found = probability_of_gain(draws, weeks, level=0.9)
        wanted = proportion_confint(gains, 500, alpha=0.1, method="wilson")
        assert (found.interval.low, found.interval.high) == pytest.approx(wanted, rel=CLOSED_FORM, abs=1e-12)
        assert found.interval_at(0.9) == found.interval


# Break-even prices and sensitivity


def test_break_even_price_makes_the_net_benefit_zero_and_its_set_is_where_it_does_not_differ():
    quantities, arm, _ = people(7, n=3000)
    effects = joint_effects(quantities, arm)
    for name in ("meetings", "benefit_weeks"):
        found = break_even(effects, COMPONENTS, name, level=0.9)

        def at(value, name=name):
            priced = [
                c.model_copy(update={"price": c.price.model_copy(update={"value": value})}) if c.id == name else c
                for c in COMPONENTS
            ]
            return cost_benefit(effects, priced, level=0.9).estimates[-1]

        assert at(found.value).value == pytest.approx(0, abs=1e-6)
        assert found.confidence_set.contains(found.value)
        ends = [end for part in found.confidence_set.parts for end in part if math.isfinite(end)]
        assert ends
        for end in ends:
            assert at(end).p_value == pytest.approx(0.1, rel=1e-6)
    assert found.confidence_set.unit == "DKK per unit"


def test_break_even_of_an_unknown_price_and_of_one_that_two_components_share():
    """By hand: 3 weeks less at 1,000 pay 5 meetings up to 600 each; a shared price counts both differences."""
    effects = JointEffects(values=np.array([-3.0, 4.0, 1.0]), covariance=np.diag([0.2, 0.1, 0.1]), df=50)
    meeting = price("meeting", None)
    shared = [Component(id=i, label=text(i), price=meeting, counts_as="cost") for i in ("long", "short")]
    found = break_even(effects, [component("weeks", 1000.0), *shared], "meeting")
    assert found.value == pytest.approx(600, rel=CLOSED_FORM)
    t = stats.t.ppf(0.975, 50)
    roots = np.roots([25 - t**2 * 0.2, -2 * 3000 * 5, 3000**2 - t**2 * 1000**2 * 0.2])
    assert found.confidence_set.parts[0] == pytest.approx(tuple(sorted(roots)), rel=CLOSED_FORM)


def test_break_even_where_units_hardly_differ_is_no_interval():
    effects = JointEffects(values=np.array([-3.0, 0.1]), covariance=np.diag([0.2, 0.1]))
    found = break_even(effects, [component("weeks", 1000.0), component("meetings", 450.0)], "meetings")
    assert found.confidence_set.shape == "two rays"


def test_sensitivity_varies_one_price_at_a_time():
    effects = JointEffects(
        values=np.array([-2.0, -0.5, 5.0, 1.0, 900.0]), covariance=np.diag([0.3, 0.1, 0.2, 0.1, 900.0])
    )
    found = sensitivity(effects, COMPONENTS)
    # by hand: 2 x 3500 + 0.5 x 2300 - 5 x 450 - 1800 + 900 = 5,000
    assert found.central.value == pytest.approx(5000, rel=CLOSED_FORM)
    assert [s.price.id for s in found.swings] == ["meetings", "benefit_weeks", "cash_weeks"]
    meetings, weeks, cash = found.swings
    assert (meetings.at_low.value, meetings.at_high.value) == pytest.approx((6250, 2750), rel=CLOSED_FORM)
    assert (weeks.at_low.value, weeks.at_high.value) == pytest.approx((4800, 5200), rel=CLOSED_FORM)
    factor = math.exp(stats.norm.ppf(0.975) * 100 / 2300)
    assert (cash.low, cash.high) == pytest.approx((2300 / factor, 2300 * factor), rel=CLOSED_FORM)
    assert cash.width == pytest.approx(0.5 * (2300 * factor - 2300 / factor), rel=CLOSED_FORM)
    # by hand: 3500^2 x 0.3 + 2300^2 x 0.1 + 900^2 x 0.2 + 1800^2 x 0.1 + 900
    assert meetings.at_high.std_error == pytest.approx(math.sqrt(4690900), rel=CLOSED_FORM)
    assert [p.id for p in found.without_range] == ["programme_weeks", "taxes"]


def test_a_shared_price_moves_all_its_components():
    week = price("week", 1000.0, low=500.0, high=2000.0)
    both = [Component(id=i, label=text(i), price=week, counts_as="cost") for i in ("benefit", "cash")]
    found = sensitivity(JointEffects(values=[-2.0, -1.0], covariance=np.eye(2)), both)
    assert [(s.at_low.value, s.at_high.value) for s in found.swings] == [(1500.0, 6000.0)]


# Jobcentres


def test_jobcentres_are_estimated_alone_and_weighted_by_those_assigned():
    quantities, arm, rng = people(11)
    centre = rng.choice(["odense", "vejle", "aabenraa"], N, p=[0.5, 0.3, 0.2])
    rows = net_benefit_by_jobcentre(quantities, arm, centre, COMPONENTS, least=5).estimates
    assert [r.group for r in rows[::2]] == ["aabenraa", "odense", "vejle", ""]
    priced = quantities.to_numpy() @ WEIGHTS
    total = variance = 0.0
    for person, whole in zip(rows[:-2:2], rows[1:-2:2], strict=True):
        inside = centre == person.group
        direct = difference_in_means(priced[inside], arm[inside])
        count = int(arm[inside].sum())
        assert (person.value, person.std_error) == pytest.approx((direct.value, direct.std_error), rel=CLOSED_FORM)
        assert whole.value == pytest.approx(count * direct.value, rel=CLOSED_FORM)
        assert whole.interval.low == pytest.approx(count * person.interval.low, rel=CLOSED_FORM)
        assert (person.n_treated, whole.unit) == (count, "DKK")
        total, variance = total + whole.value, variance + whole.std_error**2
    assert rows[-1].value == pytest.approx(total, rel=CLOSED_FORM)
    assert rows[-1].std_error == pytest.approx(math.sqrt(variance), rel=CLOSED_FORM)
    assert rows[-2].value == pytest.approx(total / arm.sum(), rel=CLOSED_FORM)


def test_days_of_birth_that_cross_jobcentres_are_in_the_sum_s_variance():
    """Against the sandwich written out: CR2 of the regression by jobcentre, weighted by those treated."""
    rng = np.random.default_rng(12)
    day, centre = rng.integers(1, 32, N), rng.choice(["odense", "vejle"], N)
    arm = (day <= 15).astype(int)
    y = rng.normal(size=N) + rng.normal(size=32)[day]
    found = net_benefit_by_jobcentre(y[:, None], arm, centre, [component("y", 1.0, "gain")], cluster=day).estimates
    design = np.column_stack([(centre == c) * (arm == a) for a in (0, 1) for c in ("odense", "vejle")]).astype(float)
    share = design[:, 2:].sum(axis=0) / arm.sum()
    contrast = np.r_[-share, share]
    bread = np.linalg.inv(design.T @ design)
    maker = np.eye(N) - design @ bread @ design.T
    variance = 0.0
    for label in np.unique(day):
        at = np.flatnonzero(day == label)
        values, vectors = np.linalg.eigh(maker[np.ix_(at, at)])
        powers = np.where(values > 1e-10, np.abs(values) ** -0.5, 0)
        score = contrast @ bread @ design[at].T @ (vectors * powers) @ vectors.T @ (maker @ y)[at]
        variance += score**2
    assert found[-2].value == pytest.approx(contrast @ bread @ design.T @ y, rel=CLOSED_FORM)
    assert found[-2].std_error == pytest.approx(math.sqrt(variance), rel=CLOSED_FORM)
    assert found[-1].n_clusters == len(np.unique(day))


def test_small_jobcentres_are_empty_and_say_why():
    quantities, arm, _ = people(13)
    centre = np.where(np.arange(N) < 220, "odense", "vejle")
    centre[230:] = "stevns"
    arm[220:230], arm[230:] = [1] * 3 + [0] * 7, 0
    found = net_benefit_by_jobcentre(quantities, arm, centre, COMPONENTS, least=20)
    rows = {(r.group, r.unit): r for r in found.estimates}
    for name in ("stevns", "vejle"):
        for unit in ("DKK", "DKK per person"):
            assert math.isnan(rows[name, unit].value)
            assert rows[name, unit].reason == "an arm is below the least size of 20"
    assert rows["odense", "DKK"].estimated
    note = "jobcentres left out for want of two people or clusters in an arm: 1, with 10 people"
    assert rows["", "DKK"].note.endswith(note)
    # vejle is too small to be shown and counts in the sum
    assert rows["", "DKK"].n == 230
    assert rows["", "DKK"].value != pytest.approx(rows["odense", "DKK"].value, rel=1e-6)


# Definitions


def test_prices_can_be_read_from_a_definition():
    content = {
        "id": "meeting", "label": {"da": "Samtaler", "en": "Meetings"}, "per": {"da": "samtale", "en": "meeting"},
        "value": 450, "year": 2009, "mark": "recalled", "low": 300, "high": 600,
    }  # fmt: skip
    found = check_definition(content, Price, "prices.yml")
    assert (found.value, found.range_at(0.95)) == (450, (300, 600))
