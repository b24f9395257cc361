"""Designs from rules: who is treated, what was assigned, and whose controls are whose."""

import numpy as np
import pandas as pd
import pytest

from analysis_lib.errors import InvalidInput
from analysis_lib.trials.definition import CONTROL, BirthYearParity, read_trial
from analysis_lib.trials.design import check_treated_share
from analysis_lib.trials.design.rules import COHORT, arms_by_rule, birth_design, cohort_design

ARMS = (
    {"id": CONTROL, "label": {"da": "K", "en": "C"}, "mark": "unknown"},
    {"id": "treated", "label": {"da": "D", "en": "T"}, "mark": "unknown"},
)
BORN = pd.Series(pd.to_datetime(["1970-12-31", "1971-01-01", "1984-02-29", "1999-06-01"]))


def parity(treated):
    return BirthYearParity.model_validate(
        {"rule": "birth_year_parity", "treated": treated, "arms": ARMS, "mark": "unknown"}
    )


def test_both_parities():
    even, odd = (birth_design(parity(which), BORN) for which in ("even", "odd"))
    assert even.arm.tolist() == ["treated", CONTROL, "treated", CONTROL]
    assert [(one == CONTROL) != (other == CONTROL) for one, other in zip(even.arm, odd.arm, strict=True)] == [True] * 4
    assert even.unit.tolist() == [1970, 1971, 1984, 1999]
    assert even.offered is None


def test_a_rule_of_years_has_no_planned_share():
    check = check_treated_share(birth_design(parity("even"), BORN), "treated")
    assert check.passed is None


@pytest.fixture
def rule():
    return read_trial("hig2").assignment


def test_arms_by_site(rule):
    born = pd.Series(pd.to_datetime(["1970-05-15", "1970-05-16"] * 2))
    sites = ["midtjylland", "midtjylland", "sjaelland", "sjaelland"]
    design = birth_design(rule, born, sites)
    assert design.arms == (
        CONTROL,
        "group_meetings",
        "fortnightly_meetings",
        "early_activation",
        "meetings_and_activation",
    )
    assert design.arm.tolist() == ["early_activation", CONTROL, "fortnightly_meetings", CONTROL]
    assert design.offered.tolist() == ["early_activation"] * 2 + ["fortnightly_meetings"] * 2
    assert design.block is None
    assert design.expected_share["early_activation"] == design.expected_share["group_meetings"]
    assert design.expected_share["early_activation"] + design.expected_share[CONTROL] == pytest.approx(1)
    assert arms_by_rule(rule, born, sites).tolist() == design.arm.tolist()


def test_permutations_stay_within_an_arms_sites(rule):
    rng = np.random.default_rng(1)
    born = pd.Series(pd.Timestamp("1960-01-01") + pd.to_timedelta(rng.integers(0, 9000, 400), unit="D"))
    sites = np.where(np.arange(400) % 2 == 0, "midtjylland", "syddanmark").astype(object)
    design = birth_design(rule, born, sites)
    for drawn in design.permute_treated("early_activation", draws=20, rng=rng):
        assert not drawn[sites == "syddanmark"].any()
        assert drawn.any()


def test_a_site_without_an_arm(rule):
    with pytest.raises(InvalidInput, match="sites has 'bornholm'; must be a site of an arm: nordjylland, hovedstaden"):
        birth_design(rule, BORN, ["bornholm"] * 4)


def test_a_cohort_has_one_arm():
    design = cohort_design(3)
    assert (design.arms, design.arm.tolist()) == ((COHORT,), [COHORT] * 3)
    with pytest.raises(InvalidInput, match="arm is 'treated'"):
        design.pair("treated")
