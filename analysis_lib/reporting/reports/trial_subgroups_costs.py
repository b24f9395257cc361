"""What works for whom, what taking part did, and what it cost: `notebooks/trial_subgroups_costs.ipynb`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from analysis_lib.parameters import Text
from analysis_lib.reporting import plots
from analysis_lib.reporting.answer import clear
from analysis_lib.reporting.language import Labels
from analysis_lib.reporting.reports.trial_report import TrialReport
from analysis_lib.reporting.shown import Shown, paragraphs, together
from analysis_lib.reporting.tables import Fact, checks_table, effects_table, facts_table, significance_table
from analysis_lib.results import Message, Results
from analysis_lib.trials.evaluation import estimate_subgroups
from analysis_lib.trials.evaluation.costs import NET_BENEFIT, estimate_costs, estimate_quantities
from analysis_lib.trials.evaluation.course import estimate_uptake
from analysis_lib.trials.evaluation.learned import estimate_learned


@dataclass(frozen=True)
class TrialSubgroupsCosts(TrialReport):
    """Subgroups, taking part and costs at one jobcentre, or at all; the primary arm against control."""

    notebook: ClassVar[str] = "trial_subgroups_costs"
    title: ClassVar[Message] = Message("Subgroups and costs")

    def subgroups(self) -> Shown:
        """Show the primary outcome's effect in each pre-specified group, with the test of equal effects."""
        t = self.translator.t
        if not self.trial.subgroups:
            return paragraphs(t("No subgroups were specified beforehand."))
        rows = Results(self._subgroups.estimates)
        shown: list[object] = []
        if any(row.estimated for row in rows.estimates):
            shown.append(plots.figure(plots.effects(rows, translator=self.translator, labels=self._labels)))
        tests = significance_table(self._subgroups, self.translator, self._labels, caption=t("Do the groups differ?"))
        caption = t("Effect on the primary outcome by group")
        return together(tests, *shown, effects_table(rows, self.translator, self._labels, caption=caption))

    def learned(self) -> Shown:
        """Show whether effects differ beyond the groups chosen beforehand."""
        t = self.translator.t
        if not self._learned:
            return paragraphs(t("The plan does not look for further differences between people."))
        if any(check.passed for check in self._learned.checks):
            said = t("No further differences between people could be shown: the groups below are not to be read.")
        else:
            said = t("Effects differ between people by more than chance; who they are is a question for another trial.")
        caption = t("Effects by learned group")
        checks = checks_table(self._learned, self.translator, self._names, caption=t("May the groups be read?"))
        rows = effects_table(Results(self._learned.estimates), self.translator, self._names, caption=caption)
        return together(paragraphs(said), checks, rows)

    def uptake(self) -> Shown:
        """Show what one more of each activity did, with the assignment as instrument."""
        t = self.translator.t
        if not self._uptake:
            return paragraphs(t("The plan does not ask what taking part did."))
        caption = t("Effect of one more of each activity, with assignment as instrument")
        checks = t("Do the instruments move the activities?")
        return together(
            effects_table(Results(self._uptake.estimates), self.translator, self._labels, caption=caption),
            checks_table(self._uptake, self.translator, self._labels, caption=checks),
        )

    def quantities(self) -> Shown:
        """Show how many more units of everything priced the treated used."""
        if not self._quantities:
            return paragraphs(self.translator.t("The plan names no prices."))
        caption = self.translator.t("Used by the treated, over what the control group used")
        return together(effects_table(self._quantities, self.translator, self._labels, caption=caption))

    def costs(self) -> Shown:
        """Show prices with their evidence, and the balance; without every price there is no balance."""
        t, costs = self.translator.t, self.trial.costs
        if costs is None:
            return paragraphs(t("The plan names no prices."))
        facts = [
            Fact(
                name=price.label,
                value=t("not known")
                if price.value is None
                else t("{value:.0f} {currency}", value=price.value, currency=costs.currency),
                mark=price.mark,
                source=price.source,
            )
            for price in costs.prices
        ]
        shown: list[object] = [facts_table(facts, self.translator, caption=t("Prices"))]
        if costs.illustrative:
            shown.append(paragraphs(t("Prices chosen to show the arithmetic: no result is claimed from them.")))
        caption = t("Balance for the public purse, for each person; above 0 is a gain")
        return together(*shown, effects_table(self._costs, self.translator, self._names, caption=caption))

    # --- what it is made of ------------------------------------------------------------------------------------------

    @property
    def results(self) -> Results:
        """Every estimate and check of the report, after disclosure control."""
        return self._subgroups + self._learned + self._uptake + self._quantities + self._costs

    @property
    def _names(self) -> Labels:
        """The trial's labels, with those of learned groups and of the balance."""
        learned = {
            f"learned.{name}": Text(da=f"Gruppe {name}", en=f"Group {name}") for name in ("1", "2", "3", "3 - 1")
        }
        return {**self._labels, **learned, NET_BENEFIT: Text(da="I alt", en="In all")}

    @cached_property
    def _subgroups(self) -> Results:
        return self._protected(estimate_subgroups(self.cases))

    @cached_property
    def _learned(self) -> Results:
        return self._protected(estimate_learned(self.cases, rng=self._rng()))

    @cached_property
    def _uptake(self) -> Results:
        return self._protected(estimate_uptake(self.cases))

    @cached_property
    def _quantities(self) -> Results:
        return self._protected(estimate_quantities(self.cases))

    @cached_property
    def _costs(self) -> Results:
        return self._protected(estimate_costs(self.cases))

    def _sentences(self) -> list[Message]:
        """Return whether groups differ, what was used and saved, and what it came to."""
        tests = [check for check in self._subgroups.checks if check.passed is not None]
        if not tests:
            said = [Message("Whether the effect differs between groups could not be tested.")]
        elif all(check.passed for check in tests):
            said = [
                Message("No group chosen beforehand has an effect that differs from the others' by more than chance.")
            ]
        else:
            said = [Message("The effect differs between groups chosen beforehand; the tests below say between which.")]
        used = [row for row in self._quantities.estimates if row.estimated and clear(row)]
        if used:
            row = max(used, key=lambda one: abs(one.value / one.std_error))
            said.append(
                Message(
                    "What differs most is {outcome}: {value:+.1f} {unit} for each treated person.",
                    outcome=Message(row.outcome), value=row.value, unit=Message(row.unit),
                )
            )  # fmt: skip
        else:
            said.append(Message("No clear difference was found in what people used."))
        total = next((row for row in self._costs.estimates if row.outcome == NET_BENEFIT), None)
        if total is None or not total.estimated:
            return [*said, Message("What it came to in money is not said: not every price is known.")]
        return [
            *said,
            Message(
                "In money the balance is {value:.0f} {unit} (interval {low:.0f} to {high:.0f}).", value=total.value,
                unit=Message(total.unit), low=total.interval.low, high=total.interval.high,
            ),
        ]  # fmt: skip
