"""Inverse probability weights: by hand, and as the difference within blocks."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.errors import InvalidInput
from analysis_lib.trials.effects import difference_in_means, inverse_probability_weights


def test_by_hand():
    assert inverse_probability_weights([1, 0], 0.2) == pytest.approx([5, 1.25])
    assert inverse_probability_weights([True, False], [0.2, 0.6]) == pytest.approx([5, 2.5])
    by_block = inverse_probability_weights(pd.Series([1, 0, 0]), {1: 0.1, 2: 0.5}, block=pd.Series([1, 1, 2]))
    assert by_block == pytest.approx([10, 1 / 0.9, 2])


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_with_the_blocks_own_shares_it_is_the_difference_within_blocks(seed):
    rng = np.random.default_rng(seed)
    block = np.repeat(["a", "b", "c"], [20, 30, 50])
    treated = np.concatenate([rng.permutation(np.arange(n) < k) for n, k in ((20, 2), (30, 9), (50, 25))])
    y = rng.exponential(size=100) + 2.0 * (block == "b")
    shares = {label: float(treated[block == label].mean()) for label in "abc"}
    weight = inverse_probability_weights(treated, shares, block=block)
    weighted = difference_in_means(y, treated, weight=weight)
    assert weighted.value == pytest.approx(difference_in_means(y, treated, block=block).value, rel=1e-10)


def test_horvitz_thompson_over_all_assignments():
    """Over all assignments of one of 3 and two of 4, the weighted totals average the effect exactly."""
    one, two = np.arange(7.0) ** 2, np.arange(7.0) + 3
    block, found = np.repeat([0, 1], [3, 4]), []
    for first in range(3):
        for second in [(i, j) for i in range(4) for j in range(i)]:
            treated = np.zeros(7, dtype=bool)
            treated[[first, 3 + second[0], 3 + second[1]]] = True
            weight = inverse_probability_weights(treated, {0: 1 / 3, 1: 1 / 2}, block=block)
            y = np.where(treated, one, two)
            found.append((np.sum(weight * y * treated) - np.sum(weight * y * ~treated)) / 7)
    assert np.mean(found) == pytest.approx(np.mean(one - two))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 0], 1.0), "probability has the value 1; must be between 0 and 1, and neither"),
        (([1, 0], [0.5, 0.0]), "probability has the value 0"),
        (([1, 0], [0.5]), "probability has 1 rows; must have 2"),
        (([1, 0], np.nan), "probability has 2 missing or infinite values"),
        (([1, 2], 0.5), "treated has the value 2; must be 0 or 1"),
        (([1, 0], {"a": 0.5}), "block is missing; must be given where probability is by block"),
        (([1, 0], {"a": 0.5}, ["a", "b"]), "probability has no value for the block 'b'; must have one for each block"),
        (([1, 0], 0.5, ["a", "b"]), "must be a mapping from block to probability where block is given"),
        (([1, 0], {1: 0.5, "1": 0.4}, [1, 1]), "probability has labels that read the same"),
        (([1, 0], {"a": 0.5}, ["a", None]), "block is missing for 1 people"),
    ],
)
def test_invalid_input(arguments, message):
    treated, probability, *block = arguments
    with pytest.raises(InvalidInput) as raised:
        inverse_probability_weights(treated, probability, block=block[0] if block else None)
    assert message in str(raised.value)
