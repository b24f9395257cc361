"""Were the arms alike before the trial: differences in covariates and one joint test."""

from __future__ import annotations

from dataclasses import dataclass

from analysis_lib.results import Check


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceRow:
    """One covariate (or one level of a category) in one treated arm and the control arm.

    Attributes
    ----------
    covariate, level
        Ids; `level` is empty for a number.
    mean_treated, mean_control, difference, std_error
        In the covariate's unit; a level's mean is a share. `std_error` is Neyman's.
    normalised_difference
        Difference over the root of the mean of the two variances (Imbens and Rubin 2015, eq. 14.1); free of n.
    """

    covariate: str
    level: str
    mean_treated: float
    mean_control: float
    difference: float
    std_error: float
    normalised_difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The balance table of one treated arm against control, with the joint test."""

    arm: str
    n_treated: int
    n_control: int
    rows: tuple[BalanceRow, ...]
    joint: Check
