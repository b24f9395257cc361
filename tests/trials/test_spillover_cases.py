"""Who is compared to see whether a trial touched the untreated, and what is missing where nobody can be."""

import numpy as np
import pandas as pd
import pytest

from analysis_lib.batch.simulated_extract import write_simulated_extract
from analysis_lib.errors import DefinitionError
from analysis_lib.trials.definition import read_trial
from analysis_lib.trials.sources import load_cases, load_spillover

FIRST, LAST = "2004-W40", "2008-W18"
NOW, EARLIER = ("2005-W46", 111), ("2004-W47", 111)
CONTROL, TREATED = pd.Timestamp("1970-03-20"), pd.Timestamp("1970-03-10")


def person(municipality, start, end, born=CONTROL, later=()):
    return {"municipality": municipality, "birth_date": born}, [(start[0], end, start[1]), *later]


def everywhere():
    """One untreated person at each of the four places and times, of 7, 4, 5 and 6 weeks, and one treated by the rule."""
    return [
        person(370, NOW, "2005-W52"), person(370, EARLIER, "2004-W50"), person(751, NOW, "2005-W50"),
        person(751, EARLIER, "2004-W52"), person(370, NOW, "2005-W51", born=TREATED),
        person(751, EARLIER, "2004-W52", born=TREATED),
    ]  # fmt: skip


def test_the_untreated_of_four_cohorts(write_register):
    cases = load_spillover(read_trial("hig"), write_register(everywhere(), first=FIRST, last=LAST))
    found = {
        (row.area, row.exposed, row.after): row.value for row in cases.frame.itertuples()
    }  # fmt: skip
    assert found == {
        ("storstroem", True, True): 7, ("storstroem", True, False): 4, ("aarhus", False, True): 5,
        ("aarhus", False, False): 6,
    }  # fmt: skip
    assert len(cases.frame) == 4
    assert (cases.fewest, cases.absent, cases.reason) == (1, (), None)


def test_the_trials_untreated_are_its_control_group(tmp_path):
    folder, trial = write_simulated_extract("hig", tmp_path / "hig", persons=300, seed=4), read_trial("hig")
    cases = load_cases(trial, folder)
    values = cases.outcomes["benefit_weeks_26"].values[cases.design.arm == "control"]
    own = load_spillover(trial, folder).frame.query("exposed and after")
    assert sorted(own["value"]) == sorted(values[~np.isnan(values)])


def test_areas_may_be_jobcentres(write_register):
    trial = read_trial("hig")
    by_office = trial.model_copy(update={"spillover": trial.spillover.model_copy(update={"unit": "jobcentre"})})
    cases = load_spillover(by_office, write_register(everywhere(), first=FIRST, last=LAST))
    assert set(cases.frame["area"]) == {"jc_naestved", "jc_aarhus"}


def test_people_whose_outcome_is_not_known_are_left_out(write_register):
    gone = person(751, NOW, "2005-W50", later=[("2005-W51", LAST, 997)])
    cases = load_spillover(read_trial("hig"), write_register([*everywhere(), gone], first=FIRST, last=LAST))
    assert len(cases.frame) == 4


def test_an_area_without_people_at_a_time_is_left_out_and_named(write_register):
    people = [*everywhere(), person(791, NOW, "2005-W50"), person(510, EARLIER, "2004-W50")]
    cases = load_spillover(read_trial("hig"), write_register(people, first=FIRST, last=LAST))
    assert cases.absent == ("soenderjylland", "viborg")
    assert set(cases.frame["area"]) == {"storstroem", "aarhus"}
    assert cases.reason is None


@pytest.mark.parametrize(
    ("first", "last"), [("2004-W41", LAST), (FIRST, "2006-W12")], ids=["begins too late", "ends too early"]
)
def test_a_register_without_the_weeks_says_which(write_register, first, last):
    people = [person(370, NOW, "2005-W52"), person(751, NOW, "2005-W52")]
    cases = load_spillover(read_trial("hig"), write_register(people, first=first, last=last))
    assert cases.reason == (
        f"the register holds weeks {first} to {last}, and the comparison asks for 2004-W40 to 2006-W13"
    )
    assert cases.frame.empty


@pytest.mark.parametrize(
    ("place", "said"), [(370, "without the trial"), (751, "with the trial")], ids=["none elsewhere", "none here"]
)
def test_a_register_without_the_areas_says_so(write_register, place, said):
    people = [person(place, NOW, "2005-W52"), person(place, EARLIER, "2004-W52")]
    cases = load_spillover(read_trial("hig"), write_register(people, first=FIRST, last=LAST))
    assert cases.reason == f"the register has no area {said} with people before and during it"
    assert cases.fewest == 0


def test_a_plan_without_the_question_is_refused(tmp_path):
    with pytest.raises(DefinitionError, match="trial aht has no spillover in its plan; must have one"):
        load_spillover(read_trial("aht"), tmp_path)
