"""The simulation block: what it refuses, with file and key."""

from __future__ import annotations

import datetime as dt
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


def test_births_leave_everybody_within_the_ages_throughout_entry(model):
    first, last = model.births(18, 59)
    begin, end = monday(model.entry.first_week), monday(model.entry.last_week + 8)
    # The youngest turns 18 on the first Monday; the oldest is one day short of 60 on the last one.
    assert last == dt.date(begin.year - 18, begin.month, begin.day)
    assert first - dt.timedelta(days=1) == dt.date(end.year - 60, end.month, end.day)
