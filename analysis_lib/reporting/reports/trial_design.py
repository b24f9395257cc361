"""What the trial can find: the report of `notebooks/trial_design.ipynb`, made without opening the arms' outcomes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from analysis_lib.errors import NotEstimable
from analysis_lib.reporting import plots
from analysis_lib.reporting.language import say_label
from analysis_lib.reporting.reports.trial_report import TrialReport
from analysis_lib.reporting.shown import Shown, paragraphs, together
from analysis_lib.reporting.table import Table, capital, format_value, write_count
from analysis_lib.results import Estimate, Message, Results
from analysis_lib.trials.definition import CONTROL
from analysis_lib.trials.design import EventPlan, Plan, power
from analysis_lib.trials.evaluation import unit_of
from analysis_lib.trials.evaluation.planning import (
    detectable_effects,
    expect_allocation,
    expect_imbalance,
    plan_outcome,
    power_curve,
)

_ALMOST_CERTAIN = 0.995
_RATIOS = ("hazard_ratio", "adjusted_hazard_ratio")


@dataclass(frozen=True)
class TrialDesign(TrialReport):
    """The trial's plan at one jobcentre, or at all."""

    notebook: ClassVar[str] = "trial_design"
    title: ClassVar[Message] = Message("Plan and power")

    def allocation(self) -> Shown:
        """Show how many people the rule puts into each arm, and how many there are."""
        t = self.translator.t
        shown = self.protected_flow
        assigned = {arm.arm: arm.assigned for arm in shown.arms}
        rows = []
        for row in expect_allocation(self.cases):
            found = assigned.get(row.arm)
            expected = self.translator.number(row.expected, 0) if found is not None else ""
            rows.append(
                (say_label(self._labels, row.arm, self.translator), write_count(found, self.translator), expected)
            )
        return together(
            Table(
                caption=t("People by group"),
                header=(t("Group"), t("People"), t("To be expected by the rule")),
                rows=tuple(rows),
            )
        )

    def expected_balance(self) -> Shown:
        """Show how unlike the groups may become by chance."""
        rows = self._protected(Results([self._imbalance]))
        (row,) = rows.estimates
        if not row.estimated:
            return paragraphs(self.translator.t("Not shown: {reason}.", reason=row.reason))
        return paragraphs(
            self.translator.t(
                "In 95 of 100 assignments drawn by the rule the largest normalised difference of a characteristic "
                "is below {limit:.2f}. A larger one in the trial itself would be no mere chance.",
                limit=row.value,
            )
        )

    def detectable(self) -> Shown:
        """Show the smallest effect on each outcome that the trial would find."""
        t = self.translator.t
        rows = []
        for row in self._detectable.estimates:
            names = [say_label(self._labels, name, self.translator) for name in (row.outcome, row.arm)]
            if row.estimated:
                rows.append(
                    (*names, format_value(row.value, row.unit, self.translator), capital(self._say(row.method)))
                )
            else:
                rows.append((*names, t("Not estimated: {reason}", reason=row.reason)))
        return together(
            Table(
                caption=t("The smallest effect that is found with 80 % power"),
                header=(t("Outcome"), t("Group"), t("Smallest effect found"), t("Made from")),
                rows=tuple(rows),
                notes=(
                    t("Made from all people together: the groups' outcomes have not been compared."),
                    t("A ratio is found as often as its inverse (1.25 as often as 0.80)."),
                ),
                alignment=("left", "left", "right", "left"),
            )
        )

    def power(self) -> Shown:
        """Show the power against the size of the effect on the primary outcome, and for published effects."""
        plan = self._plan
        if isinstance(plan, Message):
            return paragraphs(self.translator.t("Not shown: {reason}.", reason=plan))
        t, outcome = self.translator.t, self.trial.primary.id
        curve = replace(power_curve(plan, level=self.trial.inference.level), label=outcome)
        ratio = isinstance(plan, EventPlan)
        unit = unit_of(self.trial, outcome)
        x_label = t("True hazard ratio") if ratio else t("True effect in {unit}", unit=unit)
        drawn = plots.curves(
            [curve], translator=self.translator, labels=self._labels, title=t("Power against the size of the effect"),
            x_label=x_label, y_label=t("Chance of finding it"), percent=True, weeks=False,
        )  # fmt: skip
        published = [self._say(sentence) for sentence in self._published_power(plan)]
        return together(plots.figure(drawn), paragraphs(*published))

    # --- what it is made of ------------------------------------------------------------------------------------------

    @property
    def results(self) -> Results:
        """The detectable effects and the imbalance to expect, after disclosure control."""
        return self._detectable + self._protected(Results([self._imbalance]))

    @cached_property
    def _imbalance(self) -> Estimate:
        arm = self.trial.treated_arms[0].id
        return expect_imbalance(self.cases, arm, draws=self.trial.inference.balance_draws, rng=self._rng())

    @cached_property
    def _detectable(self) -> Results:
        rows = (replace(row, unit=self._unit(row)) for row in detectable_effects(self.cases).estimates)
        return self._protected(Results(rows))

    def _unit(self, row: Estimate) -> str:
        return Message("ratio") if row.scale == "log" else unit_of(self.trial, row.outcome)

    @cached_property
    def _plan(self) -> Plan | Message:
        if not any(row.estimated for row in self._detectable.estimates):
            return next(
                (Message.join([row.reason]) for row in self._detectable.estimates), Message("there are no cases")
            )
        try:
            return plan_outcome(self.cases, self.trial.primary.id, self.trial.treated_arms[0].id)
        except NotEstimable as error:
            return Message.join([error.args[0]])

    def _published_power(self, plan: Plan) -> list[Message]:
        """Return what the chance is of finding each published effect on the primary outcome."""
        wanted = _RATIOS if isinstance(plan, EventPlan) else ("difference_in_means", "adjusted_difference")
        first = self.trial.treated_arms[0].id
        found = []
        for target in self.trial.targets:
            own = target.outcome == self.trial.primary.id and target.arm in (None, first)
            if own and target.estimand in wanted:
                found.append(_say_power(target.value, power(target.value, plan, level=self.trial.inference.level)))
        return found

    def _sentences(self) -> list[Message]:
        """Return who is in it, what it can find, and how sure a published effect is to be found."""
        shown = {arm.arm: arm.assigned for arm in self.protected_flow.arms}
        treated = [shown[arm.id] for arm in self.trial.treated_arms]
        control = shown.get(CONTROL)
        said = []
        if control is not None and None not in treated:
            total = sum(n for n in treated if n is not None)
            said.append(
                Message(
                    "{n} people meet the conditions: {treated} are assigned to treatment, {control} to control.",
                    n=total + control, treated=total, control=control,
                )
            )  # fmt: skip
        else:
            said.append(Message("So few people meet the conditions that their number is not shown."))
        first = next((row for row in self._detectable.estimates if row.estimated), None)
        if first is None:
            return [*said, Message("With so few the trial cannot say anything here by itself.")]
        found = {"outcome": Message(first.outcome), "value": first.value}
        if first.scale == "log":
            said.append(
                Message(
                    "{outcome}: the smallest effect that the trial finds four times out of five is a hazard ratio of "
                    "{value:.2f}.",
                    **found,
                )
            )
        else:
            said.append(
                Message(
                    "{outcome}: the smallest effect that the trial finds four times out of five is {value:.2f} {unit}.",
                    **found, unit=Message(first.unit),
                )
            )  # fmt: skip
        plan = self._plan
        published = [] if isinstance(plan, Message) else self._published_power(plan)
        return [*said, *(published[:1] or [Message("No published effect was found to hold this against.")])]


def _say_power(value: float, chance: float) -> Message:
    if chance > _ALMOST_CERTAIN:
        return Message("The published effect, {value:g}, would almost certainly be found.", value=value)
    return Message(
        "The published effect, {value:g}, would be found with {power:.0f} % probability.",
        value=value,
        power=100 * chance,
    )
