"""Difference in means within blocks, weighted by the blocks' sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis_lib.errors import NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import BoolArray, Groups
from analysis_lib.trials._least_squares import Coefficient


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """The blocks' counts, means and variances (NaN for one person) in one arm, each of shape (blocks,)."""

    n: FloatArray
    mean: FloatArray
    variance: FloatArray


def complete_blocks(block: Groups, treated: BoolArray) -> tuple[BoolArray, tuple[Message, ...]]:
    """Return which rows are in blocks with both arms, and a note on those left out."""
    treated_in = np.bincount(block.codes[treated], minlength=block.count)
    control_in = np.bincount(block.codes[~treated], minlength=block.count)
    complete = (treated_in > 0) & (control_in > 0)
    keep: BoolArray = complete[block.codes]
    if complete.all():
        return keep, ()
    left_out = {"blocks": int(np.sum(~complete)), "people": int(np.sum(~keep))}
    return keep, (Message("blocks left out because they lack an arm: {blocks}, with {people} people", **left_out),)


def arm_by_block(y: FloatArray, block: Groups) -> Arm:
    """Return counts, means and variances of (n,) values by block."""
    n = np.bincount(block.codes, minlength=block.count).astype(np.float64)
    mean = np.bincount(block.codes, weights=y, minlength=block.count) / n
    squares = np.bincount(block.codes, weights=(y - mean[block.codes]) ** 2, minlength=block.count)
    variance = np.where(n > 1, squares / np.where(n > 1, n - 1, 1.0), np.nan)
    return Arm(n=n, mean=mean, variance=variance)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedDifference:
    """The size-weighted difference, and how many blocks share a pooled variance."""

    fit: Coefficient
    pooled: int


def blocked_difference(y: FloatArray, treated: BoolArray, block: Groups) -> BlockedDifference:
    """Return the size-weighted difference of people in blocks.

    Every block has both arms. Blocks with two people or more in each arm have Neyman's variance and together Bell and
    McCaffrey's degrees of freedom; the others share the variance of their differences, with B - 1.
    """
    one, zero = (arm_by_block(y[arm], Groups(codes=block.codes[arm], names=block.names)) for arm in (treated, ~treated))
    size = one.n + zero.n
    difference = one.mean - zero.mean
    small = (one.n == 1) | (zero.n == 1)
    share = size / size.sum()
    variances, freedoms = [], []
    if small.any():
        variances.append(float(share[small].sum() ** 2) * _pooled_variance(difference[small], size[small]))
        freedoms.append(float(small.sum()) - 1.0)
    if not small.all():
        people, own = np.append(one.n[~small], zero.n[~small]), np.append(one.variance[~small], zero.variance[~small])
        weight = np.tile(share[~small] ** 2, 2) / people
        variances.append(float(weight @ own))
        # of the saturated regression's HC2, with errors of equal variance
        freedoms.append(satterthwaite(weight, people - 1))
    df = satterthwaite(np.array(variances), np.array(freedoms))
    fit = Coefficient(value=float(np.sum(share * difference)), std_error=math.sqrt(math.fsum(variances)), df=df)
    return BlockedDifference(fit=fit, pooled=int(small.sum()))


def satterthwaite(variances: FloatArray, freedoms: FloatArray) -> float:
    """Return the degrees of freedom of the sum of variances, NaN where it is 0."""
    total = float(np.sum(variances))
    # of shares of the variance, so that tiny outcomes do not underflow
    return 1 / float(np.sum((variances / total) ** 2 / freedoms)) if total else math.nan


def _pooled_variance(difference: FloatArray, size: FloatArray) -> float:
    """Return the variance of the size-weighted mean of the blocks' differences (Pashley and Miratrix 2021).

    With equal sizes it is the matched-pairs formula. It overstates the variance where the effect differs by block.
    """
    blocks, total = len(size), float(size.sum())
    if blocks < 2:
        raise NotEstimable(
            Message("one block has one person in an arm and no other such block to share a variance with: merge blocks")
        )
    distance = (difference - np.sum(size * difference) / total) ** 2
    if np.all(size == size[0]):
        return float(np.sum(distance)) / (blocks * (blocks - 1))
    if np.any(2 * size >= total):
        raise NotEstimable(
            Message(
                "of the {n} blocks with one person in an arm, one holds half the people or more: merge blocks", n=blocks
            )
        )
    factor = size**2 / (total - 2 * size)
    return float(np.sum(factor * distance) / (total + factor.sum()))
