"""Definitions that cannot be are refused, with file, key, what was found and what is allowed."""

import copy
from functools import cache
from pathlib import Path

import pytest
import yaml

from analysis_lib.errors import DefinitionError
from analysis_lib.parameters import check_definition, read_yaml
from analysis_lib.trials.definition import Trial, read_trial

FOLDER = Path(__file__).parents[3] / "parameters" / "trials"
TEXT = {"da": "x", "en": "x"}
DROP = object()
KNOWN = {f"costs.prices.0.{key}": value for key, value in {"value": 700.0, "year": 2006, "illustrative": True}.items()}
"""A price chosen to show the arithmetic."""


@cache
def content_of(trial):
    content = read_yaml(FOLDER / f"{trial}.yml")
    return {key: value for key, value in content.items() if key != "simulation"}


def sequences(content, kind):
    """Return the content with its tuples and lists of one kind: lists can be changed, the reader gives tuples."""
    if isinstance(content, dict):
        return {key: sequences(value, kind) for key, value in content.items()}
    return kind(sequences(part, kind) for part in content) if isinstance(content, tuple | list) else content


def read_changed(trial, changes):
    """Read a trial with the values at some paths replaced, added or dropped."""
    content = sequences(content_of(trial), list)
    for path, value in changes.items():
        *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        place = content
        for step in way:
            place = place[step]
        if value is DROP:
            del place[last]
        elif isinstance(last, int) and last == len(place):
            place.append(copy.deepcopy(value))
        else:
            place[last] = copy.deepcopy(value)
    return check_definition(sequences(content, tuple), Trial, f"{trial}.yml")


def test_a_file_written_out_and_read_again_is_the_same(tmp_path):
    path = tmp_path / "ny_chance.yml"
    content = sequences(read_yaml(FOLDER / path.name), list)
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    assert read_trial(path) == read_trial("ny_chance")


BAD = [
    # data
    ("hig", {"data.entry.kind": "flow"}, "data.entry.kind is 'flow'; must be one of 'inflow', 'stock_and_inflow', 'long_term'"),
    ("hig", {"data.entry.kind": DROP}, "missing key 'data.entry.kind'; it is required"),
    ("hig", {"data.entry.last_week": "2005-W01"}, "last_week 2005-W01 is before first_week 2005-W44"),
    ("ny_chance", {"data.entry.at_least": 53}, "at_least is 53; must be at most of_last, 52"),
    ("ny_chance", {"data.entry.passive.codes": [[239, 231]]}, "codes has [239, 231]; must be a first and a last code"),
    ("ugig", {"data.entry.new_after": {"weeks": 4, "mark": "unknown"}}, "unknown key 'data.entry.new_after'"),
    ("hig", {"data.age.highest": 17}, "highest is 17; must not be below lowest, 18"),
    ("hig", {"data.sites.1.jobcentres": ["jc_faxe"]}, "jobcentres of sites has ids jc_faxe"),
    ("aht", {"data.sites.0.mark": "verified", "data.sites.0.source": "x"}, "is illustrative, so its mark must be unknown, not verified"),
    # assignment
    ("hig", {"assignment.rule": "recorded"}, "assignment.rule is 'recorded'; must be one of 'birth_day', 'birth_year_parity'"),
    ("aht", {"assignment.treated": "uneven"}, "assignment.treated is 'uneven'; must be 'even' or 'odd'"),
    ("hig2", {"assignment.primary_arm": DROP}, "primary_arm is missing; must be one of group_meetings, fortnightly_meetings"),
    ("hig2", {"assignment.primary_arm": "meetings"}, "primary_arm is 'meetings'; must be one of group_meetings"),
    ("hig2", {"assignment.arms.1.sites": DROP}, "sites must be given for each treated arm where there are several"),
    ("hig", {"assignment.arms.0.sites": ["storstroem"]}, "sites must be given for each treated arm where there are several, and for none where not"),
    ("hig2", {"assignment.arms.0.sites": ["sjaelland"]}, "the control arm has sites; must have none"),
    ("hig2", {"assignment.arms.1.sites": ["nordjyland"]}, "a site of arm 'group_meetings' is 'nordjyland'; must be one of nordjylland"),
    ("hig2", {"assignment.arms.2.sites": ["hovedstaden"]}, "site 'sjaelland' has 0 treated arms (none); must have exactly one"),
    ("hig2", {"assignment.arms.1.sites": ["nordjylland", "sjaelland"]}, "site 'sjaelland' has 2 treated arms (group_meetings, fortnightly_meetings); must have exactly one"),
    ("rossi", {"assignment.arms.1.value": "no"}, "arms have the values no, no; must be distinct, and of one type"),
    ("rossi", {"assignment.arms.1.value": 1}, "arms have the values no, 1; must be distinct, and of one type"),
    ("nsw", {"assignment.arms.1.value": DROP}, "every arm of a recorded arm needs its value in the column"),
    ("tta", {"assignment": {"rule": "not_randomised", "reason": TEXT, "mark": "unknown"}}, "assignment.rule not_randomised does not fit data of kind summary; must be reported"),
    ("ny_chance", {"assignment.reason": DROP}, "missing key 'assignment.reason'; it is required"),
    # outcomes
    ("hig", {"outcomes.3.primary": True}, "outcome 'benefit_by_week' has a number a week, so it cannot be primary"),
    ("hig", {"outcomes.1.primary": True}, "outcomes has 2 with primary: true; must be exactly one"),
    ("hig", {"outcomes.1.horizon": 105}, "outcome 'benefit_weeks_26': horizon is 105; must be at most data.follow_up_weeks, 104"),
    ("hig", {"outcomes.1.kind": "weeks"}, "outcomes.1.kind is 'weeks'; must be one of 'time_to_state', 'weeks_in_states', 'share_in_states'"),
    ("rossi", {"outcomes.0": {"id": "a", "kind": "reported_share", "primary": True, "label": TEXT}}, "outcome 'a' of kind reported_share does not fit data of kind file"),
    ("tta", {"outcomes.2": {"id": "more", "kind": "reported_ratio", "measure": "hazard_ratio", "label": TEXT}}, "outcome 'more' has no number in data; must have one"),
    # summary
    ("tta", {"data.ratios.0.high": 1.1}, "ratio 1.12 of recovery at m1 has the interval 0.97 to 1.1; must lie inside"),
    ("tta", {"data.ratios.0.ratio": 1.2}, "ratio 1.2 of recovery at m1 is not in the middle of its interval on the log scale; must be near 1.119"),
    ("tta", {"data.ratios.1.site": "m1"}, "ratios has ids recovery at m1, recovery at m1"),
    ("tta", {"data.ratios.0.site": "m4"}, "site is 'm4'; must be one of sites: m1, m2, m3"),
    ("tta", {"data.ratios.0.outcome": "recovry"}, "outcome of data.ratios is 'recovry'; must be one of recovery, self_support"),
    ("tta", {"data.sizes.0.arm": "treatd"}, "arm of data.sizes is 'treatd'; must be one of control, treated"),
    ("mentor", {"data.shares.0.share": 16}, "data.shares.0.share is 16; must be less than or equal to 1"),
    ("mentor", {"data.shares.3": DROP}, "data.shares has 'job' without arm control; must have every arm"),
    ("mentor", {"data.shares": []}, "ratios and shares are both empty; must hold a published number"),
    # strata and covariates
    ("ugig", {"strata.groups.1.id": "with_education"}, "groups has ids with_education, with_education; must be distinct"),
    ("tta", {"strata": {"label": TEXT, "column": "x", "groups": [{"id": "a", "label": TEXT, "values": [1]}, {"id": "b", "label": TEXT, "values": [2]}]}}, "strata needs people: data must be of kind register or file"),
    ("rossi", {"covariates.0.levels": [{"value": "a", "label": TEXT}]}, "number has no levels; leave levels out"),
    # plan
    ("hig2", {"inference.multiplicity": DROP}, "inference.multiplicity is missing; several treated arms need it"),
    ("hig", {"inference.multiplicity.family": DROP}, "family is missing with method holm; must be given unless none"),
    ("hig", {"inference.multiplicity": {"method": "none", "family": "arms"}}, "family is arms with method none; must be given unless none"),
    ("hig2", {"inference.randomization_draws": DROP}, "randomization_draws is missing; multiplicity.method romano_wolf needs it"),
    ("hig", {"inference.hazard_windows.1.weeks": [4, 9]}, "hazard window 'weeks_5_8' begins before 'weeks_0_4' ends; must not"),
    ("hig", {"inference.hazard_windows.1.weeks": [5, 5]}, "weeks is [5, 5.0]; must be 0 or more, in order"),
    ("hig", {"inference.pooling": {"method": "fixed", "knapp_hartung": True}}, "knapp_hartung is for effects that vary between sites"),
    ("hig", {"inference.restricted_mean_horizon_weeks": 105}, "inference.restricted_mean_horizon_weeks is 105; must be at most data.follow_up_weeks, 104"),
    ("nsw", {"inference.restricted_mean_horizon_weeks": 10}, "inference.restricted_mean_horizon_weeks needs an outcome that is a duration"),
    ("hig", {"inference.mixed_hazard.mass_points": 1}, "inference.mixed_hazard.mass_points is 1; must be greater than or equal to 2"),
    ("hig", {"inference.mixed_hazard.mass_points": 4}, "inference.mixed_hazard.mass_points is 4; must be less than or equal to 3"),
    ("hig", {"inference.mixed_hazard.mass_point": 2}, "unknown key 'inference.mixed_hazard.mass_point'"),
    ("hig", {"inference.mixed_hazard.covariates": DROP}, "missing key 'inference.mixed_hazard.covariates'; it is required"),
    ("hig", {"inference.mixed_hazard.baseline_weeks": [5, 5]}, "baseline_weeks is [5, 5]; must be increasing, from 1 on"),
    ("hig", {"inference.mixed_hazard.baseline_weeks": [0, 5]}, "baseline_weeks is [0, 5]; must be increasing, from 1 on"),
    ("hig", {"inference.mixed_hazard.baseline_weeks": [2.5]}, "inference.mixed_hazard.baseline_weeks.0 is 2.5"),
    ("hig", {"inference.mixed_hazard.baseline_weeks": [], "inference.hazard_windows": []}, "mixed_hazard.baseline_weeks is missing; must be given where there are no hazard_windows"),
    ("hig", {"inference.mixed_hazard.mark": "verified", "inference.mixed_hazard.source": ""}, "mark is verified, so source must say where the fact was read"),
    ("rossi", {"inference.mixed_hazard": {"mass_points": 2, "baseline_weeks": [10], "covariates": True, "mark": "unknown"}}, "inference.mixed_hazard needs an outcome of kind time_to_state"),
    ("hig", {"covariates": []}, "inference.mixed_hazard.covariates is true; the trial has none"),
    ("ny_chance", {"inference.mixed_hazard": {"mass_points": 2, "baseline_weeks": [10], "covariates": False, "mark": "unknown"}}, "inference.mixed_hazard needs arms: the trial was not randomised"),
    ("hig", {"inference.recurrence.outcome": "benefit_weeks_26"}, "inference.recurrence.outcome is 'benefit_weeks_26'; must be one of time_to_self_support"),
    ("hig", {"inference.recurrence.mass_points": 5}, "inference.recurrence.mass_points is 5; must be less than or equal to 4"),
    ("hig", {"inference.recurrence.min_weeks": 0}, "inference.recurrence.min_weeks is 0; must be greater than or equal to 1"),
    ("hig", {"inference.recurrence.states": []}, "inference.recurrence.states"),
    ("hig", {"inference.recurrence.states": ["self_support"]}, "inference.recurrence.states has 'self_support', an exit state of outcome 'time_to_self_support'; must not"),
    ("hig", {"inference.recurrence.censoring": ["self_support"]}, "inference.recurrence.censoring has 'self_support', an exit state of outcome 'time_to_self_support'; must not"),
    ("hig", {"inference.recurrence.censoring": ["unemployment_insurance"]}, "'unemployment_insurance' stands in states and censoring; must be a return or an end, not both"),
    ("hig", {"inference.recurrence.return_weeks": [13, 1]}, "return_weeks is [13, 1]; must be increasing, from 1 on"),
    ("hig", {"inference.recurrence.leaving_weeks": [0]}, "leaving_weeks is [0]; must be increasing, from 1 on"),
    ("hig", {"inference.recurrence.returned_within": 53}, "inference.recurrence: left_within and returned_within are 105 weeks together; must be at most data.follow_up_weeks, 104"),
    ("nsw", {"inference.min_per_site": 10}, "inference.min_per_site needs sites; a file of cases has none"),
    # uptake, schedule and costs
    ("hig", {"uptake.activities.0.codes": [[211, 219]]}, "activity 'meetings_held' must be given by exactly one of contacts, states and codes"),
    ("hig", {"uptake.outcomes": ["benefit_week_52"]}, "uptake's outcome is 'benefit_week_52'; must be one of time_to_self_support"),
    ("hig", {"uptake.activities.0.id": "age"}, "'age' stands in covariates and uptake; must be told apart"),
    ("hig", {"uptake.instruments": "distance"}, "uptake.instruments is 'distance'; must be 'assignment' or 'assignment_by_jobcentre'"),
    ("hig", {"schedule.2.expected.0.sites": ["fyn"]}, "schedule 'meetings': site is 'fyn'; must be one of storstroem, soenderjylland"),
    ("hig", {"schedule.2.arm": "control"}, "schedule 'meetings': arm is 'control'; must be one of treated"),
    ("hig", {"schedule.2.stratum": "young"}, "schedule 'meetings': stratum is 'young'; must be one of none: there are none"),
    ("hig", {"costs.prices.0.value": 700.0, "costs.prices.0.illustrative": True}, "price 'benefit_week' has a value; must have its year too"),
    ("hig", {"costs.prices.0.year": 2006}, "price 'benefit_week' has a year; must have its value too"),
    ("hig", {"costs.prices.0.value": 700.0, "costs.prices.0.year": 2006}, "price 'benefit_week': mark is unknown exactly where there is no value, or it is illustrative"),
    ("hig", {"costs.prices.0.mark": "recalled"}, "price 'benefit_week': mark is unknown exactly where there is no value, or it is illustrative"),
    ("hig", {"costs.prices.0.illustrative": True}, "price 'benefit_week' is illustrative, which is for a value whose mark is unknown"),
    ("hig", {"costs.prices.0.low": 700.0}, "price 'benefit_week': one of low and high is given; must be both or none"),
    ("hig", {"costs.prices.0.low": 700.0, "costs.prices.0.high": 800.0}, "price 'benefit_week': there is no value, so there must be no range"),
    ("hig", KNOWN | {"costs.prices.0.low": 600.0, "costs.prices.0.high": 650.0}, "price 'benefit_week': value is 700; must be from low (600) to high (650)"),
    ("hig", KNOWN | {"costs.prices.1.value": 4.0, "costs.prices.1.year": 2009, "costs.prices.1.illustrative": True}, "prices are of the years 2006, 2009; must be of one"),
    ("hig", {"costs.prices.0.value": 0.0, "costs.prices.0.year": 2006}, "costs.prices.0.value is 0.0"),
    ("hig", {"costs.vary_by": 1.0}, "costs.vary_by is 1.0"),
    ("hig", {"costs.currency": "EUR"}, "costs.currency is 'EUR'; must be 'DKK'"),
    ("hig", {"inference.bootstrap_draws": 150}, "inference.bootstrap_draws is 150; must be 200 or more where there are costs"),
    ("hig", {"inference.subgroup_adjustment": "tukey"}, "inference.subgroup_adjustment is 'tukey'; must be 'holm', 'bonferroni', 'bh' or 'none'"),
    ("hig", {"costs.prices.0.unit": "contact"}, "price 'benefit_week' is of states; its unit must be week"),
    ("hig", {"costs.prices.1.unit": "week"}, "price 'meeting' has unit week; activity 'meetings_held' is counted by the contact"),
    ("hig", {"costs.prices.1.activity": "meetings"}, "price 'meeting': activity is 'meetings'; must be one of meetings_held"),
    ("hig", {"costs.discount_rate.mark": "recalled"}, "discount_rate has no value; its mark must be unknown"),
    ("hig", {"costs.horizon_weeks": 200}, "costs.horizon_weeks is 200; must be at most data.follow_up_weeks, 104"),
    # published
    ("ugig", {"published.0.stratum": "educated"}, "published 'ramboell_educated': stratum is 'educated'; must be one of with_education, without_education"),
    ("ugig", {"published.0.sign": "positive"}, "published.0.sign is 'positive'; must be '+', '0' or '-'"),
    ("hig2", {"published.0.arm": "control"}, "published 'individual_meetings': arm is 'control'; must be one of group_meetings"),
    ("hig", {"targets.0.outcome": "time"}, "target's outcome is 'time'; must be one of time_to_self_support"),
    ("aig", {"published": [{"id": "a", "label": TEXT, "text": TEXT, "sign": "+", "mark": "unknown"}]}, "status is template, which claims no result; targets and published must be left out"),
    ("aig", {"status": "draft"}, "status is 'draft'; must be 'trial' or 'template'"),
    # spillover
    ("hig", {"spillover.areas.0.jobcentres": ["jc_faxe"]}, "spillover.areas has the trial's own jobcentre jc_faxe; must be areas without the trial"),
    ("hig", {"spillover.areas.0.id": "storstroem"}, "'storstroem' stands in sites and spillover.areas; must be told apart"),
    ("hig", {"spillover.areas.0.id": "viborg"}, "areas has ids viborg, koebenhavn, ringkoebing, aarhus, viborg, nordjylland; must be distinct"),
    ("hig", {"spillover.areas.4.jobcentres": ["jc_skive", "jc_aarhus"]}, "jobcentres of areas has ids"),
    ("hig", {"spillover.areas": []}, "spillover.areas"),
    ("hig", {"spillover.areas.0.mark": DROP}, "missing key 'spillover.areas.0.mark'; it is required"),
    ("hig", {"spillover.mark": DROP}, "missing key 'spillover.mark'; it is required"),
    ("hig", {"spillover.before.last_week": "2004-W43"}, "last_week 2004-W43 is before first_week 2004-W44"),
    ("hig", {"spillover.before.last_week": "2005-W53"}, "2005-W53"),
    ("hig", {"spillover.before.last_week": "2005-W44"}, "spillover.before ends in 2005-W44; must end before the trial's 2005-W44"),
    ("hig", {"spillover.outcome": "benefit_weeks_52"}, "spillover.before ends in 2005-W13, 31 weeks before the trial's first week; must be 52 or more, or the trial would touch outcome 'benefit_weeks_52'"),
    ("hig", {"spillover.before.last_week": "2005-W19"}, "spillover.before ends in 2005-W19, 25 weeks before the trial's first week; must be 26 or more"),
    ("hig", {"spillover.outcome": "benefit_weeks_62"}, "spillover.outcome is 'benefit_weeks_62'; must be one of kind weeks_in_states: benefit_weeks_26, benefit_weeks_52"),
    ("hig", {"spillover.outcome": "time_to_self_support"}, "spillover.outcome is 'time_to_self_support'; must be one of kind weeks_in_states"),
    ("hig", {"spillover.unit": "county"}, "spillover.unit is 'county'; must be 'site' or 'jobcentre'"),
    ("hig", {"spillover.weight": "size"}, "spillover.weight is 'size'; must be 'people' or 'areas'"),
    ("hig", {"inference.randomization_draws": DROP}, "inference.randomization_draws is missing; spillover needs it"),
    ("nsw", {"spillover": content_of("hig")["spillover"]}, "spillover needs people of a register and a control group to compare with"),
    ("ny_chance", {"spillover": content_of("hig")["spillover"]}, "spillover needs people of a register and a control group to compare with"),
    ("hig2", {"spillover": content_of("hig")["spillover"]}, "spillover needs arms alike at all sites: an area without the trial has no arms of its own"),
    ("ugig", {"spillover": content_of("hig")["spillover"]}, "spillover is of all people together; must be left out where strata are analysed apart"),
    ("hig", {"data.entry": {"kind": "long_term", "states": ["unemployment_insurance"], "mark": "unknown", "source": "", "week": "2005-W44", "at_least": 1, "of_last": 4}}, "spillover.before is weeks of entry; data.entry must be of kind inflow or stock_and_inflow"),
    # series
    ("ny_chance", {"series.interruption.week": "2010-W01"}, "interruption is 2010-W01; must lie between first_week 2004-W27 and last_week 2008-W26"),
    ("ny_chance", {"series.placebo_window_weeks": 60}, "placebo_window_weeks is 60; must fit once after the interruption and twice before it"),
    ("ny_chance", {"series.placebo_weeks.0": "2007-W01"}, "placebo week 2007-W01 must lie between first_week 2004-W27 and the interruption"),
    ("ny_chance", {"uptake": {"instruments": "assignment", "outcomes": ["job_or_education_weeks_104"], "activities": [{"id": "a", "label": TEXT, "codes": [[231, 239]], "horizon": 10}]}}, "uptake needs arms: the trial was not randomised"),
]  # fmt: skip


@pytest.mark.parametrize(("trial", "changes", "says"), BAD, ids=[f"{t}:{','.join(c)}" for t, c, _ in BAD])
def test_refused(trial, changes, says):
    with pytest.raises(DefinitionError) as caught:
        read_changed(trial, changes)
    assert says in str(caught.value)
    assert f"{trial}.yml: " in str(caught.value)


def test_series_needs_a_register():
    series = content_of("ny_chance")["series"]
    with pytest.raises(DefinitionError, match="series needs data of kind register"):
        read_changed("rossi", {"series": series})


def test_several_problems_are_told_at_once():
    with pytest.raises(DefinitionError) as caught:
        read_changed("hig", {"targets.0.outcome": "time", "costs.horizon_weeks": 200})
    assert "target's outcome is 'time'" in str(caught.value)
    assert "costs.horizon_weeks is 200" in str(caught.value)


def test_illustrative_prices_are_flagged():
    price = {"costs.prices.0.value": 700.0, "costs.prices.0.year": 2006, "costs.prices.0.illustrative": True}
    costs = read_changed("hig", price).costs
    assert costs.illustrative
    assert not costs.complete


def test_both_parities_are_read():
    assert read_changed("aht", {"assignment.treated": "odd"}).assignment.treated == "odd"


def test_guards():
    read_trial("hig").check_assigned()
    with pytest.raises(
        DefinitionError, match=r"trial ny_chance was not randomised, so that it has no arms to compare: Everybody"
    ):
        read_trial("ny_chance").check_assigned()
    with pytest.raises(
        DefinitionError,
        match="trial tta has data of kind summary: published numbers and no people; read it with load_summary",
    ):
        read_trial("tta").check_assigned()
    assert read_trial("ny_chance").treated_arms == ()


def test_a_stratum_that_is_not_the_trials():
    with pytest.raises(
        DefinitionError,
        match="stratum is 'with_educatoin'; must be one of with_education, without_education; did you mean",
    ):
        read_trial("ugig").stratum("with_educatoin")
    with pytest.raises(DefinitionError, match="must be one of none: the trial has no strata"):
        read_trial("hig").stratum("women")


def test_cohorts_of_the_spillover():
    trial = read_trial("hig")
    before = trial.cohort("comparison", "before")
    assert [site.id for site in before.data.sites] == [
        "frederiksborg", "koebenhavn", "ringkoebing", "aarhus", "viborg", "nordjylland",
    ]  # fmt: skip
    assert before.data.site_of["jc_randers"] == "aarhus"
    assert (before.data.entry.first_week, before.data.entry.last_week) == ("2004-W44", "2005-W13")
    assert before.data.entry.new_after == trial.data.entry.new_after
    assert trial.cohort("trial", "during") == trial
    assert trial.cohort("trial", "before").data.sites == trial.data.sites
    with pytest.raises(DefinitionError, match="trial aht has no spillover in its plan; must have"):
        read_trial("aht").cohort("trial", "before")
