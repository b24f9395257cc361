"""Tests and confidence sets that hold however little the instruments move the treatment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Check, Message
from analysis_lib.trials.uptake._joint import JointFit, fit_joint, wald
from analysis_lib.trials.uptake._people import fits_exactly, read_instrumented, unmoved
from analysis_lib.trials.uptake.confidence_sets import ConfidenceSet, accepted_values

__all__ = ["AndersonRubin", "anderson_rubin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AndersonRubin:
    """What Anderson and Rubin's test says of one effect.

    Attributes
    ----------
    confidence_set
        The effects that are not rejected. It is empty where the instruments contradict each other.
    test_of_zero
        The test of no effect: whether the instruments move the outcome at all.
    """

    confidence_set: ConfidenceSet
    test_of_zero: Check
    n: int
    n_clusters: int | None


def anderson_rubin(
    y: ArrayLike,
    treatment: ArrayLike,
    instrument: Any,
    *,
    covariates: Any = None,
    block: Any = None,
    cluster: Any = None,
    level: float = 0.95,
) -> AndersonRubin:
    r"""Find the effects of one treatment that the instruments do not reject, weak or strong (Anderson and Rubin 1949).

    Parameters
    ----------
    y, instrument, covariates, block, cluster, level
        As in `two_stage_least_squares`.
    treatment
        What people took part in, shape (n,): weeks of an activity, or 0/1.

    Returns
    -------
    AndersonRubin
        The confidence set, which may be an interval, rays, everything or empty, and the test of no effect.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        As in `two_stage_least_squares`; also where there are too few clusters, or people in small groups, to test so
        many instruments at once.

    Notes
    -----
    The value :math:`\theta` is in the set where the instruments have no effect on :math:`y - \theta d`: the Wald test
    of all m of their coefficients in the regression with constant, blocks and covariates, with HC2 variance, or CR2 by
    cluster, and the limits of Pustejovsky and Tipton's F test (for one instrument, the t test with Bell and
    McCaffrey's or Satterthwaite's degrees of freedom). The covariance is quadratic in :math:`\theta`, so that the set
    is found exactly, not on a grid. With one instrument the set holds the 2SLS estimate.

    References
    ----------
    Anderson and Rubin (1949), doi 10.1214/aoms/1177730090. Andrews, Stock and Sun (2019),
    doi 10.1146/annurev-economics-080218-025643. Pustejovsky and Tipton (2018), doi 10.1080/07350015.2016.1247004.

    Examples
    --------
    >>> weeks = [20, 14, 9, 17, 12, 22, 18, 25, 16, 21]
    >>> found = anderson_rubin(weeks, [1, 1, 1, 0, 1, 0, 0, 1, 0, 0], [1] * 5 + [0] * 5)
    >>> str(found.confidence_set.summary())
    '95 % confidence set: below -0.42 or above 126.75'
    """
    people = read_instrumented(
        y, treatment, instrument, covariates=covariates, block=block, cluster=cluster, level=level
    )
    if len(people.treatment.names) > 1:
        raise InvalidInput(f"treatment has {len(people.treatment.names)} columns; must have one")
    if fits_exactly(people.exogenous, people.treatment.values[:, 0]):
        raise NotEstimable(unmoved(people.treatment.names))
    pair = np.column_stack([people.y, people.treatment.values])
    fit = fit_joint(people.first_stage, pair, people.instrument_columns, people.cluster)
    if fits_exactly(np.hstack([people.first_stage, people.treatment.values]), people.y):
        raise NotEstimable(Message("the outcome has no variation left to estimate a standard error from"))
    critical, reduced_form = fit.critical(level), fit.covariance(0, 0)
    statistic = wald(fit.values[:, 0], reduced_form)
    parts = accepted_values(
        fit.values[:, 0],
        fit.values[:, 1],
        aa=reduced_form,
        ab=fit.covariance(0, 1),
        bb=fit.covariance(1, 1),
        critical=critical,
    )
    method = Message("Anderson-Rubin, HC2") if people.cluster is None else Message("Anderson-Rubin, CR2")
    return AndersonRubin(
        confidence_set=ConfidenceSet(
            estimand=Message("effect of one more unit of {treatment}", treatment=people.treatment.names[0]),
            parts=parts,
            level=level,
            method=method,
            note=Message.join(people.notes),
        ),
        test_of_zero=_check_zero(fit, statistic, level, method),
        n=len(people.y),
        n_clusters=None if people.cluster is None else people.cluster.count,
    )


def _check_zero(fit: JointFit, statistic: float, level: float, method: Message) -> Check:
    """Return the test that the instruments do not move the outcome."""
    q = len(fit.values)
    p_value = fit.p_value(statistic)
    return Check(
        name=Message("Anderson-Rubin test of no effect"),
        passed=p_value >= 1 - level,
        statistic=statistic * (fit.freedom - q + 1) / (fit.freedom * q),
        p_value=p_value,
        threshold=1 - level,
        df=fit.freedom - q + 1,
        method=method,
        detail=Message("F with {m} and {df:.1f} degrees of freedom", m=q, df=fit.freedom - q + 1),
    )
