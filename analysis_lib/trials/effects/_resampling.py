"""Regressions refitted to many resamples at once, from sums of cross-products.

Units (people, or clusters) are drawn within strata. In a stratum of m units, m - 1 are drawn with replacement and
counted m / (m - 1) times (Rao and Wu 1988, doi 10.1080/01621459.1988.10478591): drawing m would make variances too
small by (m - 1) / m, which is a half in a stratum of two.

A regression has groups with intercepts of their own (blocks, or arms within blocks) and common slopes. Outcomes enter
as residuals of the fit to all, and covariates as orthonormal columns within groups, so that a resample's fit is a small
departure from known numbers, and single precision is enough: sums are over unit x (1, z, r, zz', zr').
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis_lib.results import FloatArray
from analysis_lib.trials._arrays import Groups, IntArray

Float32Array = NDArray[np.float32]

# Weights of a chunk of draws, in bytes.
_CHUNK_BYTES = 1 << 25
# Smallest eigenvalue, relative to that of all people, of the covariates' products in a resample that can be fitted.
_SINGULAR = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strata:
    """Units in the order of their strata: where each stratum starts (s,), and its units (s,), two or more."""

    start: IntArray
    size: IntArray

    @property
    def units(self) -> int:
        """All units."""
        return int(self.size.sum())

    def factors(self) -> FloatArray:
        """Return what a draw of each unit counts for, shape (units,)."""
        return np.repeat(self.size / (self.size - 1), self.size)

    def counts(self, draws: int, rng: np.random.Generator) -> Float32Array:
        """Draw how often each unit is drawn, shape (draws, units); row by row, so that chunks do not matter."""
        drawn = self.size - 1
        size, start = (np.repeat(of.astype(np.float64), drawn) for of in (self.size, self.start))
        uniform, chosen = np.empty(len(size)), np.empty(len(size), dtype=np.intp)
        counts = np.empty((draws, self.units), dtype=np.float32)
        for row in counts:
            rng.random(out=uniform)
            np.multiply(uniform, size, out=uniform)
            # floors before the start is added, which could round up to the next stratum
            np.floor(uniform, out=uniform)
            np.add(uniform, start, out=chosen, casting="unsafe")
            row[:] = np.bincount(chosen, minlength=self.units)
        return counts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resampled:
    """One regression, ready to be refitted.

    The quantity wanted, in a resample, is `sum_g share_g (mean r_g - mean z_g' b) + slope' b`, with b the slopes of r
    on z: its departure from the fit to all. `pieces` hold by group the units (positions) and their products.
    """

    pieces: tuple[tuple[IntArray, Float32Array], ...]
    share: FloatArray
    slope: FloatArray
    outcomes: int

    def departures(self, counts: Float32Array) -> FloatArray:
        """Return the departures (draws, outcomes), NaN where a resample cannot be fitted."""
        draws, p, k = len(counts), len(self.slope), self.outcomes
        products, cross = np.zeros((draws, p, p)), np.zeros((draws, p, k))
        mean_r, mean_z = np.zeros((draws, k)), np.zeros((draws, p))
        triangle = _triangle(p)
        for (units, columns), share in zip(self.pieces, self.share, strict=True):
            sums = (_columns_of(counts, units) @ columns).astype(np.float64)
            size, z, r, zz, zr = np.split(sums, np.cumsum([1, p, k, p * (p + 1) // 2]), axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                average = np.hstack([z, r]) / size
            centre_z, centre_r = average[:, :p], average[:, p:]
            products += zz[:, triangle] - z[:, :, None] * centre_z[:, None, :]
            cross += zr.reshape(draws, p, k) - z[:, :, None] * centre_r[:, None, :]
            mean_z, mean_r = mean_z + share * centre_z, mean_r + share * centre_r
        if not p:
            return mean_r
        fitted: FloatArray = np.einsum("dp,dpk->dk", self.slope - mean_z, _slopes(products, cross))
        return mean_r + fitted


def _columns_of(counts: Float32Array, units: IntArray) -> Float32Array:
    """Return the units' columns, without a copy where they are neighbours."""
    first, last = int(units[0]), int(units[-1])
    neighbours = last - first + 1 == len(units)
    return counts[:, first : last + 1] if neighbours else counts[:, units]


def _triangle(p: int) -> IntArray:
    """Return where each entry of a symmetric (p, p) stands among those on and above the diagonal, row by row."""
    place = np.zeros((p, p), dtype=np.intp)
    upper = np.triu_indices(p)
    place[upper] = np.arange(len(upper[0]))
    return np.maximum(place, place.T)


def _slopes(products: FloatArray, cross: FloatArray) -> FloatArray:
    """Solve products (draws, p, p) b = cross (draws, p, k), NaN where the products are singular."""
    known = np.asarray(np.isfinite(products.reshape(len(products), -1)).all(axis=1))
    safe = np.where(known[:, None, None], products, np.eye(products.shape[1]))
    singular = ~known | (np.linalg.eigvalsh(safe)[:, 0] < _SINGULAR)
    safe[singular] = np.eye(products.shape[1])
    slopes = np.linalg.solve(safe, np.nan_to_num(cross))
    slopes[singular] = np.nan
    return slopes


def prepare(
    *, group: Groups, unit: IntArray, factor: FloatArray, z: FloatArray, r: FloatArray, share: FloatArray,
    slope: FloatArray,
) -> Resampled:  # fmt: skip
    """Sum each unit's products within groups.

    People (n,) have a group, a unit (position in the strata), columns z (n, p) and residuals r (n, k); units have
    factors (units,); groups have shares (groups,).
    """
    pieces = []
    order = np.lexsort((unit, group.codes))
    for rows in np.split(order, np.cumsum(np.bincount(group.codes, minlength=group.count))[:-1]):
        units, first = np.unique(unit[rows], return_index=True)
        columns = _products(z[rows], r[rows])
        sums = columns if len(units) == len(rows) else np.add.reduceat(columns, first, axis=0)
        pieces.append((units, (sums * factor[units, None]).astype(np.float32)))
    return Resampled(pieces=tuple(pieces), share=share, slope=slope, outcomes=r.shape[1])


def _products(z: FloatArray, r: FloatArray) -> FloatArray:
    """Return (1, z, r, zz' on and above the diagonal, zr') for each person."""
    one, other = np.triu_indices(z.shape[1])
    crossed = (z[:, :, None] * r[:, None, :]).reshape(len(z), -1)
    return np.hstack([np.ones((len(z), 1)), z, r, z[:, one] * z[:, other], crossed])


def departures(
    regressions: Sequence[Resampled], strata: Strata, *, draws: int, rng: np.random.Generator
) -> Iterator[list[FloatArray]]:
    """Yield each regression's departures, for one chunk of draws after another."""
    chunk = max(1, _CHUNK_BYTES // (4 * strata.units))
    for first in range(0, draws, chunk):
        counts = strata.counts(min(chunk, draws - first), rng)
        yield [regression.departures(counts) for regression in regressions]
