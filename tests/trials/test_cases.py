"""Cases of a trial from an extract and from a file: who is in, and what the flow says."""

import numpy as np
import pandas as pd
import pytest

from analysis_lib.errors import DataError, DefinitionError
from analysis_lib.register.codes import CODES_FILE, read_codes
from analysis_lib.register.extract import read_extract
from analysis_lib.register.extract_writing import write_extract
from analysis_lib.register.jobcentres import read_jobcentres
from analysis_lib.register.weeks import week_index
from analysis_lib.trials.definition import read_trial
from analysis_lib.trials.evaluation import (
    DIFFERENCE,
    compare_targets,
    count_exits,
    estimate_effects,
    estimate_subgroups,
    survival_curves,
)
from analysis_lib.trials.register_cases import UNKNOWN_CODE, cases_from_extract
from analysis_lib.trials.sources import load_cases

FIRST, LAST = week_index("2004-W40"), week_index("2008-W18")
ENTRY = week_index("2005-W46") - FIRST
WIDTH = LAST - FIRST + 1


def person(number, *, born="1970-03-10", municipality=370, weeks=None):
    row = np.zeros(WIDTH, dtype=np.int16)
    for start, stop, code in weeks if weeks is not None else [(ENTRY, ENTRY + 10, 111)]:
        row[start:stop] = code
    facts = {
        "person_id": f"p{number:02d}", "birth_date": pd.Timestamp(born), "sex": "woman", "municipality": municipality,
        "education": "vocational", "origin": "danish", "married": True, "children": False,
    }  # fmt: skip
    return facts, row


PEOPLE = [
    person(0),
    person(1, born="1970-03-20"),
    person(2, municipality=461),  # lives in Odense
    person(3, weeks=[]),  # no benefit at all
    person(4, weeks=[(ENTRY + 40, ENTRY + 50, 111)]),  # benefit after the inflow
    person(5, weeks=[(ENTRY - 50, ENTRY + 10, 111)]),  # on benefit already
    person(6, born="1936-03-10"),  # too old
    person(7, born="1987-11-15"),  # 18 the day after the Monday of entry
    person(8, born="1987-11-14"),  # 18 on that Monday
    person(9, weeks=[(ENTRY - 8, ENTRY - 6, 111), (ENTRY, ENTRY + 3, 211), (ENTRY + 3, WIDTH, 890)]),
]


@pytest.fixture
def folder(tmp_path):
    persons = pd.DataFrame([facts for facts, _ in PEOPLE])
    codes = np.stack([row for _, row in PEOPLE])
    return write_extract(tmp_path / "extract", persons=persons, codes=codes, first_week=FIRST)


def test_who_is_in(folder):
    cases = load_cases(read_trial("hig"), folder)
    found = cases.frame.assign(arm=cases.design.arm).sort_values("person_id")
    assert found["person_id"].tolist() == ["p00", "p01", "p08", "p09"]
    assert found["arm"].tolist() == ["treated", "control", "treated", "treated"]
    assert found["age"].tolist() == [35, 35, 18, 35]
    assert found["entry"].tolist() == [ENTRY] * 4
    assert found["benefit_weeks_before"].tolist() == [0, 0, 0, 2]
    assert not cases.simulated


def test_the_flow_adds_up(folder):
    cases = load_cases(read_trial("hig"), folder)
    assert cases.flow.start == len(PEOPLE)
    # Odense; none and after the inflow; already on benefit; too old and too young.
    assert [step.count for step in cases.flow.exclusions] == [1, 2, 1, 2]
    assert [(arm.arm, arm.assigned) for arm in cases.flow.arms] == [("treated", 3), ("control", 1)]


def test_outcomes(folder):
    cases = load_cases(read_trial("hig"), folder)
    time = cases.outcomes["time_to_self_support"]
    # p09: three weeks in activation, then sick until the register ends: another exit than self-support.
    by_id = np.argsort(cases.frame["person_id"].to_numpy().astype(str))
    assert time.time[by_id].tolist() == [10, 10, 10, 3]
    assert time.cause[by_id].tolist() == ["exit"] * 3 + ["sickness"]
    assert cases.outcomes["benefit_weeks_26"].values[by_id].tolist() == [10, 10, 10, 26]


def test_one_jobcentre(folder):
    trial = read_trial("hig")
    cases = load_cases(trial, folder, jobcentre="jc_naestved")
    assert len(cases) == 4
    assert cases.flow.start == 9
    assert load_cases(trial, folder, jobcentre="jc_faxe").flow.start == 0
    assert cases.site_flows["jc_naestved"] == cases.flow
    assert sum(flow.assigned for flow in cases.site_flows.values()) == 4
    assert load_cases(trial, folder).site_flows == cases.site_flows


def test_a_jobcentre_that_is_not_the_trials(folder):
    with pytest.raises(
        DefinitionError, match=r"jobcentre is 'jc_nestved'; must be one of .*did you mean 'jc_naestved'"
    ):
        load_cases(read_trial("hig"), folder, jobcentre="jc_nestved")


def test_too_few_people_are_a_reason(folder):
    effects = estimate_effects(load_cases(read_trial("hig"), folder))
    assert len(effects.estimates) > 5
    for row in effects.estimates:
        assert np.isnan(row.value)
        assert row.reason == "fewer than 20 people in an arm"
    assert survival_curves(load_cases(read_trial("hig"), folder), "time_to_self_support", arm="treated") == ()


def test_weeks_that_are_not_there(tmp_path):
    persons = pd.DataFrame([facts for facts, _ in PEOPLE[:1]])
    codes = np.zeros((1, 60), dtype=np.int16)
    folder = write_extract(tmp_path / "e", persons=persons, codes=codes, first_week=week_index("2005-W20"))
    with pytest.raises(DataError, match=r"holds weeks 2005-W20 to 2006-W27; must hold 2005-W44 to 2006-W13"):
        load_cases(read_trial("hig"), folder)


def test_a_column_that_the_extract_has_not(folder):
    trial = read_trial("hig")
    wrong = trial.covariates[0].model_copy(update={"column": "agee"})
    with pytest.raises(
        DataError, match=r"covariate 'age' of trial hig asks for column 'agee', which is not there; did you mean 'age'"
    ):
        load_cases(trial.model_copy(update={"covariates": (wrong,)}), folder)


def test_groups_that_overlap_are_refused(folder):
    trial = read_trial("hig")
    women = trial.subgroups[0].groups[0]
    both = trial.subgroups[0].model_copy(update={"groups": (women, women.model_copy(update={"id": "again"}))})
    cases = load_cases(trial.model_copy(update={"subgroups": (both,)}), folder)
    with pytest.raises(DefinitionError, match="groups of subgroup 'sex' have people in common; must not overlap"):
        estimate_subgroups(cases)


def test_row_order_does_not_matter(folder, tmp_path):
    shuffled = np.random.default_rng(1).permutation(len(PEOPLE))
    persons = pd.DataFrame([PEOPLE[i][0] for i in shuffled])
    codes = np.stack([PEOPLE[i][1] for i in shuffled])
    other = write_extract(tmp_path / "other", persons=persons, codes=codes, first_week=FIRST)
    one, two = (load_cases(read_trial("hig"), place) for place in (folder, other))
    pd.testing.assert_frame_equal(one.frame, two.frame)
    assert one.flow == two.flow


# --- a file of cases ------------------------------------------------------------------------------------------------


def write_nsw(tmp_path, text):
    (tmp_path / "nsw_mixtape.csv").write_text(text, encoding="utf-8")
    return tmp_path


HEADER = "treat,age,educ,black,hisp,nodegree,re78"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file is empty; must have a header line and one line a person"),
        (HEADER + "\n", "has a header but no rows; must have one line a person"),
        (
            "treat,age,educ,black,hisp,nodegre,re78\n1,30,10,0,0,1,5\n",
            "there is no column 'nodegree'; did you mean 'nodegre'?",
        ),
        (
            HEADER + "\n1,30,10,0,0,1,x\n0,30,10,0,0,1,5\n",
            "nsw_mixtape.csv: column 're78', row 1 is 'x' (1 such rows); must be a number",
        ),
        (HEADER + "\n1,,10,0,0,1,4\n", "nsw_mixtape.csv: column 'age', row 1 is empty (1 such rows); must be a number"),
        (
            HEADER + "\n2,30,10,0,0,1,4\n",
            "nsw_mixtape.csv: column 'treat', row 1 is 2 (1 such rows); must be an arm's value: 0, 1",
        ),
    ],
)
def test_bad_files(tmp_path, text, says):
    with pytest.raises(DataError) as caught:
        load_cases(read_trial("nsw"), write_nsw(tmp_path, text))
    assert says in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_no_file(tmp_path):
    with pytest.raises(DataError, match=r"there is no such file; docs/data.md says where to get it"):
        load_cases(read_trial("nsw"), tmp_path)


def test_an_indicator_is_zero_or_one(tmp_path):
    rows = "\n".join(f"{i % 2},{20 + i},10,{i % 3},0,1,{i}" for i in range(60))
    cases = load_cases(read_trial("nsw"), write_nsw(tmp_path, f"{HEADER}\n{rows}\n"))
    with pytest.raises(DataError, match=r"column 'black', row 3 is 2 \(20 such rows\); must be 0 or 1"):
        estimate_effects(cases)


# --- the plan on real experiments -------------------------------------------------------------------------------------


def test_nsw_targets(public_data):
    trial = read_trial("nsw")
    effects = estimate_effects(load_cases(trial, public_data))
    (row,) = effects.where(estimand=DIFFERENCE).estimates
    assert row.value == pytest.approx(1794.3, abs=0.1)
    assert row.std_error == pytest.approx(671.0, abs=0.1)
    assert [comparison.agrees for comparison in compare_targets(trial, effects)] == [True, True]


def test_penn_targets(public_data):
    trial = read_trial("penn")
    cases = load_cases(trial, public_data)
    effects = estimate_effects(cases)
    (row,) = effects.where(estimand=DIFFERENCE, outcome="log_weeks", arm="group_4").estimates
    # The published standard error is HC1; HC2 is the same to four decimals here.
    assert (round(row.value, 4), round(row.std_error, 4)) == (-0.0855, 0.0359)
    assert [comparison.agrees for comparison in compare_targets(trial, effects)] == [True]
    assert len(effects.where(estimand=DIFFERENCE, outcome="benefit_weeks").estimates) == 6
    assert sum(count_exits(cases, "time_on_benefit")["control"].values()) == 3354


# --- the simulated HIG ------------------------------------------------------------------------------------------------


def test_simulated_hig_shows_what_was_put_in(simulated_hig):
    trial, cases, truth = simulated_hig
    effects = estimate_effects(cases)
    found = {c.target.estimand: c.found for c in compare_targets(trial, effects)}
    control, treated = found["median_control"], found["median_treated"]
    ratio, gap = found["hazard_ratio"], found["difference_in_means"]
    assert abs(control.value - 14.0) < 0.6
    assert abs(treated.value - 11.5) < 0.6
    assert abs(ratio.value - 1.30) < 0.07
    assert abs(-gap.value - 3.0) < 0.6
    for row, true in (
        (control, truth["median_control_weeks"]),
        (treated, truth["median_treated_weeks"]),
        (ratio, truth["hazard_ratio"]),
        (gap, truth["average_effects"]["52"]["weeks"]),
    ):
        assert row.interval.low < true < row.interval.high
    assert all(comparison.agrees for comparison in compare_targets(trial, effects))


@pytest.fixture(scope="module")
def simulated_hig(draw_hig):
    trial = read_trial("hig")
    register = draw_hig(trial.inference.seed)
    return trial, register.cases, register.truth


@pytest.mark.slow
def test_simulated_hig_is_unbiased(draw_hig):
    """Ten registers: the mean of each estimate within four standard errors of the truth."""
    found = []
    for seed in range(10):
        cases = draw_hig(seed).cases
        effects = estimate_effects(cases)
        found.append([c.found.value for c in compare_targets(cases.trial, effects)])
    values = np.array(found)
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    truth = np.array([14.0, 11.5, 1.30, -2.78])
    assert (np.abs(values.mean(axis=0) - truth) < 4 * error).all(), (values.mean(axis=0), error)


def test_codes_of_the_trial_are_known():
    codes, jobcentres = read_codes(), read_jobcentres()
    trial = read_trial("hig")
    for jobcentre in trial.data.jobcentres:
        jobcentres.check(jobcentre)
    for outcome in trial.outcomes:
        for name in ("states", "exit_states", "competing", "censoring"):
            codes.codes_of(getattr(outcome, name, ()))


def test_the_whole_extract_and_the_trials_municipalities_agree(folder):
    extract = read_extract(folder)
    assert len(extract.persons) == len(PEOPLE)
    cases = cases_from_extract(read_trial("hig"), extract, codes=read_codes(), jobcentres=read_jobcentres())
    assert cases.flow == load_cases(read_trial("hig"), folder).flow
    assert len(read_extract(folder, municipalities={370, 580}).persons) < len(PEOPLE)


def test_people_with_unknown_codes_are_left_out_or_followed_up_to_them(tmp_path):
    people = [
        person(0),
        person(1, weeks=[(ENTRY - 3, ENTRY - 2, 555), (ENTRY, ENTRY + 10, 111)]),  # not known before entry
        person(2, weeks=[(ENTRY, ENTRY + 10, 111), (ENTRY + 10, ENTRY + 12, 556)]),  # not known after 10 weeks
    ]
    persons, codes = pd.DataFrame([facts for facts, _ in people]), np.stack([row for _, row in people])
    made = write_extract(tmp_path / "unknown", persons=persons, codes=codes, first_week=FIRST)
    cases = load_cases(read_trial("hig"), made)
    assert cases.frame["person_id"].tolist() == ["p00", "p02"]
    assert {str(step.reason): step.count for step in cases.flow.exclusions}[str(UNKNOWN_CODE)] == 1
    assert cases.unknown_code_weeks == 3
    durations = cases.outcomes["time_to_self_support"]
    assert (durations.time[1], durations.cause[1]) == (10, "censored")
    assert np.isnan(cases.outcomes["benefit_weeks_52"].values[1])
    mine = tmp_path / "mine.yml"
    more = """
  - id: found_out
    name: {da: Fundet, en: Found out}
    codes:
      - {first: 555, last: 556, name: {da: Fundet, en: Found out}, mark: recalled}
"""
    mine.write_text(CODES_FILE.read_text(encoding="utf-8").rstrip() + "\n" + more, encoding="utf-8")
    known = load_cases(read_trial("hig"), made, codes=mine)
    assert known.frame["person_id"].tolist() == ["p00", "p01", "p02"]
    assert known.unknown_code_weeks == 0
