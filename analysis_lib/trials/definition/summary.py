"""Published numbers in place of people: ratios by site and shares by arm."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from analysis_lib.parameters import Definition, Id, Sourced, Text
from analysis_lib.trials.definition.data import check_distinct

CENTRE_TOLERANCE = 0.05
"""How far, relatively, a published ratio may lie from the geometric middle of its interval: rounding, not a slip."""


class SummarySite(Definition):
    """A site as the publication calls it."""

    id: Id
    label: Text


class PublishedRatio(Sourced):
    """A ratio of treated to control at one site, with its interval."""

    outcome: Id
    site: Id
    ratio: float = Field(gt=0)
    low: float = Field(gt=0)
    high: float
    level: float = Field(gt=0, lt=1)

    @model_validator(mode="after")
    def _in_the_middle(self) -> PublishedRatio:
        found = f"ratio {self.ratio:g} of {self.outcome} at {self.site}"
        if not self.low < self.ratio < self.high:
            raise ValueError(f"{found} has the interval {self.low:g} to {self.high:g}; must lie inside")
        middle = math.sqrt(self.low * self.high)
        if abs(self.ratio / middle - 1) > CENTRE_TOLERANCE:
            raise ValueError(
                f"{found} is not in the middle of its interval on the log scale; must be near {middle:.3f}"
            )
        return self


class PublishedShare(Sourced):
    """The share of an arm with the outcome, from 0 to 1."""

    outcome: Id
    arm: Id
    share: float = Field(ge=0, le=1)


class PublishedSize(Sourced):
    """How many people an arm had, at one site or (without `site`) in all, for one outcome or (without) for all."""

    arm: Id
    n: int = Field(ge=1)
    site: Id | None = None
    outcome: Id | None = None


class SummaryData(Definition):
    """Published tables; no people."""

    kind: Literal["summary"]
    origin: Text
    sites: tuple[SummarySite, ...] = ()
    ratios: tuple[PublishedRatio, ...] = ()
    shares: tuple[PublishedShare, ...] = ()
    sizes: tuple[PublishedSize, ...] = ()

    @model_validator(mode="after")
    def _known_sites_once(self) -> SummaryData:
        check_distinct("sites", [site.id for site in self.sites])
        check_distinct("ratios", [f"{r.outcome} at {r.site}" for r in self.ratios])
        check_distinct("shares", [f"{s.outcome} of {s.arm}" for s in self.shares])
        check_distinct("sizes", [f"{s.arm} at {s.site or 'all'} for {s.outcome or 'all'}" for s in self.sizes])
        if not self.ratios and not self.shares:
            raise ValueError("ratios and shares are both empty; must hold a published number")
        known = [site.id for site in self.sites]
        for site in (*(ratio.site for ratio in self.ratios), *(size.site for size in self.sizes)):
            if site is not None and site not in known:
                raise ValueError(f"site is '{site}'; must be one of sites: {', '.join(known)}")
        return self

    @property
    def jobcentres(self) -> tuple[str, ...]:
        """Published tables have no jobcentres of ours."""
        return ()

    def size_of(self, outcome: str, arm: str, site: str | None = None) -> PublishedSize | None:
        """Return the most specific size that holds for an arm, an outcome and a site (`None`: all of them)."""
        for wanted in (outcome, None):
            for size in self.sizes:
                if (size.arm, size.site, size.outcome) == (arm, site, wanted):
                    return size
        return None
