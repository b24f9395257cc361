"""What is resampled, and the regressions that are refitted, for effects on several outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import BoolArray, Groups, IntArray
from analysis_lib.trials._least_squares import independent_columns
from analysis_lib.trials._sample import Sample
from analysis_lib.trials.effects._resampling import Resampled, Strata, prepare

# Of R's lm, as in `independent_columns`: less than this share of a column's length is rounding.
_COLLINEAR = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Units:
    """What is resampled: strata, each person's unit (n,), and the units in the smaller arm."""

    strata: Strata
    of_person: IntArray
    fewest: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """One regression's share in the effects: values (k,), largest residuals (k,), the sign, and its refits."""

    value: FloatArray
    residual: FloatArray
    sign: int
    resampled: Resampled


def units_of(people: Sample) -> Units:
    """Return the units, in the order of their strata: arms and, where units lie within blocks, blocks."""
    blocks = people.block.count if people.block else 1
    block = people.block.codes if people.block else np.zeros(len(people.y), dtype=np.intp)
    stratum = people.treated * blocks + block
    if people.cluster is not None:
        return _clusters(people.cluster, people.treated, stratum)
    strata, unit = _in_order(stratum)
    if np.any(strata.size < 2):
        raise NotEstimable(_nothing_to_resample(strata, Message("person")))
    return Units(strata=strata, of_person=unit, fewest=int(min(people.treated.sum(), (~people.treated).sum())))


def _clusters(cluster: Groups, treated: BoolArray, stratum: IntArray) -> Units:
    """Return the clusters, within arms and blocks, or within arms where some cross blocks."""
    first = np.unique(cluster.codes, return_index=True)[1]
    mixed = np.bincount(cluster.codes, weights=treated != treated[first][cluster.codes], minlength=cluster.count)
    if mixed.any():
        n = int(np.count_nonzero(mixed))
        raise InvalidInput(f"cluster has people of both arms in {n} clusters; must have all of a cluster in one arm")
    within = stratum if np.array_equal(stratum, stratum[first][cluster.codes]) else treated.astype(np.intp)
    strata, unit = _in_order(within[first])
    if np.any(strata.size < 2):
        raise NotEstimable(_nothing_to_resample(strata, Message("cluster")))
    fewest = int(min(treated[first].sum(), (~treated[first]).sum()))
    return Units(strata=strata, of_person=unit[cluster.codes], fewest=fewest)


def _in_order(stratum: IntArray) -> tuple[Strata, IntArray]:
    """Return the strata of (units,) labels, and each unit's position in their order."""
    _, size = np.unique(stratum, return_counts=True)
    position = np.empty(len(stratum), dtype=np.intp)
    position[np.argsort(stratum, kind="stable")] = np.arange(len(stratum))
    return Strata(start=np.cumsum(size) - size, size=size), position


def _nothing_to_resample(strata: Strata, unit: Message) -> Message:
    n = int(np.sum(strata.size < 2))
    return Message(
        "{n} blocks have one {unit} in an arm, which leaves nothing to resample: merge blocks", n=n, unit=unit
    )


def covariates_within(people: Sample) -> tuple[FloatArray, list[str]]:
    """Return the covariates (n, p), centred in the people used, and the names of those left out.

    Left out are those that are combinations, within blocks, of those before them.
    """
    values, names = people.covariates.values, people.covariates.names
    centred = values - values.mean(axis=0)
    kept = independent_columns(_within(values, _groups(people)))
    return centred[:, kept], [name for j, name in enumerate(names) if j not in kept]


def by_arm(people: Sample, y: FloatArray, x: FloatArray, units: Units) -> list[Part]:
    """Return Lin's regression: each arm's mean (weighted over blocks) at the covariates' means."""
    share = np.bincount(_groups(people).codes) / len(people.y)
    parts = []
    for sign, arm, label in ((1, people.treated, Message("treated")), (-1, ~people.treated, Message("control"))):
        group = _groups(people).where(arm)
        if len(independent_columns(_within(x[arm], group))) < x.shape[1]:
            raise NotEstimable(Message("covariates do not vary, or are collinear, in the {arm} arm", arm=label))
        if len(x[arm]) <= group.count + x.shape[1]:
            raise _too_many(len(x[arm]), group.count + x.shape[1])
        contrast = -share @ _means(x[arm], group)
        members = _Members(y=y[arm], x=x[arm], unit=units.of_person[arm])
        parts.append(_part(members, group, units.strata, sign=sign, share=share, contrast=contrast))
    return parts


def additive(people: Sample, y: FloatArray, x: FloatArray, units: Units) -> list[Part]:
    """Return the regression with common slopes: the coefficient of treatment."""
    group = _groups(people)
    columns = np.column_stack([x, people.treated])
    if len(independent_columns(_within(columns, group))) < columns.shape[1]:
        raise NotEstimable(Message("the covariates determine the treatment: no effect can be told apart from theirs"))
    if len(y) <= group.count + columns.shape[1]:
        raise _too_many(len(y), group.count + columns.shape[1])
    contrast = np.eye(columns.shape[1])[-1]
    members = _Members(y=y, x=columns, unit=units.of_person)
    return [_part(members, group, units.strata, sign=1, share=np.zeros(group.count), contrast=contrast)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Members:
    """The people of one regression: outcomes (n, k), columns (n, p) and units (n,)."""

    y: FloatArray
    x: FloatArray
    unit: IntArray


def _part(
    members: _Members, group: Groups, strata: Strata, *, sign: int, share: FloatArray, contrast: FloatArray
) -> Part:
    """Fit outcomes on columns within groups; the value is sum_g share_g mean y_g + contrast' slopes."""
    z, triangle = np.linalg.qr(_within(members.x, group))
    slope = np.linalg.solve(triangle.T, contrast)
    means = _means(members.y, group)
    inside = members.y - means[group.codes]
    loadings = z.T @ inside
    residual = inside - z @ loadings
    resampled = prepare(
        group=group, unit=members.unit, factor=strata.factors(), z=z, r=residual, share=share,
        slope=slope,
    )  # fmt: skip
    value = share @ means + slope @ loadings
    return Part(value=value, residual=np.abs(residual).max(axis=0), sign=sign, resampled=resampled)


def _groups(people: Sample) -> Groups:
    """Return the blocks, or one that holds everyone."""
    return people.block or Groups(codes=np.zeros(len(people.y), dtype=np.intp), names=("",))


def _means(values: FloatArray, group: Groups) -> FloatArray:
    """Return means (groups, k) of (n, k)."""
    totals = [np.bincount(group.codes, weights=column, minlength=group.count) for column in values.T]
    sizes = np.bincount(group.codes, minlength=group.count)
    return np.array(totals).reshape(len(totals), group.count).T / sizes[:, None]


def _within(values: FloatArray, group: Groups) -> FloatArray:
    """Return (n, k) less the groups' means, columns of rounding made 0."""
    inside = values - _means(values, group)[group.codes]
    rounding = np.linalg.norm(inside, axis=0) <= _COLLINEAR * np.linalg.norm(values, axis=0)
    return np.where(rounding, 0.0, inside)


def _too_many(n: int, k: int) -> NotEstimable:
    return NotEstimable(Message("{n} people cannot carry a regression with {k} coefficients", n=n, k=k))
