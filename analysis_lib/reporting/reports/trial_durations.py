"""How long it took to leave: the report of `notebooks/trial_durations.ipynb`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from analysis_lib.errors import NotEstimable
from analysis_lib.reporting import plots
from analysis_lib.reporting.answer import clear
from analysis_lib.reporting.disclosure import protect_curve
from analysis_lib.reporting.labels import exit_labels
from analysis_lib.reporting.language import Labels
from analysis_lib.reporting.protected_rows import withhold
from analysis_lib.reporting.reports.trial_report import TrialReport
from analysis_lib.reporting.shown import Shown, paragraphs, together
from analysis_lib.reporting.shown_mixed_durations import show_mixed, show_returns
from analysis_lib.reporting.tables import effects_table, significance_table
from analysis_lib.results import Message, Results
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.evaluation import HAZARD_RATIO, estimate_effects, survival_curves
from analysis_lib.trials.evaluation.durations import (
    RESTRICTED_MEAN_DIFFERENCE,
    check_durations,
    estimate_exits,
    estimate_mean_durations,
    estimate_windows,
    randomise_durations,
    threat_windows,
)
from analysis_lib.trials.evaluation.mixed_durations import (
    estimate_mixed,
    estimate_returns,
    fewest_returns,
    mixed_outcomes,
    return_curves,
)
from analysis_lib.trials.outcomes import Durations


@dataclass(frozen=True)
class TrialDurations(TrialReport):
    """The durations of the trial at one jobcentre, or at all; the primary arm against control."""

    notebook: ClassVar[str] = "trial_durations"
    title: ClassVar[Message] = Message("Durations")

    def curves(self) -> Shown:
        """Show the share still in the spell week by week, and the mean duration up to the horizon."""
        if not self._outcomes:
            return self._none()
        shown: list[object] = []
        for outcome in self._outcomes:
            try:
                drawn = [
                    protect_curve(curve, self._rule, hide_counts=self._hidden)
                    for curve in survival_curves(self.cases, outcome, arm=self._arm)
                ]
            except NotEstimable:
                drawn = []
            if drawn:
                axes = plots.survival(
                    drawn, translator=self.translator, labels=self._labels, windows=self.trial.schedule_of(self._arm)
                )
                shown.append(plots.figure(axes))
        caption = self.translator.t("Mean duration up to the horizon")
        return together(*shown, effects_table(self._means, self.translator, self._labels, caption=caption))

    def windows(self) -> Shown:
        """Show the hazard ratio in each window of the plan: before anything was scheduled, during it and after."""
        if not self._outcomes:
            return self._none()
        rows = Results(self._windows.estimates)
        if not rows:
            return together(paragraphs(self.translator.t("The plan names no windows of time.")), *self._unlike_people())
        shown: list[object] = []
        if any(row.estimated for row in rows.estimates):
            shown.append(plots.figure(plots.effects(rows, translator=self.translator, labels=self._labels)))
        caption = self.translator.t("Hazard ratio by window")
        tests = self.translator.t("Is the ratio the same in every window?")
        note = self.translator.t(
            "Only the first window compares the groups as they were assigned. Later ones compare those who are left, "
            "and the effort has changed who they are."
        )
        return together(
            *shown,
            effects_table(rows, self.translator, self._labels, caption=caption),
            significance_table(self._windows, self.translator, self._labels, caption=tests),
            paragraphs(note),
            *self._unlike_people(),
        )

    def _unlike_people(self) -> list[Shown]:
        plan = self.trial.inference.mixed_hazard
        return (
            []
            if plan is None
            else [show_mixed(plan, self._mixed, trial=self.trial, translator=self.translator, labels=self._labels)]
        )

    def exits(self) -> Shown:
        """Show the effect on every kind of exit."""
        if not self._outcomes:
            return self._none()
        naming = self.translator.naming(self._all_labels)
        caption = self.translator.t("Effect on each kind of exit")
        tests = self.translator.t("Does the share who leave in this way differ?")
        return together(
            effects_table(Results(self._exits.estimates), naming, self._all_labels, caption=caption),
            significance_table(self._exits, naming, self._all_labels, caption=tests),
            paragraphs(
                self.translator.t(
                    "The ratio of an exit alone takes the other exits as ends of observation; the subdistribution "
                    "ratio is about the share of all who leave in this way."
                )
            ),
        )

    def returns(self) -> Shown:
        """Show who came back of those who left, and what of the effect on it is direct."""
        plan = self.trial.inference.recurrence
        if plan is None:
            return paragraphs(self.translator.t("The plan does not follow people after they have left."))
        curves = []
        for curve in return_curves(self.cases, self._arm):
            with suppress(NotEstimable):
                # Of how many left, the table of endings says what may be said.
                curves.append(protect_curve(curve, self._rule, hide_counts=True))
        return show_returns(
            plan,
            self._returns,
            curves,
            trial=self.trial,
            codes=self.cases.codes,
            translator=self.translator,
            labels=self._labels,
        )

    def checks(self) -> Shown:
        """Show what other models say, and whether the ratio is constant."""
        if not self._outcomes:
            return self._none()
        caption = self.translator.t("The same comparison in other ways")
        tests = self.translator.t("Is the ratio constant over time?")
        return together(
            effects_table(Results(self._checks.estimates), self.translator, self._labels, caption=caption),
            significance_table(Results(self._checks.checks), self.translator, self._labels, caption=tests),
        )

    # --- what it is made of ------------------------------------------------------------------------------------------

    @property
    def results(self) -> Results:
        """Every estimate and check of the report, after disclosure control; the hazard ratio first."""
        found = self._ratios + self._means + self._windows + self._mixed + self._exits
        return found + self._returns + self._checks

    @property
    def _arm(self) -> str:
        return self.trial.treated_arms[0].id

    @property
    def _outcomes(self) -> tuple[str, ...]:
        """The durations, the primary outcome first."""
        outcomes = sorted(self.trial.outcomes, key=lambda outcome: not outcome.primary)
        return tuple(o.id for o in outcomes if isinstance(self.cases.outcomes[o.id], Durations))

    def _of_each(self, estimate: Callable[[Cases, str, str], Results]) -> Results:
        found = (item for outcome in self._outcomes for item in estimate(self.cases, outcome, self._arm))
        return self._protected(Results(found))

    @cached_property
    def _ratios(self) -> Results:
        rows = estimate_effects(self.cases).where(estimand=HAZARD_RATIO, arm=self._arm)
        return self._protected(Results(row for row in rows if row.outcome in self._outcomes))

    @cached_property
    def _means(self) -> Results:
        return self._of_each(estimate_mean_durations)

    @cached_property
    def _windows(self) -> Results:
        return self._of_each(estimate_windows)

    @cached_property
    def _mixed(self) -> Results:
        rng, outcomes = self._rng(), mixed_outcomes(self.cases)
        return self._protected(
            Results(item for name in outcomes for item in estimate_mixed(self.cases, name, self._arm, rng=rng))
        )

    @cached_property
    def _returns(self) -> Results:
        found = self._protected(estimate_returns(self.cases, self._arm, rng=self._rng()))
        # Reasons too can be about few people: a covariate that tells apart who came back.
        few = 0 < fewest_returns(self.cases, self._arm) < self._rule.min_count
        return withhold(found, self._rule.min_count) if few else found

    @cached_property
    def _exits(self) -> Results:
        return self._of_each(estimate_exits)

    @cached_property
    def _checks(self) -> Results:
        rng = self._rng()
        return self._of_each(check_durations) + self._of_each(
            lambda cases, outcome, arm: randomise_durations(cases, outcome, arm, rng=rng)
        )

    @property
    def _all_labels(self) -> Labels:
        return {**exit_labels(self.cases.codes), **self._labels}

    def _none(self) -> Shown:
        return paragraphs(self.translator.t("The trial has no outcome that is a duration."))

    def _sentences(self) -> list[Message]:
        """Return how the pace differed, how much time that is, and whether it began before the activities."""
        said = [*self._say_ratio(), *self._say_mean(), *self._say_threat()]
        if not said:
            reason = next((row.reason for row in self._ratios.estimates if row.reason), Message("there are no cases"))
            return [Message("Nothing can be said here about how long it took: {reason}.", reason=reason)]
        return said

    def _say_ratio(self) -> list[Message]:
        rows = [row for row in self._ratios.estimates if row.estimated][:1]
        return [
            Message(
                "{outcome}: from week to week people in the treated group left {ratio:.2f} times as fast as in the "
                "control group ({level:.0f} % interval {low:.2f} to {high:.2f}).",
                outcome=Message(row.outcome), ratio=row.value, level=100 * row.interval.level, low=row.interval.low,
                high=row.interval.high,
            )
            for row in rows
        ]  # fmt: skip

    def _say_mean(self) -> list[Message]:
        rows = self._means.where(estimand=RESTRICTED_MEAN_DIFFERENCE, arm=self._arm).estimates[:1]
        if not rows or not rows[0].estimated:
            return []
        row = rows[0]
        shown = {
            "horizon": self.trial.inference.restricted_mean_horizon_weeks, "size": abs(row.value),
            "level": 100 * row.interval.level, "low": row.interval.low, "high": row.interval.high,
        }  # fmt: skip
        if row.value > 0:
            return [
                Message(
                    "Over the first {horizon} weeks that is {size:.1f} weeks more in the spell for each person on "
                    "average (difference's {level:.0f} % interval {low:.1f} to {high:.1f}).",
                    **shown,
                )
            ]
        return [
            Message(
                "Over the first {horizon} weeks that is {size:.1f} weeks less in the spell for each person on average "
                "(difference's {level:.0f} % interval {low:.1f} to {high:.1f}).",
                **shown,
            )
        ]

    def _say_threat(self) -> list[Message]:
        windows = [window.id for window in threat_windows(self.cases)]
        rows = [row for row in self._windows.estimates if row.group in windows and row.estimated][:1]
        if not rows and self._ratios.estimates and any(row.estimated for row in self._ratios.estimates):
            return [Message("Whether a difference began before the first activity could not be told apart here.")]
        if not rows:
            return []
        row = rows[0]
        shown = {"ratio": row.value, "low": row.interval.low, "high": row.interval.high}
        if not clear(row):
            return [
                Message(
                    "Before the first activity there was no clear difference (ratio {ratio:.2f}, interval {low:.2f} to "
                    "{high:.2f}): no effect of the announcement is seen.",
                    **shown,
                )
            ]
        return [
            Message(
                "Already before the first activity the groups differed (ratio {ratio:.2f}, interval {low:.2f} to "
                "{high:.2f}): an effect of what was announced.",
                **shown,
            )
        ]
