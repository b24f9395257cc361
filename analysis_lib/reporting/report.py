"""The report of one trial at one jobcentre: what the notebook asks, each answer ready to be shown."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from analysis_lib.errors import NotEstimable, OutputError
from analysis_lib.parameters import Language, in_project
from analysis_lib.register.jobcentres import read_jobcentres
from analysis_lib.reporting import plots
from analysis_lib.reporting.answer import answer
from analysis_lib.reporting.disclosure import (
    DisclosureRule,
    cells_to_cover,
    protect_balance,
    protect_curve,
    protect_flow,
    protect_parts,
    protect_results,
    sites_to_hide,
)
from analysis_lib.reporting.labels import exit_labels, labels_of, translator_of
from analysis_lib.reporting.language import Labels, Translator
from analysis_lib.reporting.run_definition import RunDefinition, read_run
from analysis_lib.reporting.tables import (
    Fact,
    balance_table,
    checks_table,
    effects_table,
    exits_table,
    facts_table,
    flow_table,
    significance_table,
    targets_table,
)
from analysis_lib.reporting.trial_facts import method_lines, trial_facts
from analysis_lib.results import Curve, Message, Results
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.definition import (
    ALL,
    CONTROL,
    Trial,
    read_trial,
)
from analysis_lib.trials.design.balance import Balance
from analysis_lib.trials.evaluation import (
    ADJUSTED,
    ADJUSTED_HAZARD_RATIO,
    DIFFERENCE,
    HAZARD_RATIO,
    check_design,
    compare_balance,
    compare_targets,
    count_exits,
    estimate_effects,
    estimate_subgroups,
    survival_curves,
)
from analysis_lib.trials.outcomes import Durations
from analysis_lib.trials.sources import load_cases

RESULTS_FILE = "trial_effects.parquet"


@dataclass(frozen=True, slots=True)
class Shown:
    """Something that a notebook shows: HTML of its own."""

    html: str

    def _repr_html_(self) -> str:
        return self.html


def together(*things: object) -> Shown:
    """Return several things that show themselves as one, in order."""
    return Shown("\n".join(thing._repr_html_() for thing in things if hasattr(thing, "_repr_html_")))


def open_report(
    *, trial: str, jobcentre: str, extract: str | Path, run: str | Path, language: Language = "da"
) -> Report:
    """Read the definitions and the cases of one report.

    Parameters
    ----------
    trial
        Id of `parameters/trials/<id>.yml`.
    jobcentre
        Id of one of the trial's jobcentres, or `all`.
    extract
        Folder of the register extract (or of the trial's file).
    run
        The run file: says what may be disclosed.
    language
        `da` or `en`.
    """
    definition = read_trial(trial)
    chosen = read_run(in_project(run))
    codes = chosen.codes and in_project(chosen.codes)
    cases = load_cases(definition, in_project(extract), jobcentre=jobcentre, codes=codes)
    return Report(trial=definition, cases=cases, run=chosen, translator=translator_of(definition, language))


@dataclass(frozen=True)
class Report:
    """One trial at one jobcentre. Everything shown or saved has been through disclosure control."""

    trial: Trial
    cases: Cases
    run: RunDefinition
    translator: Translator

    # --- what is shown, in the order of the page ---------------------------------------------------------------------

    def heading(self) -> Shown:
        """Show the trial, the place, the question and what kind of data this is."""
        t, text = self.translator.t, self.translator.text
        lines = [f"<h1>{escape(text(self.trial.title))} – {escape(self.place)}</h1>"]
        if self.cases.simulated:
            banner = t("Simulated data calibrated to the published summary moments. No real people.")
            lines.append(f'<p class="banner" role="note"><strong>{escape(banner)}</strong></p>')
        lines.append(f'<p class="question">{escape(text(self.trial.question))}</p>')
        return Shown("\n".join(lines))

    def answer(self) -> Shown:
        """Show what the trial says, in sentences."""
        said = answer(self.trial, self.cases.jobcentre, self._effects)
        translator = self.translator.naming(self._labels)
        sentences = [translator.render(sentence) for sentence in said]
        return Shown("".join(f"<p>{escape(sentence)}</p>" for sentence in sentences))

    def design(self) -> Shown:
        """Show what was tried on whom, each fact with its evidence, and the check of the treated share."""
        checks = self._protected(check_design(self.cases))
        facts = facts_table(trial_facts(self.trial, self.translator), self.translator)
        if all(check.passed is None for check in checks.checks):
            said = self.translator.t("The shares cannot be tested: {reason}.", reason=checks.checks[0].detail)
            return together(facts, Shown(f"<p>{escape(said)}</p>"))
        caption = self.translator.t("Was the rule followed?")
        return together(facts, checks_table(checks, self.translator, self._labels, caption=caption))

    def flow(self) -> Shown:
        """Show who is in the analysis."""
        flow = protect_flow(self.cases.flow, self._rule, hide_counts=self._hidden, also=self._covered)
        drawn = plots.figure(plots.flow(flow, translator=self.translator, labels=self._labels))
        table = flow_table(flow, self.translator, self._labels)
        summary = escape(self.translator.t("The numbers as a table"))
        return together(drawn, Shown(f"<details><summary>{summary}</summary>{table._repr_html_()}</details>"))

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
            return Shown(f"<p>{escape(self.translator.t('The trial has no outcome that is a duration.'))}</p>")
        return together(*shown)

    def subgroups(self) -> Shown:
        """Show the primary outcome's effect in each pre-specified group, with the test of equal effects."""
        if not self.trial.subgroups:
            return Shown(f"<p>{escape(self.translator.t('No subgroups were specified beforehand.'))}</p>")
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
            return Shown(f"<p>{escape(note)}</p>")
        if not self.trial.targets:
            return Shown(f"<p>{escape(self.translator.t('No published number was found.'))}</p>")
        table = targets_table(compare_targets(self.trial, self._effects), self.translator)
        if not self.cases.simulated:
            return together(table)
        note = self.translator.t(
            "The data was simulated from these numbers: agreement shows only that the analysis finds them again."
        )
        return together(Shown(f"<p>{escape(note)}</p>"), table)

    def method(self) -> Shown:
        """Show how the numbers were made, and what a reader must know before using them."""
        facts = [
            Fact(name=self.translator.t("Limit"), value=limit.text, mark=limit.mark, source=limit.source)
            for limit in self.trial.limits
        ]
        lines = method_lines(self.cases, self._rule.min_count, self.translator)
        paragraphs = "".join(f"<p>{escape(line)}</p>" for line in lines)
        limits = facts_table(facts, self.translator, caption=self.translator.t("Limits"))
        return together(Shown(paragraphs), *([limits] if facts else []))

    def save(self, output: str | Path) -> Shown:
        """Save the estimates, after disclosure control, as `trial_effects.parquet` in the folder (empty: nowhere)."""
        if not str(output):
            return Shown("")
        frame = (self._effects + self._subgroups).to_frame()
        frame.insert(0, "trial", self.trial.id)
        frame.insert(1, "jobcentre", self.cases.jobcentre)
        path = Path(output) / RESULTS_FILE
        made = path.with_suffix(".partial")
        try:
            frame.to_parquet(made, index=False)
            made.replace(path)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error})") from None
        return Shown("")

    # --- what it is made of ------------------------------------------------------------------------------------------

    @property
    def place(self) -> str:
        """The jobcentre's name, or that of the whole trial."""
        if self.cases.jobcentre == ALL:
            return self.translator.t("The whole trial")
        return read_jobcentres().name(self.cases.jobcentre)

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

    def _protected(self, results: Results) -> Results:
        return protect_results(results, self._rule, flow=self.cases.flow, hide_counts=self._hidden, also=self._covered)

    @cached_property
    def _balances(self) -> tuple[Balance, ...]:
        """Seeded by (trial's seed, jobcentre), so that the order of runs does not matter."""
        place = int.from_bytes(hashlib.sha256(self.cases.jobcentre.encode()).digest()[:8], "big")
        rng = np.random.default_rng([self.trial.inference.seed, place])
        return compare_balance(self.cases, rng=rng)

    @property
    def _rule(self) -> DisclosureRule:
        return self.run.disclosure

    @property
    def _hidden(self) -> bool:
        """Whether this page's counts would give away another jobcentre's."""
        return self.cases.jobcentre in self._hidden_pages

    @cached_property
    def _hidden_pages(self) -> frozenset[str]:
        flows = self.cases.site_flows
        by_arm: dict[str, dict[str, int]] = {}
        for site, flow in flows.items():
            for arm in flow.arms:
                by_arm.setdefault(arm.arm, {})[site] = arm.assigned
        chosen = [sites_to_hide(counts, self._rule.min_count) for counts in by_arm.values()]
        return frozenset(page for one in chosen for page in one.too_small | one.counts_hidden)

    @cached_property
    def _covered(self) -> frozenset[str]:
        """The cells of this page's flow that would give away another jobcentre's."""
        site, flows = self.cases.jobcentre, self.cases.site_flows
        if site not in flows:
            return frozenset()
        return cells_to_cover(flows, site, self._rule, hidden_pages=self._hidden_pages)

    @cached_property
    def _enough(self) -> bool:
        return any(row.estimated for row in self._effects.estimates)

    def _reason(self) -> Shown:
        reason = next((row.reason for row in self._effects.estimates if row.reason), Message("there are no cases"))
        return Shown(f"<p>{escape(self.translator.t('Not shown: {reason}.', reason=reason))}</p>")

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

    @cached_property
    def _labels(self) -> Labels:
        return labels_of(self.trial)


def read_results(path: Path | str) -> pd.DataFrame:
    """Read `results.parquet` of a run, or one report's estimates."""
    return pd.read_parquet(path)
