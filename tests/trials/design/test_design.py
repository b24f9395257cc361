"""Assignment: shares, permutations and checks read one object."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.errors import DataError, DefinitionError, InvalidInput
from analysis_lib.parameters import check_definition
from analysis_lib.trials.definition import CONTROL, Arm, BirthDayRule, Covariate, RecordedArm
from analysis_lib.trials.design import (
    Design,
    assigned_by_rule,
    birth_day_design,
    check_treated_share,
    recorded_design,
    treated_day_share,
)
from analysis_lib.trials.design.balance import balance_table, check_joint_balance, covariate_columns

ARMS = [
    {"id": "control", "label": {"da": "K", "en": "C"}, "mark": "derived", "value": 0},
    {"id": "treated", "label": {"da": "D", "en": "T"}, "mark": "derived", "value": 1},
]
RULE = BirthDayRule.model_validate(
    {"rule": "birth_day", "treated_days": (1, 15), "arms": tuple(ARMS), "mark": "recalled"}
)


def births(n: int, seed: int) -> pd.Series:
    days = np.random.default_rng(seed).integers(0, 40 * 365, n)
    return pd.Series(pd.Timestamp("1945-01-01") + pd.to_timedelta(days, unit="D"))


def blocked(seed: int = 1) -> Design:
    rng = np.random.default_rng(seed)
    arm = np.where(rng.random(300) < 0.4, "treated", CONTROL).astype(object)
    return Design(
        arms=(CONTROL, "treated"), arm=arm, unit=np.arange(300), unit_name="person",
        block=rng.integers(0, 7, 300), expected_share={},
    )  # fmt: skip


def test_expected_share_counts_the_days_of_four_years():
    days = pd.date_range("2001-01-01", "2004-12-31")
    assert treated_day_share(1, 15) == pytest.approx((days.day <= 15).mean(), rel=1e-12)
    assert treated_day_share(1, 15) == pytest.approx(0.4928, abs=5e-5)
    assert treated_day_share(16, 31) == pytest.approx(1 - treated_day_share(1, 15), rel=1e-12)
    assert treated_day_share(29, 31) == pytest.approx((days.day >= 29).mean(), rel=1e-12)


def test_rule_assigns_days_one_to_fifteen():
    dates = pd.Series(pd.to_datetime(["1970-05-01", "1970-05-15", "1970-05-16", "1970-05-31"]))
    assert assigned_by_rule(RULE, dates).tolist() == [True, True, False, False]
    design = birth_day_design(RULE, dates)
    assert design.arm.tolist() == ["treated", "treated", CONTROL, CONTROL]
    assert design.unit.tolist() == [1, 15, 16, 31]


@pytest.mark.parametrize("days", [(0, 15), (15, 1), (1, 31), (16, 32)])
def test_days_that_cannot_be_are_refused(days):
    content = {"rule": "birth_day", "treated_days": days, "arms": tuple(ARMS), "mark": "recalled"}
    with pytest.raises(DefinitionError, match=r"treated_days is \[.*\]; must be days 1–31"):
        check_definition(content, BirthDayRule, "hig.yml")


def test_share_as_expected_passes():
    check = check_treated_share(birth_day_design(RULE, births(5000, 1)), "treated")
    assert check.passed
    assert check.statistic == pytest.approx(0.4928, abs=0.03)


def test_share_off_the_rule_fails():
    dates = births(5000, 1)
    most_treated = dates[(dates.dt.day <= 15) | (np.arange(5000) % 4 > 0)].reset_index(drop=True)
    check = check_treated_share(birth_day_design(RULE, most_treated), "treated")
    assert check.passed is False
    assert check.p_value < 1e-6


def test_share_unknown_is_not_a_pass():
    check = check_treated_share(blocked(), "treated")
    assert check.passed is None
    assert check.detail == "the planned shares of the arms are not known"


def test_share_of_an_arm_that_is_not_there():
    with pytest.raises(InvalidInput, match="arm is 'other'; must be one of treated"):
        check_treated_share(blocked(), "other")


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_permutations_keep_the_blocks(seed):
    design = blocked()
    (drawn,) = design.permute_treated("treated", draws=1, rng=np.random.default_rng(seed))
    treated = design.arm == "treated"
    assert np.array_equal(
        np.bincount(design.block[drawn], minlength=7), np.bincount(design.block[treated], minlength=7)
    )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_permutations_keep_days_together(seed):
    design = birth_day_design(RULE, births(400, 3))
    (drawn,) = design.permute_treated("treated", draws=1, rng=np.random.default_rng(seed))
    by_day = pd.Series(drawn).groupby(design.unit).nunique()
    assert (by_day == 1).all()
    assert len(np.unique(design.unit[drawn])) == 15


def test_permutations_reach_every_case():
    design = blocked()
    rng = np.random.default_rng(0)
    share = np.mean(list(design.permute_treated("treated", draws=400, rng=rng)), axis=0)
    of_block = np.bincount(design.block, weights=design.arm == "treated") / np.bincount(design.block)
    # 400 draws: five standard errors of a share near 0.4 are 0.12.
    assert np.abs(share - of_block[design.block]).max() < 0.13


def test_recorded_arm_that_is_none():
    rule = RecordedArm.model_validate(
        {"rule": "recorded_arm", "column": "tg", "primary_arm": "treated", "arms": tuple(ARMS), "mark": "derived"}
    )
    frame = pd.DataFrame({"tg": [0, 1, 9, 9]})
    with pytest.raises(
        DataError, match=r"f.csv: column 'tg', row 3 is 9 \(2 such rows\); must be an arm's value: 0, 1"
    ):
        recorded_design(rule, frame, "f.csv")


def test_arm_ids_must_differ():
    with pytest.raises(DefinitionError, match="must be distinct, and one of them 'control'"):
        check_definition({**RULE.model_dump(), "arms": (Arm.model_validate(ARMS[0]),) * 2}, BirthDayRule, "x.yml")


# --- balance --------------------------------------------------------------------------------------------------------


def test_balance_row_against_hand_calculation():
    design = Design(
        arms=(CONTROL, "treated"), arm=np.array(["treated", "treated", CONTROL, CONTROL], dtype=object),
        unit=np.arange(4), unit_name="person", block=None, expected_share={},
    )  # fmt: skip
    columns = pd.DataFrame({"age": [30.0, 34.0, 20.0, 40.0]})
    table = balance_table(columns, design, "treated", draws=99, rng=np.random.default_rng(1))
    (row,) = table.rows
    # variances 8 and 200: normalised difference 2 / sqrt(104), standard error sqrt(8/2 + 200/2)
    assert (row.mean_treated, row.mean_control, row.difference) == (32, 30, 2)
    assert row.std_error == pytest.approx(np.sqrt(104))
    assert row.normalised_difference == pytest.approx(2 / np.sqrt(104))


def test_category_gives_a_row_a_level():
    covariate = Covariate.model_validate(
        {"id": "school", "column": "s", "kind": "category", "label": {"da": "S", "en": "S"}}
    )
    frame = pd.DataFrame({"s": ["b", "a", "c", "a"]})
    assert list(covariate_columns(frame, (covariate,), all_levels=True)) == ["school=a", "school=b", "school=c"]
    assert list(covariate_columns(frame, (covariate,), all_levels=False)) == ["school=b", "school=c"]


def test_square_is_of_numbers_only():
    with pytest.raises(DefinitionError, match="category cannot be squared"):
        check_definition(
            {"id": "x", "column": "x", "kind": "category", "transform": "square", "label": {"da": "", "en": ""}},
            Covariate, "x.yml",
        )  # fmt: skip


def test_joint_test_sees_an_imbalance():
    design = birth_day_design(RULE, births(600, 5))
    values = np.random.default_rng(5).normal(size=(600, 3))
    values[design.arm == "treated", 1] += 0.5
    check = check_joint_balance(values, design, "treated", draws=199, rng=np.random.default_rng(1))
    assert check.passed is False
    assert check.p_value == 1 / 200


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["day", "block"])
def test_joint_test_has_its_size(kind):
    """At a nominal 10 %, 400 null trials: binomial 99.9 % limits 5.3 % to 15.5 %."""
    rejected = 0
    for seed in range(400):
        design = birth_day_design(RULE, births(200, seed)) if kind == "day" else blocked(seed)
        rng = np.random.default_rng(10_000 + seed)
        values = rng.exponential(size=(len(design.arm), 4))
        if design.block is not None:
            values[:, 0] += design.block
        rejected += check_joint_balance(values, design, "treated", draws=99, rng=rng).p_value <= 0.10
    assert 0.053 * 400 <= rejected <= 0.155 * 400


def test_joint_test_without_an_arm_says_so():
    design = birth_day_design(RULE, pd.Series(pd.to_datetime([dt.date(1970, 1, 2)] * 3)))
    check = check_joint_balance(np.ones((3, 1)), design, "treated", draws=99, rng=np.random.default_rng(1))
    assert check.passed is None


# --- designs from arrays, pairs, clusters ---------------------------------------------------------------------------


def test_design_from_arrays():
    design = Design.from_arrays([True, False, True], block=["b", "a", "b"])
    assert design.arms == (CONTROL, "treated")
    assert design.arm.tolist() == ["treated", CONTROL, "treated"]
    assert design.block.tolist() == [1, 0, 1]
    assert (design.unit.tolist(), design.unit_name) == ([0, 1, 2], "person")
    clustered = Design.from_arrays([1, 1, 0], cluster=pd.Series(["x", "x", "y"]))
    assert (clustered.unit.tolist(), clustered.unit_name, clustered.block) == ([0, 0, 1], "cluster", None)
    assert clustered.assigned_by_group


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"treated": [0, 2]}, "treated has the value 2; must be 0 or 1"),
        ({"treated": []}, "treated is empty; must have a value for each person"),
        ({"treated": [0, 1], "block": [1]}, "block has 1 rows; must have 2"),
        ({"treated": [0, 1], "block": [1, None]}, "block is missing for 1 people"),
        ({"treated": [0, 1], "cluster": [1, 1, 2]}, "cluster has 3 rows; must have 2"),
        (
            {"treated": [0, 1, 1, 0, 1], "cluster": ["a", "a", "b", "c", "c"]},
            r"cluster a has treated and control people \(2 such clusters\); must have one of them",
        ),
    ],
)
def test_arrays_that_are_no_design(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        Design.from_arrays(**arguments)


def two_arms() -> Design:
    arm = np.array(["a", CONTROL, "b", CONTROL, CONTROL, "b", CONTROL], dtype=object)
    return Design(
        arms=(CONTROL, "a", "b"), arm=arm, unit=np.arange(7), unit_name="person", block=None, expected_share={},
        offered=np.array(["a", "a", "b", "b", None, "b", "b"], dtype=object),
    )  # fmt: skip


def test_pair_is_the_arm_and_the_controls_who_could_have_got_it():
    design = two_arms()
    assert design.pair("a").tolist() == [True, True, False, False, True, False, False]
    assert design.pair("b").tolist() == [False, False, True, True, True, True, True]
    everyone = Design(
        arms=design.arms, arm=design.arm, unit=design.unit, unit_name="person", block=None, expected_share={}
    )
    assert everyone.pair("a").tolist() == [True, True, False, True, True, False, True]
    chosen = np.array([True, False, True, True, True, False, True])
    assert design.take(chosen).pair("a").tolist() == design.pair("a")[chosen].tolist()


@pytest.mark.parametrize("arm", ["c", CONTROL])
def test_pair_of_an_arm_that_is_not_there(arm):
    with pytest.raises(InvalidInput, match=f"arm is '{arm}'; must be one of a, b"):
        two_arms().pair(arm)


def test_checks_and_permutations_keep_to_the_pair():
    design = two_arms()
    columns = pd.DataFrame({"x": np.arange(7.0) ** 2})
    (row,) = balance_table(columns, design, "b", draws=9, rng=np.random.default_rng(1)).rows
    assert (row.mean_treated, row.mean_control) == ((4 + 25) / 2, (9 + 16 + 36) / 3)
    share = Design(
        arms=design.arms, arm=design.arm, unit=design.unit, unit_name="person", block=None,
        expected_share={CONTROL: 0.5, "a": 0.5, "b": 0.5}, offered=design.offered,
    )  # fmt: skip
    assert check_treated_share(share, "a").statistic == 1 / 3
    drawn = np.array(list(design.permute_treated("b", draws=200, rng=np.random.default_rng(1))))
    assert np.all(drawn.sum(axis=1) == 2)
    assert drawn.any(axis=0).tolist() == design.pair("b").tolist()


def test_clusters_are_permuted_whole_within_blocks():
    block = np.repeat([0, 0, 0, 1, 1, 1, 1], 3)
    design = Design.from_arrays(np.repeat([1, 0, 0, 0, 1, 1, 0], 3), block=block, cluster=np.repeat(np.arange(7), 3))
    drawn = np.array(list(design.permute_treated("treated", draws=300, rng=np.random.default_rng(2))))
    by_cluster = drawn.reshape(300, 7, 3)
    assert np.all(by_cluster.all(axis=2) == by_cluster.any(axis=2))
    assert np.all(by_cluster[:, :3, 0].sum(axis=1) == 1)
    assert np.all(by_cluster[:, 3:, 0].sum(axis=1) == 2)
    assert len(np.unique(by_cluster[:, :, 0], axis=0)) == 3 * 6


def test_clusters_that_cross_blocks_are_permuted_whole():
    day, office = np.repeat(np.arange(6), 2), np.tile([0, 1], 6)
    design = Design.from_arrays(day < 2, block=office, cluster=day)
    drawn = np.array(list(design.permute_treated("treated", draws=300, rng=np.random.default_rng(2))))
    assert np.all(drawn[:, 0::2] == drawn[:, 1::2])
    assert len(np.unique(drawn, axis=0)) == 15


def test_permutations_without_people():
    design = Design.from_arrays([1, 0]).take(np.array([False, False]))
    assert [row.shape for row in design.permute_treated("treated", draws=2, rng=np.random.default_rng(1))] == [(0,)] * 2
