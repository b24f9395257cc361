"""Differences of covariates within blocks."""

import numpy as np
import pandas as pd
import pytest

from analysis_lib.trials.design import Design, balance_table

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
