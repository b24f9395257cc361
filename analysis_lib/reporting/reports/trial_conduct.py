"""Was the trial carried out as planned: the report of `notebooks/trial_conduct.ipynb`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from matplotlib.axes import Axes

from analysis_lib.reporting import plots
from analysis_lib.reporting.disclosure import suppress_counts
from analysis_lib.reporting.language import say_label
from analysis_lib.reporting.protected_weeks import hide_few
from analysis_lib.reporting.reports.trial_report import TrialReport
from analysis_lib.reporting.shown import Shown, paragraphs, together
from analysis_lib.reporting.suppression import Relation, too_few
from analysis_lib.reporting.table import Table, format_value, withheld_note, write_count, write_interval
from analysis_lib.reporting.tables import checks_table, effects_table
from analysis_lib.results import Check, Curve, Estimate, Message, Results
from analysis_lib.trials.definition import ALL, CONTROL, RegisterData
from analysis_lib.trials.evaluation.conduct import (
    MonthlyInflow,
    check_attrition,
    check_shares,
    contacts_by_week,
    count_inflow,
    hold_against_schedule,
)

_WEEKS_SHOWN = 52


@dataclass(frozen=True)
class TrialConduct(TrialReport):
    """How the trial was carried out at one jobcentre, or at all."""

    notebook: ClassVar[str] = "trial_conduct"
    title: ClassVar[Message] = Message("Conduct")

    def inflow(self) -> Shown:
        """Show the people entering each group, month by month."""
        t, arms = self.translator.t, self.cases.design.arms
        if not isinstance(self.trial.data, RegisterData):
            return paragraphs(t("The data has no weeks of entry."))
        counts = self._inflow_counts
        if counts is None:
            return paragraphs(t("Too few people for a count by month."))
        months = self._inflow.months
        rows = [
            (month, *(write_count(counts[arm][place], self.translator) for arm in arms))
            for place, month in enumerate(months)
        ]
        note = t("Counts are rounded to the nearest {n}.", n=self._rule.min_count)
        if self.cases.jobcentre == ALL:
            note = withheld_note(self._rule.min_count, self.translator)
        names = [say_label(self._labels, arm, self.translator) for arm in arms]
        table = Table(
            caption=t("People entering by month"), header=(t("Month"), *names), rows=tuple(rows),
            notes=(note,) if self._rule.min_count > 1 else (),
        )  # fmt: skip
        return together(table)

    def shares(self) -> Shown:
        """Show whether people came into the groups as the rule says, in all and at every jobcentre."""
        caption = self.translator.t("Shares of the groups against the rule")
        return together(checks_table(self._shares, self.translator, self._labels, caption=caption))

    def schedule(self) -> Shown:
        """Show the contacts held beside those promised, in every group."""
        t = self.translator.t
        if not self._schedule:
            return paragraphs(t("The schedule names no contacts to hold the conduct against."))
        windows = {window.id: window for window in self.trial.schedule}
        rows: list[tuple[str, ...]] = []
        for row in self._schedule.estimates:
            window, _, number = row.group.partition(".")
            label = self.translator.text(windows[window].label)
            places = windows[window].expected[int(number) - 1].sites
            if places:
                label += "\n" + ", ".join(say_label(self._labels, place, self.translator) for place in places)
            arm = say_label(self._labels, row.arm, self.translator)
            if row.estimated:
                value = format_value(row.value, row.unit, self.translator, decimals=0)
                interval = write_interval(row, self.translator, decimals=0)
                rows.append((label, arm, value, interval, write_count(row.n, self.translator)))
            else:
                rows.append((label, arm, t("Not estimated: {reason}", reason=row.reason)))
        level = 100 * self.trial.inference.level
        table = Table(
            caption=t("Contacts held, in percent of those that the schedule promised"),
            header=(
                t("What was to happen"), t("Group"), t("Held"), t("{level:.0f} % interval", level=level), t("People"),
            ),
            rows=tuple(rows),
            notes=(
                t("Held: contacts held while people were still in the spell, over those promised for these weeks."),
                t("The control group was promised nothing: its row says what people got without the trial."),
            ),
            alignment=("left", "left", "right", "right", "right"),
        )  # fmt: skip
        return together(table, *(plots.figure(drawn) for drawn in self._drawn_contacts()))

    def attrition(self) -> Shown:
        """Show whether outcomes are known as often in both groups."""
        t = self.translator.t
        if not self._attrition.estimates:
            return paragraphs(t("Every outcome is known for everybody, or is a duration that may be cut off."))
        rows = effects_table(
            self._attrition, self.translator, self._labels, caption=t("Difference in the share with a known outcome")
        )
        checks = checks_table(
            self._attrition, self.translator, self._labels, caption=t("Are outcomes missing alike in both groups?")
        )
        return together(rows, checks)

    # --- what it is made of ------------------------------------------------------------------------------------------

    @property
    def results(self) -> Results:
        """Contacts held and differences in attrition, with the checks, after disclosure control; the treated first."""
        schedule = Results(sorted(self._schedule.estimates, key=lambda row: row.arm == CONTROL))
        return self._shares + schedule + self._attrition

    @cached_property
    def _inflow(self) -> MonthlyInflow:
        return count_inflow(self.cases)

    @cached_property
    def _inflow_counts(self) -> dict[str, list[int | None]] | None:
        """The counts by month that may be shown: on a jobcentre's page rounded, so that pages cannot be subtracted."""
        least, counts = self._rule.min_count, self._inflow.counts
        if self._hidden or not self._inflow.months:
            return None
        if self.cases.jobcentre != ALL:
            return {arm: [int(np.rint(n / least) * least) for n in own] for arm, own in counts.items()}
        cells: dict[str, int] = {}
        relations: list[Relation] = []
        for arm, own in counts.items():
            named = {f"{arm} {place}": int(n) for place, n in enumerate(own)}
            cells |= named | {arm: int(own.sum())}
            relations.append((arm, tuple(named)))
        hidden = suppress_counts(cells, relations, least, keep=list(counts))
        return {
            arm: [None if f"{arm} {place}" in hidden else int(n) for place, n in enumerate(own)]
            for arm, own in counts.items()
        }

    @cached_property
    def _shares(self) -> Results:
        few = too_few(self._rule.min_count)
        hidden = self._hidden_pages
        found = self._protected(check_shares(self.cases)).checks
        return Results(
            Check(name=check.name, passed=None, detail=few, arm=check.arm, group=check.group)
            if check.group in hidden
            else check
            for check in found
        )

    @cached_property
    def _schedule(self) -> Results:
        rows = self._protected(hold_against_schedule(self.cases)).estimates
        return Results(self._with_enough_held(row) for row in rows)

    @cached_property
    def _attrition(self) -> Results:
        return self._without_few_missing(self._protected(check_attrition(self.cases)))

    def _with_enough_held(self, row: Estimate) -> Estimate:
        """Return the row, emptied where it would count few people who had the contact, or few who had not."""
        if not row.estimated or row.n is None:
            return row
        counts = (round(row.value / 100 * row.n), round((1 - row.value / 100) * row.n))
        if not any(0 < count < self._rule.min_count for count in counts):
            return row
        return Estimate.empty(
            estimand=row.estimand, reason=too_few(self._rule.min_count), level=row.interval.level, arm=row.arm,
            group=row.group, unit=row.unit,
        )  # fmt: skip

    def _with_enough(self, curve: Curve) -> tuple[Curve, ...]:
        """Return the curve of contacts without the weeks of few contacts."""
        at_risk = np.zeros(len(curve.x)) if curve.at_risk is None else curve.at_risk
        return hide_few([curve], [curve.y * at_risk, at_risk], self._rule)

    def _drawn_contacts(self) -> list[Axes]:
        """Return a figure for every kind of contact of the schedule."""
        if self._hidden:
            return []
        rules = {expected.contact: None for window in self.trial.schedule for expected in window.expected}
        drawn: list[Axes] = []
        t = self.translator.t
        for rule in rules:
            curves = contacts_by_week(self.cases, rule, last_week=_WEEKS_SHOWN)
            found = [shown for curve in curves for shown in self._with_enough(curve)]
            if found:
                what = rule.type or rule.kind
                title = t("{contact}: contacts held a week, for each person still in the spell", contact=Message(what))
                drawn.append(
                    plots.curves(
                        found, translator=self.translator, labels=self._labels, title=title,
                        x_label=t("Weeks since entry"), y_label=t("Contacts a week for each person"),
                    )
                )  # fmt: skip
        return drawn

    def _sentences(self) -> list[Message]:
        """Return whether the rule was followed, what the treated got, and whether outcomes are missing alike."""
        failed = [check for check in self._shares.checks if check.passed is False]
        made = [check for check in self._shares.checks if check.passed is not None]
        if failed:
            said = [Message("The groups do not have the sizes that the rule makes one expect: find out why first.")]
        elif made:
            said = [Message("The groups have the sizes that the rule makes one expect.")]
        else:
            said = [Message("Whether the groups have the sizes expected could not be tested.")]
        said.append(self._say_contacts())
        unlike = [check for check in self._attrition.checks if check.passed is False]
        if unlike:
            return [
                *said,
                Message("Outcomes are not missing alike in both groups: read the effects with that in mind."),
            ]
        return [*said, Message("Nothing suggests that outcomes are missing more often in one group than in the other.")]

    def _say_contacts(self) -> Message:
        rows = [row for row in self._schedule.estimates if row.estimated]
        treated = next((row for row in rows if row.arm != CONTROL), None)
        if treated is None:
            return Message("There are no contacts to hold the schedule against.")
        control = next((row for row in rows if row.arm == CONTROL and row.group == treated.group), None)
        if control is None:
            return Message(
                "Of the contacts first promised, {treated:.0f} % were held in the treated group.", treated=treated.value
            )
        return Message(
            "Of the contacts first promised, {treated:.0f} % were held in the treated group; the control group had "
            "{control:.0f} % of as many.",
            treated=treated.value, control=control.value,
        )  # fmt: skip
