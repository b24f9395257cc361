"""Effects of several treatments that were tried against the same control."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Check, Estimate, FloatArray, Message, Results, check_level
from analysis_lib.trials._arrays import BoolArray, Covariates, Groups, as_covariates, as_groups, as_numbers
from analysis_lib.trials._least_squares import Regression, independent_columns
from analysis_lib.trials._sample import main_effects
from analysis_lib.trials.effects._estimates import collinear_note, estimate_of, lin_method, no_variation
from analysis_lib.trials.effects._joint import joint_test
from analysis_lib.trials.effects.multiplicity import Method, adjust_p_values

__all__ = ["multi_arm_effects"]

_ESTIMAND = Message("difference in means")


def multi_arm_effects(
    y: ArrayLike,
    arm: Any,
    *,
    control: str = "control",
    covariates: Any = None,
    block: Any = None,
    cluster: Any = None,
    level: float = 0.95,
    comparisons: Literal["control", "all"] = "control",
    multiplicity: Method = "holm",
) -> Results:
    r"""Estimate each arm's effect against control, adjusted for covariates with slopes for every arm.

    Parameters
    ----------
    y
        Outcome, shape (n,), in any unit; finite.
    arm
        Labels of the arms that people were assigned to, shape (n,).
    control
        The control arm's label.
    covariates, block, cluster
        As in `lin_adjusted`; none is needed.
    level
        Coverage of each interval.
    comparisons
        "control": every arm against control; "all": also every pair of other arms, labelled "b against a".
    multiplicity
        How `adjust_p_values` adjusts for the number of comparisons returned; intervals are not adjusted.

    Returns
    -------
    Results
        An estimate a comparison (`n_treated` counts the arm, `n_control` the one it is held against, `n` all), and a
        check that all arms are alike: its `p_value` is not part of the family. An arm with fewer than two people, or
        clusters, is a row with the reason, and the others are estimated without its people.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        As in `lin_adjusted`; also where no other arm is left beside control, or where a covariate does not vary in an
        arm, so that its slope there is unknown.

    Notes
    -----
    With :math:`\bar x` the mean in all people used, arm a has the mean :math:`\alpha_a` of

    .. math:: y_i = \sum_a 1(a_i = a) \{\alpha_a + (x_i - \bar x)'\beta_a\} + e_i

    and effects are differences of these: the average effects, in the people of all arms together. With two arms this
    is `lin_adjusted`. Blocks enter as centred indicators; those that lack an arm are left out, so that all arms are
    compared in the same people.

    One regression on arm indicators and covariates with common slopes is not used: where shares differ by block and
    effects by person, each of its coefficients is contaminated by the effects of the other arms.

    HC2 with Bell-McCaffrey degrees of freedom, or CR2 with Satterthwaite's; the joint test is Pustejovsky and
    Tipton's HTZ.

    References
    ----------
    Goldsmith-Pinkham, Hull and Kolesár (2024), doi 10.1257/aer.20221116. Lin (2013), doi 10.1214/12-AOAS583.
    Pustejovsky and Tipton (2018), doi 10.1080/07350015.2016.1247004.

    Examples
    --------
    >>> arm = ["control"] * 4 + ["early"] * 4 + ["daily"] * 4
    >>> found = multi_arm_effects([9, 12, 11, 10, 7, 9, 8, 8, 6, 5, 8, 5], arm)
    >>> [f"{e.arm}: {e.value:.2f}, p {e.p_value:.3f}" for e in found.estimates]
    ['daily: -4.50, p 0.007', 'early: -2.50, p 0.017']
    """
    if comparisons not in ("control", "all"):
        raise InvalidInput(f"comparisons is {comparisons!r}; must be 'control' or 'all'")
    people, lost = _read(y, arm, control=control, covariates=covariates, block=block, cluster=cluster, level=level)
    regression, columns, dropped = _regression(people)
    if dropped:
        people = replace(people, notes=(*people.notes, collinear_note(dropped)))
    others = range(1, people.arm.count)
    pairs = [(a, 0) for a in others] + ([(b, a) for a, b in combinations(others, 2)] if comparisons == "all" else [])
    rows = list(_estimates(people, regression, columns, pairs, level))
    if not any(row.estimated for row in rows):
        raise no_variation()
    empty = [
        Estimate.empty(estimand=_ESTIMAND, reason=reason, level=level, arm=label, n_treated=count)
        for label, count, reason in lost
    ]
    return adjust_p_values(Results([*rows, *empty]), multiplicity) + Results([_check(people, regression, columns)])


@dataclass(frozen=True, slots=True, kw_only=True)
class _People:
    """The people used; arm 0 is control."""

    y: FloatArray
    arm: Groups
    block: Groups | None
    cluster: Groups | None
    covariates: Covariates
    notes: tuple[Message, ...] = ()

    def where(self, keep: BoolArray) -> _People:
        """Return the people kept; control stays arm 0."""
        return replace(
            self,
            y=self.y[keep],
            arm=self.arm.where(keep),
            block=self.block.where(keep) if self.block else None,
            cluster=self.cluster.where(keep) if self.cluster else None,
            covariates=replace(self.covariates, values=self.covariates.values[keep]),
        )

    def units(self, arm: int) -> tuple[int, int]:
        """Return an arm's people and clusters (people where there are none)."""
        members = self.arm.codes == arm
        people = int(np.sum(members))
        return people, people if self.cluster is None else len(np.unique(self.cluster.codes[members]))

    def shortage(self, arm: int) -> Message | None:
        """Say why an arm cannot be used, if so."""
        people, units = self.units(arm)
        label = self.arm.names[arm]
        if people < 2:
            return Message("{n} people in the {arm} arm; two are needed", n=people, arm=label)
        if units < 2:
            return Message("{n} clusters in the {arm} arm; two are needed", n=units, arm=label)
        return None


def _read(
    y: ArrayLike, arm: Any, *, control: str, covariates: Any, block: Any, cluster: Any, level: float
) -> tuple[_People, list[tuple[str, int, Message]]]:
    """Check the arguments; return the people to use, and the arms without enough (label, people, reason)."""
    check_level(level)
    outcome = as_numbers(y, "y")
    n = len(outcome)
    people = _People(
        y=outcome,
        arm=_control_first(as_groups(arm, "arm", n), control),
        block=None if block is None else as_groups(block, "block", n),
        cluster=None if cluster is None else as_groups(cluster, "cluster", n),
        covariates=as_covariates(np.empty((n, 0)) if covariates is None else covariates, n),
    )
    short = {a: reason for a in range(people.arm.count) if (reason := people.shortage(a))}
    if 0 in short:
        raise NotEstimable(short[0])
    lost = [(people.arm.names[a], people.units(a)[0], reason) for a, reason in short.items()]
    people = people.where(~np.isin(people.arm.codes, list(short)))
    if people.arm.count < 2:
        raise NotEstimable(lost[0][2] if lost else Message("only the control arm has people"))
    return _in_complete_blocks(people), lost


def _control_first(arm: Groups, control: str) -> Groups:
    if str(control) not in arm.names:
        raise InvalidInput(f"control is {control!r}; must be one of arm's labels: {', '.join(arm.names)}")
    order = sorted(range(arm.count), key=lambda a: (arm.names[a] != str(control), a))
    return Groups(codes=np.argsort(order)[arm.codes], names=tuple(arm.names[a] for a in order))


def _in_complete_blocks(people: _People) -> _People:
    """Leave out blocks that lack an arm, with a note."""
    if people.block is None:
        return people
    cells = np.bincount(
        people.block.codes * people.arm.count + people.arm.codes, minlength=people.block.count * people.arm.count
    )
    complete = np.all(cells.reshape(people.block.count, -1) > 0, axis=1)
    if complete.all():
        return people
    keep = complete[people.block.codes]
    if not keep.any():
        raise NotEstimable(Message("no block has people in all {n} arms", n=people.arm.count))
    counts = {"blocks": int(np.sum(~complete)), "people": int(np.sum(~keep))}
    note = Message("blocks left out because they lack an arm: {blocks}, with {people} people", **counts)
    people = replace(people.where(keep), notes=(note,))
    for a in range(people.arm.count):
        if reason := people.shortage(a):
            raise NotEstimable(reason)
    return people


def _regression(people: _People) -> tuple[Regression, int, list[str]]:
    """Return the regression, its columns an arm (the first is the arm's mean), and the names of columns left out."""
    main, names = main_effects(people.covariates, people.block)
    kept = independent_columns(np.hstack([np.ones((len(main), 1)), main]))[1:] - 1
    dropped = [name for j, name in enumerate(names) if j not in kept]
    columns = np.hstack([np.ones((len(main), 1)), main[:, kept]])
    design = np.hstack([(people.arm.codes == a)[:, None] * columns for a in range(people.arm.count)])
    n, k = design.shape
    if k >= n:
        raise NotEstimable(Message("{n} people cannot carry a regression with {k} coefficients", n=n, k=k))
    lost = sorted(set(range(k)) - set(independent_columns(design).tolist()))
    if lost:
        width = columns.shape[1]
        which = [f"{people.arm.names[j // width]} x {names[kept[j % width - 1]]}" for j in lost]
        raise NotEstimable(
            Message(
                "columns without a slope of their own in an arm: {n} ({names})", n=len(lost), names=", ".join(which)
            )
        )
    return Regression.build(design, cluster=people.cluster), columns.shape[1], dropped


def _contrast(people: _People, columns: int, pairs: list[tuple[int, int]]) -> FloatArray:
    """Return the rows that take the second arm's mean from the first's."""
    rows = np.zeros((len(pairs), people.arm.count * columns))
    for row, (first, second) in zip(rows, pairs, strict=True):
        row[first * columns], row[second * columns] = 1, -1
    return rows


def _estimates(
    people: _People, regression: Regression, columns: int, pairs: list[tuple[int, int]], level: float
) -> Iterator[Estimate]:
    fits = regression.contrasts(_contrast(people, columns, pairs)).coefficients(people.y)
    clustered = people.cluster is not None
    for (first, second), fit in zip(pairs, fits, strict=True):
        label, other = people.arm.names[first], people.arm.names[second]
        known: dict[str, Any] = {
            "estimand": _ESTIMAND,
            "method": lin_method(len(people.covariates.names), clustered=clustered),
            "arm": Message("{arm} against {other}", arm=label, other=other) if second else label,
            "n_treated": people.units(first)[0],
            "n_control": people.units(second)[0],
            "n": len(people.y),
            "n_clusters": people.cluster.count if people.cluster else None,
        }
        try:
            yield estimate_of(fit, people.y, level=level, notes=people.notes, **known)
        except NotEstimable as error:
            yield Estimate.empty(reason=error.args[0], level=level, **known)


def _check(people: _People, regression: Regression, columns: int) -> Check:
    """Test that all arms have the same mean."""
    others = [(a, 0) for a in range(1, people.arm.count)]
    name = Message("all arms alike")
    try:
        found = joint_test(regression, _contrast(people, columns, others), people.y)
    except NotEstimable as reason:
        return Check(name=name, passed=None, detail=reason.args[0])
    detail = Message("{n} arms, F with {between} and {within:.1f} df",
                     n=people.arm.count, between=found.df_between, within=found.df_within)  # fmt: skip
    return found.check(name, clustered=people.cluster is not None, detail=detail)
