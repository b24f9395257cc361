"""Estimates and checks after disclosure control."""

import math
from dataclasses import replace

import numpy as np
import pytest

from analysis_lib.errors import InvalidInput
from analysis_lib.reporting.protected_rows import protect_message, protect_results, rounded
from analysis_lib.reporting.suppression import DisclosureRule
from analysis_lib.results import Check, Estimate, Interval, Message, Results
from analysis_lib.trials.flow import ArmCount, Flow

RULE = DisclosureRule()


def effect(n_treated=60, n_control=70, **other):
    given = {
        "estimand": "difference in means", "value": -1.23456, "std_error": 0.54321, "df": 120.5, "p_value": 0.0246913,
        "interval": Interval(low=-2.30987, high=-0.15925, level=0.95), "unit": "weeks", "method": "HC2",
        "n_treated": n_treated, "n_control": n_control, "n": n_treated + n_control, "outcome": "weeks", "arm": "treated",
    }  # fmt: skip
    return Estimate(**(given | other))


def one_arm(arm, n):
    return replace(effect(), estimand="mean", n_treated=None, n_control=None, n=n, arm=arm)


def make_flow(treated=(60, 60), control=(70, 70)):
    arms = tuple(
        ArmCount(arm=name, assigned=assigned, outcome_known={"weeks": known})
        for name, (assigned, known) in (("treated", treated), ("control", control))
    )
    return Flow(start_label=Message("people"), start=treated[0] + control[0], exclusions=(), arms=arms)


def protect(*rows, **options):
    return list(protect_results(Results(rows), RULE, **options))


def counts(row):
    return row.n_treated, row.n_control, row.n


def test_rows_of_many_people_stay_as_they_are():
    row = effect()
    assert protect(row) == [row]
    assert protect(row, flow=make_flow()) == [row]


@pytest.mark.parametrize("row", [effect(n_treated=4), effect(n_control=1), one_arm("treated", 3)])
def test_a_small_group_is_a_row_with_the_reason(row):
    (shown,) = protect(row)
    assert shown.reason == "fewer than 5 people in a group"
    assert math.isnan(shown.value)
    assert math.isnan(shown.interval.low)
    assert counts(shown) == (None, None, None)
    assert (shown.outcome, shown.arm, shown.unit) == ("weeks", "treated", "weeks")


def test_hidden_counts_leave_nothing_to_count_from():
    note = Message.join([Message("{n} people without the outcome left out", n=9), Message("CR2")])
    (shown,) = protect(effect(note=note, n_clusters=31), hide_counts=True)
    assert counts(shown) == (None, None, None)
    assert shown.n_clusters is None
    assert (shown.value, shown.std_error, shown.p_value) == (-1.23, 0.543, 0.0247)
    assert (shown.interval.low, shown.interval.high) == (-2.31, -0.159)
    assert math.isnan(shown.df)
    assert shown.note == "CR2; numbers of people withheld, the estimate rounded"


def test_groups_do_not_add_up_to_what_the_flow_withholds():
    """2 of 60 treated have no outcome: women and men with one would add up to 58, and their notes to the 2."""
    note = Message("{n} people without the outcome left out", n=6)
    women, men = (
        effect(n_treated=n, n_control=m, group=f"sex.{name}", note=note)
        for name, n, m in (("women", 28, 35), ("men", 30, 35))
    )
    shown = protect(women, men, flow=make_flow(treated=(60, 58)))
    assert [counts(row) for row in shown] == [(None, None, None)] * 2
    assert not any("left out" in row.note for row in shown)
    assert [counts(row) for row in protect(women, men, flow=make_flow(treated=(58, 58)))] == [
        (28, 35, 63), (30, 35, 65),
    ]  # fmt: skip


def test_counts_go_where_the_flow_withholds_them():
    # 2 of 60 have no outcome; the flow withholds the 58 who have one, and so must the estimate
    (shown,) = protect(effect(n_treated=58), flow=make_flow(treated=(60, 58)))
    assert shown.estimated
    assert counts(shown) == (None, None, None)
    mean_treated, mean_control = protect(
        one_arm("treated", 58), one_arm("control", 70), flow=make_flow(treated=(60, 58))
    )
    assert (mean_treated.n, mean_control.n) == (None, 70)


def test_a_row_that_leaves_few_out_hides_how_many_it_has():
    whole, part = protect(effect(), effect(n_treated=57, estimand="adjusted"))
    assert counts(whole) == (60, 70, 130)
    assert counts(part) == (None, None, None)
    assert counts(protect(effect(n_treated=57), flow=make_flow())[0]) == (None, None, None)
    assert counts(protect(effect(n_treated=50), flow=make_flow())[0]) == (50, 70, 120)


def groups(*sizes):
    return [effect(n_treated=t, n_control=c, group=f"sex.{n}") for n, (t, c) in enumerate(sizes)]


def test_a_small_group_hides_the_next_smallest_too():
    shown = protect(effect(), *groups((4, 30), (26, 20), (30, 20)))
    assert [row.estimated for row in shown] == [True, False, True, True]
    # both sides of a group go together, its sum would give the other side away
    assert [counts(row) == (None, None, None) for row in shown] == [False, True, True, False]


def test_a_group_of_its_own_is_who_is_in_no_group():
    shown = protect(effect(), *groups((30, 35), (27, 35)))
    assert [counts(row) == (None, None, None) for row in shown] == [False, False, True]


def test_an_empty_group_counts_as_the_rest():
    empty = Estimate.empty(estimand="difference in means", reason="x", outcome="weeks", arm="treated", group="sex.0")
    *_, other = protect(empty, effect(n_treated=58, group="sex.1"), flow=make_flow())
    assert counts(other) == (None, None, None)


def test_groups_of_other_divisions_do_not_mix():
    rows = [*groups((30, 35), (30, 35)), effect(n_treated=30, n_control=35, group="age.young")]
    assert [counts(row) for row in protect(*rows, flow=make_flow())] == [(30, 35, 65)] * 3


def test_groups_need_to_know_all():
    with pytest.raises(InvalidInput, match="must have the flow or the rows of all too"):
        protect(*groups((30, 35), (30, 35)))
    with pytest.raises(InvalidInput, match="10 people more than all; must not overlap"):
        protect(effect(), *groups((40, 35), (30, 35)))


def test_small_numbers_in_notes_and_reasons():
    note = Message.join([Message("{n} people left out", n=3), Message("{k} covariates", k=2)])
    (shown,) = protect(effect(note=note))
    assert shown.note == "fewer than 5 people left out; 2 covariates"
    assert shown.note.parts[1] == note.parts[1]
    empty = Estimate.empty(estimand="x", reason=Message("{n} people in the {arm} arm", n=1, arm=Message("treated")))
    assert protect(empty)[0].reason == "fewer than 5 people in the treated arm"


def test_messages():
    assert protect_message("a plain 3 people", 5) == "a plain 3 people"
    assert protect_message(Message("{n} people", n=0), 5) == "0 people"
    assert protect_message(Message("{n} people", n=5), 5) == "5 people"
    assert protect_message(Message("{o} events of people", o=61), 5) == ""
    assert protect_message(Message("{o} events", o=61), 1) == "61 events"
    assert protect_message(Message("{n} people", n=3), 1) == "3 people"
    mixed = Message.join([Message("{n} people", n=900), Message("only {df:.1f} df", df=3.2)])
    assert protect_message(mixed, 5, drop=True) == "only 3.2 df"


def check(**other):
    given = {
        "name": "share", "passed": True, "statistic": 0.375123, "p_value": 0.726831, "threshold": 0.001,
        "method": "binomial", "detail": Message("share {share:.4f}", share=0.375), "arm": "treated",
    }  # fmt: skip
    return Check(**(given | other))


def test_checks_of_small_arms_say_nothing():
    (shown,) = protect(check(), flow=make_flow(treated=(3, 3)))
    assert (shown.passed, shown.detail) == (None, "fewer than 5 people in a group")
    assert math.isnan(shown.statistic)
    assert math.isnan(shown.p_value)


def test_checks_on_hidden_counts_are_rounded():
    (shown,) = protect(check(outcome="weeks"), flow=make_flow(treated=(60, 58)))
    assert (shown.statistic, shown.p_value, shown.passed) == (0.375, 0.727, True)
    assert protect(check(), hide_counts=True)[0].statistic == 0.375
    assert protect(check(), flow=make_flow()) == [check()]


def test_the_test_of_a_division_gives_no_covered_group_away():
    """Degrees of freedom follow from the numbers of people; so do many digits."""
    detail = Message.join([
        Message("{df:.0f} and {error:.1f} degrees of freedom", df=1, error=61.4),
        Message("p {p:.4f} before adjustment over {n} divisions", p=0.36341, n=2),
    ])  # fmt: skip
    test = check(group="sex", outcome="weeks", detail=detail)
    big = [
        effect(group="sex.man", n_treated=30, n_control=30, n=60),
        effect(group="sex.woman", n_treated=30, n_control=40, n=70),
    ]
    assert protect(*big, test, flow=make_flow())[-1] == test
    nearly = [big[0], effect(group="sex.woman", n_treated=27, n_control=40, n=67)]  # leaves 3 of the treated
    shown = protect(*nearly, test, flow=make_flow())[-1]
    assert (shown.statistic, shown.p_value) == (0.375, 0.727)
    assert shown.detail == "p 0.3630 before adjustment over 2 divisions"
    other = check(group="age", outcome="weeks")
    assert protect(*nearly, other, flow=make_flow())[-1] == other


def test_events_are_left_to_the_table_that_protects_them():
    events = Message("treated: {o1} events, {e1:.1f} expected", o1=4, e1=3.6)
    assert protect(check(detail=events))[0].detail == ""


def test_rounding_keeps_three_digits_and_what_is_no_number():
    values = np.array([0.0, 0.123456, -98765.4, math.nan, 1.0])
    assert np.allclose(rounded(values), [0.0, 0.123, -98800.0, math.nan, 1.0], rtol=1e-12, equal_nan=True)
