"""Differences of covariates within blocks, and the joint test."""

import numpy as np
import pandas as pd
import pytest

from analysis_lib.errors import InvalidInput
from analysis_lib.trials.design import Design, balance_table, check_joint_balance

RNG = np.random.default_rng(7)


def naive(values, treated, block):
    """The size-weighted mean of the blocks' differences, block by block."""
    parts = []
    for name in np.unique(block):
        own = block == name
        if treated[own].any() and (~treated[own]).any():
            parts.append((own.sum(), values[own & treated].mean() - values[own & ~treated].mean()))
    sizes, differences = np.array(parts).T
    return float(sizes @ differences / sizes.sum())


def test_adjusted_differences_are_those_within_blocks():
    block = np.repeat([0, 1, 2, 3], [40, 30, 20, 5])
    treated = RNG.random(95) < np.array([0.5, 0.1, 0.7, 0.0])[block]
    values = pd.DataFrame({"age": RNG.normal(40, 9, 95) + 5 * block, "sex=man": RNG.integers(0, 2, 95).astype(float)})
    table = balance_table(values, Design.from_arrays(treated, block=block), "treated", draws=99, rng=RNG)
    assert table.blocked
    for row, name in zip(table.rows, values, strict=True):
        assert row.adjusted_difference == pytest.approx(naive(values[name].to_numpy(), treated, block), rel=1e-12)
        assert row.difference != pytest.approx(row.adjusted_difference)


def test_without_blocks_they_are_the_plain_differences():
    treated = np.arange(30) < 12
    table = balance_table(
        pd.DataFrame({"age": RNG.normal(40, 9, 30)}), Design.from_arrays(treated), "treated", draws=99, rng=RNG
    )
    assert not table.blocked
    assert table.rows[0].adjusted_difference == pytest.approx(table.rows[0].difference, rel=1e-12)


def test_no_block_has_both_arms():
    block = np.repeat([0, 1], 5)
    table = balance_table(
        pd.DataFrame({"age": np.arange(10.0)}),
        Design.from_arrays(block == 0, block=block),
        "treated",
        draws=99,
        rng=RNG,
    )
    assert np.isnan(table.rows[0].adjusted_difference)
    assert table.rows[0].difference == -5


# The joint test


def distance(values, treated, block):
    """The statistic block by block, with a generalised inverse of the covariance."""
    score, variance = np.zeros(values.shape[1]), np.zeros((values.shape[1],) * 2)
    for name in np.unique(block):
        own, arm = values[block == name], treated[block == name]
        centred = own - own.mean(axis=0)
        score += centred[arm].sum(axis=0)
        variance += arm.mean() * (1 - arm.mean()) * centred.T @ centred
    return float(score @ np.linalg.pinv(variance, rcond=1e-10) @ score)


def joint(values, design, *, draws=199, seed=3):
    return check_joint_balance(values, design, "treated", draws=draws, rng=np.random.default_rng(seed))


def people():
    block = np.repeat([0, 1, 2], [30, 40, 10])
    treated = RNG.random(80) < np.array([0.5, 0.2, 0.6])[block]
    men = RNG.integers(0, 2, 80).astype(float)
    return block, treated, np.column_stack([RNG.normal(40, 9, 80), men, 1 - men])


def test_joint_statistic_is_that_of_hansen_and_bowers():
    block, treated, values = people()
    found = joint(values, Design.from_arrays(treated, block=block))
    assert found.statistic == pytest.approx(distance(values, treated, block), rel=1e-8)
    design = Design.from_arrays(treated, block=block)
    drawn = list(design.permute_treated("treated", draws=199, rng=np.random.default_rng(3)))
    further = sum(distance(values, other, block) >= found.statistic * (1 - 1e-9) for other in drawn)
    assert found.p_value == (1 + further) / 200


@pytest.mark.parametrize("unit", [1e-8, 1e5, 1e11])
def test_units_of_the_covariates_do_not_matter(unit):
    """Income squared beside an indicator: the indicator must not be lost in the rounding of the other."""
    block, treated, values = people()
    values[treated, 1] = 1
    design = Design.from_arrays(treated, block=block)
    plain, scaled = joint(values, design), joint(values * np.array([unit, 1, 1]), design)
    assert scaled.p_value == plain.p_value < 0.01
    assert scaled.statistic == pytest.approx(plain.statistic, rel=1e-6)


@pytest.mark.parametrize(
    ("values", "design", "reason"),
    [
        (np.full((8, 2), 0.1), Design.from_arrays([1, 0] * 4), "no covariate varies between people"),
        (np.arange(8.0)[:, None], Design.from_arrays([1, 0] * 4, block=np.arange(8)), "no covariate varies"),
        (
            np.arange(8.0)[:, None],
            Design.from_arrays([1] * 4 + [0] * 4, cluster=[0] * 4 + [1] * 4),
            "the same balance, as too few are possible",
        ),
    ],
)
def test_joint_test_that_can_say_nothing_is_not_a_pass(values, design, reason):
    found = joint(values, design)
    assert found.passed is None
    assert np.isnan(found.p_value)
    assert reason in found.detail


def test_a_constant_has_no_normalised_difference():
    """0.1 added up many times is off by rounding, which is not to be divided by."""
    treated = np.arange(60) % 7 < 2
    table = balance_table(
        pd.DataFrame({"age": np.full(60, 0.1)}), Design.from_arrays(treated), "treated", draws=9, rng=RNG
    )
    assert np.isnan(table.rows[0].normalised_difference)
    assert table.rows[0].std_error == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"columns": pd.DataFrame({"age": [1.0, np.nan, 3.0, 4.0]})},
            "columns, column 'age', has 1 missing or infinite",
        ),
        ({"columns": pd.DataFrame({"sex": list("abab")})}, "columns, column 'sex', is of type"),
        ({"columns": pd.DataFrame({"age": [1.0]})}, "columns has 1 rows; must be the design's 4"),
        ({"arm": "control"}, "arm is 'control'; must be one of treated"),
        ({"draws": 0}, "draws is 0; must be a whole number of 1 or more"),
        ({"rng": 1}, "rng is a int; must be a numpy.random.Generator"),
    ],
)
def test_invalid_arguments_name_themselves(change, message):
    given = {
        "columns": pd.DataFrame({"age": np.arange(4.0)}), "design": Design.from_arrays([1, 0, 1, 0]), "arm": "treated",
        "draws": 9, "rng": np.random.default_rng(1),
    } | change  # fmt: skip
    with pytest.raises(InvalidInput) as raised:
        balance_table(given.pop("columns"), given.pop("design"), given.pop("arm"), **given)
    assert message in str(raised.value)


def test_joint_test_refuses_missing_values():
    with pytest.raises(InvalidInput, match="values, column '0', has 1 missing"):
        joint(np.array([[1.0], [np.nan], [3.0]]), Design.from_arrays([1, 0, 0]))
    with pytest.raises(InvalidInput, match="threshold is 2; must be 0 to 1"):
        check_joint_balance(np.ones((2, 1)), Design.from_arrays([1, 0]), "treated", draws=9, rng=RNG, threshold=2)
