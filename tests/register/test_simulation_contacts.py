"""Meetings, offers and activities: when they are, for whom, and what activities do."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from analysis_lib.errors import InvalidInput
from analysis_lib.register.extract import read_extract
from analysis_lib.register.extract_writing import write_extract
from analysis_lib.register.simulation.hazards import Window, constant, waiting_times
from analysis_lib.register.simulation.latent import Cohort, draw_latent, streams
from analysis_lib.register.simulation.people import draw_people
from analysis_lib.register.simulation.weekly import find_exits, joins_activity
from analysis_lib.register.states import inflow
from analysis_lib.register.weeks import mondays

Z = 4
PERSONS = 3000


def fact(**parts):
    return {"mark": "unknown"} | parts


CONTACTS = [
    fact(arm="treated", kind="meeting", type="weekly", weeks=[2, 13], every_weeks=1, held=0.7, municipalities=[320, 370]),
    fact(arm="treated", kind="meeting", type="fortnightly", weeks=[2, 13], every_weeks=2, municipalities=[510]),
    fact(arm="control", kind="meeting", type="quarterly", weeks=[6, None], every_weeks=13, longest_delay_days=20),
    fact(kind="offer", type="course", weeks=[4, 5], every_weeks=1, share=0.3, where={"sex": ["man"]}),
]  # fmt: skip
ACTIVATION = [{"arm": "treated", "from_week": 8, "weeks": 6, "share": 0.5, "offer": "activation"}]


@pytest.fixture(scope="module")
def met(simulate, remake, model, codes):
    """The register, and its contacts with what is known of the person: arm, place, sex, and the week of the spell."""
    of = remake(contacts=CONTACTS, activation=ACTIVATION)
    register = simulate(of=of, persons=PERSONS)
    person, entry = inflow(
        register.codes, codes.codes_of("unemployment_insurance"), from_week=of.entry.first_week - register.first_week,
        to_week=of.entry.last_week - register.first_week, free_weeks=4,
    )  # fmt: skip
    people = register.persons.iloc[person].assign(row=person, entry=entry)
    people["age"] = 2005 - people["birth_date"].dt.year
    people = people[people["municipality"].isin([320, 370, 510]) & (people["age"] < 62)]
    people["arm"] = np.where(people["birth_date"].dt.day <= 15, "treated", "control")
    contacts = register.contacts.merge(people, on="person_id")
    first = mondays(np.array([register.first_week]))[0]
    for day in ("planned", "held"):
        column = (contacts[day].to_numpy().astype("datetime64[D]") - first).astype(float) // 7
        contacts[f"{day}_column"] = np.where(contacts[day].isna(), np.nan, column)
        contacts[f"{day}_week"] = contacts[f"{day}_column"] - contacts["entry"]
    return register, people, contacts


def test_contacts_are_declared_and_sorted(met):
    register, _, contacts = met
    assert list(register.contacts) == ["person_id", "kind", "type", "planned", "held"]
    assert str(register.contacts["planned"].dtype) == str(register.contacts["held"].dtype) == "datetime64[s]"
    by_person = register.contacts.sort_values(["person_id", "planned"], kind="stable")
    pd.testing.assert_frame_equal(by_person, register.contacts)
    assert register.contacts["planned"].dt.day_of_week.max() == 4
    assert register.contacts["held"].dt.day_of_week.max() == 4
    assert set(contacts["type"]) == {"weekly", "fortnightly", "quarterly", "course", "activation"}


def test_contacts_are_within_the_spell_and_after_entry(met):
    register, _, contacts = met
    rows = contacts["row"].to_numpy()
    for day in ("planned", "held"):
        there = contacts[day].notna().to_numpy()
        column = contacts[f"{day}_column"].to_numpy()[there].astype(int)
        assert np.all(contacts[f"{day}_week"].to_numpy()[there] >= 0)
        assert set(np.unique(register.codes[rows[there], column])) <= {111, 211}


def test_who_meets_when(met):
    _, _, contacts = met
    weeks = dict(list(contacts.groupby("type")))
    assert set(weeks["weekly"]["arm"]) == set(weeks["fortnightly"]["arm"]) == {"treated"}
    assert set(weeks["quarterly"]["arm"]) == {"control"}
    assert set(weeks["weekly"]["municipality"]) == {320, 370}
    assert set(weeks["fortnightly"]["municipality"]) == {510}
    assert set(weeks["course"]["sex"]) == {"man"}
    assert set(weeks["weekly"]["planned_week"]) == set(range(2, 13))
    assert set(weeks["fortnightly"]["planned_week"]) == {2, 4, 6, 8, 10, 12}
    assert set(weeks["quarterly"]["planned_week"] % 13) == {6}
    assert set(weeks["course"]["planned_week"]) == {4}
    assert set(weeks["activation"]["planned_week"]) == {8}
    assert set(weeks["activation"]["kind"]) == set(weeks["course"]["kind"]) == {"offer"}


def test_everybody_in_the_spell_is_planned_for(met):
    register, people, contacts = met
    here = people[(people["arm"] == "treated") & people["municipality"].isin([320, 370])]
    for week in (2, 7, 12):
        inside = register.codes[here["row"], here["entry"] + week]
        own = contacts[(contacts["type"] == "weekly") & (contacts["planned_week"] == week)]
        assert len(own) == np.isin(inside, [111, 211]).sum()


def test_shares_held_and_delays(met):
    _, people, contacts = met
    weekly = contacts[contacts["type"] == "weekly"]
    held = weekly["held"].notna()
    assert abs(held.mean() - 0.7) < Z * np.sqrt(0.7 * 0.3 / len(held))
    assert (weekly["held"] == weekly["planned"])[held].all()
    late = contacts[(contacts["type"] == "quarterly") & contacts["held"].notna()]
    delay = (late["held"] - late["planned"]).dt.days
    # Up to 20 days, and then to the Monday after a weekend.
    assert delay.min() == 0
    assert 15 < delay.max() <= 22
    men = people[people["sex"] == "man"]
    share = contacts[contacts["type"] == "course"]["person_id"].nunique() / len(men)
    # At most 0.3: some have left before week 4.
    assert 0.2 < share < 0.3 + Z * np.sqrt(0.3 * 0.7 / len(men))


def test_an_offer_of_activation_where_the_code_begins(met):
    register, _, contacts = met
    own = contacts[contacts["type"] == "activation"]
    assert len(own) > 200
    column = own["held_column"].astype(int)
    assert np.all(register.codes[own["row"], column] == 211)
    assert np.all(register.codes[own["row"], column - 1] != 211)


def test_contacts_change_nobodys_weeks(met, simulate, remake):
    register, _, _ = met
    without = simulate(of=remake(activation=[ACTIVATION[0] | {"offer": None}]), persons=PERSONS)
    assert without.contacts is None
    np.testing.assert_array_equal(without.codes, register.codes)
    assert without.truth["average_effects"] == register.truth["average_effects"]


def test_written_and_read_again(met, tmp_path):
    register, _, _ = met
    made = write_extract(
        tmp_path / "x", persons=register.persons, codes=register.codes, first_week=register.first_week,
        contacts=register.contacts.sample(frac=1, random_state=1),
    )  # fmt: skip
    extract = read_extract(made)
    table = extract.read_table("contacts")
    assert list(table) == ["row", "kind", "type", "planned", "held"]
    assert table["row"].is_monotonic_increasing
    found = table.assign(person_id=extract.persons["person_id"].to_numpy()[table["row"]])
    key = ["person_id", "planned", "type"]
    pd.testing.assert_frame_equal(
        found[list(register.contacts)].sort_values(key, ignore_index=True),
        register.contacts.sort_values(key, ignore_index=True),
        check_dtype=False,
    )
    only = read_extract(made, municipalities={510}).read_table("contacts")
    assert 0 < len(only) < len(table)


def test_contacts_that_cannot_be_written(met, tmp_path):
    register, _, _ = met
    parts = {"persons": register.persons, "codes": register.codes, "first_week": register.first_week}
    strange = register.contacts.head(3).assign(person_id=["p00000001", "nobody", "p00000002"])
    with pytest.raises(InvalidInput, match="contacts has person_id 'nobody'; must be one of persons"):
        write_extract(tmp_path / "x", **parts, contacts=strange)
    with pytest.raises(InvalidInput, match="contacts has no column held; it is required"):
        write_extract(tmp_path / "x", **parts, contacts=register.contacts.drop(columns="held"))
    assert list(tmp_path.iterdir()) == []


# --- activities ----------------------------------------------------------------------------------------------------

ACTIVITIES = [
    fact(
        id="partial", type="partial return", from_week=2, to_week=4, shortest_weeks=3, longest_weeks=6,
        shares={"control": 0.1, "treated": 0.3}, sites=[{"municipalities": [510], "shares": {"treated": 0.8}}],
        effects=[fact(exit="main", hazard_ratio=2.0), fact(exit="education", hazard_ratio=0.5, when="after")],
    ),
    fact(
        id="course", type="course", from_week=1, to_week=1, shortest_weeks=10, longest_weeks=10,
        shares={"control": 0.0, "treated": 0.5}, effects=[fact(exit="main", hazard_ratio=0.6, when="during")],
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def active(remake, model):
    duration = json.loads(model.duration.model_dump_json()) | {"hazard_ratio": 1.0}
    return remake(activities=ACTIVITIES, duration=duration, activation=[])


@pytest.fixture(scope="module")
def cohort(active):
    rng = np.random.default_rng(8)
    people = draw_people(active, PERSONS, rng)
    return Cohort(model=active, people=people, latent=draw_latent(active, people, rng, streams(rng)))


def test_who_takes_part_by_jobcentre(cohort):
    south = cohort.people.living_in((510,))
    for arm, number, chosen, share in (
        ("control", 0, ~south, 0.1), ("control", 0, south, 0.1), ("treated", 0, ~south, 0.3),
        ("treated", 0, south, 0.8), ("treated", 1, south, 0.5), ("control", 1, south, 0.0),
    ):  # fmt: skip
        joins = joins_activity(cohort, arm, number)[chosen]
        assert abs(joins.mean() - share) <= Z * np.sqrt(share * (1 - share) / len(joins))
    # Who takes part at a share does so at any higher one.
    assert np.all(joins_activity(cohort, "treated", 0)[joins_activity(cohort, "control", 0)])


def test_activities_change_the_exits_of_those_who_take_part(cohort, active):
    """Each exit against the inversion with the activity's window written out by hand."""
    latent, n = cohort.latent, len(cohort)
    joins = [joins_activity(cohort, "treated", number) for number in (0, 1)]
    exits = find_exits(cohort, "treated")
    starts = latent.begins[:, 0] + latent.lasts[:, 0]
    hazard = next(other for other in active.other_exits if other.state == "education").weekly_hazard
    later = Window(start=starts, stop=np.full(n, 1e6), ratio=0.5, chosen=joins[0])
    waits = waiting_times(latent.exits[:, 1], constant(hazard), [later])
    np.testing.assert_array_equal(exits.starts[:, 1], latent.entry + np.maximum(np.ceil(waits), 1))
    control = find_exits(cohort, "control").stay
    neither = ~joins[0] & ~joins[1]
    np.testing.assert_array_equal(exits.stay[neither], control[neither])
    assert np.all(exits.stay[joins[0] & ~joins[1]] <= control[joins[0] & ~joins[1]])
    assert np.all(exits.stay[joins[1] & ~joins[0]] >= control[joins[1] & ~joins[0]])
    # Nothing changes before an activity begins.
    early = joins[0] & ~joins[1] & (control - latent.entry <= latent.begins[:, 0])
    np.testing.assert_array_equal(exits.stay[early], control[early])


@pytest.fixture(scope="module")
def activities(simulate, active):
    return simulate(of=active, persons=PERSONS)


def test_activities_are_contacts_week_by_week(activities, active):
    contacts, truth = activities.contacts, activities.truth["arms"]["treated"]["activities"]
    assert set(contacts["kind"]) == {"offer"}
    assert (contacts["planned"] == contacts["held"]).all()
    longest = contacts.groupby(["person_id", "type"]).size().groupby("type").max()
    assert longest.to_dict() == {"course": 10, "partial return": 6}
    assert truth["course"]["weeks"]["control"] == 0.0
    places = truth["partial"]["jobcentres"]
    assert places["jc_haderslev"]["treated"] > 2 * places["jc_naestved"]["treated"] > 0
    assert truth["partial"]["weeks"]["treated"] > truth["partial"]["weeks"]["control"] > 0


def test_weeks_in_activities_are_those_of_the_contacts(simulate, active):
    """With everybody treated the truth's mean weeks are the contacts' rows of the eligible."""
    register = simulate(of=active, persons=PERSONS, assigned=lambda people: np.full(len(people), True))
    truth = register.truth["arms"]["treated"]["activities"]
    outside = simulate(of=active, persons=PERSONS, assigned=lambda people: np.full(len(people), False))
    for number, name in enumerate(("partial return", "course")):
        rows = (register.contacts["type"] == name).sum()
        before = (outside.contacts["type"] == name).sum()
        own = truth[active.activities[number].id]["weeks"]
        # The ineligible are in the control arm in both registers, so that they cancel.
        assert (rows - before) / PERSONS == pytest.approx(own["treated"] - own["control"], abs=1e-9)


def test_effect_of_a_week_in_an_activity(simulate, active):
    """The same people with and without the activity in the treated arm, from two registers."""
    nobody = tuple(
        one.model_copy(update={"shares": {"control": 0.0, "treated": 0.0}, "sites": ()}) if one.id == "partial" else one
        for one in active.activities
    )
    everybody = {"persons": PERSONS, "assigned": lambda people: np.full(len(people), True)}
    with_it = simulate(of=active, **everybody)
    without = simulate(of=active.model_copy(update={"activities": nobody}), **everybody)
    horizon = 52
    cells = [r.truth["arms"]["treated"]["average_effects"]["benefit"][str(horizon)] for r in (with_it, without)]
    means = [cell["control_weeks"] + cell["weeks"] for cell in cells]
    # The control arms of the two differ too, so that the treated arm's own mean is compared.
    truth = with_it.truth["arms"]["treated"]["activities"]["partial"]
    spent = truth["weeks"]["treated"]
    assert truth["effect_per_week"]["benefit"][str(horizon)] == pytest.approx(
        (means[0] - means[1]) / spent, rel=0.05
    )  # the share not observed for 52 weeks, who are in `spent` and not in the means, is about 1 %
    assert truth["effect_per_week"]["benefit"][str(horizon)] < -0.3


def test_activities_have_no_exact_form(activities):
    truth = activities.truth["arms"]["treated"]["time_to_exit"]
    assert truth == {"exact": False, "reason": "activities change the hazard from weeks that are drawn"}
    assert "median_control_weeks" not in activities.truth
    assert activities.truth["average_effects"]["52"]["persons"] > 0
