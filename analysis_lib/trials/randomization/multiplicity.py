"""P-values adjusted for several outcomes and arms, step by step, from the same draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis_lib.errors import InvalidInput
from analysis_lib.results import Estimate, FloatArray, Message, Results, check_level
from analysis_lib.trials._options import check_draws
from analysis_lib.trials.design import Design
from analysis_lib.trials.randomization._choice import Choice, StatisticName
from analysis_lib.trials.randomization._problem import treated_arms
from analysis_lib.trials.randomization._reference import TIE, share
from analysis_lib.trials.randomization.inference import Compared, compare

__all__ = ["Family", "max_t", "romano_wolf"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Several hypotheses: each `alone`, as `randomization_test` gives it, and `adjusted` for all of them together.

    Intervals are the same in both: each is of its own hypothesis alone.
    """

    alone: Results
    adjusted: Results


def max_t(
    y: Any,
    design: Design,
    *,
    statistic: StatisticName = "difference_in_means",
    arms: Sequence[str] | None = None,
    covariates: Any = None,
    event: Any = None,
    horizon: float | None = None,
    at: float | None = None,
    draws: int = 10_000,
    rng: np.random.Generator,
    level: float = 0.95,
) -> Family:
    r"""Test several outcomes, and arms, so that any true hypothesis is rejected as rarely as one test promises.

    Parameters
    ----------
    y, design, statistic, covariates, event, horizon, at, draws, rng, level
        As in `randomization_test`; `y` of shape (n, k).
    arms
        The treated arms that are compared with control; by default all.

    Returns
    -------
    Family
        Estimates by arm and outcome. A row without an answer is none of the hypotheses.

    Raises
    ------
    InvalidInput, NotEstimable
        As in `randomization_test`.

    Notes
    -----
    Each statistic is divided by its root mean square over the assignments (a studentised one is left as it is). With
    the statistics in order of size, :math:`|t_1| \ge |t_2| \ge \dots`, the j-th has the p-value of
    :math:`\max_{i \ge j} |t_i|`, and at least that of the one before: Westfall and Young's step-down maxT
    (algorithm 2.8). The outcomes of a draw share its assignment, which keeps their dependence.

    Arms are assigned anew against control one at a time, and independently of each other: pooling them would move
    people with the effect of one arm into the comparison of another. As two-sided statistics that share a control arm
    depend on each other, this is on the safe side (Sidak 1967).

    References
    ----------
    Westfall and Young (1993), Resampling-Based Multiple Testing. Ge, Dudoit and Speed (2003), doi 10.1007/BF02595811.
    Sidak (1967), doi 10.1080/01621459.1967.10482935.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> treated = np.arange(60) % 2
    >>> weeks = rng.normal(size=(60, 3)) - np.outer(treated, [1, 0, 0])
    >>> family = max_t(weeks, Design.from_arrays(treated), draws=999, rng=rng)
    >>> [f"{a.p_value:.3f} {b.p_value:.3f}" for a, b in zip(family.alone.estimates, family.adjusted.estimates)]
    ['0.001 0.001', '0.226 0.411', '0.289 0.411']
    """
    choice = Choice(statistic=statistic, covariates=covariates, event=event, horizon=horizon, at=at).check()
    return _family(y, design, choice, arms, "Westfall-Young", draws=draws, rng=rng, level=level)


def romano_wolf(
    y: Any,
    design: Design,
    *,
    arms: Sequence[str] | None = None,
    draws: int = 10_000,
    rng: np.random.Generator,
    level: float = 0.95,
) -> Family:
    r"""Test several outcomes, and arms, by the step-down of `max_t` with t-statistics (Romano and Wolf).

    Parameters
    ----------
    y, design, arms, draws, rng, level
        As in `max_t`; the statistic is `studentized`.

    Returns
    -------
    Family
        As `max_t`.

    Raises
    ------
    InvalidInput, NotEstimable
        As in `randomization_test`.

    Notes
    -----
    Every draw divides each difference by its own standard error, so that the test is also right in large trials where
    an average effect of 0 hides effects on some.

    References
    ----------
    Romano and Wolf (2005), doi 10.1198/016214504000000539. Romano and Wolf (2016), doi 10.1016/j.spl.2016.02.012.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> treated = np.arange(60) % 2
    >>> weeks = rng.normal(size=(60, 3)) - np.outer(treated, [1, 0, 0])
    >>> family = romano_wolf(weeks, Design.from_arrays(treated), draws=999, rng=rng)
    >>> [f"{estimate.p_value:.3f}" for estimate in family.adjusted.estimates]
    ['0.001', '0.417', '0.417']
    """
    choice = Choice(statistic="studentized")
    return _family(y, design, choice, arms, "Romano-Wolf", draws=draws, rng=rng, level=level)


def step_down(sizes: Sequence[tuple[float, FloatArray]], *, exact: bool) -> FloatArray:
    """Return the adjusted p-values (H,) of hypotheses' sizes, observed and over the assignments (R,)."""
    observed, drawn = np.array([own for own, _ in sizes]), np.column_stack([others for _, others in sizes])
    order = np.argsort(-observed, kind="stable")
    largest = np.maximum.accumulate(drawn[:, order[::-1]], axis=1)[:, ::-1]
    bound = observed[order] - TIE * (1 + observed[order])
    p_values = np.maximum.accumulate(share(np.count_nonzero(largest >= bound, axis=0), len(drawn), exact=exact))
    found = np.empty(len(order))
    found[order] = p_values
    return found


def _family(
    y: Any, design: Design, choice: Choice, arms: Sequence[str] | None, name: str, *, draws: int,
    rng: np.random.Generator, level: float,
) -> Family:  # fmt: skip
    check_level(level)
    check_draws(draws, rng)
    known = treated_arms(design)
    if arms is not None and not isinstance(arms, Sequence):
        raise InvalidInput(f"arms is {arms!r}; must be a list of different treated arms of the design")
    chosen = known if arms is None else tuple(arms)
    if isinstance(arms, str) or not chosen or len(set(chosen)) < len(chosen):
        raise InvalidInput(f"arms is {arms!r}; must be a list of different treated arms of the design")
    # several arms have different assignments: drawn as many times each, so that maxima can be taken over them
    compared = [compare(y, design, arm, choice, draws=draws, rng=rng, exact=len(chosen) == 1) for arm in chosen]
    alone = [estimate for one in compared for estimate in one.estimates(level)]
    return Family(alone=Results(alone), adjusted=Results(_adjust(alone, compared, name)))


def _adjust(alone: list[Estimate], compared: list[Compared], name: str) -> list[Estimate]:
    """Return the estimates with the p-values of the step-down."""
    tested = [row for row, estimate in enumerate(alone) if estimate.estimated]
    if not tested:
        return alone
    references = [(one.reference, one) for one in compared if one.reference is not None]
    sizes = [
        reference.standard(position)
        for reference, one in references
        for position, j in enumerate(one.used)
        if not one.reasons[j]
    ]
    p_values = dict(zip(tested, step_down(sizes, exact=references[0][0].exact).tolist(), strict=True))
    step = Message("p-value adjusted for {n} hypotheses ({name})", n=len(tested), name=name)
    note = Message("the interval is of this hypothesis alone")
    return [
        replace(
            estimate, p_value=p_values[row], method=Message.join([estimate.method, step]),
            note=Message.join([estimate.note, note]),
        )
        if row in p_values
        else estimate
        for row, estimate in enumerate(alone)
    ]  # fmt: skip
