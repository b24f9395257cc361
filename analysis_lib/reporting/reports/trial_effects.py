"""What was the effect of the trial: the report of `notebooks/trial_effects.ipynb`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from analysis_lib.errors import NotEstimable
from analysis_lib.parameters import Language, in_project
from analysis_lib.reporting import plots
from analysis_lib.reporting.answer import answer
from analysis_lib.reporting.disclosure import protect_balance, protect_curve, protect_parts
from analysis_lib.reporting.evidence import readings_table
from analysis_lib.reporting.labels import exit_labels
from analysis_lib.reporting.language import say_label
from analysis_lib.reporting.protected_weeks import hide_few
from analysis_lib.reporting.reports.trial_report import TrialReport
from analysis_lib.reporting.shown import Shown, paragraphs, together
from analysis_lib.reporting.shown_spillover import show_spillover
from analysis_lib.reporting.shown_subgroups import show_subgroups
from analysis_lib.reporting.suppression import too_few
from analysis_lib.reporting.tables import (
    balance_table,
    checks_table,
    effects_table,
    exits_table,
    significance_table,
    targets_table,
)
from analysis_lib.results import Curve, Estimate, Message, Results
from analysis_lib.trials.definition import ALL, CONTROL
from analysis_lib.trials.design.balance import Balance
from analysis_lib.trials.evaluation import (
    ADJUSTED,
    ADJUSTED_HAZARD_RATIO,
    DIFFERENCE,
    HAZARD_RATIO,
    compare_balance,
    compare_targets,
    count_exits,
    estimate_effects,
    estimate_subgroups,
    survival_curves,
)
from analysis_lib.trials.evaluation.course import effect_course, weekly_outcomes
from analysis_lib.trials.evaluation.robustness import bound_effects, correct_p_values, randomise_effects
from analysis_lib.trials.evaluation.spillover import estimate_spillover
from analysis_lib.trials.outcomes import Durations
from analysis_lib.trials.sources import load_spillover
from analysis_lib.trials.spillover_cases import SpilloverCases


@dataclass(frozen=True)
class TrialEffects(TrialReport):
    """The effect of the trial at one jobcentre, or at all.

    `untreated` are the people of the plan's spillover, where it asks for one: on the page of the whole trial only.
    """

    notebook: ClassVar[str] = "trial_effects"
    title: ClassVar[Message] = Message("Effects")
    untreated: SpilloverCases | None = None

    @classmethod
    def open(
        cls, *, trial: str, jobcentre: str, extract: str | Path, run: str | Path, language: Language = "da",
        stratum: str = ALL,
    ) -> Self:  # fmt: skip
        """Read the definitions and the cases of one report, as `TrialReport.open` does, and the spillover's."""
        report = super().open(
            trial=trial, jobcentre=jobcentre, extract=extract, run=run, language=language, stratum=stratum
        )
        if jobcentre != ALL or report.trial.spillover is None:
            return report
        codes = report.run.codes and in_project(report.run.codes)
        return replace(report, untreated=load_spillover(report.trial, in_project(extract), codes=codes))

    def balance(self) -> Shown:
        """Show whether the groups were alike: the primary arm's table, and the joint test of every arm."""
        if not self._enough:
            return self._reason()
        protected = [
            protect_balance(balance, self._rule, flow=self.cases.flow, hide_counts=self._hidden)
            for balance in self._balances
        ]
        checks = Results(balance.joint for balance in protected)
        return together(
            balance_table(protected[0], self.translator, self._labels),
            plots.figure(plots.balance(protected[0], translator=self.translator, labels=self._labels)),
            checks_table(
                checks, self.translator, self._labels, caption=self.translator.t("All characteristics at once")
            ),
        )

    def effects(self) -> Shown:
        """Show the primary arm's estimates and tests, then the other arms' comparisons with control."""
        first = self.trial.treated_arms[0].id
        own = Results(row for row in self._effects if row.arm in (first, CONTROL))
        compared = {str(name) for name in (DIFFERENCE, ADJUSTED, HAZARD_RATIO, ADJUSTED_HAZARD_RATIO)}
        others = Results(
            row for row in self._effects.estimates if row.arm not in (first, CONTROL) and row.estimand in compared
        )
        shown: list[object] = [effects_table(own, self.translator, self._labels)]
        if own.checks:
            shown.append(significance_table(own, self.translator, self._labels))
        if others:
            caption = self.translator.t("The other arms against control")
            shown.append(effects_table(others, self.translator, self._labels, caption=caption))
        return together(*shown)

    def course(self) -> Shown:
        """Show the effect week by week, with a band for each week and one for all weeks at once."""
        outcomes = weekly_outcomes(self.cases)
        if not outcomes:
            return paragraphs(self.translator.t("No outcome is measured week by week."))
        rng, arm = self._rng(), self.trial.treated_arms[0].id
        return together(*(thing for outcome in outcomes for thing in self._course(outcome, arm, rng)))

    def robustness(self) -> Shown:
        """Show randomisation tests, p-values corrected for several comparisons, and bounds for missing outcomes."""
        t = self.translator.t
        parts = [
            (self._randomised, t("Randomisation tests: what was assigned is assigned anew")),
            (self._corrected, t("p-values corrected for the number of comparisons")),
            (self._bounds, t("Bounds of the effect, whoever the missing are (Lee)")),
        ]
        shown = [effects_table(rows, self.translator, self._labels, caption=caption) for rows, caption in parts if rows]
        return together(*shown) if shown else paragraphs(t("The plan names no further tests."))

    def spillover(self) -> Shown:
        """Show whether the trial touched those who were not treated (on the page of the whole trial)."""
        if self.cases.jobcentre != ALL and self.trial.spillover is not None:
            note = self.translator.t("This can be asked of the whole trial only; its own report answers.")
            return paragraphs(note)
        plan, arm = self.trial.spillover, self.trial.treated_arms[0].id
        outcome = plan.outcome if plan else ""
        effects = self._effects.where(outcome=outcome, arm=arm, estimand=DIFFERENCE).estimates
        return show_spillover(
            self._spillover, effects[0] if effects else None, self.trial, self.translator, self._labels
        )

    def durations(self) -> Shown:
        """Show the survival curves of every duration, and how observation ended; or the reason why not."""
        shown: list[object] = []
        for outcome in self.trial.outcomes:
            if isinstance(self.cases.outcomes[outcome.id], Durations):
                shown += self._duration(outcome.id)
        if not shown:
            return paragraphs(self.translator.t("The trial has no outcome that is a duration."))
        return together(*shown)

    def subgroups(self) -> Shown:
        """Show whether groups chosen beforehand differ, and the primary outcome's effect in each."""
        return show_subgroups(self.trial, self._subgroups, self.translator, self._labels)

    def published(self) -> Shown:
        """Show published numbers beside ours (on the page of the whole trial)."""
        if self.cases.jobcentre != ALL:
            note = self.translator.t("Published numbers are for the whole trial; its own report compares them.")
            return paragraphs(note)
        readings = [readings_table(self.trial.published, self.translator, self._labels)] if self.trial.published else []
        if not self.trial.targets:
            said = paragraphs(self.translator.t("No published number was found."))
            return together(said, *readings)
        table = targets_table(compare_targets(self.trial, self._effects), self.translator)
        if not self.cases.simulated:
            return together(table, *readings)
        note = self.translator.t(
            "The data was simulated from these numbers: agreement shows only that the analysis finds them again."
        )
        return together(paragraphs(note), table, *readings)

    # --- what it is made of ------------------------------------------------------------------------------------------

    @cached_property
    def results(self) -> Results:
        """Every estimate and check of the report, after disclosure control."""
        return self._effects + self._subgroups + self._randomised + self._corrected + self._bounds + self._spillover

    @cached_property
    def _effects(self) -> Results:
        return self._protected(estimate_effects(self.cases))

    @cached_property
    def _randomised(self) -> Results:
        return self._protected(randomise_effects(self.cases, rng=self._rng()))

    @cached_property
    def _corrected(self) -> Results:
        return self._protected(correct_p_values(self.cases, estimate_effects(self.cases), rng=self._rng()))

    @cached_property
    def _bounds(self) -> Results:
        return self._without_few_missing(self._protected(bound_effects(self.cases)))

    @cached_property
    def _spillover(self) -> Results:
        """The plan's spillover; emptied where a cohort is small, as its count follows from those that are shown."""
        if self.untreated is None:
            return Results()
        found = estimate_spillover(self.untreated, rng=self._rng())
        if self.untreated.reason is None and self.untreated.fewest < self._rule.min_count:
            reason, first = too_few(self._rule.min_count), found.estimates[0]
            known = {"estimand": first.estimand, "outcome": first.outcome, "unit": first.unit}
            return Results([Estimate.empty(reason=reason, level=first.interval.level, **known)])
        return self._protected(found)

    def _course(self, outcome: str, arm: str, rng: np.random.Generator) -> list[object]:
        found = effect_course(self.cases, outcome, arm, rng=rng)
        t = self.translator.t
        if isinstance(found, Message):
            return [paragraphs(t("Not shown: {reason}.", reason=found))]
        if self._hidden:
            return [paragraphs(t("Not shown: {reason}.", reason=too_few(self._rule.min_count)))]
        name = say_label(self._labels, outcome, self.translator)
        known: dict[str, Any] = {
            "translator": self.translator,
            "labels": self._labels,
            "x_label": t("Weeks since entry"),
        }
        shares = (found.treated, found.control)
        people = [np.zeros(len(curve.x)) if curve.at_risk is None else curve.at_risk for curve in shares]
        counts = [count for curve, n in zip(shares, people, strict=True) for count in (n * curve.y, n * (1 - curve.y))]
        drawn = hide_few(shares, counts, self._rule)
        bands = [found.difference] if found.simultaneous is None else [found.simultaneous, found.difference]
        names = (Message("Band for all weeks at once"), Message("Interval of each week"))[-len(bands) :]
        said = [replace(c, label=self.translator.render(n)) for c, n in zip(bands, names, strict=True)]
        differences = hide_few(said, counts, self._rule)
        if len(drawn) < len(shares) or not differences:
            return [paragraphs(t("Not shown: {reason}.", reason=too_few(self._rule.min_count)))]
        arms = plots.curves(drawn, title=name, y_label=name, percent=True, **known)
        title = t("{outcome}: treated less control", outcome=name)
        difference = plots.curves(
            differences, title=title, y_label=t("Difference in share"), percent=True, null=0.0, **known
        )
        return [plots.figure(arms), plots.figure(difference)]

    @cached_property
    def _subgroups(self) -> Results:
        return self._protected(estimate_subgroups(self.cases))

    @cached_property
    def _balances(self) -> tuple[Balance, ...]:
        return compare_balance(self.cases, rng=self._rng())

    @cached_property
    def _enough(self) -> bool:
        return any(row.estimated for row in self._effects.estimates)

    def _reason(self) -> Shown:
        reason = next((row.reason for row in self._effects.estimates if row.reason), Message("there are no cases"))
        return paragraphs(self.translator.t("Not shown: {reason}.", reason=reason))

    def _duration(self, outcome: str) -> list[object]:
        arm = self.trial.treated_arms[0].id
        try:
            curves = [
                protect_curve(curve, self._rule, hide_counts=self._hidden)
                for curve in survival_curves(self.cases, outcome, arm=arm)
            ]
        except NotEstimable:
            curves = []
        if not curves:
            return [self._reason()]
        return [self._curves(curves), self._exits(outcome, arm)]

    def _curves(self, curves: list[Curve]) -> object:
        axes = plots.survival(curves, translator=self.translator, labels=self._labels, windows=self.trial.schedule)
        return plots.figure(axes)

    def _exits(self, outcome: str, arm: str) -> object:
        counts = count_exits(self.cases, outcome)
        shown: dict[str, Mapping[str, int | None]] = {}
        for name in (arm, CONTROL):
            protected: Mapping[str, int | None] = protect_parts(counts[name], self._rule)
            shown[name] = dict.fromkeys(protected) if self._hidden else protected
        return exits_table(shown, self.translator, {**self._labels, **exit_labels(self.cases.codes)})

    def _sentences(self) -> tuple[Message, ...]:
        return answer(self.trial, self.cases.jobcentre, self._effects)
