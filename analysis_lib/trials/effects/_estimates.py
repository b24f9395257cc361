"""An estimate from a coefficient of a regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Estimate, FloatArray, Message, wald_interval, wald_p_value
from analysis_lib.trials._least_squares import Coefficient

# Relative to the outcome's size: below this a standard error is rounding.
NO_VARIATION = 1e-12
# Tipton (2015, doi 10.1037/met0000011): with fewer the t reference is not to be trusted.
_FEW_DF = 4.0


def collinear_note(names: Sequence[str]) -> Message:
    """Say which columns were left out."""
    return Message("collinear columns left out: {n} ({names})", n=len(names), names=", ".join(names))


def lin_method(covariates: int, *, clustered: bool) -> Message:
    """Name Lin's adjustment and its variance; without covariates it is the difference in means."""
    if not covariates and clustered:
        return Message("difference in means, CR2, Satterthwaite df")
    if not covariates:
        return Message("difference in means, HC2, Bell-McCaffrey df")
    if clustered:
        return Message("adjusted for {k} covariates by arm (Lin), CR2, Satterthwaite df", k=covariates)
    return Message("adjusted for {k} covariates by arm (Lin), HC2, Bell-McCaffrey df", k=covariates)


def no_variation() -> NotEstimable:
    """Return the error for an outcome that is constant, or fitted exactly."""
    return NotEstimable(Message("the outcome has no variation left to estimate a standard error from"))


def estimate_of(fit: Coefficient, y: FloatArray, *, level: float, notes: Sequence[Message], **known: Any) -> Estimate:
    """Return the estimate, or raise where nothing varies in the outcomes (n,)."""
    if fit.std_error <= NO_VARIATION * float(np.max(np.abs(y))):
        raise no_variation()
    if fit.df < _FEW_DF:
        few = Message("only {df:.1f} degrees of freedom: the interval is not to be relied on", df=fit.df)
        notes = [*notes, few]
    return Estimate(
        value=fit.value,
        std_error=fit.std_error,
        df=fit.df,
        interval=wald_interval(fit.value, fit.std_error, fit.df, level),
        p_value=wald_p_value(fit.value, fit.std_error, fit.df),
        note=Message.join(notes),
        **known,
    )
