"""A band that holds the effects at all periods since adoption, and the test of those before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from analysis_lib.results import Check, Curve, Estimate, FloatArray, Message
from analysis_lib.trials.effects._joint import THRESHOLD
from analysis_lib.trials.series._panel import Part

# Eigenvalues of the correlations, relative to the largest, that are rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Effects by periods since adoption that have a standard error: k rows, and normal draws (draws, k) of their t."""

    events: FloatArray
    rows: tuple[Estimate, ...]
    drawn: FloatArray
    level: float

    @classmethod
    def of(
        cls, events: Sequence[int], parts: Sequence[Part], rows: Sequence[Estimate],
        *, level: float, draws: int, rng: np.random.Generator,
    ) -> Band:  # fmt: skip
        """Draw the largest deviations of the effects that have a standard error.

        Sums over normal multipliers of units' scores are drawn from their own distribution.
        """
        kept = [i for i, row in enumerate(rows) if row.estimated]
        used = tuple(rows[i] for i in kept)
        drawn = np.zeros((draws, 0))
        if kept:
            standard = np.column_stack([parts[i].scaled()[0] / rows[i].std_error for i in kept])
            size, axes = np.linalg.eigh(standard.T @ standard)
            real = size > _ROUNDING * size[-1]
            drawn = rng.standard_normal((draws, int(real.sum()))) @ (axes[:, real] * np.sqrt(size[real])).T
        return cls(events=np.array([float(events[i]) for i in kept]), rows=used, drawn=drawn, level=level)

    @property
    def critical(self) -> float:
        """Return the level's quantile of the largest absolute t; NaN without any."""
        if not self.rows:
            return float("nan")
        return float(np.quantile(np.abs(self.drawn).max(axis=1), self.level, method="higher"))

    def curve(self, *, pointwise: bool) -> Curve:
        """Return the effects with the interval of each, or with the band of all."""
        value, error, df = (np.array([getattr(row, k) for row in self.rows]) for k in ("value", "std_error", "df"))
        tail = (1 - self.level) / 2 if pointwise else float(stats.norm.sf(self.critical))
        half = stats.t.isf(tail, df) * error
        names = [Message("Callaway and Sant'Anna")] if pointwise else [
            Message("Callaway and Sant'Anna"), Message("simultaneous band"),
        ]  # fmt: skip
        return Curve(
            x=self.events, y=value, low=value - half, high=value + half, level=self.level,
            label=Message("effect of adoption"), unit_x=Message("periods since adoption"), method=Message.join(names),
            at_risk=np.array([float(row.n_treated or 0) for row in self.rows]),
        )  # fmt: skip

    def pre_trends(self) -> Check:
        """Return the check that the effects before adoption are 0, by the largest t over multiplier draws."""
        check = Check(
            name=Message("no effect before adoption"), passed=None, threshold=THRESHOLD,
            method=Message("largest t before adoption, multiplier bootstrap"),
        )  # fmt: skip
        before = np.flatnonzero(self.events < 0)
        if not before.size:
            return replace(check, detail=Message("no period before adoption has a standard error"))
        rows = [self.rows[i] for i in before]
        # as normal deviates with the tail that each t has
        sizes = [stats.norm.isf(stats.t.sf(abs(row.value) / row.std_error, row.df)) for row in rows]
        statistic, largest = float(max(sizes)), np.abs(self.drawn[:, before]).max(axis=1)
        p_value = (1 + int(np.count_nonzero(largest >= statistic))) / (1 + len(largest))
        return replace(
            check, passed=p_value >= THRESHOLD, statistic=statistic, p_value=p_value,
            detail=Message("periods before adoption: {n}", n=len(rows)),
        )  # fmt: skip
