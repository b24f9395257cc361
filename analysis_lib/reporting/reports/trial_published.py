"""What the sources say of a trial, without any data of ours: the report of `notebooks/trial_published.ipynb`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

from analysis_lib.parameters import Language, in_project
from analysis_lib.reporting.evidence import UNVERIFIED, Fact, facts_table, readings_table
from analysis_lib.reporting.labels import translator_of
from analysis_lib.reporting.language import say_label
from analysis_lib.reporting.reports.trial_page import TrialPage
from analysis_lib.reporting.run_definition import read_run
from analysis_lib.reporting.shown import Shown, paragraphs, together
from analysis_lib.reporting.table import format_value
from analysis_lib.reporting.tables import effects_table
from analysis_lib.reporting.trial_facts import trial_facts
from analysis_lib.results import Estimate, Message, Results
from analysis_lib.trials.definition import ALL, SummaryData, Target, read_trial
from analysis_lib.trials.summary_cases import DIFFERENCE_IN_SHARES, SHARE, load_summary


@dataclass(frozen=True)
class TrialPublished(TrialPage):
    """Published numbers and findings with their evidence; what is not known is said to be so."""

    notebook: ClassVar[str] = "trial_published"
    title: ClassVar[Message] = Message("What is published")
    reads_people: ClassVar[bool] = False

    @classmethod
    def open(
        cls, *, trial: str, run: str | Path, jobcentre: str = ALL, extract: str | Path = "", language: Language = "da",
        stratum: str = ALL,
    ) -> Self:  # fmt: skip
        """Read the definition of a trial; no data is read.

        Parameters
        ----------
        trial, run, language
            As in `TrialReport.open`.
        jobcentre, stratum
            As in `TrialReport.open`; published numbers are of the whole trial in any case.
        extract
            Not used: there are no people on this page.

        Raises
        ------
        DefinitionError
            A definition is not valid.
        """
        del extract
        definition = read_trial(trial)
        definition.check_jobcentre(jobcentre)
        if stratum != ALL:
            definition.stratum(stratum)
        return cls(
            trial=definition, run=read_run(in_project(run)), translator=translator_of(definition, language),
            jobcentre=jobcentre, stratum=stratum,
        )  # fmt: skip

    def numbers(self) -> Shown:
        """Show the published numbers, and what follows from them."""
        t = self.translator.t
        shown: list[object] = []
        if self.results:
            caption = t("Published numbers, and what follows from them")
            shown.append(effects_table(self.results, self.translator, self._labels, caption=caption))
            caption = t("What the numbers were read from")
            shown.append(facts_table(self._numbers(), self.translator, caption=caption))
        if self.trial.targets:
            facts = [
                Fact(name=target.label, value=self._write(target), mark=target.mark, source=target.source)
                for target in self.trial.targets
            ]
            shown.append(facts_table(facts, self.translator, caption=t("Published results")))
        return together(*shown) if shown else paragraphs(t("No published number was found."))

    def findings(self) -> Shown:
        """Show what has been published in words, finding by finding, also where sources contradict each other."""
        if not self.trial.published:
            return paragraphs(self.translator.t("No published finding was found."))
        return together(readings_table(self.trial.published, self.translator, self._labels))

    # --- what it is made of ------------------------------------------------------------------------------------------

    @cached_property
    def results(self) -> Results:
        """The published numbers as estimates; none where the trial's data is people."""
        if not isinstance(self.trial.data, SummaryData):
            return Results()
        rows: list[Estimate] = sorted(load_summary(self.trial).estimates, key=lambda row: row.estimand == SHARE)
        return Results(rows)

    def _numbers(self) -> list[Fact]:
        """Return every published ratio, share and number of people with its evidence."""
        data, t = self.trial.data, self.translator.t
        if not isinstance(data, SummaryData):
            return []
        facts = [
            Fact(
                name=self._name(ratio.outcome, ratio.site),
                value=t("{ratio:.2f} ({low:.2f} to {high:.2f})", ratio=ratio.ratio, low=ratio.low, high=ratio.high),
                mark=ratio.mark, source=ratio.source,
            )
            for ratio in data.ratios
        ]  # fmt: skip
        facts += [
            Fact(
                name=self._name(share.outcome, share.arm), value=self.translator.percent(share.share, 0),
                mark=share.mark, source=share.source,
            )
            for share in data.shares
        ]  # fmt: skip
        return facts + [
            Fact(
                name=self._name(size.outcome, size.site, size.arm), value=t("{n} people", n=size.n), mark=size.mark,
                source=size.source,
            )
            for size in data.sizes
        ]  # fmt: skip

    def _name(self, *ids: str | None) -> str:
        return ", ".join(say_label(self._labels, one, self.translator) for one in ids if one is not None)

    def _write(self, target: Target) -> str:
        found = [o for o in self.trial.outcomes if o.id == target.outcome]
        outcome = self.translator.text(found[0].label)
        return f"{format_value(target.value, '', self.translator)} ({outcome})"

    def _sentences(self) -> Iterable[Message]:
        """Return what was found, whether sources agree, and how much of it is verified."""
        yield self._say_numbers()
        yield self._say_findings()
        marks = [fact.mark for fact in trial_facts(self.trial, self.translator)]
        marks += [found.mark for found in (*self.trial.targets, *self.trial.published, *self.trial.limits)]
        marks += [fact.mark for fact in self._numbers()]
        yield Message(
            "Facts on this page that were not read in a source, and are marked so: {n} of {all}.",
            n=sum(mark in UNVERIFIED for mark in marks), all=len(marks),
        )  # fmt: skip

    def _say_numbers(self) -> Message:
        differences = self.results.where(estimand=DIFFERENCE_IN_SHARES).estimates
        ratios = [row for row in self.results.estimates if row.group]
        if differences:
            return Message.join((self._say_difference(row) for row in differences if row.estimated), separator=" ")
        if ratios:
            first = [row for row in ratios if row.outcome == ratios[0].outcome]
            return Message(
                "{outcome}: the published ratios of treated to control run from {low:.2f} to {high:.2f} over {n} "
                "places; no number is given for all of them.",
                outcome=Message(first[0].outcome), low=min(row.value for row in first),
                high=max(row.value for row in first), n=len(first),
            )  # fmt: skip
        if self.trial.targets:
            return Message("Published numbers found: {n}.", n=len(self.trial.targets))
        return Message("No published number was found.")

    def _say_difference(self, row: Estimate) -> Message:
        return Message(
            "{outcome}: {size:.0f} percentage points {direction} among the treated ({level:.0f} % interval {low:.1f} "
            "to {high:.1f}).",
            outcome=Message(row.outcome), size=abs(row.value),
            direction=Message("more") if row.value > 0 else Message("less"), level=100 * row.interval.level,
            low=row.interval.low, high=row.interval.high,
        )  # fmt: skip

    def _say_findings(self) -> Message:
        found = self.trial.published
        if not found:
            return Message("No published finding was found.")
        signs: dict[tuple[str | None, ...], set[str]] = {}
        for one in found:
            if one.sign is not None:
                signs.setdefault((one.outcome, one.arm, one.stratum), set()).add(one.sign)
        if any(len(several) > 1 for several in signs.values()):
            return Message(
                "Published findings: {n}. The sources contradict each other, and all are shown.", n=len(found)
            )
        return Message("Published findings: {n}. None contradicts another.", n=len(found))

    def _method_lines(self) -> list[str]:
        t = self.translator.t
        said = [t("Everything on this page is from what others have published; no data was analysed here.")]
        if self.results:
            said.append(
                t(
                    "Standard errors and tests are worked out from the published numbers: from the interval of a ratio "
                    "on its logarithm, from the shares and the numbers of people of the two groups."
                )
            )
        return said
