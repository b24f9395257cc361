"""Weights that undo unequal probabilities of treatment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput
from analysis_lib.results import FloatArray
from analysis_lib.trials._arrays import Groups, as_binary, as_groups, as_numbers

__all__ = ["inverse_probability_weights"]


def inverse_probability_weights(
    treated: ArrayLike, probability: float | ArrayLike | Mapping[Any, float], *, block: Any = None
) -> FloatArray:
    r"""Return each person's inverse probability of the arm they were assigned to, for `difference_in_means(weight=)`.

    The probabilities are the design's, never estimated here: weights from estimated probabilities would need another
    variance. There are no weights for non-response, which is not assigned: see `attrition_check` and `lee_bounds`.

    Parameters
    ----------
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    probability
        Of assignment to treatment, strictly between 0 and 1: one for all, one for each person, shape (n,), or, with
        `block`, a mapping from every block's label to its own.
    block
        Labels of the blocks, shape (n,); only with a mapping.

    Returns
    -------
    numpy.ndarray
        Shape (n,): 1 / p for the treated, 1 / (1 - p) for the others.

    Raises
    ------
    InvalidInput
        An argument is not as described, or a block has no probability; the message names it.

    Notes
    -----
    Where p is each block's own share treated, the weighted difference in means is the one within blocks.

    References
    ----------
    Horvitz and Thompson (1952), doi 10.1080/01621459.1952.10483446. Hájek (1971), in Godambe and Sprott (eds.),
    Foundations of Statistical Inference, p. 236.

    Examples
    --------
    >>> inverse_probability_weights([1, 0, 1, 0], {"odense": 0.5, "vejle": 0.2}, block=["odense"] * 2 + ["vejle"] * 2)
    array([2.  , 2.  , 5.  , 1.25])
    """
    arm = as_binary(treated, "treated")
    if isinstance(probability, Mapping):
        if block is None:
            raise InvalidInput("block is missing; must be given where probability is by block")
        share = _by_block(probability, as_groups(block, "block", len(arm)))
    elif block is not None:
        raise InvalidInput(
            "probability is not by block; must be a mapping from block to probability where block is given"
        )
    else:
        given = np.asarray(probability)
        share = as_numbers(np.full(len(arm), given) if given.ndim == 0 else given, "probability", len(arm))
    wrong = share[(share <= 0) | (share >= 1)]
    if wrong.size:
        raise InvalidInput(f"probability has the value {wrong[0]:g}; must be between 0 and 1, and neither")
    return np.where(arm, 1 / share, 1 / (1 - share))


def _by_block(probability: Mapping[Any, float], block: Groups) -> FloatArray:
    """Return each person's probability from their block's."""
    known = {str(label): value for label, value in probability.items()}
    if len(known) < len(probability):
        raise InvalidInput("probability has labels that read the same; must have one for each block")
    missing = [name for name in block.names if name not in known]
    if missing:
        raise InvalidInput(f"probability has no value for the block {missing[0]!r}; must have one for each block")
    return as_numbers([known[name] for name in block.names], "probability")[block.codes]
