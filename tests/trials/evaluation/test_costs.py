"""The balance of a trial's plan: in all, by jobcentre, and what it rests on."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Message
from analysis_lib.trials.cases import in_group
from analysis_lib.trials.effects import difference_in_means
from analysis_lib.trials.evaluation.cost_conclusion import estimate_gain, find_break_even, vary_prices
from analysis_lib.trials.evaluation.costs import (
    BALANCE,
    MEAN_BALANCE,
    NET_BENEFIT,
    TOTAL_BALANCE,
    estimate_costs,
    estimate_costs_by_jobcentre,
    estimate_quantities,
    priced_people,
)

PRICES = {"benefit_week": 3000.0, "meeting": 400.0, "course": 5000.0, "activation_week": 1500.0}


def with_prices(cases, prices=PRICES, ranges=(), **costs):
    """Return the cases with illustrative prices in the plan; one named in `ranges` has a range of its own."""
    plan = cases.trial.costs
    given = []
    for price in plan.prices:
        known = {"value": prices.get(price.id), "year": 2006, "illustrative": True} if price.id in prices else {}
        if price.id in ranges:
            known |= {"low": 0.5 * prices[price.id], "high": 3 * prices[price.id]}
        given.append(price.model_copy(update=known))
    changed = plan.model_copy(update={"prices": tuple(given), **costs})
    return replace(cases, trial=cases.trial.model_copy(update={"costs": changed}))


@pytest.fixture(scope="module")
def priced(hig_cases):
    return with_prices(hig_cases)


def priced_sum(cases):
    """Return everybody's priced sum, and who has one."""
    people = np.column_stack([
        cases.activities[p.activity] if p.activity else cases.priced_weeks[p.id] for p in cases.trial.costs.prices
    ])  # fmt: skip
    return -people @ np.array([PRICES[p.id] for p in cases.trial.costs.prices]), ~np.isnan(people).any(axis=1)


def test_without_prices_there_is_no_balance_and_with_them_there_is(hig_cases, priced):
    rows = estimate_costs(hig_cases).estimates
    assert all(not row.estimated for row in rows)
    assert "is not known" in rows[-1].reason
    found = {row.outcome: row for row in estimate_costs(priced).estimates}
    units = {row.outcome: row.value for row in estimate_quantities(hig_cases).estimates}
    assert found[NET_BENEFIT].value == pytest.approx(-sum(PRICES[name] * units[name] for name in PRICES))
    for name, value in PRICES.items():
        assert found[name].value == pytest.approx(-value * units[name])
    assert {row.unit for row in found.values()} == {"DKK per person"}
    assert "prices of 2006" in found[NET_BENEFIT].note


def test_every_jobcentre_by_itself(priced):
    rows = estimate_costs_by_jobcentre(priced).estimates
    assert [row.group for row in rows] == [*priced.trial.data.jobcentres, "", ""]
    assert [row.estimand for row in rows] == [BALANCE] * 10 + [MEAN_BALANCE, TOTAL_BALANCE]
    money, known = priced_sum(priced)
    known &= priced.design.pair("treated")
    treated, place = priced.design.arm == "treated", priced.frame["jobcentre"].to_numpy()
    for row in rows[:10]:
        own = known & (place == row.group)
        direct = difference_in_means(money[own], treated[own], cluster=priced.design.unit[own])
        assert (row.value, row.std_error) == (pytest.approx(direct.value), pytest.approx(direct.std_error))
        assert (row.n_treated, row.arm, row.outcome) == (int(treated[own].sum()), "treated", NET_BENEFIT)
    sizes = np.array([row.n_treated for row in rows[:10]])
    assert rows[10].value == pytest.approx(sizes @ [row.value for row in rows[:10]] / sizes.sum())
    assert rows[11].value == pytest.approx(rows[10].value * sizes.sum())
    assert rows[11].unit == "DKK"


def test_small_and_absent_jobcentres_are_empty_and_say_why(priced):
    place = priced.frame["jobcentre"].to_numpy()
    stevns = place == "jc_stevns"
    few = in_group(priced, (~stevns | (np.cumsum(stevns) <= 25)) & (place != "jc_faxe"))
    rows = {row.group: row for row in estimate_costs_by_jobcentre(few).estimates[:10]}
    assert rows["jc_stevns"].reason == "an arm is below the least size of 20"
    assert rows["jc_faxe"].reason == "nobody at the jobcentre could be in the comparison"
    assert rows["jc_lolland"].estimated


def test_a_plan_without_prices_or_with_an_unknown_one(hig_cases):
    nothing = replace(hig_cases, trial=hig_cases.trial.model_copy(update={"costs": None}))
    assert not estimate_costs_by_jobcentre(nothing)
    assert not estimate_costs(nothing)
    assert not estimate_gain(nothing, rng=np.random.default_rng(1))
    assert vary_prices(nothing) == "the plan names no prices"
    assert find_break_even(nothing) == "the plan names no prices"
    some = with_prices(hig_cases, {name: PRICES[name] for name in PRICES if name != "meeting"})
    reason = "the price of A meeting is not known"
    rows = estimate_costs_by_jobcentre(some).estimates
    assert {row.reason for row in rows if row.group} == {reason}
    assert vary_prices(some) == reason
    assert estimate_gain(some, rng=np.random.default_rng(1)).estimates[0].reason == reason
    found = {one.price.id: one for one in find_break_even(some)}
    assert found["meeting"].found is not None
    assert (found["course"].found, found["course"].reason) == (None, reason)


def test_blocks_that_jobcentres_may_cross_are_refused(priced):
    blocked = replace(priced, design=replace(priced.design, block=np.arange(len(priced)) % 2))
    (row,) = estimate_costs_by_jobcentre(blocked).estimates
    assert row.reason == "arms were drawn within blocks, which jobcentres may cross"


def test_too_few_people_are_a_reason(priced):
    few = in_group(priced, np.arange(len(priced)) < 25)
    with pytest.raises(NotEstimable, match="fewer than 20 people in an arm"):
        priced_people(few)
    assert [row.reason for row in estimate_costs(few).estimates] == ["fewer than 20 people in an arm"]


def test_prices_are_varied_by_the_plan(hig_cases):
    cases = with_prices(hig_cases, ranges=("meeting",), vary_by=0.1)
    found = vary_prices(cases)
    ends = {one.price.id: (one.low, one.high) for one in found.swings}
    assert ends["meeting"] == (200.0, 1200.0)
    assert ends["course"] == pytest.approx((4500.0, 5500.0))
    units = {row.outcome: row.value for row in estimate_quantities(cases).estimates}
    central = estimate_costs(cases).estimates[-1].value
    for one in found.swings:
        moved = -units[one.price.id] * (one.high - PRICES[one.price.id])
        assert one.at_high.value == pytest.approx(central + moved)
    assert [one.width for one in found.swings] == sorted((one.width for one in found.swings), reverse=True)
    assert not found.without_range
    only = vary_prices(with_prices(hig_cases, ranges=("meeting",), vary_by=None))
    assert [one.price.id for one in only.swings] == ["meeting"]
    assert [price.id for price in only.without_range] == ["benefit_week", "course", "activation_week"]
    assert vary_prices(with_prices(hig_cases, vary_by=None)) == "no price has a range to vary it in"


def test_at_the_break_even_price_the_balance_is_nothing(hig_cases, priced):
    found = find_break_even(priced)
    assert [one.price.id for one in found] == list(PRICES)
    for one in found:
        turned = with_prices(hig_cases, PRICES | {one.price.id: one.found.value})
        assert estimate_costs(turned).estimates[-1].value == pytest.approx(0, abs=1e-6)


def test_a_gain_is_as_sure_as_resampled_days_make_it(priced):
    """The share of draws above 0 is near the normal probability of the balance over its standard error."""
    (row,) = estimate_gain(priced, rng=np.random.default_rng(3)).estimates
    balance = estimate_costs(priced).estimates[-1]
    # 999 draws: three standard errors of a share are at most 0.05; t and percentiles of 15 days differ by less.
    assert row.value == pytest.approx(stats.norm.cdf(balance.value / balance.std_error), abs=0.06)
    assert "999 draws" in row.method
    assert "only 15 units in an arm: resampling is not to be relied on" in row.note
    again = estimate_gain(priced, rng=np.random.default_rng(3)).estimates[0]
    assert again == row


def test_a_quantity_that_is_the_same_for_all_counts_in_a_gain(priced):
    """A course that each of the treated took and no control did: its cost is sure."""
    took = (priced.design.arm == "treated").astype(np.float64)
    sure = replace(priced, activities={**priced.activities, "course_taken": took})
    cheap, dear = (
        estimate_gain(with_prices(sure, PRICES | {"course": price}), rng=np.random.default_rng(3)).estimates[0]
        for price in (1.0, 1e6)
    )
    assert (cheap.value > 0.5, dear.value) == (True, 0.0)


def test_units_that_are_not_in_the_data_are_named(priced):
    nothing = np.full(len(priced), np.nan)
    lacking = replace(priced, activities={**priced.activities, "meetings_held": nothing})
    reason = Message("the units of A meeting are not in the data")
    assert vary_prices(lacking) == reason
    assert estimate_costs_by_jobcentre(lacking).estimates[0].reason == reason
