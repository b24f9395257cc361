"""People whom the trial cannot have touched are drawn beside the others, and what it does to its controls is known."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis_lib.errors import DefinitionError
from analysis_lib.parameters import check_definition, read_yaml
from analysis_lib.register.simulation import SimulationModel
from analysis_lib.register.simulation.spillover_draw import without_trial
from analysis_lib.register.states import inflow, weeks_in_state
from analysis_lib.register.weeks import week_index

HIG = Path(__file__).parents[2] / "parameters" / "trials" / "hig.yml"
SITES = (320, 336, 360, 370, 376, 390, 510, 540, 550, 580)


def content(**changes):
    simulation = json.loads(json.dumps(read_yaml(HIG)["simulation"]))
    simulation["spillover"] |= changes
    return simulation


def tuples(value):
    if isinstance(value, dict):
        return {key: tuples(part) for key, part in value.items()}
    return tuple(tuples(part) for part in value) if isinstance(value, list) else value


def model_of(**changes):
    return check_definition(tuples(content(**changes)), SimulationModel, "hig.yml")


@pytest.fixture(scope="module")
def register(simulate):
    return simulate(of=model_of(), persons=3000)


@pytest.fixture(scope="module")
def alone(simulate, model):
    """The same register without them."""
    return simulate(of=model, persons=3000)


def test_the_trials_own_people_are_as_without_the_others(register, alone):
    n = len(alone.persons)
    pd.testing.assert_frame_equal(register.persons.iloc[:n], alone.persons)
    np.testing.assert_array_equal(register.codes[:n], alone.codes)
    pd.testing.assert_frame_equal(register.contacts, alone.contacts)
    for key in ("median_control_weeks", "median_treated_weeks", "average_effects", "arms"):
        assert register.truth[key] == alone.truth[key]
    own = {key: count for key, count in alone.truth["counts"].items() if key != "persons"}
    assert own.items() <= register.truth["counts"].items()


def test_the_others_are_counted_and_have_ids_of_their_own(register, alone):
    counts = register.truth["counts"]
    assert counts["elsewhere_during"] == 3000 * 1.4  # the ineligible but those outside the area come on top
    assert counts["trial_before"] == counts["elsewhere_before"] == 1200
    kinds = sum(n for name, n in counts.items() if name not in ("persons", "treated", "control"))
    assert kinds == counts["persons"] == len(register.persons) == len(register.codes)
    assert register.persons["person_id"].is_unique
    assert register.persons["person_id"].is_monotonic_increasing
    assert register.persons.dtypes.equals(alone.persons.dtypes)


def parts(register, alone):
    """Return the rows of those elsewhere during the trial, here before it, and elsewhere before it."""
    counts, start = register.truth["counts"], len(alone.persons)
    ends = start + np.cumsum([counts[name] for name in ("elsewhere_during", "trial_before", "elsewhere_before")])
    return [slice(a, b) for a, b in zip([start, *ends[:-1]], ends, strict=True)]


def test_where_they_live(register, alone):
    places = {place.code for place in model_of().spillover.places}
    homes = [set(register.persons["municipality"].to_numpy()[rows].tolist()) for rows in parts(register, alone)]
    assert homes == [places, set(SITES), places]


def entries(register, codes, first, last):
    start = register.first_week
    return inflow(
        register.codes, codes.codes_of(["unemployment_insurance"]), from_week=week_index(first) - start,
        to_week=week_index(last) - start, free_weeks=4,
    )  # fmt: skip


def test_people_of_before_enter_then_and_never_in_the_trials_weeks(register, alone, codes):
    _, here, elsewhere = parts(register, alone)
    before, _ = entries(register, codes, "2004-W44", "2005-W13")
    during, _ = entries(register, codes, "2005-W44", "2006-W13")
    for rows in (here, elsewhere):
        wanted = np.arange(rows.start, rows.stop)
        assert np.isin(wanted, before).all()
        assert not np.isin(wanted, during).any()


def test_before_the_trial_all_areas_are_alike_and_left_faster(register, alone, codes):
    """Weeks on benefit of the new entrants of 2004: here and elsewhere alike, fewer than the trial's controls have."""
    _, here, elsewhere = parts(register, alone)
    person, week = entries(register, codes, "2004-W44", "2005-W13")
    states = codes.codes_of(model_of().benefit_states)
    weeks = weeks_in_state(register.codes[person], states, start=week, length=26)
    one, two = (weeks[(person >= rows.start) & (person < rows.stop)] for rows in (here, elsewhere))
    assert stats.ks_2samp(one, two).pvalue > 0.001
    truth = register.truth["spillover"]["average_effects"]["benefit"]["26"]
    both = np.concatenate([one, two])
    error = both.std() / np.sqrt(len(both))
    assert abs(both.mean() - truth["control_weeks"]) < 4 * error + 0.3
    assert truth["weeks"] > 0.8


def test_the_hazard_without_the_trial_is_the_controls_divided_by_the_ratio():
    model = model_of(hazard_ratio=0.7)
    with_it, free = (m.duration for m in (model, without_trial(model, model.spillover)))
    weeks = np.array([1.0, 5.0, 20.0, 60.0])
    hazards = [
        d.weibull_shape * weeks ** (d.weibull_shape - 1) / d.weibull_scale_weeks**d.weibull_shape
        for d in (with_it, free)
    ]
    np.testing.assert_allclose(hazards[0] / hazards[1], 0.7)


def test_the_truth_holds_medians_and_the_controls_weeks_with_and_without(register):
    truth = register.truth["spillover"]
    assert truth["hazard_ratio"] == 0.85
    assert truth["median_control_weeks"] == pytest.approx(14.0, abs=1e-4)
    assert truth["median_without_trial_weeks"] == pytest.approx(14 * 0.85 ** (1 / 1.33376), abs=1e-3)
    benefit = truth["average_effects"]["benefit"]
    assert benefit["26"]["persons"] <= register.truth["counts"]["control"]
    assert 0 < benefit["26"]["weeks"] < benefit["52"]["weeks"]


def test_without_a_spillover_the_controls_lose_nothing(simulate):
    truth = simulate(of=model_of(hazard_ratio=1.0), persons=200).truth["spillover"]
    assert truth["median_control_weeks"] == truth["median_without_trial_weeks"]
    assert {cell["weeks"] for cells in truth["average_effects"].values() for cell in cells.values()} == {0.0}


def test_a_trial_of_one_person_has_others_too(simulate):
    counts = simulate(of=model_of(), persons=1).truth["counts"]
    assert (counts["trial_before"], counts["elsewhere_before"]) == (1, 1)


PLACE = {"code": 751, "weight": 1.0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hazard_ratio": 0.0}, "spillover.hazard_ratio is 0.0; must be greater than 0"),
        ({"persons": 0.0}, "spillover.persons is 0.0; must be greater than 0"),
        ({"places": []}, "spillover.places"),
        ({"places": [PLACE, PLACE]}, "spillover.places names a municipality twice; must be distinct"),
        ({"places": [PLACE, PLACE | {"code": 370}]}, "spillover.places names municipality 370; must be none of sites and"),
        ({"places": [PLACE, PLACE | {"code": 461}]}, "spillover.places names municipality 461; must be none of sites and"),
        ({"before": {"first_week": "2005-W13", "last_week": "2005-W12"}}, "spillover.before.last_week is before first_week"),
        ({"before": {"first_week": "2004-W44", "last_week": "2005-W44"}}, "last_week is 2005-W44; must be 2005-W43 or"),
        ({"before": {"first_week": "2004-W43", "last_week": "2005-W13"}}, "first_week is 2004-W43; must be 2004-W44 or"),
    ],
)  # fmt: skip
def test_refused(changes, message):
    with pytest.raises(DefinitionError) as error:
        model_of(**changes)
    assert message in str(error.value)


def test_an_unknown_municipality_is_refused(simulate):
    with pytest.raises(DefinitionError, match=r"municipality 999 is not in jobcentres.yml; must be"):
        simulate(of=model_of(places=[PLACE | {"code": 999}]), persons=2)


def test_a_model_without_controls_is_refused():
    simulation = content() | {"arms": [], "activation": [], "contacts": []}
    with pytest.raises(DefinitionError, match="spillover needs arms; without"):
        check_definition(tuples(simulation), SimulationModel, "hig.yml")


def test_a_stock_is_refused():
    simulation = content()
    simulation["entry"] |= {
        "stock": {"share": 0.5, "shortest_weeks": 1, "longest_weeks": 2, "mark": "unknown", "source": ""}
    }
    simulation["ineligible"] |= {"not_newly_unemployed": 0.0}
    with pytest.raises(DefinitionError, match=r"spillover needs entry\.stock left out"):
        check_definition(tuples(simulation), SimulationModel, "hig.yml")
