"""What every page on a trial has: its heading, its answer, its facts and limits, and the file of its estimates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import ClassVar

from analysis_lib.errors import OutputError
from analysis_lib.register.jobcentres import read_jobcentres
from analysis_lib.reporting.labels import labels_of
from analysis_lib.reporting.language import Labels, Translator
from analysis_lib.reporting.run_definition import RunDefinition
from analysis_lib.reporting.shown import Shown, paragraphs, together
from analysis_lib.reporting.tables import Fact, facts_table
from analysis_lib.reporting.trial_facts import trial_facts
from analysis_lib.results import Message, Results
from analysis_lib.trials.definition import ALL, Trial


@dataclass(frozen=True)
class TrialPage(ABC):
    """One notebook's page on a trial: it opens with `heading` and `answer`, and closes with `method` and `save`."""

    trial: Trial
    run: RunDefinition
    translator: Translator
    jobcentre: str
    stratum: str = field(default=ALL, kw_only=True)

    notebook: ClassVar[str]
    """The notebook's id: `notebooks/<id>.ipynb`, and `<id>.parquet` of the rows saved."""
    title: ClassVar[Message]
    """What tells the page from a trial's others, in its heading and in the index."""
    reads_people: ClassVar[bool] = True
    """Whether the page is about people, and not about published numbers alone."""

    @classmethod
    def check_trial(cls, trial: Trial) -> None:
        """Raise where the page cannot be about the trial.

        Raises
        ------
        DefinitionError
            With the reason.
        """
        del trial

    # --- what every page shows ---------------------------------------------------------------------------------------

    def heading(self) -> Shown:
        """Show the trial, the place, the question and what kind of data this is."""
        t, text = self.translator.t, self.translator.text
        title = f"{text(self.trial.title)}: {self.translator.render(self.title)} – {self.place}"
        lines = [f"<h1>{escape(title)}</h1>"]
        if self.trial.status == "template":
            banner = t("Design template with illustrative parameters: no result is claimed.")
            lines.append(f'<p class="banner" role="note"><strong>{escape(banner)}</strong></p>')
        if self._simulated:
            banner = t("Simulated data calibrated to the published summary moments. No real people.")
            lines.append(f'<p class="banner" role="note"><strong>{escape(banner)}</strong></p>')
        lines.append(f'<p class="question">{escape(text(self.trial.question))}</p>')
        return Shown("\n".join(lines))

    def answer(self) -> Shown:
        """Show what the page says, in sentences that a jobcentre manager understands."""
        return paragraphs(*(self._say(sentence) for sentence in self._sentences()))

    def facts(self) -> Shown:
        """Show what was tried on whom, each fact with its evidence."""
        return together(facts_table(trial_facts(self.trial, self.translator), self.translator))

    def method(self) -> Shown:
        """Show how the numbers were made, and what a reader must know before using them."""
        facts = [
            Fact(name=self.translator.t("Limit"), value=limit.text, mark=limit.mark, source=limit.source)
            for limit in self.trial.limits
        ]
        limits = facts_table(facts, self.translator, caption=self.translator.t("Limits"))
        return together(paragraphs(*self._method_lines()), *([limits] if facts else []))

    def save(self, output: str | Path) -> Shown:
        """Save the estimates, after disclosure control, as `<notebook>.parquet` in the folder (empty: nowhere)."""
        if not str(output):
            return Shown("")
        frame = self.results.to_frame()
        frame.insert(0, "trial", self.trial.id)
        frame.insert(1, "jobcentre", self.jobcentre)
        frame.insert(2, "stratum", self.stratum)
        path = Path(output) / f"{self.notebook}.parquet"
        made = path.with_suffix(".partial")
        try:
            frame.to_parquet(made, index=False)
            made.replace(path)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error})") from None
        return Shown("")

    # --- what each page has of its own -------------------------------------------------------------------------------

    @property
    @abstractmethod
    def results(self) -> Results:
        """Every estimate and check of the page, after disclosure control."""

    @abstractmethod
    def _sentences(self) -> Iterable[Message]:
        """Return the sentences of `answer`."""

    @abstractmethod
    def _method_lines(self) -> Iterable[str]:
        """Return the paragraphs on how the numbers were made."""

    # --- what it is made of ------------------------------------------------------------------------------------------

    @property
    def place(self) -> str:
        """The jobcentre's name, or that of the whole trial; and the group, where the plan analyses groups apart."""
        whole = self.jobcentre == ALL
        name = self.translator.t("The whole trial") if whole else read_jobcentres().name(self.jobcentre)
        return (
            name if self.stratum == ALL else f"{name}, {self.translator.text(self.trial.stratum(self.stratum).label)}"
        )

    @property
    def _simulated(self) -> bool:
        return False

    def _say(self, message: str) -> str:
        """Return a message in the page's language, with the trial's own names for its ids."""
        return self.translator.naming(self._labels).render(message)

    @cached_property
    def _labels(self) -> Labels:
        return labels_of(self.trial)
