"""Randomisation tests: the trial's outcome against the other assignments that its design could have made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Estimate, Interval, Message, Results, check_level
from analysis_lib.trials._options import check_draws
from analysis_lib.trials.design import Design
from analysis_lib.trials.randomization._choice import Choice, StatisticName
from analysis_lib.trials.randomization._problem import Problem, read_problem, treated_arms
from analysis_lib.trials.randomization._reference import TIE, Reference, ShiftTest, evaluate
from analysis_lib.trials.randomization._values import Statistic

__all__ = ["randomization_test"]


def randomization_test(
    y: Any,
    design: Design,
    *,
    statistic: StatisticName = "difference_in_means",
    arm: str | None = None,
    covariates: Any = None,
    event: Any = None,
    horizon: float | None = None,
    at: float | None = None,
    draws: int = 10_000,
    rng: np.random.Generator,
    level: float = 0.95,
) -> Estimate | Results:
    r"""Test that treatment changed nobody's outcome, by the assignments that the design could have made.

    Parameters
    ----------
    y
        Outcomes of the design's n cases: shape (n,), or (n, k) or a data frame for k outcomes at once. For the last
        three statistics, times to event or censoring, 0 or more. Finite.
    design
        The assignment: its units are assigned anew, as many treated in every block (see Notes).
    statistic
        One of the table below.
    arm
        The treated arm that is compared with control; may be left out where there is one.
    covariates
        Measured before assignment: a data frame, or an array of shape (n, m) or (n,). For the adjusted statistics.
    event
        Whether the times end in the event, booleans or 0/1, in the shape of `y`. For the last three statistics.
    horizon, at
        For `restricted_mean_difference` and `survival_difference`: up to, and at, which time.
    draws
        Assignments drawn. Where the design could have made at most so many, all of them are used instead, the one
        made included, and the test is exact.
    rng
        Draws the assignments: one set for all outcomes.
    level
        Coverage of the interval.

    Returns
    -------
    Estimate or Results
        An estimate for `y` of shape (n,); else one for each outcome, in order, those without an answer as an empty
        row with the reason. The p-value is two-sided: with k of R draws at least as far from no effect as the trial,
        (1 + k) / (1 + R), or k / R over all assignments. The interval holds the shifts t such that the test of
        outcomes less t for each of the treated does not reject; a limit is infinite where none is.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        An arm without people, no block with both, covariates that determine the treatment, or an arm of one unit for
        `studentized`; for `y` of shape (n,) also an outcome that does not vary, nobody with the event, or an arm not
        followed to the horizon.

    Notes
    -----
    ============================  ======================================================  =====================
    Statistic                     Value                                                   Interval
    ============================  ======================================================  =====================
    `difference_in_means`         :math:`\sum_b (n_b/n) (\bar y_{1b} - \bar y_{0b})`      shifts not rejected
    `studentized`                 the same; tested over its standard error                shifts not rejected
    `additive_adjusted`           coefficient of treatment; tested by the treated's       shifts not rejected
                                  residuals from covariates and blocks
    `lin_adjusted`                Lin's coefficient, fitted anew in every draw            shifts not rejected
    `rank_sum`                    probability of the higher value, by ranks in blocks     none
    `log_rank`                    observed less expected events, blocks as strata         none
    `restricted_mean_difference`  area between Kaplan-Meier curves                        none
    `survival_difference`         difference between Kaplan-Meier curves                  none
    ============================  ======================================================  =====================

    What is assigned anew are the design's units (days of birth, clusters, else people), within blocks. Blocks that a
    unit crosses count as one, so that its people stay together. Blocks without both arms are left out, as a note says.

    The test is exact for the hypothesis of no effect on anybody, whatever the shares treated, ties or outliers.
    `studentized` is also right in large trials for no effect on average; so is `lin_adjusted` with blocks of equal
    shares (Wu and Ding 2021, Zhao and Ding 2021).

    `std_error` of `studentized` is Neyman's, of units; blocks with one unit in an arm share one, from how their
    differences vary. That of `rank_sum` and `log_rank` is the exact one over assignments, without an effect.

    References
    ----------
    Fisher (1935), The Design of Experiments. Phipson and Smyth (2010), doi 10.2202/1544-6115.1585. Rosenbaum (2002),
    doi 10.1214/ss/1042727942. Wu and Ding (2021), doi 10.1080/01621459.2020.1750415. Zhao and Ding (2021),
    Journal of Econometrics 225(2). van Elteren (1960), Bulletin of the International Statistical Institute 37.

    Examples
    --------
    >>> design = Design.from_arrays([1, 1, 1, 0, 0, 0])
    >>> weeks = randomization_test([12, 9, 10, 14, 17, 15], design, rng=np.random.default_rng(1), level=0.9)
    >>> f"{weeks.value:.0f} ({weeks.interval.low:.0f} to {weeks.interval.high:.0f}), p {weeks.p_value:.2f}"
    '-5 (-8 to -2), p 0.10'
    >>> str(weeks.method)
    'exact randomisation test, all 20 assignments; difference in means; unit assigned: person'
    """
    check_level(level)
    check_draws(draws, rng)
    choice = Choice(statistic=statistic, covariates=covariates, event=event, horizon=horizon, at=at).check()
    alone = np.ndim(y) == 1
    compared = compare(y, design, one_arm(design, arm), choice, draws=draws, rng=rng)
    found = compared.estimates(level)
    if not alone:
        return Results(found)
    if found[0].reason:
        raise NotEstimable(found[0].reason)
    return found[0]


def one_arm(design: Design, arm: str | None) -> str:
    """Return the arm, or the design's only treated one."""
    arms = treated_arms(design)
    if arm is None and len(arms) != 1:
        raise InvalidInput(f"arm is not given; must be one of the design's treated arms: {', '.join(arms)}")
    return arms[0] if arm is None else arm


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One arm against control: the statistic of the outcomes `used`, over assignments, and why not of the others."""

    arm: str
    choice: Choice
    problem: Problem
    statistic: Statistic | None
    reference: Reference | None
    used: tuple[int, ...]
    reasons: tuple[str, ...]

    def estimates(self, level: float) -> list[Estimate]:
        """Return the estimates of all outcomes, in order."""
        return [self._estimate(j, level) for j in range(len(self.reasons))]

    def _estimate(self, j: int, level: float) -> Estimate:
        problem = self.problem
        treated, n = int(np.sum(problem.treated)), len(problem.treated)
        known: dict[str, Any] = {
            "estimand": self.choice.estimand, "n_treated": treated, "n_control": n - treated, "n": n,
            "n_clusters": len(problem.units.treated) if problem.grouped else None,
            "outcome": problem.names[j], "arm": self.arm,
        }  # fmt: skip
        if self.statistic is None or self.reference is None or self.reasons[j]:
            return Estimate.empty(reason=self.reasons[j], level=level, note=Message.join(problem.notes), **known)
        position = self.used.index(j)
        values, std_errors = self.statistic.report(self.reference.observed)
        test = self.reference.test(position)
        rule = test if self.reference.observed.shift is not None else _NoInterval()
        low, high = rule.interval_at(level)
        return Estimate(
            value=float(values[position]),
            std_error=math.nan if np.isnan(std_errors[position]) else float(std_errors[position]),
            df=math.nan,
            interval=Interval(low=low, high=high, level=level),
            p_value=test.p_value(),
            method=self._method(self.statistic, self.reference),
            note=Message.join([*problem.notes, *self.statistic.notes, *self._notes(test, low, high, level)]),
            rule=rule,
            **known,
        )

    def _method(self, statistic: Statistic, reference: Reference) -> Message:
        if reference.exact:
            first = Message("exact randomisation test, all {n} assignments", n=reference.number)
        else:
            first = Message("randomisation test, {n} assignments drawn", n=reference.number)
        parts = [first, statistic.label, Message("unit assigned: {unit}", unit=self.problem.unit_name)]
        return Message.join([*parts, Message("within blocks")] if self.problem.blocked else parts)

    def _notes(self, test: ShiftTest, low: float, high: float, level: float) -> list[Message]:
        lost = int(np.count_nonzero(~np.isfinite(test.value)))
        notes = []
        if lost:
            notes.append(Message("assignments that could not be fitted, counted as at least as far out: {n}", n=lost))
        if math.isinf(low) or math.isinf(high):
            notes.append(Message("no limit to the interval where no shift is rejected: there are too few assignments"))
        elif math.isnan(low) and test.least() > (1 - level) * (1 + TIE):
            notes.append(Message("no p-value below {p:.2f} is possible: there are too few assignments", p=test.least()))
        return notes


@dataclass(frozen=True, slots=True)
class _NoInterval:
    """The interval rule of a statistic that is not inverted."""

    def interval_at(self, level: float) -> tuple[float, float]:  # noqa: ARG002 (a rule's signature)
        """Return no limits."""
        return math.nan, math.nan


def compare(
    y: Any, design: Design, arm: str, choice: Choice, *, draws: int, rng: np.random.Generator, exact: bool = True
) -> Compared:
    """Compute the statistic of all outcomes over the assignments of one arm."""
    problem = read_problem(y, design, arm, event=choice.event, covariates=choice.covariates)
    reasons = [choice.reason(problem, j) for j in range(len(problem.names))]
    used = [j for j, reason in enumerate(reasons) if not reason]
    if not used:
        return Compared(
            arm=arm, choice=choice, problem=problem, statistic=None, reference=None, used=(), reasons=tuple(reasons)
        )
    statistic = choice.build(problem.only(used))
    reference = evaluate(problem, statistic, draws=draws, rng=rng, exact=exact)
    for position, j in enumerate(used):
        if not reference.varies(position, float(statistic.size[position])):
            reasons[j] = Message("the outcome does not vary between people who could have got either arm")
    return Compared(
        arm=arm, choice=choice, problem=problem, statistic=statistic, reference=reference, used=tuple(used),
        reasons=tuple(reasons),
    )  # fmt: skip
