"""Does the effect differ between places: the report of `notebooks/trial_sites.ipynb`."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from analysis_lib.errors import DefinitionError
from analysis_lib.parameters import Language, in_project
from analysis_lib.reporting import plots
from analysis_lib.reporting.labels import PLACE, place_labels, translator_of
from analysis_lib.reporting.language import Labels, say_label
from analysis_lib.reporting.reports.trial_page import TrialPage
from analysis_lib.reporting.reports.trial_report import TrialReport
from analysis_lib.reporting.run_definition import read_run
from analysis_lib.reporting.shown import Shown, paragraphs, together
from analysis_lib.reporting.tables import effects_table, significance_table
from analysis_lib.results import Estimate, Message, Results
from analysis_lib.trials.definition import ALL, FileData, SummaryData, Trial, read_trial
from analysis_lib.trials.evaluation.sites import SiteEffects, estimate_sites, pool_places
from analysis_lib.trials.summary_cases import load_summary


@dataclass(frozen=True)
class SitesPage(TrialPage):
    """The effect at every place; on a jobcentre's page the same, with its own place said first."""

    notebook: ClassVar[str] = "trial_sites"
    title: ClassVar[Message] = Message("Places")

    @classmethod
    def check_trial(cls, trial: Trial) -> None:
        """Raise where the trial has no places to compare."""
        if isinstance(trial.data, FileData):
            raise DefinitionError(f"trial {trial.id} has data of kind file, without jobcentres: there are no places")
        if not isinstance(trial.data, SummaryData):
            trial.check_assigned()
        elif not trial.data.ratios:
            raise DefinitionError(f"trial {trial.id} has published numbers of all places together: none to compare")

    def sites(self) -> Shown:
        """Show every place's own estimate, and the mean."""
        return together(*(thing for found in self._found for thing in self._sites_of(found)))

    def heterogeneity(self) -> Shown:
        """Show how much the places differ, and whether one number may stand for all."""
        shown: list[object] = []
        for found in self._found:
            rows = Results([*found.pooled.estimates, *found.heterogeneity.estimates])
            shown.append(
                effects_table(
                    rows, self.translator, self._places, caption=self._caption(Message("All places together"), found)
                )
            )
            if found.heterogeneity.checks:
                caption = self._caption(Message("Do the places differ?"), found)
                checks = Results(found.heterogeneity.checks)
                shown.append(significance_table(checks, self.translator, self._places, caption=caption))
            if found.pooled.estimates[0].estimated and not found.headline:
                shown.append(
                    paragraphs(self.translator.t("The places differ too much for one number to stand for them all."))
                )
        return together(*shown)

    def shrunken(self) -> Shown:
        """Show every place's effect shrunken towards the mean."""
        shown: list[object] = []
        for found in self._found:
            if not found.shrunken:
                shown.append(paragraphs(self.translator.t("The places could not be pooled.")))
                continue
            shown.append(plots.figure(plots.effects(found.shrunken, translator=self.translator, labels=self._places)))
        said = self.translator.t(
            "A place with few people is drawn towards the mean: its own number is mostly chance. Places are not "
            "ranked by these numbers where their intervals overlap."
        )
        return together(*shown, paragraphs(said))

    def without(self) -> Shown:
        """Show the mean with each place left out."""
        shown = [
            effects_table(
                found.without,
                self.translator,
                self._places,
                caption=self._caption(Message("The mean without each place"), found),
            )
            for found in self._found
            if found.without
        ]
        return together(*shown) if shown else paragraphs(self.translator.t("The places could not be pooled."))

    # --- what it is made of ------------------------------------------------------------------------------------------

    @property
    def results(self) -> Results:
        """Every estimate of the page, after disclosure control; on a jobcentre's page its own first."""
        found = [
            row for one in self._found for part in (one.rows, one.pooled, one.shrunken, one.without) for row in part
        ]
        own = f"{PLACE}.{self.jobcentre}"
        return Results(sorted(found, key=lambda row: row.group != own and self.jobcentre != ALL))

    @property
    @abstractmethod
    def _found(self) -> tuple[SiteEffects, ...]:
        """The outcomes' effects by place, after disclosure control."""

    def _sites_of(self, found: SiteEffects) -> list[object]:
        shown: list[object] = []
        mean = found.pooled.estimates[:1] if found.headline else ()
        drawn = Results([*found.rows.estimates, *mean])
        if any(row.estimated for row in drawn.estimates):
            shown.append(plots.figure(plots.effects(drawn, translator=self.translator, labels=self._places)))
        table = effects_table(
            found.rows,
            self.translator,
            self._places,
            caption=self._caption(Message("Every place's own estimate"), found),
        )
        return [*shown, table]

    def _caption(self, what: Message, found: SiteEffects) -> str:
        rows = found.rows.estimates
        outcome = say_label(self._labels, rows[0].outcome, self.translator) if rows else ""
        return f"{self.translator.render(what)}: {outcome}"

    @property
    def _places(self) -> Labels:
        """The trial's labels, with those of the places as groups."""
        return place_labels(self._labels)

    def _sentences(self) -> list[Message]:
        """Return how many places there are, whether they differ, and what the mean or a jobcentre's own effect is."""
        own = f"{PLACE}.{self.jobcentre}"
        here = [found for found in self._found if any(row.group == own for row in found.rows.estimates)]
        found = (here or self._found)[0]
        usable = [row for row in found.rows.estimates if row.estimated]
        if len(usable) < 2:
            return [Message("Fewer than two places have enough people: places cannot be compared.")]
        said = [
            Message(
                "{outcome}: {n} of {all} places have enough people for a number of their own.",
                outcome=Message(usable[0].outcome), n=len(usable), all=len(found.rows.estimates),
            )
        ]  # fmt: skip
        said.append(self._say_differ(found))
        return [*said, self._say_mean(found)]

    def _say_differ(self, found: SiteEffects) -> Message:
        tests = [check for check in found.heterogeneity.checks if check.passed is not None]
        if not tests:
            return Message("Whether the places differ could not be tested.")
        if tests[0].passed:
            return Message("The differences between the places are no larger than chance makes them.")
        return Message("The places differ by more than chance: look at each place, not at the mean.")

    def _say_mean(self, found: SiteEffects) -> Message:
        row = self._own(found) or found.pooled.estimates[0]
        if not row.estimated:
            return Message("The places could not be pooled: {reason}.", reason=row.reason)
        shown = {
            "value": row.value,
            "level": 100 * row.interval.level,
            "low": row.interval.low,
            "high": row.interval.high,
        }
        if row.group:
            return Message(
                "Here the effect, drawn towards the mean, is {value:.2f} ({level:.0f} % interval {low:.2f} to "
                "{high:.2f}).",
                **shown,
            )
        if not found.headline:
            return Message("No mean over the places is given as the result, as they are too different.")
        return Message(
            "The mean over the places is {value:.2f} ({level:.0f} % interval {low:.2f} to {high:.2f}).", **shown
        )

    def _own(self, found: SiteEffects) -> Estimate | None:
        own = f"{PLACE}.{self.jobcentre}"
        return next((row for row in found.shrunken.estimates if row.group == own), None)


@dataclass(frozen=True)
class TrialSites(SitesPage, TrialReport):
    """The effect at every jobcentre of the trial, from the people of all of them."""

    @cached_property
    def _found(self) -> tuple[SiteEffects, ...]:
        return tuple(self._protect(estimate_sites(self.cases, arm.id)) for arm in self.trial.treated_arms)

    def _protect(self, found: SiteEffects) -> SiteEffects:
        rows = Results(replace(row, group=f"{PLACE}.{row.group}") for row in found.rows.estimates)
        shrunken = Results(replace(row, group=f"{PLACE}.{row.group}") for row in found.shrunken.estimates)
        without = Results(replace(row, group=f"{PLACE}.{row.group}") for row in found.without.estimates)
        return replace(found, rows=self._protected(rows), shrunken=shrunken, without=without)


@dataclass(frozen=True)
class PublishedSites(SitesPage):
    """The effect at every place as published: numbers alone, no people."""

    @cached_property
    def _found(self) -> tuple[SiteEffects, ...]:
        rows = load_summary(self.trial)
        pooling, level = self.trial.inference.pooling, self.trial.inference.level
        return tuple(
            pool_places([row for row in rows.where(outcome=outcome.id).estimates if row.group], pooling, level=level)
            for outcome in self.trial.outcomes
            if any(row.group for row in rows.where(outcome=outcome.id).estimates)
        )

    def _method_lines(self) -> list[str]:
        t = self.translator.t
        return [
            t("Every number is worked out from published ones: there are no people in the data of this page."),
            t("Standard errors follow from the published intervals, on the logarithm of the ratio."),
        ]


def open_trial_sites(
    *, trial: str, jobcentre: str, extract: str | Path, run: str | Path, language: Language = "da", stratum: str = ALL
) -> SitesPage:
    """Read the definitions and the cases (or published numbers) of the page on places.

    Parameters
    ----------
    trial, extract, run, language, stratum
        As in `TrialReport.open`; published numbers need no extract.
    jobcentre
        One of the trial's, or `all`. The people are those of all jobcentres in any case.

    Raises
    ------
    DefinitionError, DataError
        As in `TrialReport.open`; also where the trial has no places to compare.
    """
    definition = read_trial(trial)
    definition.check_jobcentre(jobcentre)
    SitesPage.check_trial(definition)
    if not isinstance(definition.data, SummaryData):
        page = TrialSites.open(trial=trial, jobcentre=ALL, extract=extract, run=run, language=language, stratum=stratum)
        return replace(page, jobcentre=jobcentre)
    return PublishedSites(
        trial=definition, run=read_run(in_project(run)), translator=translator_of(definition, language),
        jobcentre=jobcentre,
    )  # fmt: skip
