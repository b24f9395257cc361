"""A page on the people of a trial: who they are, and disclosure control of all that is shown of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from analysis_lib.parameters import Language, in_project
from analysis_lib.reporting import plots
from analysis_lib.reporting.disclosure import (
    DisclosureRule,
    ProtectedFlow,
    cells_to_cover,
    protect_flow,
    protect_results,
    sites_to_hide,
)
from analysis_lib.reporting.labels import translator_of
from analysis_lib.reporting.reports.trial_page import TrialPage
from analysis_lib.reporting.run_definition import read_run
from analysis_lib.reporting.shown import Shown, paragraphs, together
from analysis_lib.reporting.suppression import too_few
from analysis_lib.reporting.tables import checks_table, flow_table
from analysis_lib.reporting.trial_facts import method_lines
from analysis_lib.results import Check, Estimate, Item, Results
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.definition import ALL, CONTROL, Trial, read_trial
from analysis_lib.trials.evaluation import check_design
from analysis_lib.trials.sources import load_cases


@dataclass(frozen=True)
class TrialReport(TrialPage):
    """One trial's people at one jobcentre, or at all. Everything shown or saved has been through disclosure control."""

    cases: Cases

    @classmethod
    def check_trial(cls, trial: Trial) -> None:
        """Raise where the trial has no arms of people to compare."""
        trial.check_assigned()

    @classmethod
    def open(
        cls, *, trial: str, jobcentre: str, extract: str | Path, run: str | Path, language: Language = "da",
        stratum: str = ALL,
    ) -> Self:  # fmt: skip
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
        stratum
            One of the groups that the plan analyses apart; `all` where it names none.

        Raises
        ------
        DefinitionError
            A definition is not valid, the trial has no arms of people to compare, or its plan analyses groups apart
            and none of them is asked for.
        DataError
            The data is not valid; one line a problem.
        """
        definition = read_trial(trial)
        cls.check_trial(definition)
        own = definition.check_stratum(stratum)
        chosen = read_run(in_project(run))
        codes = chosen.codes and in_project(chosen.codes)
        cases = load_cases(definition, in_project(extract), jobcentre=jobcentre, codes=codes, stratum=own)
        return cls(
            trial=cases.trial,
            run=chosen,
            translator=translator_of(definition, language),
            jobcentre=jobcentre,
            stratum=stratum,
            cases=cases,
        )

    def facts(self) -> Shown:
        """Show what was tried on whom, each fact with its evidence, and the check of the treated share."""
        checks = self._protected(check_design(self.cases))
        facts = super().facts()
        if all(check.passed is None for check in checks.checks):
            said = self.translator.t("The shares cannot be tested: {reason}.", reason=checks.checks[0].detail)
            return together(facts, paragraphs(said))
        caption = self.translator.t("Was the rule followed?")
        return together(facts, checks_table(checks, self.translator, self._labels, caption=caption))

    def flow(self) -> Shown:
        """Show who is in the analysis."""
        drawn = plots.figure(plots.flow(self.protected_flow, translator=self.translator, labels=self._labels))
        table = flow_table(self.protected_flow, self.translator, self._labels)
        summary = escape(self.translator.t("The numbers as a table"))
        return together(drawn, Shown(f"<details><summary>{summary}</summary>{table._repr_html_()}</details>"))

    @cached_property
    def protected_flow(self) -> ProtectedFlow:
        """The page's flow after disclosure control."""
        return protect_flow(self.cases.flow, self._rule, hide_counts=self._hidden, also=self._covered)

    @property
    def _simulated(self) -> bool:
        return self.cases.simulated

    def _method_lines(self) -> Iterable[str]:
        return method_lines(self.cases, self._rule.min_count, self.translator)

    def _protected(self, results: Results) -> Results:
        return protect_results(results, self._rule, flow=self.cases.flow, hide_counts=self._hidden, also=self._covered)

    def _rng(self) -> np.random.Generator:
        """Return a generator seeded by (trial's seed, jobcentre), so that the order of runs does not matter."""
        place = int.from_bytes(hashlib.sha256(self.cases.jobcentre.encode()).digest()[:8], "big")
        return np.random.default_rng([self.trial.inference.seed, place])

    def _shows_missing(self, outcome: str, arm: str) -> bool:
        """Whether the flow shows how many of the arm and of control have the outcome known."""
        arms = [shown for shown in self.protected_flow.arms if shown.arm in (arm, CONTROL)]
        return all(shown.outcome_known.get(outcome) is not None for shown in arms)

    def _without_few_missing(self, results: Results) -> Results:
        """Return the results with those emptied that are about the missing where the flow withholds their number."""
        few = too_few(self._rule.min_count)
        items: list[Item] = []
        for item in results:
            if self._shows_missing(item.outcome, item.arm):
                items.append(item)
            elif isinstance(item, Check):
                items.append(Check(name=item.name, passed=None, detail=few, outcome=item.outcome, arm=item.arm))
            else:
                items.append(
                    Estimate.empty(
                        estimand=item.estimand, reason=few, level=item.interval.level, outcome=item.outcome,
                        arm=item.arm, unit=item.unit,
                    )
                )  # fmt: skip
        return Results(items)

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


def read_results(path: Path | str) -> pd.DataFrame:
    """Read `results.parquet` of a run, or one report's estimates."""
    return pd.read_parquet(path)
