"""The simulation block: what it refuses, with file and key."""

from __future__ import annotations

import datetime as dt
import re
import textwrap
from pathlib import Path

import pytest

from analysis_lib.errors import DefinitionError
from analysis_lib.parameters import read_definition
from analysis_lib.register.simulation import SimulationModel
from analysis_lib.register.weeks import monday

HIG = Path(__file__).parents[2] / "parameters" / "trials" / "hig.yml"
SOURCE = textwrap.dedent(HIG.read_text(encoding="utf-8").split("\nsimulation:\n")[1])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "first_week: 2004-W40",
            "first_week: 2005-W20",
            "span.first_week is 2005-W20; must be 2005-W14 or earlier, to have",
        ),
        (
            "last_week: 2008-W18",
            "last_week: 2008-W16",
            "span.last_week is 2008-W16; must be 2008-W17 or later, the last entry",
        ),
        ("last_week: 2006-W13", "last_week: 2005-W13", "entry.last_week is before entry.first_week"),
        ("last_week: 2006-W13", "last_week: 2006-W53", "entry.last_week is '2006-W53'; must be a week that exists"),
        (
            "horizons_weeks: [26, 52]",
            "horizons_weeks: [26, 105]",
            "horizons_weeks is [26, 105]; must be 1 to follow_up_weeks, 104",
        ),
        (
            "longest_weeks: 3}",
            "longest_weeks: 4}",
            "blank_gap.longest_weeks is 4; must be below 4, or a gap is an exit",
        ),
        (
            "code: 890, weekly_hazard: 0.003, shortest_weeks: 4",
            "code: 890, weekly_hazard: 0.003, shortest_weeks: 2",
            "other_exits.sickness.shortest_weeks is 2; must be 4 or more, to be seen as an exit",
        ),
        (
            "shortest_weeks: 20, longest_weeks: 60",
            "shortest_weeks: 20",
            "education needs shortest_weeks and longest_weeks, in order",
        ),
        (
            "shortest_weeks: 4, longest_weeks: 20",
            "shortest_weeks: 24, longest_weeks: 20",
            "sickness needs shortest_weeks and",
        ),
        ("code: 999,", "code: 999, shortest_weeks: 3, longest_weeks: 4,", "dead is final; must have no shortest_weeks"),
        ("share: 0.52", "share: 0.5", "shares of sex add up to 0.98; must be 1"),
        ("value: man", "value: woman", "levels of sex repeat a value; must be distinct"),
        ("column: origin", "column: sex", "covariates.columns names a column twice; must be distinct"),
        (
            "{code: 259, weight: 57}",
            "{code: 320, weight: 57}",
            "sites and elsewhere name a municipality twice; must be distinct",
        ),
        ("elsewhere:", "elsewhere: []\nx:", "unknown key 'x'"),
        ("lowest: 18", "lowest: 60", "lowest, highest, outside_lowest, outside_highest must be in increasing order"),
        (
            "  last_week: 2006-W13",
            "  last_week: 2007-W40",
            "nobody is 65 to 66 years old throughout entry; ages must be further",
        ),
        ("hazard_ratio: 1.30", "hazard_ratio: 0", "duration.hazard_ratio is 0; must be greater than 0"),
        ("free_weeks: 4", "free_week: 4", "unknown key 'entry.free_week'; did you mean 'free_weeks'?"),
        ("weekly_hazard: 0.0015", "weekly_hazard: -1", "weekly_hazard is -1; must be greater than or equal to 0"),
    ],
)
def test_what_is_refused(tmp_path, old, new, message):
    assert old in SOURCE
    path = tmp_path / "simulation.yml"
    path.write_text(SOURCE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DefinitionError) as error:
        read_definition(path, SimulationModel)
    assert message in str(error.value)
    assert str(path) in str(error.value)


EFFECT = "effects:\n  - {mark: unknown, hazard_ratio: 1.2, ARGS}\nages:"
STOCK = "free_weeks: 4\n  stock: {mark: unknown, share: 0.5, shortest_weeks: 1, longest_weeks: 60}"
ACTIVITY = (
    "activities:\n  - {mark: unknown, id: a, type: a, from_week: 1, to_week: 2, shortest_weeks: 1, longest_weeks: 2, ARGS}\n"
    "blank_gap:"
)
CONTACT = "contacts:\n  - {mark: unknown, kind: meeting, type: m, weeks: [1, 9], every_weeks: 1, ARGS}\nearlier_spell:"
MIX = "codes:\n  benefit: 111\n  activation: 211\n  cash_benefit: 130\n  mix:\n    - {mark: unknown, ARGS}\n"
CODES = "codes: {benefit: 111, activation: 211, cash_benefit: 130}\n"
SERIES = (
    "truth_series:\n  {states: [self_support], first_week: 2005-W50, last_week: 2007-W50, break_week: 2006-W50, persons: 500}\n"
    "ages:"
)
RETURNS = "recurrence:\n  {mark: unknown, return_hazard: 0.1, exit_hazard: 0.1, most_returns: 2, ARGS}\nages:"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # arms
        ("span:", "arms: [{id: treated}, {id: treated}]\nspan:", "arms are treated, treated; must be distinct"),
        ("span:", "arms: [{id: control}]\nspan:", "an arm is called 'control'; must be another name"),
        ("span:", "arms: [{id: treated, municipalities: [461]}]\nspan:", "arms.treated names municipality 461; must be one of"),
        ("span:", "arms: []\nspan:", "duration.hazard_ratio is not 1; must be 1 where there are no arms"),
        ("{arm: treated, from_week", "{arm: teated, from_week", "activation.0.arm is 'teated'; must be one of control, treated"),
        # effects
        ("ages:", EFFECT.replace("ARGS", "arm: trated"), "effects.0.arm is 'trated'; must be one of control, treated; did you"),
        ("ages:", EFFECT.replace("ARGS", "weeks: [4, 4]"), "effects.0: weeks is [4, 4.0]; must be 0 or more, in order"),
        ("ages:", EFFECT.replace("ARGS", "weeks: [-1, 4]"), "effects.0: weeks is [-1, 4.0]; must be 0 or more, in order"),
        ("ages:", EFFECT.replace("ARGS", "calendar: [2006-W10, 2006-W09]"), "effects.0: calendar must be two weeks in order"),
        ("ages:", EFFECT.replace("1.2", "0"), "effects.0.hazard_ratio is 0; must be greater than 0"),
        ("ages:", EFFECT.replace("ARGS", "where: {sexx: [man]}"), "effects.0.where names 'sexx'; must be one of sex, educat"),
        ("ages:", EFFECT.replace("ARGS", "where: {sex: [boy]}"), "effects.0.where.sex has 'boy'; must be one of woman, man"),
        ("ages:", EFFECT.replace("ARGS", "where: {sex: []}"), "effects.0.where.sex is empty; must have a value"),
        ("ages:", EFFECT.replace("ARGS", "municipalities: [259]"), "effects.0 names municipality 259; must be one of sites"),
        ("ages:", EFFECT.replace("ARGS", "of_break: true"), "effects has an effect of_break; must have none without truth_series"),
        ("ages:", RETURNS.replace("ARGS", "return_effects: [{mark: unknown, hazard_ratio: 2, arm: x}]"),
         "recurrence.return_effects.0.arm is 'x'; must be one of control, treated"),
        ("ages:", RETURNS.replace("most_returns: 2", "most_returns: 0"), "recurrence.most_returns is 0; must be greater than or"),
        # exits
        ("weekly_hazard: 0.00005}", "weekly_hazard: 0.00005, effects: [{mark: unknown, hazard_ratio: 2}]}",
         "dead is final; must have no effects, or who is observed depends on the arm"),
        ("{kind: final, state: dead, code: 999,", "{kind: lasting, state: dead, code: 999, longest_weeks: 4,",
         "dead is lasting; must have no shortest_weeks"),
        ("weekly_hazard: 0.003, shortest_weeks: 4,", "weekly_hazard: 0.003, after: {state: sickness, code: 890}, shortest_weeks: 4,",
         "sickness is of kind interruption; only an exit may have after"),
        # entry
        ("free_weeks: 4", STOCK, "ineligible.not_newly_unemployed is above 0; must be 0 with entry.stock"),
        ("free_weeks: 4", STOCK, "span.first_week is 2004-W40; must be 2004-W33 or earlier, to have room for entry.stock"),
        ("free_weeks: 4", STOCK.replace("longest_weeks: 60", "longest_weeks: 0"), "entry.stock: longest_weeks is 0; must be shortest"),
        ("free_weeks: 4", STOCK.replace("0.5", "1.5"), "entry.stock.share is 1.5; must be less than or equal to 1"),
        ("outside_window: 0.1", "outside_window: 0.1\n  too_short: 0.1", "ineligible.too_short is above 0; must be 0 without entry.stock"),
        # codes
        (CODES, "codes: {benefit: 111, activation: 211}\n", "codes.cash_benefit is missing; must be given, because ineligible.cash"),
        (CODES, "codes: {benefit: 111, cash_benefit: 130}\n", "codes.activation is missing; must be given where there is activation"),
        (CODES, "codes: {benefit: 130, state: cash_benefit, activation: 231, cash_benefit: 130}\n",
         "ineligible.cash_benefit is above 0; must be 0, because codes has cash_benefit as the trial's own"),
        (CODES, MIX.replace("ARGS", "state: sickness, code: 890, share: 0.7") + "    - {mark: unknown, state: maternity, code: 412, "
         "share: 0.4, where: {sex: [man]}}\n", "codes.mix: shares add up to 1.1 for some people; must be at most 1"),
        ("cash_benefit: 0.1", "cash_benefit: 0.1\n  other_benefit: 0.1", "codes.other is missing; must be given, because ineligible.other"),
        (CODES, CODES.replace("130}", "130, other: {state: unemployment_insurance, code: 111}}"),
         "codes.other.state is unemployment_insurance; must be none of the trial's own"),
        # activities and contacts
        ("blank_gap:", ACTIVITY.replace("ARGS", "shares: {control: 0}"), "activities.a.shares lacks treated; every arm needs its share"),
        ("blank_gap:", ACTIVITY.replace("ARGS", "shares: {control: 0, treated: 1.5}"), "a: the share of treated is 1.5; must be 0 to 1"),
        ("blank_gap:", ACTIVITY.replace("to_week: 2", "to_week: 0").replace("ARGS", "shares: {control: 0, treated: 1}"),
         "a needs from_week and to_week, shortest_weeks and longest_weeks, in order"),
        ("blank_gap:", ACTIVITY.replace("ARGS", "shares: {control: 0, treated: 1}, effects: [{mark: unknown, exit: dead, hazard_ratio: 2}]"),
         "activities.a.effects names 'dead'; must be one of education, main, sickness"),
        ("blank_gap:", ACTIVITY.replace("ARGS", "shares: {control: 0, treated: 1}, sites: [{municipalities: [1], shares: {tr: 1}}]"),
         "activities.a.sites names municipality 1; must be one of sites"),
        ("blank_gap:", ACTIVITY.replace("ARGS", "shares: {control: 0, treated: 1}, sites: [{municipalities: [320], shares: {tr: 1}}]"),
         "activities.a.sites is 'tr'; must be one of control, treated"),
        ("earlier_spell:", CONTACT.replace("ARGS", "arm: x"), "is 'x'; must be one of control, treated"),
        ("earlier_spell:", CONTACT.replace("[1, 9]", "[9, 1]").replace(", ARGS", ""), "weeks is [9, 1]; must be 0 or more, in order"),
        ("earlier_spell:", CONTACT.replace("ARGS", "held: 2"), "held is 2; must be less than or equal to 1"),
        # series
        ("ages:", SERIES, "truth_series needs arms: [], because the series is that of people of whom nobody is treated"),
        ("ages:", SERIES, "truth_series needs entry.first_week and entry.last_week to be the same, one cohort"),
        ("ages:", SERIES, "truth_series needs an effect of_break; must be one, or there is no break"),
        ("ages:", SERIES.replace("2006-W50", "2005-W51"), "truth_series needs entry, first_week, break_week, last_week and the"),
        ("ages:", SERIES.replace("ages:", EFFECT.replace("ARGS", "of_break: true")),
         "effects has an effect of_break before 2006-W50; must begin there or later"),
    ],
)  # fmt: skip
def test_what_contradicts_itself(tmp_path, old, new, message):
    # The sections of the definition that these cases write anew are taken out.
    source = without(without(without(SOURCE, "contacts"), "truth_groups"), "recurrence")
    assert old in source
    path = tmp_path / "simulation.yml"
    path.write_text(source.replace(old, new, 1).replace(", ARGS", ""), encoding="utf-8")
    with pytest.raises(DefinitionError) as error:
        read_definition(path, SimulationModel)
    assert message in str(error.value)
    assert str(path) in str(error.value)


def without(source, key):
    """Return the definition without one of its keys."""
    return re.sub(rf"(?m)^{key}:.*\n(?:[ #].*\n)*", "", source)


def test_groups_of_people_who_are_not_drawn(tmp_path):
    path = tmp_path / "simulation.yml"
    groups = "truth_groups: [{id: a, where: {married: [yes]}}]\nages:"
    path.write_text(without(SOURCE, "truth_groups").replace("ages:", groups, 1), encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"truth_groups\.a\.where\.married has 'yes'; must be one of true, false"):
        read_definition(path, SimulationModel)


def test_births_leave_everybody_within_the_ages_throughout_entry(model):
    first, last = model.births(18, 59)
    begin, end = monday(model.entry.first_week), monday(model.entry.last_week + 8)
    # The youngest turns 18 on the first Monday; the oldest is one day short of 60 on the last one.
    assert last == dt.date(begin.year - 18, begin.month, begin.day)
    assert first - dt.timedelta(days=1) == dt.date(end.year - 60, end.month, end.day)
