"""Were the arms alike before the trial: differences in covariates and one joint test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis_lib.errors import DataError, InvalidInput
from analysis_lib.results import Check, Message
from analysis_lib.trials._arrays import as_numbers
from analysis_lib.trials._options import as_share, check_draws
from analysis_lib.trials.definition import Covariate
from analysis_lib.trials.design.assignment import Design

FloatArray = NDArray[np.float64]
Chosen = NDArray[np.bool_]
BALANCE_THRESHOLD = 0.01
# Relative to a covariate's size: a spread below this is rounding.
_CONSTANT = 1e-12
# Of columns of length 1: what is left of a combination of others is less.
_COLLINEAR = 1e-10
_TIE = 1e-9
_JOINT = Message("joint balance of the covariates")
YES = "yes"
"""The level that an indicator's column stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceRow:
    """One covariate (or one level of a category) in one treated arm and the control arm.

    Attributes
    ----------
    covariate, level
        Ids; `level` is empty for a number.
    mean_treated, mean_control, difference, std_error
        In the covariate's unit; a level's mean is a share. `std_error` is Neyman's.
    adjusted_difference
        The difference within blocks, weighted by the blocks' sizes; blocks without both arms are left out. Where
        people were not drawn in blocks it is `difference`.
    normalised_difference
        Difference over the root of the mean of the two variances (Imbens and Rubin 2015, chapter 14); free of n.
        NaN where the covariate does not vary.
    """

    covariate: str
    level: str
    mean_treated: float
    mean_control: float
    difference: float
    std_error: float
    adjusted_difference: float
    normalised_difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The balance table of one treated arm against control, with the joint test; `blocked` where drawn in blocks."""

    arm: str
    n_treated: int
    n_control: int
    rows: tuple[BalanceRow, ...]
    joint: Check
    blocked: bool = False


def covariate_columns(frame: pd.DataFrame, covariates: tuple[Covariate, ...], *, all_levels: bool) -> pd.DataFrame:
    """Return the covariates as numbers, (n, k), columns named `id` or `id=level`.

    An indicator is named `id=yes`. A category gives one indicator a level; without `all_levels` its first level (in
    sorted order) is left out, as a regression needs.
    """
    columns: dict[str, FloatArray] = {}
    for covariate in covariates:
        values = frame[covariate.column]
        if covariate.kind == "indicator":
            columns[f"{covariate.id}={YES}"] = _indicator(values, covariate)
            continue
        if covariate.kind == "number":
            number = values.to_numpy(dtype=np.float64)
            columns[covariate.id] = number**2 if covariate.transform == "square" else number
            continue
        levels = sorted(values.unique().tolist())
        for level in levels if all_levels else levels[1:]:
            columns[f"{covariate.id}={level}"] = (values == level).to_numpy(dtype=np.float64)
    return pd.DataFrame(columns, index=frame.index)


def _indicator(values: pd.Series[float], covariate: Covariate) -> FloatArray:
    wrong = ~values.isin([0, 1]).to_numpy(dtype=bool)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"column '{covariate.column}', row {row + 1} is {values.iloc[row]} ({int(wrong.sum())} such rows); "
            f"must be 0 or 1, as covariate '{covariate.id}' is an indicator"
        )
    return values.to_numpy().astype(np.float64)


def balance_table(columns: pd.DataFrame, design: Design, arm: str, *, draws: int, rng: np.random.Generator) -> Balance:
    """Compare one arm with control on every covariate column.

    Parameters
    ----------
    columns
        (n, k) numbers, as `covariate_columns` gives them.
    design
        The assignment of the same n cases.
    arm
        The treated arm.
    draws
        Permutations of the joint test.
    rng
        Draws the permutations.

    Raises
    ------
    InvalidInput
        Where the arm is not a treated one of the design, or another argument is not as described.
    """
    values = _read(columns, "columns", len(design.arm))
    treated = design.arm == arm
    control = design.pair(arm) & ~treated
    adjusted = _adjusted_differences(values, treated, control, design)
    rows = tuple(
        _row(str(name), values[treated, number], values[control, number], adjusted[number])
        for number, name in enumerate(columns)
    )
    joint = check_joint_balance(values, design, arm, draws=draws, rng=rng)
    return Balance(
        arm=arm, n_treated=int(treated.sum()), n_control=int(control.sum()), rows=rows, joint=joint,
        blocked=design.block is not None,
    )  # fmt: skip


def _read(columns: pd.DataFrame, name: str, size: int) -> FloatArray:
    """Return finite numbers (n, k), or raise naming the column."""
    if len(columns) != size:
        raise InvalidInput(f"{name} has {len(columns)} rows; must be the design's {size}")
    found = [as_numbers(columns.iloc[:, j], f"{name}, column '{label}',") for j, label in enumerate(columns)]
    return np.column_stack(found) if found else np.empty((size, 0))


def _adjusted_differences(values: FloatArray, treated: Chosen, control: Chosen, design: Design) -> FloatArray:
    """Return the differences of (n, k) values within blocks, weighted by the blocks' sizes, shape (k,)."""
    block = np.zeros(len(values), dtype=np.int64) if design.block is None else design.block
    codes = np.unique(block, return_inverse=True)[1]
    count = int(codes.max(initial=-1)) + 1
    people = [np.bincount(codes[arm], minlength=count) for arm in (treated, control)]
    both = (people[0] > 0) & (people[1] > 0)
    if not both.any():
        return np.full(values.shape[1], np.nan)
    share = (people[0] + people[1])[both] / (people[0] + people[1])[both].sum()
    differences = np.zeros(values.shape[1])
    for sign, arm, n in ((1, treated, people[0]), (-1, control, people[1])):
        sums = np.zeros((count, values.shape[1]))
        np.add.at(sums, codes[arm], values[arm])
        differences += sign * (share @ (sums[both] / n[both, None]))
    return differences


def _row(name: str, treated: FloatArray, control: FloatArray, adjusted: float) -> BalanceRow:
    covariate, _, level = name.partition("=")
    mean_1, mean_0 = _mean(treated), _mean(control)
    var_1, var_0 = _variance(treated), _variance(control)
    spread = math.sqrt((var_1 + var_0) / 2)
    difference = mean_1 - mean_0
    return BalanceRow(
        covariate=covariate, level=level, mean_treated=mean_1, mean_control=mean_0, difference=difference,
        std_error=math.sqrt(var_1 / max(len(treated), 1) + var_0 / max(len(control), 1)),
        adjusted_difference=float(adjusted), normalised_difference=difference / spread if spread > 0 else math.nan,
    )  # fmt: skip


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else math.nan


def _variance(values: FloatArray) -> float:
    if len(values) < 2:
        return math.nan
    variance = float(values.var(ddof=1))
    return variance if variance > (_CONSTANT * float(np.max(np.abs(values)))) ** 2 else 0.0


def check_joint_balance(
    values: FloatArray, design: Design, arm: str, *, draws: int, rng: np.random.Generator,
    threshold: float = BALANCE_THRESHOLD,
) -> Check:  # fmt: skip
    r"""Test all covariates at once by permuting the assignment under the design.

    The statistic is :math:`s' V^{-} s` with :math:`s = \sum_i Z_i \tilde x_i`, :math:`\tilde x` centred within blocks
    and :math:`V = \sum_b p_b (1 - p_b) \tilde X_b' \tilde X_b` (Hansen and Bowers 2008, doi 10.1214/08-STS254);
    p = (1 + k) / (1 + draws), with k the draws at least as far out. Neither depends on the covariates' units.
    `passed` is `None`, with the reason, where no covariate varies or every assignment has the same statistic.

    Parameters
    ----------
    values
        (n, k) covariates, finite.
    design, arm
        The assignment; cases of other arms than `arm` and control are left out.
    draws, rng
        Number of permutations, and what draws them.
    threshold
        The check fails below this p-value.

    Raises
    ------
    InvalidInput
        Where the arm is not a treated one of the design, or another argument is not as described.
    """
    check_draws(draws, rng)
    as_share(threshold, "threshold", closed=True)
    given, pair = _read(pd.DataFrame(values), "values", len(design.arm)), design.pair(arm)
    own = design.take(pair)
    treated = own.arm == arm
    if treated.all() or not treated.any() or given.shape[1] == 0:
        return Check(name=_JOINT, passed=None, detail=Message("an arm is empty, or there are no covariates"), arm=arm)
    scores = _independent_scores(given[pair], treated, own.block)
    if not scores.shape[1]:
        detail = Message("no covariate varies between people who could have got either arm")
        return Check(name=_JOINT, passed=None, detail=detail, arm=arm)
    observed = _distance(treated, scores)
    drawn = np.array([_distance(other, scores) for other in own.permute_treated(arm, draws=draws, rng=rng)])
    if np.all(np.abs(drawn - observed) <= _TIE * observed):
        detail = Message("all assignments drawn have the same balance, as too few are possible")
        return Check(name=_JOINT, passed=None, detail=detail, arm=arm)
    p_value = float(1 + np.count_nonzero(drawn >= observed * (1 - _TIE))) / (1 + draws)
    detail = Message(
        "{k} covariate columns, {draws} permutations of the {unit}", k=given.shape[1], draws=draws, unit=own.unit_name
    )
    return Check(
        name=_JOINT, passed=p_value >= threshold, statistic=observed, p_value=p_value, threshold=threshold,
        method=Message("permutation test under the design"), detail=detail, arm=arm,
    )  # fmt: skip


def _independent_scores(values: FloatArray, treated: Chosen, block: NDArray[np.int64] | None) -> FloatArray:
    """Return columns (n, rank) whose sums over the treated have variance 1 each, and no covariance.

    With x centred within blocks, s' V^- s is the sum of squares of those sums. Columns are brought to one size first,
    so that their units do not decide which directions count as rounding; those that do not vary are left out.
    """
    codes = np.zeros(len(treated), dtype=np.int64) if block is None else np.unique(block, return_inverse=True)[1]
    size = np.bincount(codes)
    means = np.stack([np.bincount(codes, weights=column) for column in values.T], axis=1) / size[:, None]
    centred = values - means[codes]
    share = np.bincount(codes, weights=treated) / size
    weight = np.sqrt(share * (1 - share))[codes][:, None]
    length = np.linalg.norm(centred * weight, axis=0)
    varies = length > _CONSTANT * np.max(np.abs(values), axis=0) * math.sqrt(len(values))
    scaled = centred[:, varies] / length[varies]
    own, axes = np.linalg.eigh((scaled * weight).T @ (scaled * weight))
    kept = own > _COLLINEAR
    scores: FloatArray = scaled @ (axes[:, kept] / np.sqrt(own[kept]))
    return scores


def _distance(treated: NDArray[np.bool_], scores: FloatArray) -> float:
    return float(np.sum((treated.astype(np.float64) @ scores) ** 2))
