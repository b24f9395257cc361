"""Effects of a two-stage design: areas are drawn to saturations, and people within an area to treatment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Estimate, FloatArray, Message, Results, check_level
from analysis_lib.trials._arrays import BoolArray, Groups, as_binary, as_groups, as_numbers
from analysis_lib.trials._least_squares import Coefficient
from analysis_lib.trials.effects._estimates import estimate_of
from analysis_lib.trials.effects.means import difference_in_means

__all__ = ["Average", "saturation_effects"]

Average = Literal["clusters", "people"]


def saturation_effects(
    y: ArrayLike,
    treated: ArrayLike,
    cluster: Any,
    saturation: ArrayLike,
    *,
    average: Average = "clusters",
    level: float = 0.95,
) -> Results:
    r"""Estimate direct, spillover, total and overall effects at each saturation of a two-stage design.

    Parameters
    ----------
    y
        Outcome, shape (n,); finite.
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    cluster
        Labels of the units that were drawn to a saturation (jobcentres), shape (n,).
    saturation
        Share that was to be treated in the person's cluster, shape (n,), 0 to 1; 0 is pure control.
    average
        "clusters": each cluster counts the same (Hudgens and Halloran); "people": each person does.
    level
        Coverage of the intervals.

    Returns
    -------
    Results
        For each saturation above 0 (in `group`) four rows. `direct`: treated less untreated in these clusters;
        `spillover`: their untreated less pure control; `total`: their treated less pure control; `overall`: everyone
        there less pure control. A row without an answer (one cluster, no pure control, nobody untreated where all
        are treated) is empty, with its reason.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it. Also where someone in pure control is treated, or a
        cluster has two saturations.
    NotEstimable
        No cluster has a saturation above 0.

    Notes
    -----
    With :math:`\bar y_i(z)` the mean of cluster i's people with treatment z, and averages over the clusters of a
    saturation s:

    .. math:: \widehat{DE}(s) = \overline{\bar y_i(1) - \bar y_i(0)}, \quad
        \widehat{SE}(s) = \overline{\bar y_i(0)}_s - \overline{\bar y_i}_0, \quad
        \widehat{TE}(s) = \overline{\bar y_i(1)}_s - \overline{\bar y_i}_0, \quad
        \widehat{OE}(s) = \overline{\bar y_i}_s - \overline{\bar y_i}_0

    so that TE = DE + SE. Variances are those between clusters: the sample variance of the differences over their number
    with t(C - 1) for the direct effect, and Neyman's of two groups of clusters with Welch's degrees of freedom for the
    others. The latter is Hudgens and Halloran's estimator; theirs for the direct effect also takes off what is due to
    the clusters being all there are, so that this one is on the safe side. With `average="people"` each row is
    `difference_in_means` by cluster (CR2); its direct effect also compares clusters where their shares treated differ.

    Spillover is taken to stay within clusters (partial interference), and to depend on the share treated and not on
    who is.

    References
    ----------
    Hudgens and Halloran (2008), doi 10.1198/016214508000000292. Baird, Bohren, McIntosh and Özler (2018),
    doi 10.1162/rest_a_00716 (there the last three are SNT, ITT and TCE).

    Examples
    --------
    >>> cluster = np.repeat([1, 2, 3, 4, 5, 6], 4)
    >>> share = np.where(cluster > 3, 0.5, 0.0)
    >>> treated = (share > 0) & (np.arange(24) % 2 == 0)
    >>> weeks = 10 + 3 * treated - (share > 0) + np.tile([0.5, 0.2, 0.1, 0.4], 6) + 0.3 * (cluster % 3)
    >>> rows = saturation_effects(weeks, treated, cluster, share)
    >>> [f"{row.estimand}: {row.value:.2f}" for row in rows if row.estimated]
    ['spillover effect on the untreated: -1.00', 'total effect on the treated: 2.00', 'overall effect: 0.50']
    """
    check_level(level)
    if average not in get_args(Average):
        raise InvalidInput(f"average is {average!r}; must be one of {', '.join(get_args(Average))}")
    design = _Design.read(y, treated, cluster, saturation)
    saturations = np.unique(design.saturation)
    if not saturations.any():
        raise NotEstimable(Message("no cluster has a saturation above 0"))
    rows = []
    for share in saturations[saturations > 0].tolist():
        for contrast in _CONTRASTS:
            row = _row(design, share, contrast, average, level)
            rows.append(replace(row, group=Message("saturation {share:g}", share=share)))
    return Results(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Design:
    """People (n,), their clusters and the clusters' saturations."""

    y: FloatArray
    treated: BoolArray
    cluster: Groups
    saturation: FloatArray

    @classmethod
    def read(cls, y: ArrayLike, treated: ArrayLike, cluster: Any, saturation: ArrayLike) -> _Design:
        """Check the arguments."""
        outcome = as_numbers(y, "y")
        n = len(outcome)
        arm, groups = as_binary(treated, "treated", n), as_groups(cluster, "cluster", n)
        share = as_numbers(saturation, "saturation", n)
        wrong = share[(share < 0) | (share > 1)]
        if wrong.size:
            raise InvalidInput(f"saturation has the value {wrong[0]:g}; must be a share from 0 to 1")
        first = np.full(groups.count, np.nan)
        first[groups.codes[::-1]] = share[::-1]
        mixed = np.flatnonzero(share != first[groups.codes])
        if mixed.size:
            name = groups.names[groups.codes[mixed[0]]]
            raise InvalidInput(f"saturation differs within cluster {name}; must be the same for the whole cluster")
        wrongly = int(np.sum(arm & (share == 0)))
        if wrongly:
            raise InvalidInput(
                f"treated is true for {wrongly} people where saturation is 0; nobody may be treated there"
            )
        return cls(y=outcome, treated=arm, cluster=groups, saturation=share)

    def means(self, members: BoolArray) -> FloatArray:
        """Return the members' mean outcome in each cluster that has any."""
        sums = np.bincount(self.cluster.codes[members], weights=self.y[members], minlength=self.cluster.count)
        sizes = np.bincount(self.cluster.codes[members], minlength=self.cluster.count)
        found: FloatArray = sums[sizes > 0] / sizes[sizes > 0]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contrast:
    """Who is compared: people of clusters at the saturation, with others of the same clusters or of pure control."""

    estimand: Message
    mine: Callable[[BoolArray], BoolArray]
    within: bool = False


_CONTRASTS = (
    _Contrast(estimand=Message("direct effect on the treated"), mine=lambda treated: treated, within=True),
    _Contrast(estimand=Message("spillover effect on the untreated"), mine=lambda treated: ~treated),
    _Contrast(estimand=Message("total effect on the treated"), mine=lambda treated: treated),
    _Contrast(estimand=Message("overall effect"), mine=np.ones_like),
)


def _row(design: _Design, share: float, contrast: _Contrast, average: Average, level: float) -> Estimate:
    """Return one estimate, or the empty row with the reason."""
    there = design.saturation == share
    one = there & contrast.mine(design.treated)
    zero = there & ~design.treated if contrast.within else design.saturation == 0
    notes: tuple[Message, ...] = ()
    if contrast.within and average == "clusters":
        one, zero, notes = _with_both(design, one, zero)
    either = one | zero
    clusters = len(np.unique(design.cluster.codes[either]))
    known: dict[str, Any] = {
        "estimand": contrast.estimand, "n_treated": int(one.sum()), "n_control": int(zero.sum()),
        "n": int(either.sum()), "n_clusters": clusters,
    }  # fmt: skip
    try:
        _check_clusters(design, one, zero, share, within=contrast.within)
        if average == "people":
            groups = design.cluster.where(either)
            found = difference_in_means(
                design.y[either], one[either], cluster=np.array(groups.names)[groups.codes], level=level
            )
            return replace(found, estimand=contrast.estimand)
        return _between_clusters(design, one, zero, within=contrast.within, notes=notes, level=level, known=known)
    except NotEstimable as error:
        return Estimate.empty(reason=error.args[0], level=level, note=Message.join(notes), **known)


def _with_both(design: _Design, one: BoolArray, zero: BoolArray) -> tuple[BoolArray, BoolArray, tuple[Message, ...]]:
    """Return the people of clusters with treated and untreated people, and a note on the others."""
    codes = design.cluster.codes
    both = np.intersect1d(codes[one], codes[zero])
    all_there = len(np.unique(codes[one | zero]))
    kept = np.isin(codes, both)
    lost = all_there - len(both)
    notes = (Message("clusters without both treated and untreated people left out: {n}", n=lost),) if lost else ()
    return one & kept, zero & kept, notes


def _check_clusters(design: _Design, one: BoolArray, zero: BoolArray, share: float, *, within: bool) -> None:
    """Raise where a side has fewer than two clusters."""
    for side, place in ((one, share), (zero, share if within else 0.0)):
        clusters = len(np.unique(design.cluster.codes[side]))
        if clusters < 2:
            raise NotEstimable(
                Message("{n} clusters to compare at saturation {share:g}; two are needed", n=clusters, share=place)
            )


def _between_clusters(
    design: _Design, one: BoolArray, zero: BoolArray,
    *, within: bool, notes: tuple[Message, ...], level: float, known: dict[str, Any],
) -> Estimate:  # fmt: skip
    """Return the estimate from means of clusters."""
    mine, others = design.means(one), design.means(zero)
    if within:
        apart = mine - others
        fit = Coefficient(
            value=float(apart.mean()), std_error=float(apart.std(ddof=1) / np.sqrt(len(apart))), df=len(apart) - 1.0
        )
        method = Message("mean of differences within clusters, variance between clusters")
        return estimate_of(fit, design.y, level=level, notes=notes, method=method, **known)
    found = difference_in_means(np.r_[mine, others], np.repeat([1, 0], [len(mine), len(others)]), level=level)
    method = Message("difference in means of cluster means, Neyman variance, Welch df")
    return replace(found, method=method, **known)
