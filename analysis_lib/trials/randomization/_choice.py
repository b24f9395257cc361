"""The statistics by name, and what each needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.parameters import suggest
from analysis_lib.results import Message
from analysis_lib.trials._options import as_positive
from analysis_lib.trials.randomization._adjusted import additive_adjusted, lin_adjusted
from analysis_lib.trials.randomization._curves import check_followed, restricted_mean_difference, survival_difference
from analysis_lib.trials.randomization._differences import mean_differences
from analysis_lib.trials.randomization._problem import Problem
from analysis_lib.trials.randomization._scores import log_rank, rank_sum
from analysis_lib.trials.randomization._values import Statistic

StatisticName = Literal[
    "difference_in_means", "studentized", "additive_adjusted", "lin_adjusted", "rank_sum", "log_rank",
    "restricted_mean_difference", "survival_difference",
]  # fmt: skip
_NEEDS: dict[str, tuple[str, ...]] = {
    "additive_adjusted": ("covariates",),
    "lin_adjusted": ("covariates",),
    "log_rank": ("event",),
    "restricted_mean_difference": ("event", "horizon"),
    "survival_difference": ("event", "at"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A statistic and its arguments, which `check` holds against each other."""

    statistic: StatisticName
    covariates: Any = None
    event: Any = None
    horizon: float | None = None
    at: float | None = None

    def check(self) -> Choice:
        """Return the choice, or raise naming an argument that is unknown, lacking, or of no use."""
        names = get_args(StatisticName)
        if self.statistic not in names:
            raise InvalidInput(
                f"statistic is {self.statistic!r}; must be one of {', '.join(names)}"
                f"{suggest(str(self.statistic), names)}"
            )
        needed = _NEEDS.get(self.statistic, ())
        for name in ("covariates", "event", "horizon", "at"):
            given = getattr(self, name) is not None
            if given and name not in needed:
                raise InvalidInput(f"{name} is given; must not be, as statistic '{self.statistic}' has no use for it")
            if name in needed and not given:
                raise InvalidInput(f"{name} is not given; must be, as statistic '{self.statistic}' needs it")
        for name, value in (("horizon", self.horizon), ("at", self.at)):
            if value is not None:
                as_positive(value, name)
        return self

    @property
    def limit(self) -> float | None:
        """Return the time up to which curves are compared."""
        return self.at if self.horizon is None else self.horizon

    @property
    def estimand(self) -> Message:
        """Return what the number reported is."""
        if self.statistic == "rank_sum":
            return Message("probability that a treated person has the higher value")
        if self.statistic == "log_rank":
            return Message("events among the treated, observed less expected")
        if self.statistic == "restricted_mean_difference":
            return Message("difference in restricted means up to {horizon:g}", horizon=self.horizon)
        if self.statistic == "survival_difference":
            return Message("difference in survival at {time:g}", time=self.at)
        return Message("difference in means")

    def reason(self, problem: Problem, j: int) -> str:
        """Return why the statistic of outcome j says nothing, or an empty text."""
        if problem.event is None:
            return ""
        time, event = problem.y[:, j], problem.event[:, j]
        if not event.any():
            return Message("none of {n} people had the event", n=len(event))
        try:
            if self.limit is not None:
                check_followed(time, event, problem.treated, self.limit)
        except NotEstimable as error:
            return str(error.args[0]) if not isinstance(error.args[0], Message) else error.args[0]
        return ""

    def build(self, problem: Problem) -> Statistic:
        """Return the statistic of the problem."""
        event, limit = problem.event, self.limit
        if event is not None and limit is not None:
            curves = (
                restricted_mean_difference if self.statistic == "restricted_mean_difference" else survival_difference
            )
            return curves(problem, event, limit)
        if event is not None:
            return log_rank(problem, event)
        means: dict[str, Callable[[Problem], Statistic]] = {
            "difference_in_means": lambda p: mean_differences(p, studentized=False),
            "studentized": lambda p: mean_differences(p, studentized=True),
            "additive_adjusted": additive_adjusted,
            "lin_adjusted": lin_adjusted,
            "rank_sum": rank_sum,
        }
        return means[self.statistic](problem)
