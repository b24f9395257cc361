"""What was the effect of the trial: the report of `notebooks/trial_effects.ipynb`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from analysis_lib.errors import NotEstimable
from analysis_lib.reporting import plots
from analysis_lib.reporting.answer import answer
from analysis_lib.reporting.disclosure import protect_balance, protect_curve, protect_parts
from analysis_lib.reporting.labels import exit_labels
from analysis_lib.reporting.reports.trial_report import TrialReport
from analysis_lib.reporting.shown import Shown, paragraphs, together
from analysis_lib.reporting.tables import (
    balance_table,
    checks_table,
    effects_table,
    exits_table,
    significance_table,
    targets_table,
)
from analysis_lib.results import Curve, Message, Results
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
from analysis_lib.trials.outcomes import Durations


@dataclass(frozen=True)
class TrialEffects(TrialReport):
    """The effect of the trial at one jobcentre, or at all."""

    notebook: ClassVar[str] = "trial_effects"

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
        """Show the primary outcome's effect in each pre-specified group, with the test of equal effects."""
        if not self.trial.subgroups:
            return paragraphs(self.translator.t("No subgroups were specified beforehand."))
        rows = Results(self._subgroups.estimates)
        shown: list[object] = []
        if any(row.estimated for row in rows.estimates):
            shown.append(plots.figure(plots.effects(rows, translator=self.translator, labels=self._labels)))
        caption = self.translator.t("Effect on the primary outcome by group")
        return together(
            *shown,
            effects_table(rows, self.translator, self._labels, caption=caption),
            significance_table(
                self._subgroups, self.translator, self._labels, caption=self.translator.t("Do the groups differ?")
            ),
        )

    def published(self) -> Shown:
        """Show published numbers beside ours (on the page of the whole trial)."""
        if self.cases.jobcentre != ALL:
            note = self.translator.t("Published numbers are for the whole trial; its own report compares them.")
            return paragraphs(note)
        if not self.trial.targets:
            return paragraphs(self.translator.t("No published number was found."))
        table = targets_table(compare_targets(self.trial, self._effects), self.translator)
        if not self.cases.simulated:
            return together(table)
        note = self.translator.t(
            "The data was simulated from these numbers: agreement shows only that the analysis finds them again."
        )
        return together(paragraphs(note), table)

    # --- what it is made of ------------------------------------------------------------------------------------------

    @cached_property
    def results(self) -> Results:
        """Every estimate and check of the report, after disclosure control."""
        return self._effects + self._subgroups

    @cached_property
    def _effects(self) -> Results:
        return self._protected(estimate_effects(self.cases))

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
