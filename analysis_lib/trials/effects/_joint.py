"""One test of several contrasts at once: Hotelling's T-squared with HC2 or CR2 covariance (Pustejovsky and Tipton)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Check, FloatArray, Message
from analysis_lib.trials._least_squares import Contrasts, Regression
from analysis_lib.trials.effects._estimates import NO_VARIATION, no_variation

# The size of the checks that this package makes.
THRESHOLD = 0.05
# Eigenvalues of the covariance, relative to the largest, below which it is singular.
_SINGULAR = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class JointTest:
    """An F statistic with its degrees of freedom and p-value."""

    statistic: float
    df_between: int
    df_within: float
    p_value: float

    def check(self, name: Message, *, clustered: bool, detail: Message) -> Check:
        """Return it as a check, passed where the p-value is not below the threshold."""
        return Check(
            name=name,
            passed=self.p_value >= THRESHOLD,
            statistic=self.statistic,
            p_value=self.p_value,
            threshold=THRESHOLD,
            df=self.df_within,
            method=Message("Wald test, CR2, Hotelling df") if clustered else Message("Wald test, HC2, Hotelling df"),
            detail=detail,
        )


def joint_test(regression: Regression, contrasts: FloatArray, y: FloatArray) -> JointTest:
    """Test that all contrasts, the rows of (q, k), are 0.

    With Q the Wald statistic and eta the degrees of freedom of the Wishart distribution that has the covariance's total
    variance under the working model, (eta - q + 1) / (eta q) Q is F with q and eta - q + 1 degrees of freedom (HTZ;
    Pustejovsky and Tipton 2018, section 3.2, doi 10.1080/07350015.2016.1247004).
    """
    # The test is of the space that the contrasts span: an orthonormal basis of it has unit covariance
    # under the working model.
    direction, _ = np.linalg.qr(regression.contrasts(contrasts).direction)
    parts = regression.along(direction)
    q, eta = direction.shape[1], wishart_freedom(parts)
    if eta - q + 1 <= 0:
        raise NotEstimable(
            Message("{df:.1f} degrees of freedom are too few to test {q} contrasts at once", df=eta, q=q)
        )
    residuals, values = regression.residuals(y), parts.values(y)
    scores = np.column_stack([parts.scores(s, residuals) for s in range(q)])
    size, axes = np.linalg.eigh(scores.T @ scores)
    if size[-1] <= (NO_VARIATION * float(np.max(np.abs(y)))) ** 2:
        raise no_variation()
    if size[0] <= _SINGULAR * size[-1]:
        raise NotEstimable(Message("the covariance of the {q} contrasts is singular", q=q))
    wald = float(np.sum((axes.T @ values) ** 2 / size))
    statistic = (eta - q + 1) / (eta * q) * wald
    p_value = float(stats.f.sf(statistic, q, eta - q + 1))
    return JointTest(statistic=statistic, df_between=q, df_within=eta - q + 1, p_value=p_value)


def wishart_freedom(parts: Contrasts) -> float:
    """Return eta = q (q + 1) / (sum over s, t of the variance of the covariance's entry s, t)."""
    q, kernel, total = parts.direction.shape[1], parts.regression.kernel, 0.0
    moments = {(s, t): parts.moments(s, t) for s in range(q) for t in range(s, q)}
    for (s, t), (length, own, cross) in moments.items():
        (one, own_one, _), (other, own_other, _) = moments[s, s], moments[t, t]
        inner = kernel @ cross
        pure = one @ (other - own_other) - own_one @ other + np.sum((inner @ kernel) * cross)
        mixed = length @ (length - 2 * own) + np.sum(inner * inner.T)
        total += (1 if s == t else 2) * float(pure + mixed)
    return float(q * (q + 1) / total)
