"""What is withheld from flows, balance tables and curves, and what a reader could work out from the rest."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.reporting.disclosure import (
    DisclosureRule,
    cells_to_cover,
    protect_balance,
    protect_curve,
    protect_flow,
    protect_parts,
    sites_to_hide,
)
from analysis_lib.reporting.protected_rows import flow_cells
from analysis_lib.reporting.suppression import exposed_cells
from analysis_lib.results import Check, Message
from analysis_lib.trials.design.balance import Balance, BalanceRow
from analysis_lib.trials.durations import survival_curve
from analysis_lib.trials.flow import ArmCount, Flow, FlowStep

RULE = DisclosureRule()
# Of binary numbers, far below the fourth digit that must be gone.
ROUNDING = 1e-12


def make_flow(excluded=(30, 8), treated=(100, 90), control=(110, 104)):
    arms = tuple(
        ArmCount(arm=name, assigned=assigned, outcome_known={"weeks": known})
        for name, (assigned, known) in (("treated", treated), ("control", control))
    )
    steps = tuple(FlowStep(reason=Message(f"reason {n}"), count=count) for n, count in enumerate(excluded))
    start = sum(excluded) + treated[0] + control[0]
    return Flow(start_label=Message("people"), start=start, exclusions=steps, arms=arms)


def test_a_flow_of_large_counts_is_shown_whole():
    flow = make_flow()
    shown = protect_flow(flow, RULE)
    assert not shown.withheld
    assert (shown.start, shown.assigned, [step.count for step in shown.exclusions]) == (248, 210, [30, 8])
    assert [(arm.assigned, arm.outcome_known) for arm in shown.arms] == [(100, {"weeks": 90}), (110, {"weeks": 104})]


def test_a_small_exclusion_goes_with_a_second_one():
    shown = protect_flow(make_flow(excluded=(30, 8, 2)), RULE)
    assert [step.count for step in shown.exclusions] == [30, None, None]
    assert (shown.start, shown.assigned) == (250, 210)
    assert shown.withheld


def test_few_people_without_the_outcome_hide_how_many_have_it():
    # 100 assigned and 98 known would show that 2 left
    shown = protect_flow(make_flow(treated=(100, 98)), RULE)
    assert shown.arms[0].outcome_known == {"weeks": None}
    assert shown.arms[0].assigned == 100
    assert shown.arms[1].outcome_known == {"weeks": 104}


def test_everything_can_be_withheld():
    shown = protect_flow(make_flow(), RULE, hide_counts=True)
    counts = [shown.start, shown.assigned, *(step.count for step in shown.exclusions)]
    counts += [count for arm in shown.arms for count in (arm.assigned, *arm.outcome_known.values())]
    assert set(counts) == {None}


def test_one_shows_everything():
    assert not protect_flow(make_flow(excluded=(1, 2), treated=(3, 2)), DisclosureRule(min_count=1)).withheld


@given(
    st.lists(st.integers(0, 12), max_size=3),
    st.tuples(st.integers(0, 40), st.integers(0, 6)),
    st.tuples(st.integers(0, 40), st.integers(0, 6)),
    st.integers(2, 6),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_no_count_of_a_flow_follows_from_those_shown(excluded, treated, control, least):
    arms = [(known + lost, known) for known, lost in (treated, control)]
    flow = make_flow(tuple(excluded), *arms)
    counts, relations = flow_cells(flow)
    shown = protect_flow(flow, DisclosureRule(min_count=least))
    printed = {"start": shown.start, "assigned": shown.assigned}
    printed |= {f"excluded {n}": step.count for n, step in enumerate(shown.exclusions)}
    for arm in shown.arms:
        printed |= {f"arm {arm.arm}": arm.assigned, f"known {arm.arm} weeks": arm.outcome_known["weeks"]}
        # those without the outcome are known to the reader where both of these are printed
        known = arm.assigned is not None and arm.outcome_known["weeks"] is not None
        printed[f"unknown {arm.arm} weeks"] = arm.assigned - arm.outcome_known["weeks"] if known else None
    assert all(n is None or n == 0 or n >= least for n in printed.values())
    hidden = {cell for cell, n in printed.items() if n is None}
    # a cell that is not printed may still be a zero, which the reader is then not told
    assert not exposed_cells({cell for cell in hidden if counts[cell] > 0}, counts, relations)


def test_parts_of_a_shown_total():
    assert protect_parts({"job": 61, "other": 20, "left": 2}, RULE) == {"job": 61, "other": None, "left": None}
    assert protect_parts({"job": 61, "left": 0}, RULE) == {"job": 61, "left": 0}
    assert protect_parts({}, RULE) == {}


def make_row(covariate, level, treated, control):
    return BalanceRow(
        covariate=covariate, level=level, mean_treated=treated, mean_control=control, difference=treated - control,
        std_error=0.1, adjusted_difference=0.01, normalised_difference=0.05,
    )  # fmt: skip


def make_balance(rows, n=(100, 100)):
    joint = Check(name="joint", passed=True, p_value=0.4)
    return Balance(arm="treated", n_treated=n[0], n_control=n[1], rows=tuple(rows), joint=joint)


def withheld(protected):
    return [f"{row.covariate}.{row.level}" for row in protected.rows if math.isnan(row.mean_treated)]


def test_a_rare_level_goes_with_a_second_one():
    rows = [make_row("sex", "man", 0.5, 0.4), make_row("sex", "woman", 0.5, 0.6)]
    rows += [make_row("school", name, share, 0.3) for name, share in (("a", 0.03), ("b", 0.27), ("c", 0.6))]
    # the levels of the treated leave out 10 of 100: the rest is a group of its own, and large
    protected = protect_balance(make_balance(rows), RULE)
    assert withheld(protected) == ["school.a"]
    assert protected.withheld == 1
    assert all(math.isnan(value) for value in (protected.rows[2].difference, protected.rows[2].normalised_difference))
    whole = [make_row("school", name, share, 0.25) for name, share in (("a", 0.03), ("b", 0.27), ("c", 0.7))]
    assert withheld(protect_balance(make_balance(whole), RULE)) == ["school.a", "school.b"]


def test_an_indicator_is_a_share_and_so_is_its_rest():
    rows = [make_row("married", "", 0.98, 0.5), make_row("age", "", 38.2, 39.0), make_row("children", "", 0.4, 0.02)]
    assert withheld(protect_balance(make_balance(rows), RULE)) == ["married.", "children."]


def test_a_small_arm_takes_the_whole_table():
    rows = [make_row("age", "", 38.2, 39.0)]
    protected = protect_balance(make_balance(rows, n=(4, 100)), RULE)
    assert withheld(protected) == ["age."]
    assert (protected.n_treated, protected.n_control) == (None, None)
    assert protected.joint.passed is None
    assert str(protected.joint.detail) == "fewer than 5 people in a group"


def test_the_arms_go_where_the_flow_withholds_them():
    # 2 people left out: of start, 2 and assigned the flow withholds two, and then an arm
    flow = make_flow(excluded=(2,))
    assert protect_flow(flow, RULE).arms[0].assigned is None
    balance = make_balance([make_row("age", "", 38.2, 39.0)], n=(100, 110))
    assert protect_balance(balance, RULE).n_treated == 100
    for hidden in (protect_balance(balance, RULE, flow=flow), protect_balance(balance, RULE, hide_counts=True)):
        assert (hidden.n_treated, hidden.n_control, hidden.withheld) == (None, None, 0)


def weekly_curve(seed=7, n=60):
    rng = np.random.default_rng(seed)
    time = np.ceil(rng.exponential(12, n))
    return survival_curve(np.minimum(time, 52), time <= 52)


@given(st.integers(0, 10**6), st.integers(5, 400), st.floats(0, 0.4))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_curve_shows_no_small_step_and_no_small_rest(seed, n, censored):
    rng = np.random.default_rng(seed)
    time = np.minimum(np.ceil(rng.exponential(12, n)), 52)
    event = (time < 52) & (rng.random(n) >= censored)
    event[0] = True
    curve = survival_curve(time, event)
    try:
        shown = protect_curve(curve, RULE)
    except NotEstimable:
        return
    later = shown.x > 0
    where = np.searchsorted(curve.x, shown.x[later])
    assert np.array_equal(shown.x[later], curve.x[where])
    assert np.array_equal(shown.y[later], curve.y[where])
    # what a reader can count, here counted in the data
    left = np.histogram(time[event], bins=np.concatenate(([-1], shown.x + 0.5)))[0]
    assert np.all((left == 0) | (left >= 5))
    numbers = shown.at_risk[~np.isnan(shown.at_risk)]
    assert np.array_equal(numbers, [np.sum(time >= x) for x in shown.x[~np.isnan(shown.at_risk)]])
    fallen = n - np.append(n, numbers)
    assert np.all((np.diff(fallen) == 0) | (np.diff(fallen) >= 5))
    assert np.all(numbers >= 5)
    after = np.sum(time > shown.x[-1])
    assert after == 0 or after >= 5


def test_a_curve_by_hand():
    # 20 people: 6, 3, 3, 5 leave in weeks 1 to 4, then 2 and 1
    time = np.repeat([1, 2, 3, 4, 5, 6], [6, 3, 3, 5, 2, 1])
    shown = protect_curve(survival_curve(time, np.ones(20)), RULE)
    assert shown.x.tolist() == [1, 3]
    assert shown.y == pytest.approx([14 / 20, 8 / 20])
    assert shown.at_risk.tolist() == [20, 11]
    assert shown.method == "Kaplan-Meier, log-log band; steps of fewer than 5 people merged, ended where fewer are left"


def test_a_number_at_risk_near_the_last_one_is_not_shown():
    # week 2 ends a step of 4 + 1 people: at week 3 there are 20 - 5 at risk, at week 2 but 4 fewer than at week 1
    time = np.repeat([1, 2, 3], [4, 1, 15])
    shown = protect_curve(survival_curve(time, np.ones(20)), RULE)
    assert shown.x.tolist() == [0, 2, 3]
    assert np.array_equal(shown.at_risk, [20, math.nan, 15], equal_nan=True)
    assert shown.at(0) == 1


def test_a_curve_of_large_steps_is_shown_whole():
    curve = survival_curve(np.repeat([1, 2, 3], [20, 30, 25]), np.ones(75))
    shown = protect_curve(curve, RULE)
    for name in ("x", "y", "low", "high", "at_risk"):
        assert np.array_equal(getattr(shown, name), getattr(curve, name), equal_nan=True)
    assert shown.method == curve.method
    assert len(protect_curve(weekly_curve(), DisclosureRule(min_count=1)).x) == len(weekly_curve().x)


def test_a_curve_between_its_points_lags_by_few_people():
    curve, shown = weekly_curve(n=400), protect_curve(weekly_curve(n=400), RULE)
    assert len(shown.x) < len(curve.x)
    weeks = np.arange(0, shown.x[-1] + 1)
    lag = np.rint(400 * np.array([shown.at(week) - curve.at(week) for week in weeks]))
    assert lag.min() == 0
    assert 0 < lag.max() < 5


def test_hidden_counts_cannot_be_had_from_the_steps():
    shown = protect_curve(weekly_curve(), RULE, hide_counts=True)
    assert shown.at_risk is None
    assert shown.y == pytest.approx([float(f"{y:.3g}") for y in shown.y], rel=ROUNDING)


def test_a_curve_that_cannot_be_shown():
    few = survival_curve([1, 2, 3, 4], [1, 1, 1, 1])
    with pytest.raises(NotEstimable, match="fewer than 5 people in a group"):
        protect_curve(few, RULE)
    for curve in (replace(few, at_risk=None), replace(few, start=math.nan)):
        with pytest.raises(InvalidInput, match="must start at 1 and have numbers at risk"):
            protect_curve(curve, RULE)


def test_sites():
    hidden = sites_to_hide({"a": 90, "b": 3, "c": 12, "d": 0}, 5)
    assert (hidden.too_small, hidden.counts_hidden) == ({"b"}, {"c"})
    assert sites_to_hide({"a": 90, "c": 12}, 5) == sites_to_hide({}, 5)
    # no other site can cover the small one: the page of all must do without its total
    assert sites_to_hide({"a": 3, "b": 0}, 5).counts_hidden == {"all"}
    with pytest.raises(InvalidInput, match="counts has 'all'"):
        sites_to_hide({"all": 3}, 5)


# --- between the pages of one run -----------------------------------------------------------------------------------


def site_flow(too_old, on_benefit, treated, control, unknown=0):
    arms = tuple(
        ArmCount(arm=arm, assigned=n, outcome_known={"weeks": n - (unknown if arm == "treated" else 0)})
        for arm, n in (("treated", treated), ("control", control))
    )
    steps = (
        FlowStep(reason=Message("too old"), count=too_old),
        FlowStep(reason=Message("on benefit"), count=on_benefit),
    )
    start = too_old + on_benefit + treated + control
    return Flow(start_label=Message("people"), start=start, exclusions=steps, arms=arms)


def test_one_site_with_a_small_count_takes_another_along():
    flows = {"a": site_flow(3, 20, 50, 50), "b": site_flow(9, 30, 50, 50), "c": site_flow(40, 40, 50, 50)}
    rule = DisclosureRule()
    assert cells_to_cover(flows, "a", rule) == {"start", "excluded 0", "excluded 1"}
    assert cells_to_cover(flows, "b", rule) == {"start", "excluded 0", "excluded 1"}
    assert cells_to_cover(flows, "c", rule) == frozenset()
    assert protect_flow(flows["b"], rule, also=cells_to_cover(flows, "b", rule)).exclusions[0].count is None


def test_two_small_sites_that_add_up_to_few_take_a_third():
    flows = {"a": site_flow(1, 20, 50, 50), "b": site_flow(2, 30, 50, 50), "c": site_flow(40, 40, 50, 50)}
    assert cells_to_cover(flows, "c", DisclosureRule())


def test_people_without_the_outcome_are_covered_too():
    flows = {"a": site_flow(9, 9, 50, 50, 2), "b": site_flow(9, 9, 50, 50, 7), "c": site_flow(9, 9, 50, 50, 8)}
    assert cells_to_cover(flows, "b", DisclosureRule()) == {"unknown treated weeks", "known treated weeks"}
    assert cells_to_cover(flows, "c", DisclosureRule()) == frozenset()


def test_a_page_without_counts_is_not_alone():
    flows = {"a": site_flow(9, 9, 50, 50), "b": site_flow(9, 9, 50, 50), "c": site_flow(9, 9, 50, 50)}
    covered = [site for site in flows if cells_to_cover(flows, site, DisclosureRule(), hidden_pages=["a"])]
    assert len(covered) == 2


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 6)), min_size=2, max_size=5),
)
def test_no_small_count_is_left_when_the_shown_sites_are_taken_from_the_total(counts):
    """By the total less the sites that show a cell, a reader learns the rest: of two sites or more, or of none small."""
    rule = DisclosureRule()
    flows = {f"s{i}": site_flow(old, on, 30, 30, unknown) for i, (old, on, unknown) in enumerate(counts)}
    shown = {site: protect_flow(flow, rule, also=cells_to_cover(flows, site, rule)) for site, flow in flows.items()}
    # Each cell: the count that must not be learnt, and whether the site's page shows it.
    cells = (
        (lambda flow: flow.exclusions[0].count, lambda page: page.exclusions[0].count),
        (lambda flow: flow.exclusions[1].count, lambda page: page.exclusions[1].count),
        (lambda flow: 30 - flow.arms[0].outcome_known["weeks"], lambda page: page.arms[0].outcome_known["weeks"]),
    )
    for count, read in cells:
        positive = [site for site in flows if count(flows[site]) > 0]
        withheld = [site for site in positive if read(shown[site]) is None]
        rest = sum(count(flows[site]) for site in withheld)
        assert not withheld or withheld == positive or (len(withheld) > 1 and rest >= rule.min_count)
