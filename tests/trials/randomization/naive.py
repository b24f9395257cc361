"""Randomisation inference the slow way: one assignment after the other, each statistic from its definition."""

import itertools
import math

import numpy as np
import pandas as pd
from scipy import stats


def strata_of(unit, block):
    """Return {stratum: units}, blocks that a unit crosses joined (found by relabelling until nothing changes)."""
    label = {u: u for u in unit}
    changed = True
    while changed:
        changed = False
        for members in [np.unique(unit)] if block is None else [np.unique(unit[block == b]) for b in np.unique(block)]:
            least = min(label[u] for u in members)
            for u in members:
                changed |= label[u] != least
                label[u] = least
    strata = {}
    for u, name in label.items():
        strata.setdefault(name, []).append(u)
    return strata


def assignments(treated, *, unit=None, block=None):
    """Yield every (n,) assignment: as many units treated in every stratum."""
    unit = np.arange(len(treated)) if unit is None else np.asarray(unit)
    strata = strata_of(unit, block)
    choices = []
    for units in strata.values():
        count = sum(bool(treated[unit == u].any()) for u in units)
        choices.append(list(itertools.combinations(units, count)))
    for chosen in itertools.product(*choices):
        yield np.isin(unit, [u for part in chosen for u in part])


def stratum_labels(n, unit, block):
    unit = np.arange(n) if unit is None else np.asarray(unit)
    found = np.empty(n, dtype=int)
    for number, units in enumerate(strata_of(unit, block).values()):
        found[np.isin(unit, units)] = number
    return found


def p_value(observed, values):
    """Return the share of all assignments at least as far from 0 (ties within rounding are ties)."""
    sizes = np.abs(np.array(values))
    return float(np.mean(~(sizes < abs(observed) * (1 - 1e-9) - 1e-11)))


def difference(y, t, stratum):
    """Return the difference in means, weighted by the strata's sizes."""
    return sum(
        np.mean(stratum == s) * (y[(stratum == s) & t].mean() - y[(stratum == s) & ~t].mean())
        for s in np.unique(stratum)
    )


def student(y, t, stratum, unit):
    """Return the difference, and its standard error from residual totals of units, small strata sharing one."""
    small, variance = [], 0.0
    for s in np.unique(stratum):
        inside = stratum == s
        units = [len(np.unique(unit[inside & arm])) for arm in (t, ~t)]
        if min(units) == 1:
            small.append((y[inside & t].mean() - y[inside & ~t].mean(), inside.sum()))
            continue
        for arm, g in ((inside & t, units[0]), (inside & ~t, units[1])):
            rest = y[arm] - y[arm].mean()
            totals = np.bincount(np.unique(unit[arm], return_inverse=True)[1], weights=rest)
            variance += inside.mean() ** 2 * g / (g - 1) * (totals**2).sum() / arm.sum() ** 2
    if small:
        d, n = (np.array(part, dtype=float) for part in zip(*small, strict=True))
        mean = np.sum(n * d) / n.sum()
        if np.all(n == n[0]):
            pooled = np.sum((d - mean) ** 2) / (len(n) * (len(n) - 1))
        else:
            f = n**2 / (n.sum() - 2 * n)
            pooled = np.sum(f * (d - mean) ** 2) / (n.sum() + f.sum())
        variance += (n.sum() / len(y)) ** 2 * pooled
    return difference(y, t, stratum), math.sqrt(max(variance, 0))


def residuals(y, x, stratum):
    """Return residuals of a regression on covariates and indicators of the strata."""
    design = np.column_stack([x, pd.get_dummies(stratum).to_numpy(dtype=float)])
    return y - design @ np.linalg.lstsq(design, y)[0]


def lin(y, t, x, stratum):
    """Return Lin's coefficient by a regression whose collinear columns are left out one by one; NaN without one."""
    dummies = (stratum[:, None] == np.unique(stratum)[1:]).astype(float)
    main = np.hstack([dummies, x])
    main = main - main.mean(axis=0)
    columns = [np.ones(len(y)), *main.T, t.astype(float), *(t * column for column in main.T)]
    position, kept = 1 + main.shape[1], []
    for j, column in enumerate(columns):
        if np.linalg.matrix_rank(np.column_stack([columns[i] for i in kept] + [column]), tol=1e-9) > len(kept):
            kept.append(j)
    if position not in kept or len(kept) >= len(y):
        return math.nan
    return np.linalg.lstsq(np.column_stack([columns[i] for i in kept]), y)[0][kept.index(position)]


def van_elteren(y, t, stratum):
    """Return the sum over strata of (the treated's ranks - their mean) / (n + 1)."""
    total = 0.0
    for s in np.unique(stratum):
        ranks = stats.rankdata(y[stratum == s])
        n = len(ranks)
        total += np.sum(ranks[t[stratum == s]] - (n + 1) / 2) / (n + 1)
    return total


def log_rank(time, event, t, stratum):
    """Return the treated's events less those expected, week by week."""
    total = 0.0
    for s in np.unique(stratum):
        own = stratum == s
        for week in np.unique(time[own & event]):
            risk, now = own & (time >= week), own & event & (time == week)
            total += np.sum(now & t) - np.sum(now) * np.sum(risk & t) / np.sum(risk)
    return total


def curve(time, event, weight, at):
    """Return the weighted Kaplan-Meier curve at a time; flat once nobody is at risk."""
    alive = 1.0
    for week in np.unique(time[event & (time <= at)]):
        risk = weight[time >= week].sum()
        if risk > 1e-9:
            alive *= max(1 - weight[event & (time == week)].sum() / risk, 0)
    return alive


def curves(time, event, t, share, limit, *, area):
    """Return the difference in survival at the limit, or in the area up to it."""
    found = []
    for arm, weight in ((t, 1 / share), (~t, 1 / (1 - share))):
        args = time[arm], event[arm], weight[arm]
        if not area:
            found.append(curve(*args, limit))
            continue
        knots = np.r_[0.0, np.unique(time[event & (time < limit)]), limit]
        found.append(sum((b - a) * curve(*args, a) for a, b in itertools.pairwise(knots)))
    return found[0] - found[1]
