"""Every trial of a register finds the right people in a small extract: sites, arms, strata, contacts, series."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis_lib.errors import DataError, DefinitionError
from analysis_lib.reporting.answer import answer
from analysis_lib.reporting.labels import labels_of
from analysis_lib.reporting.language import Translator
from analysis_lib.reporting.trial_facts import method_lines, trial_facts
from analysis_lib.results import Results
from analysis_lib.trials.cases import in_group
from analysis_lib.trials.definition import read_trial
from analysis_lib.trials.design.rules import COHORT
from analysis_lib.trials.evaluation import (
    check_design,
    compare_balance,
    estimate_effects,
    estimate_subgroups,
    survival_curves,
)
from analysis_lib.trials.sources import load_cases

FIRST, LAST = "2003-W40", "2012-W52"


def by_id(cases, values):
    return dict(sorted(zip(cases.frame["person_id"], np.asarray(values, dtype=object).tolist(), strict=True)))


# --- arms that differ by site -----------------------------------------------------------------------------------------

# Aalborg (A), Hillerød and Køge (B), Aarhus (C), Odense (D), Copenhagen (no site).
PLACES = [(851, "group_meetings"), (219, "fortnightly_meetings"), (259, "fortnightly_meetings"),
          (751, "early_activation"), (461, "meetings_and_activation"), (101, None)]  # fmt: skip


@pytest.fixture
def hig2(write_register):
    spell = [("2008-W10", "2008-W20", 111)]
    people = [
        ({"municipality": place, "birth_date": pd.Timestamp(f"1970-03-{day:02d}")}, spell)
        for place, _ in PLACES
        for day in (10, 20)
    ]
    return load_cases(read_trial("hig2"), write_register(people, first=FIRST, last=LAST))


def test_arms_follow_the_site(hig2):
    arms = by_id(hig2, hig2.design.arm)
    assert list(arms.values()) == [arm for _, own in PLACES[:-1] for arm in (own, "control")]
    offered = by_id(hig2, hig2.design.offered)
    assert list(offered.values()) == [own for _, own in PLACES[:-1] for _ in range(2)]
    assert by_id(hig2, hig2.frame["site"])["p02"] == "hovedstaden"
    assert hig2.flow.exclusions[0].count == 2  # Copenhagen


def test_controls_are_those_of_the_arms_own_sites(hig2):
    pair = by_id(hig2, hig2.design.pair("fortnightly_meetings"))
    assert [name for name, inside in pair.items() if inside] == ["p02", "p03", "p04", "p05"]
    assert sum(hig2.design.pair("early_activation")) == 2


def test_the_flow_counts_every_arm(hig2):
    counts = {arm.arm: arm.assigned for arm in hig2.flow.arms}
    assert counts == {
        "group_meetings": 1, "fortnightly_meetings": 2, "early_activation": 1, "meetings_and_activation": 1,
        "control": 5,
    }  # fmt: skip
    koege = hig2.site_flows["jc_koege"]
    assert {arm.arm: arm.assigned for arm in koege.arms}["fortnightly_meetings"] == 1


def test_shares_of_the_rule_are_those_among_an_arm_and_its_controls(hig2):
    checks = check_design(hig2).checks
    assert [check.arm for check in checks] == [arm.id for arm in hig2.trial.treated_arms]
    assert "expected 0.4928" in checks[0].detail
    assert checks[0].statistic == 0.5


# --- year of birth, contacts, activities ------------------------------------------------------------------------------


@pytest.fixture
def aht(write_register):
    spell = [("2009-W03", "2009-W20", 890)]
    people = [
        ({"municipality": 851, "birth_date": pd.Timestamp("1970-12-31")}, spell),
        ({"municipality": 851, "birth_date": pd.Timestamp("1971-01-01")}, spell),
        ({"municipality": 615, "birth_date": pd.Timestamp("1962-05-05")}, [("2009-W18", "2009-W30", 740)]),  # flex
        ({"municipality": 751}, spell),  # Aarhus is no site
    ]
    rows = [
        # 2009-W03 begins on Monday 12 January.
        ("p00", "meeting", "meeting", "2009-01-12", "2009-01-12"),
        ("p00", "meeting", "meeting", "2009-01-19", "2009-01-27"),
        ("p00", "meeting", "meeting", "2009-01-26", None),
        ("p00", "offer", "partial_return", None, "2009-02-02"),
        ("p00", "offer", "partial_return", None, "2010-01-12"),  # after 52 weeks and a day
        ("p00", "offer", "partial_return", None, "2009-01-11"),  # the day before entry
        ("p01", "offer", "paramedical", "2009-03-02", "2009-03-02"),
        ("p03", "meeting", "meeting", "2009-01-12", "2009-01-12"),
    ]
    contacts = pd.DataFrame(rows, columns=["person_id", "kind", "type", "planned", "held"])
    for day in ("planned", "held"):
        contacts[day] = [None if x is None else pd.Timestamp(x).date() for x in contacts[day]]
    return load_cases(read_trial("aht"), write_register(people, first=FIRST, last=LAST, contacts=contacts))


def test_even_years_are_treated(aht):
    assert by_id(aht, aht.design.arm) == {"p00": "treated", "p01": "control", "p02": "treated"}
    assert by_id(aht, aht.design.unit) == {"p00": 1970, "p01": 1971, "p02": 1962}
    assert aht.design.unit_name == "year of birth"
    assert aht.design.expected_share == {}
    assert check_design(aht).checks[0].passed is None


def test_odd_years_are_treated_where_the_rule_says_so(write_register):
    trial = read_trial("aht")
    odd = trial.model_copy(update={"assignment": trial.assignment.model_copy(update={"treated": "odd"})})
    people = [({"municipality": 851, "birth_date": pd.Timestamp("1971-01-01")}, [("2009-W03", "2009-W20", 890)])]
    folder = write_register(people, first=FIRST, last=LAST)
    assert load_cases(odd, folder).design.arm.tolist() == ["treated"]
    assert load_cases(trial, folder).design.arm.tolist() == ["control"]


def test_contacts_in_weeks_since_entry(aht):
    contacts = aht.contacts.assign(person=aht.frame["person_id"].to_numpy()[aht.contacts["case"]])
    own = contacts[contacts["person"] == "p00"].sort_values(["kind", "held_week"], na_position="last")
    assert own["kind"].tolist() == ["meeting"] * 3 + ["offer"] * 3
    np.testing.assert_array_equal(own["held_week"], [0, 2, np.nan, -1, 3, 52])
    np.testing.assert_array_equal(own["planned_week"], [0, 1, 2, np.nan, np.nan, np.nan])
    assert set(contacts["person"]) == {"p00", "p01"}


def test_activities_are_contacts_held_within_the_horizon(aht):
    assert by_id(aht, aht.activities["partial_return"]) == {"p00": 1, "p01": 0, "p02": 0}
    assert by_id(aht, aht.activities["paramedical"]) == {"p00": 0, "p01": 1, "p02": 0}


def test_a_group_keeps_its_own_contacts(aht):
    chosen = (aht.frame["person_id"] == "p01").to_numpy()
    own = in_group(aht, chosen)
    assert own.contacts["case"].tolist() == [0]
    assert own.contacts["type"].tolist() == ["paramedical"]
    assert own.activities["paramedical"].tolist() == [1]


def test_without_contacts_their_activities_are_not_known(write_register):
    people = [({"municipality": 851}, [("2009-W03", "2009-W20", 890)])]
    cases = load_cases(read_trial("aht"), write_register(people, first=FIRST, last=LAST))
    assert cases.contacts is None
    assert np.isnan(cases.activities["partial_return"]).all()


def test_a_register_too_short_for_the_horizon_leaves_activities_unknown(write_register):
    people = [({"municipality": 851}, [("2009-W03", "2009-W20", 890)])]
    contacts = pd.DataFrame(
        {"person_id": ["p00"], "kind": ["offer"], "type": ["activation"], "planned": [None], "held": [pd.Timestamp("2009-02-02").date()]}
    )  # fmt: skip
    folder = write_register(people, first=FIRST, last="2009-W53", contacts=contacts)
    assert np.isnan(load_cases(read_trial("aht"), folder).activities["activation"]).all()
    longer = write_register(people, first=FIRST, last="2010-W01", contacts=contacts, name="longer")
    # 52 weeks from 2009-W03 end with 2010-W01 (2009 has 53).
    assert load_cases(read_trial("aht"), longer).activities["activation"].tolist() == [1]


def test_weeks_on_codes(write_register):
    """HIG: weeks in activation (211-219) in the first 52 weeks."""
    people = [
        ({}, [("2005-W46", "2006-W10", 111), ("2006-W11", "2006-W20", 211)]),
        ({}, [("2005-W46", "2006-W40", 111), ("2006-W41", "2006-W50", 215)]),  # the 52 weeks end with 2006-W45
        ({}, [("2005-W46", "2006-W40", 111), ("2006-W41", "2006-W41", 555)]),  # a code nobody knows
    ]
    cases = load_cases(read_trial("hig"), write_register(people, first=FIRST, last=LAST))
    weeks = by_id(cases, cases.activities["activation_weeks"])
    assert (weeks["p00"], weeks["p01"]) == (10, 5)
    assert np.isnan(weeks["p02"])
    assert np.isnan(cases.activities["meetings_held"]).all()


# --- strata -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def ugig(write_register):
    spell = [("2009-W40", "2010-W10", 130)]
    schools = ["vocational", "academic", "compulsory", "upper_secondary", "unknown"]
    people = [
        ({"municipality": 851, "education": school, "birth_date": pd.Timestamp("1985-03-10")}, spell)
        for school in schools
    ]
    people.append(({"municipality": 851, "birth_date": pd.Timestamp("1979-10-01")}, spell))  # 30 by then
    return write_register(people, first=FIRST, last=LAST)


def test_strata_are_loaded_apart(ugig):
    trial = read_trial("ugig")
    with_it = load_cases(trial, ugig, stratum="with_education")
    without = load_cases(trial, ugig, stratum="without_education")
    assert sorted(with_it.frame["person_id"]) == ["p00", "p01"]
    assert sorted(without.frame["person_id"]) == ["p02", "p03"]
    assert (with_it.stratum, load_cases(trial, ugig).stratum) == ("with_education", "")
    assert len(load_cases(trial, ugig)) == 5
    assert all(len(values.values) == 2 for values in with_it.outcomes.values() if hasattr(values, "values"))


def test_the_flow_of_a_stratum_adds_up(ugig):
    cases = load_cases(read_trial("ugig"), ugig, stratum="with_education")
    assert cases.flow.start == 6
    assert {str(step.reason): step.count for step in cases.flow.exclusions} == {
        "living outside the trial's jobcentres": 0,
        "no week on the trial's benefit in the inflow weeks": 0,
        "outside the ages of the trial": 1,
        "not in the group that is analysed here": 3,
    }
    assert cases.site_flows["jc_aalborg"].assigned == 2
    one = load_cases(read_trial("ugig"), ugig, stratum="with_education", jobcentre="jc_aalborg")
    assert one.flow == cases.site_flows["jc_aalborg"]


def test_strata_that_cannot_be(ugig):
    trial = read_trial("ugig")
    with pytest.raises(
        DefinitionError, match="stratum is 'educated'; must be one of with_education, without_education"
    ):
        load_cases(trial, ugig, stratum="educated")
    wrong = trial.strata.model_copy(update={"column": "educatoin"})
    with pytest.raises(
        DataError, match="strata of trial ugig ask for column 'educatoin', which is not there; did you mean 'education'"
    ):
        load_cases(trial.model_copy(update={"strata": wrong}), ugig, stratum="with_education")
    both = trial.strata.model_copy(update={"groups": (trial.strata.groups[0],) * 2})
    with pytest.raises(DefinitionError, match="groups of strata have people in common; must not overlap"):
        load_cases(trial.model_copy(update={"strata": both}), ugig, stratum="with_education")


# --- nobody drawn -----------------------------------------------------------------------------------------------------


def cohort_of_2006():
    """Ny chance with people found in 2006-W26, in the middle of these registers."""
    trial = read_trial("ny_chance")
    entry = trial.data.entry.model_copy(update={"week": "2006-W26"})
    return trial.model_copy(update={"data": trial.data.model_copy(update={"entry": entry})})


@pytest.fixture
def ny_chance(write_register):
    people = [
        ({"municipality": 340}, [("2005-W01", "2006-W39", 130), ("2006-W40", "2006-W50", 651)]),
        ({"municipality": 849}, [("2005-W01", "2008-W52", 130)]),
        ({"municipality": 849}, [("2005-W01", "2006-W30", 130), ("2006-W31", "2012-W52", 999)]),
        ({"municipality": 461}, [("2005-W01", "2008-W52", 130)]),
    ]
    return load_cases(cohort_of_2006(), write_register(people, first=FIRST, last=LAST))


def test_a_cohort_has_one_arm(ny_chance):
    assert set(ny_chance.design.arm) == {COHORT}
    assert [(arm.arm, arm.assigned) for arm in ny_chance.flow.arms] == [(COHORT, 3)]
    weeks = by_id(ny_chance, ny_chance.outcomes["job_or_education_weeks_104"].values)
    # p00 is on benefit for 14 of the 104 weeks from 2006-W26 on.
    assert (weeks["p00"], weeks["p01"]) == (90, 0)
    assert np.isnan(weeks["p02"])


def test_the_series_by_calendar_week(ny_chance):
    series = ny_chance.series
    assert series.inside.shape == (3, 209)  # 2004-W27 to 2008-W26; 2004 has 53 weeks
    share = series.share
    assert share[0] == 1.0  # nobody has a code before 2005
    assert share[series.column("2006-W26")] == 0.0
    assert share[series.column("2006-W40")] == 0.5  # p00 in education, p01 on benefit, p02 dead
    assert not series.observed[:, series.column("2006-W40")].all()
    assert series.take(np.array([True, False, False])).share.shape == (209,)


@pytest.mark.parametrize(
    "function",
    [
        check_design, estimate_effects, estimate_subgroups,
        lambda cases: compare_balance(cases, rng=np.random.default_rng(1)),
        lambda cases: answer(cases.trial, "all", Results()),
    ],
)  # fmt: skip
def test_without_arms_nothing_is_compared(ny_chance, function):
    with pytest.raises(DefinitionError, match="trial ny_chance was not randomised, so that it has no arms to compare"):
        function(ny_chance)


def test_a_series_needs_its_weeks(write_register):
    people = [({"municipality": 340}, [("2005-W01", "2007-W39", 130)])]
    folder = write_register(people, first="2004-W26", last="2008-W25")
    with pytest.raises(DataError, match="must hold the series' 2004-W27 to 2008-W26"):
        load_cases(cohort_of_2006(), folder)


# --- spillover, templates and facts -----------------------------------------------------------------------------------


def test_the_cohorts_of_the_spillover(write_register):
    now, earlier = [("2005-W46", "2005-W52", 111)], [("2004-W47", "2004-W50", 111)]
    people = [
        ({"municipality": 370}, now), ({"municipality": 370}, earlier), ({"municipality": 751}, now),
        ({"municipality": 751}, earlier), ({"municipality": 461}, now),
    ]  # fmt: skip
    folder, trial = write_register(people, first=FIRST, last=LAST), read_trial("hig")
    found = {
        (area, period): load_cases(trial.cohort(area, period), folder).frame["person_id"].tolist()
        for area in ("trial", "comparison")
        for period in ("before", "during")
    }
    assert found == {
        ("trial", "during"): ["p00"], ("trial", "before"): ["p01"], ("comparison", "during"): ["p02"],
        ("comparison", "before"): ["p03"],
    }  # fmt: skip


@pytest.mark.parametrize("trial", ["aig", "virksomhedscenter"])
def test_templates_can_be_run(write_register, trial):
    people = [({"municipality": 751}, [("2008-W01", "2009-W30", 130)])]
    cases = load_cases(read_trial(trial), write_register(people, first=FIRST, last=LAST))
    assert len(cases) == 1
    shown = list(trial_facts(cases.trial, Translator("en")))
    assert shown[0].value == "Design template with illustrative parameters: no result is claimed"


@pytest.mark.parametrize(
    "trial", ["hig2", "aht", "ugig", "ny_chance", "aig", "virksomhedscenter", "tta", "mentor", "rossi"]
)
def test_facts_and_labels_of_every_trial(trial):
    definition = read_trial(trial)
    facts = list(trial_facts(definition, Translator("en")))
    assert any(fact.name == "Assignment" for fact in facts)
    assert {outcome.id for outcome in definition.outcomes} <= set(labels_of(definition))


def test_facts_say_the_rules(hig2):
    said = {
        name: [str(getattr(fact.value, "en", fact.value)) for fact in trial_facts(read_trial(name), Translator("en"))]
        for name in ("aht", "ugig", "ny_chance", "tta")
    }
    assert "Treated: born in even years" in said["aht"]
    assert "North Jutland (the jobcentres are illustrative)" in said["aht"]
    assert "On the benefit in week 2009-W45, or for the first time since up to week 2010-W06" in said["ugig"]
    assert "On the benefit in week 2003-W01 and in at least 48 of the last 52 weeks" in said["ny_chance"]
    assert "No week in activation among the last 52" in said["ny_chance"]
    assert "As drawn by the trial; known from published numbers only" in said["tta"]


def test_the_method_names_the_unit_that_was_drawn(aht):
    twice = in_group(aht, np.array([True, True, True]))
    same_year = twice.design.unit.copy()
    same_year[:] = 1970
    cases = replace(twice, design=replace(twice.design, unit=same_year))
    assert any("whole groups (year of birth)" in line for line in method_lines(cases, 5, Translator("en")))


def test_published_numbers_have_no_cases(tmp_path):
    with pytest.raises(DefinitionError, match="trial tta has data of kind summary: published numbers and no people"):
        load_cases(read_trial("tta"), tmp_path)


def test_survival_curves_use_the_arms_own_controls(hig2):
    trial = hig2.trial.model_copy(update={"inference": hig2.trial.inference.model_copy(update={"min_per_arm": 2})})
    cases = replace(hig2, trial=trial)
    control, treated = survival_curves(cases, "time_to_self_support", arm="fortnightly_meetings")
    assert (control.at_risk[0], treated.at_risk[0]) == (2, 2)
    assert survival_curves(cases, "time_to_self_support", arm="early_activation") == ()
