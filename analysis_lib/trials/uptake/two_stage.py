"""Two-stage least squares: what taking part did, with assignment as the instrument."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Check, FloatArray, Message, Results
from analysis_lib.trials._arrays import as_binary, as_groups
from analysis_lib.trials._least_squares import Coefficient, fit_coefficient, independent_columns
from analysis_lib.trials.effects._estimates import estimate_of
from analysis_lib.trials.uptake._people import NO_VARIATION, Instrumented, read_instrumented, unmoved
from analysis_lib.trials.uptake._strength import instrument_checks

__all__ = ["site_instruments", "two_stage_least_squares"]


def site_instruments(treated: ArrayLike, site: Any) -> pd.DataFrame:
    """Return assignment by site, the instruments of a trial whose sites used different activities.

    Parameters
    ----------
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    site
        Labels of the sites (jobcentres), shape (n,). Give them as `block` too: people are compared within sites.

    Returns
    -------
    DataFrame
        Shape (n, sites), 1 for those assigned to treatment at the site. A site without both arms has an instrument
        that tells nothing beyond the site: `two_stage_least_squares` leaves it out with a note.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.

    References
    ----------
    Rehwald, Rosholm and Rouland (2018), doi 10.1016/j.labeco.2018.04.003, who use these instruments.

    Examples
    --------
    >>> site_instruments([1, 0, 1, 0], ["vejle", "vejle", "odense", "odense"]).to_numpy().tolist()
    [[0.0, 1.0], [0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]
    """
    arm = as_binary(treated, "treated")
    groups = as_groups(site, "site", len(arm))
    columns = (groups.codes[:, None] == np.arange(groups.count)) & arm[:, None]
    return pd.DataFrame(columns.astype(np.float64), columns=[f"assigned at {name}" for name in groups.names])


def two_stage_least_squares(
    y: ArrayLike,
    treatment: Any,
    instrument: Any,
    *,
    covariates: Any = None,
    block: Any = None,
    cluster: Any = None,
    level: float = 0.95,
) -> Results:
    r"""Estimate the effects of what people took part in, with instruments that moved it (two-stage least squares).

    Parameters
    ----------
    y
        Outcome, shape (n,), in any unit; finite.
    treatment
        What people took part in (weeks of each activity, or 0/1): a data frame, or an array of shape (n,) or (n, k).
    instrument
        Assignment, or assignment by site (`site_instruments`): a data frame, or an array of shape (n,) or (n, m).
    covariates
        Measured before assignment: a data frame, or an array of shape (n, p) or (n,); finite.
    block
        Labels of the blocks (strata, sites) within which people were assigned, shape (n,): one constant for each.
    cluster
        Labels of the units that were assigned together, shape (n,): birth days or years, offices.
    level
        Coverage of the intervals.

    Returns
    -------
    Results
        An `Estimate` for each column of `treatment`, in units of the outcome for one more of the column's. Then a
        `Check` of the first stage of each column, and one of the instruments' agreement where m > k:

        - "first-stage F": Wald statistic of the instruments over m, `passed` from 10 up;
        - k = 1, "effective F": `passed` where the worst bias of 2SLS is at most 10 % of a benchmark (p-value: none);
        - k > 1, "conditional F", of the column given the other columns, `passed` from 10 up;
        - "overidentification": Hansen's J, `passed` where not rejected at 0.05.

        Where the instruments are weak by these, `note` says so: `anderson_rubin` holds then too.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        The instruments tell nothing of a treatment beyond the covariates, there are as many coefficients as people,
        fewer than two clusters, someone is fitted exactly (leverage 1), or the outcome has no variation left.

    Notes
    -----
    With :math:`\hat X` the treatments and covariates projected on instruments and covariates,
    :math:`\hat\beta = (\hat X'\hat X)^{-1} \hat X'y` and the residuals are those of :math:`y - X\hat\beta`. HC2 with
    the leverages of :math:`\hat X` and Bell-McCaffrey degrees of freedom; by cluster CR2 with Satterthwaite's, as
    estimatr's `iv_robust` (which has n - k degrees of freedom for HC2) and clubSandwich's `vcovCR` of an `ivreg`.
    The first-stage tests use the same variances. Robust forms of the conditional F are common, but its limits are
    derived for errors of equal variance.

    With m close to the number of people, or many weak instruments, 2SLS leans towards least squares. With several
    treatments and effects that differ between people, a coefficient may mix them.

    References
    ----------
    Imbens and Angrist (1994), doi 10.2307/2951620. Staiger and Stock (1997), doi 10.2307/2171753. Montiel Olea and
    Pflueger (2013), doi 10.1080/00401706.2013.806694. Sanderson and Windmeijer (2016),
    doi 10.1016/j.jeconom.2015.06.004. Hansen (1982), doi 10.2307/1912775. Pustejovsky and Tipton (2018),
    doi 10.1080/07350015.2016.1247004.

    Examples
    --------
    >>> weeks = [20, 14, 9, 17, 12, 22, 18, 25, 16, 21]
    >>> found = two_stage_least_squares(weeks, [1, 1, 1, 0, 1, 0, 0, 0, 0, 0], [1] * 5 + [0] * 5)
    >>> effect = found.estimates[0]
    >>> f"{effect.value:.2f}, s.e. {effect.std_error:.2f}; {found.checks[0].name} {found.checks[0].statistic:.1f}"
    '-7.50, s.e. 3.17; first-stage F of treatment 16.0'
    """
    people = read_instrumented(
        y, treatment, instrument, covariates=covariates, block=block, cluster=cluster, level=level
    )
    projected = _projected(people)
    fits, residual = _fit(people, projected)
    checks = instrument_checks(people, residual)
    weak = _weakness(checks)
    method = (
        Message("2SLS, HC2, Bell-McCaffrey df") if people.cluster is None else Message("2SLS, CR2, Satterthwaite df")
    )
    # what the residuals are differences of
    size = np.concatenate([people.y, people.y - residual])
    rows = [
        estimate_of(
            fit, size, level=level, notes=(*people.notes, *weak), method=method, n=len(people.y),
            estimand=Message("effect of one more unit of {treatment}", treatment=name),
            n_clusters=None if people.cluster is None else people.cluster.count,
        )
        for fit, name in zip(fits, people.treatment.names, strict=True)
    ]  # fmt: skip
    return Results([*rows, *checks])


def _projected(people: Instrumented) -> FloatArray:
    """Return the exogenous columns, then the treatments' projection on them and the instruments, of full rank."""
    basis = np.linalg.qr(people.first_stage)[0]
    values = people.treatment.values
    columns = np.hstack([people.exogenous, basis @ (basis.T @ (values - values.mean(axis=0)))])
    kept = set(independent_columns(columns).tolist())
    first = people.exogenous.shape[1]
    lost = [name for j, name in enumerate(people.treatment.names, first) if j not in kept]
    if lost:
        raise NotEstimable(unmoved(lost))
    return columns


def _fit(people: Instrumented, projected: FloatArray) -> tuple[list[Coefficient], FloatArray]:
    """Return the treatments' coefficients and the structural residuals."""
    first = people.exogenous.shape[1]
    treatment = people.treatment.values - people.treatment.values.mean(axis=0)
    beta = np.linalg.lstsq(projected, people.y, rcond=None)[0]
    residual = people.y - np.hstack([people.exogenous, treatment]) @ beta
    if float(np.max(np.abs(residual))) <= NO_VARIATION * float(np.max(np.abs(people.y))):
        raise NotEstimable(Message("the outcome has no variation left to estimate a standard error from"))
    # An outcome whose least-squares residuals on the projected columns are the structural ones.
    outcome = projected @ beta + residual
    return [
        fit_coefficient(projected, outcome, column=j, cluster=people.cluster) for j in range(first, projected.shape[1])
    ], residual


def _weakness(checks: tuple[Check, ...]) -> tuple[Message, ...]:
    """Return a note where a first-stage check failed."""
    failed = [c.statistic for c in checks if c.passed is False and not c.name.startswith("overidentification")]
    if not failed:
        return ()
    return (Message("weak instruments (F {f:.1f}): the interval is not to be relied on", f=min(failed)),)
