"""Arms, groups and jobcentres: who is in which, and the average effects against both potential registers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from analysis_lib.errors import InvalidInput
from analysis_lib.register.states import first_run, inflow, weeks_in_state

Z = 4
PERSONS = 4000
ARMS = [{"id": "meetings", "municipalities": [320, 370]}, {"id": "activation", "municipalities": [510]}]


def fact(**parts):
    return {"mark": "unknown"} | parts


@pytest.fixture(scope="module")
def two_arms(remake, model):
    """Meetings in two municipalities, for women only; activation in a third."""
    return remake(
        arms=ARMS,
        duration=json.loads(model.duration.model_copy(update={"hazard_ratio": 1.0}).model_dump_json()),
        effects=[
            fact(arm="meetings", hazard_ratio=1.8, where={"sex": ["woman"]}),
            fact(arm="activation", hazard_ratio=0.7, weeks=[0, 10]),
        ],
        activation=[],
        truth_groups=[{"id": "women", "where": {"sex": ["woman"]}}, {"id": "men", "where": {"sex": ["man"]}}],
        truth_outcomes={"self_support": ["self_support"]},
    )


def in_arms(people):
    """Born 1-15: the arm of the place."""
    arm = np.where(people["municipality"].isin([320, 370]), "meetings", "activation").astype(object)
    outside = ~people["municipality"].isin([320, 370, 510]).to_numpy()
    return np.where(outside | (people["birth_date"].dt.day > 15), "control", arm)


@pytest.fixture(scope="module")
def registers(simulate, two_arms):
    """The register, and what it would be if nobody, or everybody, were treated."""

    def everybody(people):
        return np.where(
            people["municipality"].isin([320, 370]), "meetings",
            np.where(people["municipality"] == 510, "activation", "control"),
        ).astype(object)  # fmt: skip

    ways = {"drawn": in_arms, "nobody": lambda people: np.full(len(people), "control"), "everybody": everybody}
    return {name: simulate(of=two_arms, assigned=way, persons=PERSONS) for name, way in ways.items()}


def entries(register, model, codes):
    first = register.first_week
    person, week = inflow(
        register.codes, codes.codes_of("unemployment_insurance"),
        from_week=model.entry.first_week - first, to_week=model.entry.last_week - first,
        free_weeks=model.entry.free_weeks,
    )  # fmt: skip
    people = register.persons.iloc[person]
    born = people["birth_date"].dt.year.between(1946, 1987).to_numpy()
    chosen = people["municipality"].isin([320, 370, 510]).to_numpy() & born
    return person[chosen], week[chosen]


def weeks(register, person, entry, states, horizon):
    matrix = register.codes[person]
    end = first_run(matrix, [997, 999], start=entry, min_weeks=1).week
    return weeks_in_state(matrix, states, start=entry, length=horizon, end=end)


def test_arms_are_where_they_may_be(registers, two_arms, codes):
    truth = registers["drawn"].truth
    counts = truth["counts"]
    assert counts["eligible"] == counts["meetings"] + counts["activation"] + counts["control"] == PERSONS
    assert list(truth["arms"]) == ["meetings", "activation"]
    assert list(truth["arms"]["meetings"]["jobcentres"]) == ["jc_faxe", "jc_naestved"]
    assert list(truth["arms"]["activation"]["jobcentres"]) == ["jc_haderslev"]
    assert "average_effects" not in truth
    person, _ = entries(registers["drawn"], two_arms, codes)
    assert len(person) == PERSONS
    arm = in_arms(registers["drawn"].persons.iloc[person])
    for name in ("meetings", "activation", "control"):
        assert counts[name] == np.sum(arm == name)


def test_everybodys_weeks_are_those_of_their_own_arm(registers, two_arms, codes):
    person, _ = entries(registers["drawn"], two_arms, codes)
    arm = in_arms(registers["drawn"].persons.iloc[person])
    for treated, name in ((arm != "control", "everybody"), (arm == "control", "nobody")):
        rows = person[treated]
        np.testing.assert_array_equal(registers["drawn"].codes[rows], registers[name].codes[rows])


def test_average_effects_are_those_of_the_two_potential_registers(registers, two_arms, codes):
    person, entry = entries(registers["nobody"], two_arms, codes)
    people = registers["nobody"].persons.iloc[person].reset_index(drop=True)
    asked = {"benefit": codes.codes_of(two_arms.benefit_states), "self_support": [0]}
    places = {"meetings": [320, 370], "activation": [510]}
    for arm, truth in registers["drawn"].truth["arms"].items():
        here = people["municipality"].isin(places[arm]).to_numpy()
        for outcome, states in asked.items():
            for horizon in two_arms.horizons_weeks:
                before, after = (weeks(registers[w], person, entry, states, horizon) for w in ("nobody", "everybody"))
                seen = here & ~np.isnan(before)
                groups = {
                    (): seen,
                    ("groups", "women"): seen & (people["sex"] == "woman").to_numpy(),
                    ("groups", "men"): seen & (people["sex"] == "man").to_numpy(),
                }
                for key, chosen in groups.items():
                    part = truth
                    for step in key:
                        part = part[step]
                    cell = part["average_effects"][outcome][str(horizon)]
                    assert cell["persons"] == chosen.sum()
                    assert cell["weeks"] == pytest.approx((after - before)[chosen].mean(), abs=1e-12)
                    assert cell["control_weeks"] == pytest.approx(before[chosen].mean(), abs=1e-12)


def test_an_effect_for_women_leaves_men_as_they_are(registers):
    truth = registers["drawn"].truth["arms"]["meetings"]
    assert truth["time_to_exit"]["exact"] is False
    assert truth["groups"]["men"]["average_effects"]["benefit"]["52"]["weeks"] == 0.0
    assert truth["groups"]["women"]["average_effects"]["benefit"]["52"]["weeks"] < -1


def test_mean_differences_find_the_average_effects(registers, two_arms, codes):
    """The naive estimate of what the truth says, in each arm's own places."""
    person, entry = entries(registers["drawn"], two_arms, codes)
    people = registers["drawn"].persons.iloc[person]
    arm = in_arms(people)
    seen = weeks(registers["drawn"], person, entry, codes.codes_of(two_arms.benefit_states), 52)
    for name, places in (("meetings", [320, 370]), ("activation", [510])):
        here = people["municipality"].isin(places).to_numpy() & ~np.isnan(seen)
        parts = [seen[here & (arm == own)] for own in (name, "control")]
        error = np.sqrt(sum(part.var(ddof=1) / len(part) for part in parts))
        truth = registers["drawn"].truth["arms"][name]["average_effects"]["benefit"]["52"]["weeks"]
        assert abs(parts[0].mean() - parts[1].mean() - truth) < Z * error


def test_an_exact_arm_beside_one_that_is_not(registers):
    truth = registers["drawn"].truth["arms"]["activation"]["time_to_exit"]
    assert truth["exact"] is True
    assert [row["hazard_ratio"] for row in truth["hazard_ratios"]] == [0.7, 1.0]
    assert truth["median_treated_weeks"] > truth["median_control_weeks"]


def test_without_arms_nobody_is_treated(simulate, remake, model):
    duration = json.loads(model.duration.model_dump_json()) | {"hazard_ratio": 1.0}
    alone = remake(arms=[], duration=duration, activation=[])
    register = simulate(of=alone, assigned=None, persons=50)
    assert register.truth["arms"] == {}
    assert register.truth["counts"]["control"] == 50
    assert "hazard_ratio" not in register.truth


def test_arms_that_cannot_be(simulate, two_arms):
    with pytest.raises(InvalidInput, match="assigned is missing; must say who is in control, meetings, activation"):
        simulate(of=two_arms, assigned=None, persons=20)
    with pytest.raises(InvalidInput, match=r"assigned puts \d+ people in meetings who live elsewhere, one in 510"):
        simulate(of=two_arms, assigned=lambda people: np.full(len(people), "meetings"), persons=20)
    # True and false say an arm only where there is one, called treated.
    with pytest.raises(InvalidInput, match="assigned answers bool of shape"):
        simulate(of=two_arms, assigned=lambda people: np.full(len(people), True), persons=20)
