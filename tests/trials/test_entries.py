"""Who enters a trial, by each rule of entry, on registers small enough to count by hand."""

import numpy as np
import pytest

from analysis_lib.errors import DataError
from analysis_lib.register.codes import read_codes
from analysis_lib.register.extract import read_extract
from analysis_lib.register.weeks import week_index
from analysis_lib.trials.definition import read_trial
from analysis_lib.trials.entries import UNKNOWN_CODE, find_entries

FIRST, LAST = "2004-W01", "2012-W30"


def cohort_of_2006():
    """Ny chance with people found in 2006-W26, in the middle of these registers."""
    trial = read_trial("ny_chance")
    entry = trial.data.entry.model_copy(update={"week": "2006-W26"})
    return trial.model_copy(update={"data": trial.data.model_copy(update={"entry": entry})})


def entries(folder, trial, unknown=()):
    """Return each person's entry week (or the reason), in the order of the ids."""
    extract = read_extract(folder)
    found = find_entries(
        (cohort_of_2006() if trial == "ny_chance" else read_trial(trial)).data, extract, read_codes(), list(unknown)
    )
    reasons = {}
    left = np.full(len(extract.persons), True)
    for reason, out in found.exclusions:
        reasons |= dict.fromkeys(extract.persons["person_id"][left & out], str(reason))
        left &= ~out
    weeks = {p: int(w) for p, w in zip(extract.persons["person_id"][left], found.week[left], strict=True)}
    start = week_index(FIRST)
    return [reasons.get(p, weeks.get(p, -1) + start) for p in sorted(extract.persons["person_id"])]


def test_stock_and_inflow(write_register):
    """UGIG: in the states in 2009-W45, or for the first time since up to 2010-W06."""
    people = [
        ({}, [("2009-W20", "2010-W20", 111)]),  # on it long before
        ({}, [("2009-W45", "2009-W45", 130)]),  # one week of cash benefit
        ({}, [("2009-W30", "2009-W40", 111), ("2009-W50", "2010-W02", 111)]),  # again five weeks later
        ({}, [("2010-W06", "2010-W10", 730)]),  # in the last week
        ({}, [("2010-W07", "2010-W10", 730)]),  # a week too late
        ({}, [("2009-W30", "2009-W44", 111)]),  # gone the week before
        ({}, [("2009-W44", "2010-W20", 890)]),  # sick
    ]
    none = "no week on the trial's benefit in the inflow weeks"
    assert entries(write_register(people, first=FIRST, last=LAST), "ugig") == [
        week_index("2009-W45"), week_index("2009-W45"), week_index("2009-W50"), week_index("2010-W06"), none, none, none,
    ]  # fmt: skip


def test_long_term(write_register):
    """Ny chance: on cash benefit in 2006-W26 and in 48 of the 52 weeks that end with it, none of them in activation."""
    people = [
        ({}, [("2005-W01", "2007-W01", 130)]),
        ({}, [("2005-W31", "2006-W26", 130)]),  # 48 weeks
        ({}, [("2005-W32", "2006-W26", 130)]),  # 47 weeks
        ({}, [("2004-W40", "2006-W25", 130)]),  # gone by then
        (
            {},
            [("2005-W01", "2006-W10", 130), ("2006-W11", "2006-W11", 231), ("2006-W12", "2007-W01", 730)],
        ),  # activated
        ({}, [("2005-W01", "2005-W26", 231), ("2005-W27", "2006-W26", 130)]),  # activated 52 weeks before
        ({}, [("2005-W01", "2005-W27", 231), ("2005-W28", "2006-W26", 130)]),  # activated in the first of the 52
        ({}, [("2005-W01", "2007-W01", 111)]),  # insured
    ]
    week = week_index("2006-W26")
    assert entries(write_register(people, first=FIRST, last=LAST), "ny_chance") == [
        week, week, "on the benefit in fewer than 48 of the last 52 weeks", "not on the trial's benefit in the entry week",
        "in activation in the last 52 weeks", week, "in activation in the last 52 weeks",
        "not on the trial's benefit in the entry week",
    ]  # fmt: skip


def test_long_term_without_the_passive_rule(write_register):
    people = [
        ({}, [("2008-W20", "2009-W10", 130)]),  # 43 weeks, of which 39 are asked for
        ({}, [("2008-W20", "2008-W52", 231), ("2009-W01", "2009-W10", 130)]),  # activation is no matter
        ({}, [("2008-W25", "2009-W10", 130)]),  # 38 weeks
    ]
    week = week_index("2009-W10")
    assert entries(write_register(people, first=FIRST, last=LAST), "virksomhedscenter") == [
        week, week, "on the benefit in fewer than 39 of the last 52 weeks",
    ]  # fmt: skip


def test_inflow(write_register):
    """HIG2: a first week on unemployment insurance in 2008-W08 to W29 after four weeks without."""
    people = [
        ({}, [("2008-W08", "2008-W20", 111)]),
        ({}, [("2008-W01", "2008-W03", 111), ("2008-W08", "2008-W20", 111)]),  # four free weeks
        ({}, [("2008-W01", "2008-W04", 111), ("2008-W08", "2008-W20", 111)]),  # three
        ({}, [("2008-W30", "2008-W40", 111)]),
    ]
    assert entries(write_register(people, first=FIRST, last=LAST), "hig2") == [
        week_index("2008-W08"), week_index("2008-W08"),
        "on the benefit already in the weeks before, so not newly unemployed",
        "no week on the trial's benefit in the inflow weeks",
    ]  # fmt: skip


@pytest.mark.parametrize("trial", ["ugig", "ny_chance", "hig2"])
def test_an_unknown_code_before_entry(write_register, trial):
    weeks = {
        "ugig": [("2009-W20", "2009-W20", 555), ("2009-W45", "2009-W50", 111)],
        "ny_chance": [("2004-W40", "2004-W40", 555), ("2005-W01", "2006-W30", 130)],
        "hig2": [("2007-W45", "2007-W45", 555), ("2008-W10", "2008-W20", 111)],
    }[trial]
    folder = write_register([({}, weeks), ({}, weeks[1:])], first=FIRST, last=LAST)
    first, second = entries(folder, trial, unknown=[555])
    assert first == str(UNKNOWN_CODE)
    assert isinstance(second, int)


def test_weeks_that_the_rule_looks_at_must_be_there(write_register):
    folder = write_register([({}, [("2006-W26", "2006-W30", 130)])], first="2005-W01", last=LAST)
    # 104 weeks of history.
    with pytest.raises(DataError, match="must hold 2006-W26 to 2006-W26 and 104 weeks before"):
        entries(folder, "ny_chance")
