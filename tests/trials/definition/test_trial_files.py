"""Every trial file is valid, names what exists, and carries its evidence as it was found."""

from functools import cache
from pathlib import Path

import pytest

from analysis_lib.parameters import read_yaml
from analysis_lib.register.codes import read_codes
from analysis_lib.register.jobcentres import read_jobcentres
from analysis_lib.register.weeks import monday, week_index
from analysis_lib.trials.definition import CONTROL, RegisterData, SummaryData
from analysis_lib.trials.definition import read_trial as read_file

FOLDER = Path(__file__).parents[3] / "parameters" / "trials"
TRIALS = sorted(path.stem for path in FOLDER.glob("*.yml"))
REGISTER = ["aht", "aig", "hig", "hig2", "ny_chance", "ugig", "virksomhedscenter"]


def marks(content, path=()):
    """Yield every mark of a file with its path and source."""
    if isinstance(content, dict):
        if "mark" in content:
            yield path, content["mark"], content.get("source", "")
        for key, value in content.items():
            yield from marks(value, (*path, key))
    elif isinstance(content, tuple):
        for number, value in enumerate(content):
            yield from marks(value, (*path, number))


@cache
def content_of(trial):
    return read_yaml(FOLDER / f"{trial}.yml")


@cache
def read_trial(trial):
    return read_file(trial)


def test_the_trials_are_these():
    assert TRIALS == [
        "aht", "aig", "hig", "hig2", "mentor", "nsw", "ny_chance", "penn", "rossi", "tta", "ugig", "virksomhedscenter"
    ]  # fmt: skip
    assert [name for name in TRIALS if isinstance(read_trial(name).data, RegisterData)] == REGISTER


@pytest.mark.parametrize("trial", TRIALS)
def test_what_is_verified_has_a_source(trial):
    found = list(marks(content_of(trial)))
    assert len(found) > 5
    assert not [path for path, mark, source in found if mark == "verified" and not source]


@pytest.mark.parametrize("trial", ["aig", "virksomhedscenter"])
def test_templates_claim_nothing(trial):
    """Section 3 and 7e of the dossier: nothing verified on either (one limit quotes a review of other studies)."""
    definition = read_trial(trial)
    assert definition.status == "template"
    assert definition.targets == definition.published == ()
    content = {key: value for key, value in content_of(trial).items() if key not in ("limits", "simulation")}
    assert {mark for _, mark, _ in marks(content)} <= {"unknown", "recalled"}


@pytest.mark.parametrize("trial", REGISTER)
def test_states_and_jobcentres_exist(trial):
    definition, codes, jobcentres = read_trial(trial), read_codes(), read_jobcentres()
    year = max(monday(week_index(definition.data.entry.first_week)).year, 2007)
    for jobcentre in definition.data.jobcentres:
        jobcentres.check(jobcentre, year)
    for jobcentre in definition.spillover.jobcentres if definition.spillover else ():
        jobcentres.check(jobcentre, year)
    asked = [definition.data.entry.states, definition.data.history.states]
    for outcome in definition.outcomes:
        asked += [getattr(outcome, name, ()) for name in ("states", "exit_states", "competing", "censoring")]
    asked += [activity.states or () for activity in definition.activities]
    asked += [price.states or () for price in (definition.costs.prices if definition.costs else ())]
    asked += [definition.series.states, definition.series.censoring] if definition.series else []
    for states in asked:
        codes.codes_of(states)
    listed = [pair for activity in definition.activities for pair in activity.codes or ()]
    for first, last in listed:
        assert {codes.state_of(code) for code in range(first, last + 1)} <= set(definition.data.entry.states)


@pytest.mark.parametrize(
    ("trial", "jobcentres"), [("hig2", 11), ("aht", 16), ("ugig", 14)], ids=["hig2", "aht", "ugig"]
)
def test_the_numbers_of_jobcentres_are_the_published_ones(trial, jobcentres):
    """star.dk (11 and 14), ft.dk AMU 20 (16); which they were is not known, so all are marked illustrative."""
    data = read_trial(trial).data
    assert len(data.jobcentres) == jobcentres
    assert all(site.illustrative and site.mark == "unknown" for site in data.sites)


@pytest.mark.parametrize("trial", ["hig2", "aht", "ugig", "aig", "virksomhedscenter"])
def test_illustrative_jobcentres_lie_in_the_region(trial):
    jobcentres = read_jobcentres()
    places = jobcentres.to_frame(2009).set_index("jobcentre")
    for site in read_trial(trial).data.sites:
        for jobcentre in site.jobcentres:
            place = places.loc[jobcentre]
            assert site.id in (place["region"], place["employment_region"]), (site.id, jobcentre)


def test_arms_of_hig2_are_those_of_its_regions():
    trial = read_trial("hig2")
    where = {arm.id: set(arm.sites) for arm in trial.assignment.arms if arm.id != CONTROL}
    assert where == {
        "group_meetings": {"nordjylland"}, "fortnightly_meetings": {"hovedstaden", "sjaelland"},
        "early_activation": {"midtjylland"}, "meetings_and_activation": {"syddanmark"},
    }  # fmt: skip
    assert trial.treated_arms[0].id == "fortnightly_meetings"
    (target,) = trial.targets
    assert (target.arm, target.value, target.mark) == ("fortnightly_meetings", 5, "verified")


def test_recalled_rules_are_not_shown_as_facts():
    found = {name: read_trial(name).assignment.mark for name in REGISTER}
    assert found == {
        "hig": "recalled", "hig2": "recalled", "aht": "unknown", "ugig": "unknown", "aig": "unknown",
        "ny_chance": "verified", "virksomhedscenter": "unknown",
    }  # fmt: skip


def test_no_price_is_given():
    for name in REGISTER:
        costs = read_trial(name).costs
        for price in costs.prices if costs else ():
            assert (price.value, price.mark, price.illustrative) == (None, "unknown", False), (name, price.id)
    assert not read_trial("hig").costs.complete


def test_conflicting_readings_stand_side_by_side():
    """UGIG, U1-U4 of the dossier."""
    readings = read_trial("ugig").published
    found = {(r.stratum, r.outcome, r.sign) for r in readings}
    assert found == {
        ("with_education", "self_support_weeks_52", "+"),
        ("with_education", "self_support_weeks_52", "0"),
        ("without_education", "education_weeks_52", "+"),
        ("without_education", "self_support_weeks_52", "-"),
        (None, "self_support_weeks_52", "0"),
        (None, "sickness_weeks_52", "+"),
    }
    assert all(reading.mark == "verified" for reading in readings)


def test_signs_of_aht():
    """A1-A5 of the dossier."""
    assert [(r.id, r.sign) for r in read_trial("aht").published] == [
        ("self_support", "0"), ("partial_return_more", "+"), ("overall_2018", "-"), ("partial_return_2018", "+"),
        ("traditional_2018", "0"),
    ]  # fmt: skip


def test_ny_chance_is_not_separately_identified():
    trial = read_trial("ny_chance")
    assert not trial.randomised
    assert trial.series.interruption.week == "2006-W27"
    # Saturday 1 July 2006 stands in the week before; week 27 is the first whole one.
    assert monday(week_index("2006-W27")).isoformat() == "2006-07-03"
    assert not trial.series.separately_identified
    assert trial.series.coinciding[0].mark == "verified"


def test_hazard_windows_of_hig_are_contiguous():
    """Section 9, item 5 of the dossier: weeks 0-4 (threat), 5-8, 9-16, 17-29, 30 and later."""
    windows = read_trial("hig").inference.hazard_windows
    assert [window.weeks for window in windows] == [(0, 5), (5, 9), (9, 17), (17, 30), (30, None)]
    assert [window.threat for window in windows] == [True, False, False, False, False]


def test_published_numbers_of_tta():
    data = read_trial("tta").data
    assert isinstance(data, SummaryData)
    found = {(r.outcome, r.site): (r.ratio, r.low, r.high) for r in data.ratios}
    assert found == {
        ("recovery", "m1"): (1.12, 0.97, 1.29), ("recovery", "m2"): (1.51, 1.31, 1.74),
        ("recovery", "m3"): (0.80, 0.63, 1.03), ("self_support", "m1"): (0.99, 0.84, 1.17),
        ("self_support", "m2"): (1.32, 1.08, 1.61), ("self_support", "m3"): (0.72, 0.54, 0.95),
    }  # fmt: skip
    assert sum(size.n for size in data.sizes if size.outcome == "recovery") == 1948 + 1157
    assert sum(size.n for size in read_trial("mentor").data.sizes) == 2593


def test_schedules_of_the_strata_of_ugig():
    trial = read_trial("ugig")
    educated = [w.id for w in trial.schedule_of("treated", "with_education")]
    uneducated = [w.id for w in trial.schedule_of("treated", "without_education")]
    assert educated == ["first_meeting", "meetings_educated", "company_activation", "closing_meeting"]
    assert uneducated == ["meetings_uneducated", "early_offers"]
    assert len(trial.schedule_of("treated")) == 6


def test_schedules_of_the_arms_of_hig2():
    trial = read_trial("hig2")
    assert [w.id for w in trial.schedule_of("meetings_and_activation")] == [
        "meetings_weeks_syddanmark", "activation_weeks_syddanmark"
    ]  # fmt: skip
    (window,) = trial.schedule_of("fortnightly_meetings")
    assert window.expected[0].every_weeks == 2
