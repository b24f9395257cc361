"""Files of cases with text columns, censored durations, strata and units."""

import pytest

from analysis_lib.errors import DataError
from analysis_lib.parameters import Text
from analysis_lib.reporting.labels import labels_of
from analysis_lib.trials.definition import Group, Strata, read_trial
from analysis_lib.trials.evaluation import (
    ADJUSTED_HAZARD_RATIO,
    HAZARD_RATIO,
    compare_targets,
    estimate_effects,
    estimate_subgroups,
)
from analysis_lib.trials.sources import load_cases

HEADER = "week,arrest,fin,age,race,wexp,mar,paro,prio"
TEXT = Text(da="x", en="x")


def write_rossi(tmp_path, *rows):
    (tmp_path / "Rossi.csv").write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    return tmp_path


def test_rossi_against_r(public_data):
    """R 4.2.2, survival 3.5-3: coxph(Surv(week, arrest) ~ fin + age + race + wexp + mar + paro + prio), ties efron."""
    trial = read_trial("rossi")
    cases = load_cases(trial, public_data)
    effects = estimate_effects(cases)
    (adjusted,) = effects.where(estimand=ADJUSTED_HAZARD_RATIO).estimates
    assert adjusted.value == pytest.approx(0.684256681, rel=1e-6)
    assert adjusted.std_error == pytest.approx(0.191379481, rel=1e-5)
    # survdiff: 48 of 216 arrested with aid, 66 of 216 without; chi-square 3.84.
    assert effects.checks[0].statistic == pytest.approx(3.84, abs=0.005)
    durations = cases.outcomes["time_to_arrest"]
    assert durations.event[cases.design.arm == "aid"].sum() == 48
    assert durations.event[cases.design.arm == "control"].sum() == 66
    assert [comparison.agrees for comparison in compare_targets(trial, effects)] == [True]
    assert len(effects.where(estimand=HAZARD_RATIO).estimates) == 1
    groups = [row.group for row in estimate_subgroups(cases).estimates]
    assert groups == ["work_experience.with_experience", "work_experience.without_experience"]


def test_levels_have_names():
    labels = labels_of(read_trial("rossi"))
    assert labels["work_experience.yes"].da == "ja"
    assert labels["marriage.not married"].da == "ikke gift"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("20,1,maybe,27,black,no,married,yes,3", "Rossi.csv: column 'fin', row 1 is maybe (1 such rows); must be an arm's value: no, yes"),
        ("20,1,no,27,,no,married,yes,3", "Rossi.csv: column 'race', row 1 is empty (1 such rows); must be known"),
        ("20,2,no,27,black,no,married,yes,3", "Rossi.csv: column 'arrest', row 1 is 2 (1 such rows); must be 1 where the end was seen, else 0"),
        ("20,1,no,old,black,no,married,yes,3", "Rossi.csv: column 'age', row 1 is 'old' (1 such rows); must be a number"),
    ],
)  # fmt: skip
def test_bad_rows(tmp_path, row, says):
    with pytest.raises(DataError) as caught:
        load_cases(read_trial("rossi"), write_rossi(tmp_path, row))
    assert str(caught.value) == says


def test_an_event_column_must_be_there(tmp_path):
    (tmp_path / "Rossi.csv").write_text("week,fin,age,race,wexp,mar,paro,prio\n1,no,1,a,b,c,d,1\n", encoding="utf-8")
    with pytest.raises(DataError, match="there is no column 'arrest'"):
        load_cases(read_trial("rossi"), tmp_path)


ROWS = (
    "20,1,no,27,black,no,married,yes,3",
    "20,1,yes,27,black,yes,married,yes,3",
    "52,0,yes,27,other,no,married,yes,3",
)


def test_strata_of_a_file(tmp_path):
    groups = tuple(Group(id=name, label=TEXT, values=(name,)) for name in ("black", "other"))
    trial = read_trial("rossi").model_copy(update={"strata": Strata(label=TEXT, column="race", groups=groups)})
    cases = load_cases(trial, write_rossi(tmp_path, *ROWS), stratum="black")
    assert cases.design.arm.tolist() == ["control", "aid"]
    assert len(cases.outcomes["time_to_arrest"].time) == 2
    assert (cases.flow.start, [step.count for step in cases.flow.exclusions]) == (3, [1])
    assert len(load_cases(trial, tmp_path)) == 3


def test_people_of_a_unit_were_drawn_together(tmp_path):
    trial = read_trial("rossi")
    rule = trial.assignment.model_copy(update={"unit": "wexp"})
    clustered = trial.model_copy(update={"assignment": rule})
    rows = ("20,1,no,27,black,a,married,yes,3", "21,1,no,27,black,a,married,yes,3", "52,0,yes,27,other,b,married,yes,3")
    design = load_cases(clustered, write_rossi(tmp_path, *rows)).design
    assert design.unit.tolist() == [0, 0, 1]
    assert design.assigned_by_group
    assert design.unit_name == "unit of column wexp"
    mixed = (*rows, "52,0,yes,27,other,a,married,yes,3")
    with pytest.raises(
        DataError, match="column 'wexp': 1 units have people of several arms, the first is a; each must have one"
    ):
        load_cases(clustered, write_rossi(tmp_path, *mixed))
