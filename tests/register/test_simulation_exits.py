"""Who enters on what, where people go, and whether they come back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from analysis_lib.register.simulation.latent import Cohort, draw_latent, streams
from analysis_lib.register.simulation.people import draw_people
from analysis_lib.register.simulation.weekly import find_exits, weekly_codes
from analysis_lib.register.states import first_run, weeks_in_state
from analysis_lib.register.weeks import week_index

Z = 4
N = 6000


def fact(**parts):
    return {"mark": "unknown"} | parts


def draw(model, seed=3, n=N):
    rng = np.random.default_rng(seed)
    people = draw_people(model, n, rng)
    return Cohort(model=model, people=people, latent=draw_latent(model, people, rng, streams(rng)))


# --- other exits ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def leaving(remake):
    """Education twice as often for those without one, and more in the treated arm; retirement for good."""
    return remake(
        other_exits=[
            {
                "kind": "exit", "state": "education", "code": 651, "weekly_hazard": 0.01,
                "shortest_weeks": 10, "longest_weeks": 20,
                "effects": [
                    fact(hazard_ratio=2.0, where={"education": ["compulsory"]}),
                    fact(arm="treated", hazard_ratio=1.5),
                ],
                "after": {"state": "unemployment_insurance", "code": 111, "shortest_weeks": 5, "longest_weeks": 9},
            },
            {
                "kind": "lasting", "state": "disability_pension", "code": 783, "weekly_hazard": 0.005,
                "effects": [fact(arm="treated", hazard_ratio=0.4, weeks=[10, None])],
            },
            {"kind": "final", "state": "dead", "code": 999, "weekly_hazard": 0.002},
        ]
    )  # fmt: skip


def test_hazards_of_other_exits_are_found_again(leaving):
    """Events over weeks at risk: an exit is seen in the first whole week after it, so that weeks are the time at risk
    and 1 - exp(-hazard) the probability in each; the first week of an exit is one after entry at the earliest."""
    cohort = draw(leaving)
    uneducated = cohort.people.having({"education": ("compulsory",)})
    for arm in ("control", "treated"):
        exits = find_exits(cohort, arm)
        entry = cohort.latent.entry
        until = np.minimum(exits.stay, exits.other)
        for number, chosen, low, high, hazard in (
            (0, uneducated, 0, 1e6, 0.02 * (1.5 if arm == "treated" else 1)),
            (0, ~uneducated, 0, 1e6, 0.01 * (1.5 if arm == "treated" else 1)),
            (1, np.full(len(cohort), True), 0, 10, 0.005),
            (1, np.full(len(cohort), True), 10, 1e6, 0.005 * (0.4 if arm == "treated" else 1)),
        ):
            waits = exits.starts[:, number] - entry
            at_risk = np.clip(until - entry, low, high)[chosen] - low
            events = np.sum((waits > low) & (waits <= high) & (exits.starts[:, number] <= until) & chosen)
            expected = at_risk.sum() * -np.expm1(-hazard)
            assert abs(events - expected) < Z * np.sqrt(expected)


def test_final_exits_are_the_same_in_every_arm(leaving):
    cohort = draw(leaving, n=500)
    control, treated = (find_exits(cohort, arm) for arm in ("control", "treated"))
    np.testing.assert_array_equal(control.final, treated.final)


def test_what_follows_an_exit(leaving):
    cohort = draw(leaving, n=2000)
    codes, exits = weekly_codes(cohort, "control"), find_exits(cohort, "control")
    n_weeks = codes.shape[1]
    unbroken = exits.final >= n_weeks
    school = np.flatnonzero((exits.taken == 0) & unbroken & (exits.other < n_weeks - 40))
    assert len(school) > 100
    begin = exits.other[school].astype(int)
    own = codes[school]
    at_school = weeks_in_state(own, [651], start=begin, length=40)
    assert at_school.min() == 10
    assert at_school.max() == 20
    back = (begin + at_school).astype(int)
    again = weeks_in_state(own, [111], start=back, length=20)
    assert again.min() == 5
    assert again.max() == 9
    assert weeks_in_state(own, [0], start=(back + again).astype(int), length=11).min() == 11
    retired = np.flatnonzero((exits.taken == 1) & unbroken & (exits.other < n_weeks))
    assert len(retired) > 30
    for row in retired:
        assert np.all(codes[row, int(exits.other[row]) :] == 783)


def test_death_covers_everything(leaving):
    cohort = draw(leaving, n=2000)
    codes, exits = weekly_codes(cohort, "treated"), find_exits(cohort, "treated")
    dead = np.flatnonzero(exits.final < codes.shape[1])
    assert len(dead) > 50
    for row in dead:
        assert np.all(codes[row, int(exits.final[row]) :] == 999)


# --- entry ---------------------------------------------------------------------------------------------------------


def stocked(remake, model, *, share, shortest, longest, **kinds):
    entry = json.loads(model.entry.model_dump_json()) | {
        "stock": fact(share=share, shortest_weeks=shortest, longest_weeks=longest)
    }
    ineligible = json.loads(model.ineligible.model_dump_json()) | {"not_newly_unemployed": 0.0} | kinds
    span = {"first_week": "2002-W01", "last_week": "2008-W18"}
    return remake(entry=entry, ineligible=ineligible, span=span)


def test_stock_and_inflow(remake, model):
    cohort = draw(stocked(remake, model, share=0.4, shortest=3, longest=30))
    own, entry = cohort.people.eligible, cohort.latent.entry.astype(int)
    codes = weekly_codes(cohort, "control")
    first = model.entry.first_week - week_index("2002-W01")
    there = first_run(codes, [111, 130], start=first - 1, min_weeks=1).week == first - 1
    assert abs(there[own].mean() - 0.4) < Z * np.sqrt(0.4 * 0.6 / own.sum())
    assert np.all(entry[own & there] == first)
    before = codes[own & there, :first]
    weeks = first - 1 - np.max(np.where(before == 0, np.arange(first), -1), axis=1)
    assert (weeks.min(), weeks.max()) == (3, 30)
    # Uniform from 3 to 30: mean 16.5, variance (28^2 - 1) / 12.
    assert abs(weeks.mean() - 16.5) < Z * np.sqrt(65.25 / len(weeks))
    inflow = codes[own & ~there]
    assert not weeks_in_state(inflow, [111], start=entry[own & ~there] - 4, length=4).any()


def test_too_short_a_time_on_benefit(remake, model):
    cohort = draw(stocked(remake, model, share=1.0, shortest=40, longest=60, too_short=0.5), n=1500)
    codes, entry = weekly_codes(cohort, "control"), cohort.latent.entry.astype(int)
    before = weeks_in_state(codes, [111, 130], start=entry - 40, length=40)
    late = cohort.people.kind == "outside_window"
    short = cohort.people.kind == "too_short"
    assert short.sum() == 750
    assert np.all(before[~short & ~late] == 40)
    assert before[short].max() < 40
    assert before[short].min() > 0


def test_benefits_are_mixed(remake, model):
    mix = [
        fact(state="cash_benefit", code=130, activation=231, share=0.5, where={"education": ["compulsory"]}),
        fact(state="sickness", code=890, share=0.2),
    ]
    ineligible = json.loads(model.ineligible.model_dump_json()) | {"cash_benefit": 0.0, "other_benefit": 0.1}
    codes = {"benefit": 111, "activation": 211, "mix": mix, "other": {"state": "maternity", "code": 412}}
    cohort = draw(remake(codes=codes, ineligible=ineligible))
    matrix, entry = weekly_codes(cohort, "treated"), cohort.latent.entry.astype(int)
    first = matrix[np.arange(len(cohort)), entry]
    low = cohort.people.having({"education": ("compulsory",)})
    other = cohort.people.kind == "other_benefit"
    assert np.all(first[other] == 412)
    for chosen, code, share in ((low, 130, 0.5), (low, 890, 0.2), (~low, 890, 0.2), (~low, 130, 0.0)):
        own = first[chosen & ~other] == code
        assert abs(own.mean() - share) <= Z * np.sqrt(share * (1 - share) / len(own))
    activated = {code: set(np.unique(matrix[(first == code) & ~other])) for code in (111, 130, 890)}
    assert 211 in activated[111]
    assert 231 in activated[130]
    assert not activated[890] & {211, 231}


# --- returns -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def returning(remake, model):
    return remake(
        other_exits=[], blank_gap={"weekly_hazard": 0.0, "longest_weeks": 1}, activation=[],
        recurrence=fact(
            return_hazard=0.03, exit_hazard=0.08, most_returns=3,
            return_effects=[fact(arm="treated", hazard_ratio=0.5)],
            exit_effects=[fact(hazard_ratio=2.0, where={"sex": ["man"]})],
        ),
    )  # fmt: skip


def spells_after_entry(cohort, arm):
    """Return for each person the columns where blank and benefit runs begin after the first spell, walked by hand."""
    codes = weekly_codes(cohort, arm)
    walks = []
    for row, start in zip(codes, cohort.latent.entry.astype(int), strict=True):
        own = row[start:] != 0
        edges = np.flatnonzero(np.diff(own.astype(int))) + 1
        walks.append((edges, len(own)))
    return walks


def test_returns_come_after_lasting_self_support(returning, model):
    cohort = draw(returning, n=1500)
    cohort = cohort.take(np.flatnonzero(cohort.people.eligible))
    seen = 0
    for edges, _ in spells_after_entry(cohort, "control"):
        away = edges[1::2] - edges[0 : len(edges[1::2]) * 2 : 2]
        assert np.all(away >= model.exit_weeks)
        assert len(edges) <= 1 + 2 * 3
        seen += len(away)
    assert seen > 300


@pytest.mark.parametrize(("arm", "hazard"), [("control", 0.03), ("treated", 0.015)])
def test_hazards_of_returns_and_later_exits_are_found_again(returning, arm, hazard):
    """After the fewest weeks out, each week brings a return with probability 1 - exp(-hazard)."""
    cohort = draw(returning, n=3000)
    cohort = cohort.take(np.flatnonzero(cohort.people.eligible))
    man = cohort.people.having({"sex": ("man",)})
    returns, out = 0, 0
    exits, inside = {True: 0, False: 0}, {True: 0, False: 0}
    for (edges, last), is_man in zip(spells_after_entry(cohort, arm), man, strict=True):
        if len(edges):
            away = (edges[1] if len(edges) > 1 else last) - edges[0]
            out += max(away - 4, 0)
            returns += len(edges) > 1 and away > 4
        if len(edges) > 1:
            inside[is_man] += (edges[2] if len(edges) > 2 else last) - edges[1]
            exits[is_man] += len(edges) > 2
    expected = out * -np.expm1(-hazard)
    assert abs(returns - expected) < Z * np.sqrt(expected)
    for is_man, rate in ((True, 0.16), (False, 0.08)):
        expected = inside[is_man] * -np.expm1(-rate)
        assert abs(exits[is_man] - expected) < Z * np.sqrt(expected)


def test_without_recurrence_nobody_comes_back(remake):
    cohort = draw(remake(other_exits=[], blank_gap={"weekly_hazard": 0.0, "longest_weeks": 1}), n=300)
    assert all(len(edges) <= 1 for edges, _ in spells_after_entry(cohort, "treated"))
