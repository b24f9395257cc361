"""What a series with a break shows: the report of `notebooks/trial_series.ipynb`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from analysis_lib.errors import DefinitionError
from analysis_lib.reporting import plots
from analysis_lib.reporting.evidence import Fact, facts_table, readings_table
from analysis_lib.reporting.protected_weeks import hide_few
from analysis_lib.reporting.reports.trial_page import TrialPage
from analysis_lib.reporting.reports.trial_report import TrialReport
from analysis_lib.reporting.shown import Shown, paragraphs, together
from analysis_lib.reporting.suppression import too_few
from analysis_lib.reporting.tables import checks_table, effects_table
from analysis_lib.results import Curve, Message, Results
from analysis_lib.trials.definition import Series, Trial
from analysis_lib.trials.evaluation.series import MEAN_CHANGE, STANDS_OUT, SeriesEffects, estimate_series


@dataclass(frozen=True)
class TrialSeries(TrialReport):
    """A fixed cohort's share week by week, at one jobcentre or at all, with a break where something began.

    Nobody was drawn: the page says what else changed in the same week, and that the causes cannot be told apart.
    """

    notebook: ClassVar[str] = "trial_series"
    title: ClassVar[Message] = Message("Series with a break")

    @classmethod
    def check_trial(cls, trial: Trial) -> None:
        """Raise where the trial has no series of people."""
        trial.check_people()
        if trial.series is None:
            raise DefinitionError(f"trial {trial.id} has no key series: there is no series to break")

    def facts(self) -> Shown:
        """Show what was done for whom, each fact with its evidence."""
        return TrialPage.facts(self)

    def series(self) -> Shown:
        """Show the share week by week, and how level and slope changed."""
        t, found = self.translator.t, self._found
        shown: list[object] = []
        observed = self._shown_weeks
        if observed is None:
            shown.append(paragraphs(t("Not shown: {reason}.", reason=too_few(self._rule.min_count))))
        else:
            axes = plots.series(
                observed, fitted=found.fitted, without_break=found.without_break, interruption=found.interruption,
                first_week=self._plan.first_week, event=self.translator.text(self._plan.interruption.label),
                y_label=self.translator.text(self._plan.label), translator=self.translator, labels=self._labels,
            )  # fmt: skip
            shown.append(plots.figure(axes))
        caption = t("Changes at the break")
        return together(*shown, effects_table(self._effects, self.translator, self._labels, caption=caption))

    def placebo(self) -> Shown:
        """Show whether so large a jump is seen when nothing happened."""
        t = self.translator.t
        caption = t("Does the jump stand out?")
        shown: list[object] = [checks_table(self._effects, self.translator, self._labels, caption=caption)]
        if self._placebo:
            caption = t("Jumps in weeks in which nothing began, from the weeks before the break alone")
            shown.append(effects_table(self._placebo, self.translator, self._labels, caption=caption))
        return together(*shown)

    def identification(self) -> Shown:
        """Show what else changed at the same time, and what that leaves of the answer."""
        t, plan = self.translator.t, self._plan
        began = Fact(
            name=t("Week {week}", week=plan.interruption.week), value=plan.interruption.label,
            mark=plan.interruption.mark, source=plan.interruption.source,
        )  # fmt: skip
        others = [
            Fact(name=t("At the same time"), value=one.text, mark=one.mark, source=one.source)
            for one in plan.coinciding
        ]
        table = facts_table([began, *others], self.translator, caption=t("What changed"))
        return together(paragraphs(self._say(self._say_identified())), table)

    def published(self) -> Shown:
        """Show what has been published, finding by finding."""
        if not self.trial.published:
            return paragraphs(self.translator.t("No published number was found."))
        return together(readings_table(self.trial.published, self.translator, self._labels))

    # --- what it is made of ------------------------------------------------------------------------------------------

    @cached_property
    def results(self) -> Results:
        """Every estimate and check of the report, after disclosure control; the mean change first."""
        rows = sorted(self._effects.estimates, key=lambda row: row.estimand != MEAN_CHANGE)
        return Results(rows) + Results(self._effects.checks) + self._placebo

    @property
    def _plan(self) -> Series:
        if self.trial.series is None:
            raise DefinitionError(f"trial {self.trial.id} has no key series")
        return self.trial.series

    @cached_property
    def _found(self) -> SeriesEffects:
        return estimate_series(self.cases)

    @cached_property
    def _effects(self) -> Results:
        return self._protected(self._found.effects)

    @cached_property
    def _placebo(self) -> Results:
        return self._protected(self._found.placebo)

    @cached_property
    def _shown_weeks(self) -> Curve | None:
        """The observed weeks without those of few people."""
        observed = self._found.observed
        people = observed.y * 0 if observed.at_risk is None else observed.at_risk
        if self._hidden:
            return None
        shown = hide_few([observed], [people, people * observed.y, people * (1 - observed.y)], self._rule)
        return shown[0] if shown else None

    def _method_lines(self) -> list[str]:
        t, plan, level = self.translator.t, self._plan, 100 * self.trial.inference.level
        said = [
            t(
                "The same people are followed from week {first} to week {last}, whatever became of them; those abroad, "
                "on old-age pension or dead no longer count.",
                first=plan.first_week, last=plan.last_week,
            ),
            t(
                "A straight line before the break, and another after it, are fitted with the season of the year. The "
                "{level:.0f} % intervals with people as clusters say how much chance there is in who the people are. "
                "Those from the weeks alone (Newey and West up to {lag} weeks apart, and AR(1)) do not know that "
                "people stay in a state for months: Newey and West's is far too narrow. What happens to everybody in a "
                "week is in none of them, so the jump is held against those of earlier dates.",
                level=level, lag=plan.lag_weeks,
            ),
        ]  # fmt: skip
        if self._rule.min_count > 1:
            said.append(
                t("Numbers that could show a group of fewer than {n} people are withheld.", n=self._rule.min_count)
            )
        return said

    def _sentences(self) -> list[Message]:
        """Return how much the share changed, whether that stands out, and that its cause cannot be told."""
        return [self._say_change(), self._say_stands_out(), self._say_identified()]

    def _say_change(self) -> Message:
        rows = [row for row in self._effects.estimates if row.estimand == MEAN_CHANGE]
        row = next((row for row in rows if row.estimated), rows[0])
        if not row.estimated:
            return Message("Nothing can be said here about the change: {reason}.", reason=row.reason)
        shown = {
            "outcome": Message(row.outcome), "week": self._plan.interruption.week, "size": abs(row.value),
            "level": 100 * row.interval.level, "low": row.interval.low, "high": row.interval.high,
        }  # fmt: skip
        if row.value > 0:
            return Message(
                "{outcome}: from week {week} on it lay {size:.1f} percentage points above what the weeks before lead "
                "one to expect, on average ({level:.0f} % interval {low:.1f} to {high:.1f}).",
                **shown,
            )
        return Message(
            "{outcome}: from week {week} on it lay {size:.1f} percentage points below what the weeks before lead one "
            "to expect, on average ({level:.0f} % interval {low:.1f} to {high:.1f}).",
            **shown,
        )

    def _say_stands_out(self) -> Message:
        check = next(check for check in self._effects.checks if check.name == STANDS_OUT)
        if check.passed is None:
            return Message("Whether the jump is larger than at other dates could not be tested.")
        if check.passed:
            return Message("The jump in that week is larger than at nearly every earlier date, when nothing began.")
        return Message(
            "Jumps as large are seen at earlier dates, when nothing began: this one does not stand out from them."
        )

    def _say_identified(self) -> Message:
        if self._plan.separately_identified:
            return Message(
                "Nobody was drawn by lot. Nothing else is known to have changed in that week, but a series alone "
                "cannot rule it out."
            )
        return Message(
            "The effect is not separately identified: something else changed in the same week, and the series cannot "
            "tell the two apart."
        )
