"""How well instruments move the treatments, and whether they agree."""

from __future__ import annotations

import numpy as np
from scipy import stats

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Check, FloatArray, Message
from analysis_lib.trials.uptake._joint import JointFit, fit_joint, inverse_root, wald
from analysis_lib.trials.uptake._people import NO_VARIATION, Instrumented, fits_exactly

# Staiger and Stock (1997, doi 10.2307/2171753), a rule of thumb.
_STRONG = 10.0
# Montiel Olea and Pflueger (2013, doi 10.1080/00401706.2013.806694): share of the worst bias, and the test's size.
_BIAS = 0.10
_SIZE = 0.05


def instrument_checks(people: Instrumented, residual: FloatArray) -> tuple[Check, ...]:
    """Return the checks of `two_stage_least_squares`; `residual` (n,) is that of the outcome."""
    columns = people.instrument_columns
    fit = fit_joint(people.first_stage, people.treatment.values, columns, people.cluster)
    k, m = len(people.treatment.names), len(columns)
    checks = [_partial_f(fit, people, j) for j in range(k)]
    if k == 1:
        checks.append(_effective_f(fit, people))
    else:
        checks += [_conditional_f(people, j) for j in range(k)]
    if m > k:
        checks.append(_overidentification(people, residual))
    return tuple(checks)


def critical_effective_f(roots: FloatArray, bias: float = _BIAS, size: float = _SIZE) -> float:
    """Return the limit of the effective F, from the eigenvalues (m,) of the normalised first-stage covariance.

    The simplified limit of Montiel Olea and Pflueger (2013): Patnaik's approximation with x = 1 / bias. It is computed,
    not read from a table; with one instrument it is the noncentral chi-square's with 1 degree of freedom, 23.11.
    """
    x, total = 1 / bias, float(np.sum(roots))
    freedom = total**2 * (1 + 2 * x) / (float(np.sum(roots**2)) + 2 * x * total * float(np.max(roots)))
    return float(stats.ncx2.isf(size, freedom, x * freedom) / freedom)


def _partial_f(fit: JointFit, people: Instrumented, j: int) -> Check:
    name = Message("first-stage F of {treatment}", treatment=people.treatment.names[j])
    if fits_exactly(people.first_stage, people.treatment.values[:, j]):
        return Check(name=name, passed=True, detail=Message("the instruments determine the treatment"))
    try:
        statistic = wald(fit.values[:, j], fit.covariance(j, j))
    except NotEstimable as reason:
        return Check(name=name, passed=None, threshold=_STRONG, detail=_reason(reason))
    m = len(fit.values)
    return Check(
        name=name,
        passed=statistic / m >= _STRONG,
        statistic=statistic / m,
        p_value=fit.p_value(statistic),
        threshold=_STRONG,
        df=float(m),
        method=_variance(people),
    )


def _effective_f(fit: JointFit, people: Instrumented) -> Check:
    name = Message("effective F of {treatment}", treatment=people.treatment.names[0])
    if fits_exactly(people.first_stage, people.treatment.values[:, 0]):
        return Check(name=name, passed=True, detail=Message("the instruments determine the treatment"))
    triangle = np.asarray(np.linalg.qr(people.partialled_instruments, mode="r"))
    fitted = triangle @ fit.values[:, 0]
    roots = np.linalg.eigvalsh(triangle @ fit.covariance(0, 0) @ triangle.T)
    if not roots[-1] > 0:
        nothing = Message("there is no variation to test the instruments against")
        return Check(name=name, passed=None, method=_variance(people), detail=nothing)
    statistic, limit = float(fitted @ fitted / np.sum(roots)), critical_effective_f(roots)
    return Check(
        name=name,
        passed=statistic >= limit,
        statistic=statistic,
        threshold=limit,
        method=_variance(people),
        detail=Message("passed where the worst bias is at most {share:.0f} % of a benchmark", share=100 * _BIAS),
    )


def _conditional_f(people: Instrumented, j: int) -> Check:
    """Return Sanderson and Windmeijer's F of one treatment given the others."""
    name = Message("conditional F of {treatment}", treatment=people.treatment.names[j])
    centred = people.treatment.values - people.treatment.values.mean(axis=0)
    others = np.hstack([people.exogenous, np.delete(centred, j, axis=1)])
    basis = np.linalg.qr(people.first_stage)[0]
    beta = np.linalg.lstsq(basis @ (basis.T @ others), centred[:, j], rcond=None)[0]
    rest = (centred[:, j] - others @ beta)[:, None]
    if fits_exactly(people.first_stage, rest[:, 0]):
        return Check(name=name, passed=True, detail=Message("the instruments determine the treatment"))
    fit = fit_joint(people.first_stage, rest, people.instrument_columns, people.cluster)
    freedom = len(fit.values) - len(people.treatment.names) + 1
    try:
        statistic = wald(fit.values[:, 0], fit.covariance(0, 0))
    except NotEstimable as reason:
        return Check(name=name, passed=None, threshold=_STRONG, detail=_reason(reason))
    return Check(
        name=name,
        passed=statistic / freedom >= _STRONG,
        statistic=statistic / freedom,
        p_value=float(stats.chi2.sf(statistic, freedom)),
        threshold=_STRONG,
        df=float(freedom),
        method=_variance(people),
    )


def _overidentification(people: Instrumented, residual: FloatArray) -> Check:
    """Return Hansen's J of two-step GMM, from instruments and treatments without the exogenous columns' part."""
    name = Message("overidentification (Hansen's J)")
    instruments = people.partialled_instruments
    k, m = people.treatment.values.shape[1], instruments.shape[1]
    moments = instruments * residual[:, None]
    if people.cluster is not None:
        sums = np.zeros((people.cluster.count, m))
        np.add.at(sums, people.cluster.codes, moments)
        # moments may cancel within clusters but for rounding
        least = NO_VARIATION * np.linalg.norm(moments, axis=0)
        moments = np.where(np.linalg.norm(sums, axis=0) <= least, 0.0, sums)
    try:
        root = inverse_root(moments.T @ moments)
    except NotEstimable as reason:
        return Check(name=name, passed=None, threshold=_SIZE, detail=_reason(reason))
    # the residuals' moments differ from the outcome's by the treatments', which the regression takes out again
    left, right = root @ (instruments.T @ residual), root @ (instruments.T @ people.treatment.values)
    rest = left - right @ np.linalg.lstsq(right, left, rcond=None)[0]
    statistic = float(rest @ rest)
    p_value = float(stats.chi2.sf(statistic, m - k))
    return Check(
        name=name,
        passed=p_value >= _SIZE,
        statistic=statistic,
        p_value=p_value,
        threshold=_SIZE,
        df=float(m - k),
        method=Message("two-step GMM, by person") if people.cluster is None else Message("two-step GMM, by cluster"),
        detail=Message("passed where the instruments' effects do not contradict each other"),
    )


def _variance(people: Instrumented) -> Message:
    return Message("HC2") if people.cluster is None else Message("CR2")


def _reason(error: NotEstimable) -> Message:
    """Return the reason as it was given."""
    found = error.args[0]
    return found if isinstance(found, Message) else Message(str(found))
