"""What works for whom, what taking part did, and what it cost: `notebooks/trial_subgroups_costs.ipynb`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from analysis_lib.parameters import Text
from analysis_lib.reporting import plots
from analysis_lib.reporting.answer import clear
from analysis_lib.reporting.labels import PLACE, place_labels
from analysis_lib.reporting.language import Labels
from analysis_lib.reporting.protected_rows import COUNTS_WITHHELD
from analysis_lib.reporting.reports.trial_report import TrialReport
from analysis_lib.reporting.shown import Shown, paragraphs, together
from analysis_lib.reporting.shown_costs import (
    ILLUSTRATIVE,
    break_even_table,
    prices_table,
    say_balance,
    say_gain,
    say_jobcentres,
    say_ranges,
    say_rests,
)
from analysis_lib.reporting.shown_subgroups import show_subgroups
from analysis_lib.reporting.tables import checks_table, effects_table
from analysis_lib.results import Message, Results
from analysis_lib.trials.definition import ALL
from analysis_lib.trials.evaluation import estimate_subgroups
from analysis_lib.trials.evaluation.cost_conclusion import estimate_gain, find_break_even, vary_prices
from analysis_lib.trials.evaluation.costs import (
    BALANCE,
    MEAN_BALANCE,
    NET_BENEFIT,
    TOTAL_BALANCE,
    estimate_costs,
    estimate_costs_by_jobcentre,
    estimate_quantities,
)
from analysis_lib.trials.evaluation.course import estimate_uptake
from analysis_lib.trials.evaluation.learned import estimate_learned


@dataclass(frozen=True)
class TrialSubgroupsCosts(TrialReport):
    """Subgroups, taking part and costs at one jobcentre, or at all; the primary arm against control."""

    notebook: ClassVar[str] = "trial_subgroups_costs"
    title: ClassVar[Message] = Message("Subgroups and costs")

    def subgroups(self) -> Shown:
        """Show whether groups chosen beforehand differ, and the primary outcome's effect in each."""
        return show_subgroups(self.trial, self._subgroups, self.translator, self._labels)

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
        shown = [effects_table(Results(self._uptake.estimates), self.translator, self._labels, caption=caption)]
        if self._uptake.checks:
            shown.append(checks_table(self._uptake, self.translator, self._labels, caption=checks))
        return together(*shown)

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
        caption = t("Balance for the public purse, for each person; above 0 is a gain")
        table = effects_table(self._costs, self.translator, self._names, caption=caption)
        return together(*self._warned(), prices_table(costs, self.translator), table)

    def places(self) -> Shown:
        """Show the balance at every jobcentre, on the page of the whole trial alone."""
        t, rows = self.translator.t, self._places.estimates
        if self.jobcentre != ALL:
            return paragraphs(t("The balance of every jobcentre stands on the page of the whole trial."))
        if not any(row.estimated for row in rows):
            reason = rows[-1].reason if rows else Message("the plan names no prices")
            return paragraphs(t("Not shown: {reason}.", reason=reason))
        named = Results(replace(row, outcome="", group=row.group or f"{PLACE}.{ALL}") for row in rows)
        each = Results(replace(row, estimand=BALANCE) for row in named.estimates if row.estimand != TOTAL_BALANCE)
        said = self._say(say_jobcentres([row for row in rows if row.group]))
        caption = t("Balance for the public purse by jobcentre; above 0 is a gain")
        return together(
            paragraphs(said), *self._warned(),
            plots.figure(plots.effects(each, translator=self.translator, labels=self._names)),
            effects_table(named, self.translator, self._names, caption=caption),
        )  # fmt: skip

    def conclusion(self) -> Shown:
        """Show which prices the conclusion rests on, and how sure a gain is."""
        t, closed = self.translator.t, self._closed()
        if closed is not None or self.trial.costs is None:
            return paragraphs(t("Not shown: {reason}.", reason=closed or ""))
        varied, turning = vary_prices(self.cases), find_break_even(self.cases)
        shown: list[object] = []
        if isinstance(varied, Message):
            shown.append(paragraphs(t("The prices are not varied: {reason}.", reason=varied)))
        else:
            ranges = say_ranges(varied, self.trial.costs)
            shown += [paragraphs(self._say(say_rests(varied))), *self._warned()]
            shown += [plots.figure(plots.tornado(varied, translator=self.translator)), paragraphs(self._say(ranges))]
        if not isinstance(turning, Message):
            shown.append(break_even_table(turning, self.translator))
        for row in self._gain.estimates:
            said = self._say(say_gain(row)) if row.estimated else t("Not shown: {reason}.", reason=row.reason)
            shown.append(paragraphs(said))
            if row.estimated:
                caption = t("How sure a gain is")
                shown.append(effects_table(self._gain, self.translator, self._names, caption=caption))
        return together(*shown)

    # --- what it is made of ------------------------------------------------------------------------------------------

    @property
    def results(self) -> Results:
        """Every estimate and check of the report, after disclosure control."""
        parts = (self._learned, self._uptake, self._quantities, self._costs, self._places, self._gain)
        return sum(parts, self._subgroups)

    @property
    def _names(self) -> Labels:
        """The trial's labels, with those of learned groups, of the balance, and of places."""
        learned = {
            f"learned.{name}": Text(da=f"Gruppe {name}", en=f"Group {name}") for name in ("1", "2", "3", "3 - 1")
        }
        everywhere = {f"{PLACE}.{ALL}": Text(da="Alle jobcentre", en="All jobcentres")}
        return {**place_labels(self._labels), **learned, **everywhere, NET_BENEFIT: Text(da="I alt", en="In all")}

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

    @cached_property
    def _places(self) -> Results:
        """The balance by jobcentre; the total goes with the counts, as divided by the mean it is one."""
        if self.jobcentre != ALL:
            return Results()
        rows = estimate_costs_by_jobcentre(self.cases).estimates
        shown = self._protected(Results(replace(row, group=row.group and f"{PLACE}.{row.group}") for row in rows))
        counted = any(row.estimand == MEAN_BALANCE and row.n_treated is not None for row in shown.estimates)
        return Results(row for row in shown.estimates if counted or row.estimand != TOTAL_BALANCE)

    @cached_property
    def _gain(self) -> Results:
        if self._closed() is not None:
            return Results()
        return self._protected(estimate_gain(self.cases, rng=self._rng()))

    def _closed(self) -> Message | None:
        """Return why nothing is shown that is worked out from the effects on quantities; `None` where it is."""
        rows = self._quantities.estimates
        if not rows:
            return Message("the plan names no prices")
        if not any(row.estimated for row in rows):
            return Message.join([rows[0].reason])
        return None if all(row.n_treated is not None for row in rows if row.estimated) else COUNTS_WITHHELD

    def _warned(self) -> list[object]:
        """Return the warning that prices are illustrative, where they are."""
        costs = self.trial.costs
        return [paragraphs(self._say(ILLUSTRATIVE))] if costs is not None and costs.illustrative else []

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
        illustrative = self.trial.costs is not None and self.trial.costs.illustrative
        return [*said, say_balance(total, illustrative=illustrative)]
