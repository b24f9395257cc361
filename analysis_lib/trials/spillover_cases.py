"""The people of a spillover's differences-in-differences: four cohorts of a register, measured as the trial's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from analysis_lib.errors import DefinitionError
from analysis_lib.register.codes import CodeList
from analysis_lib.register.extract import Extract, read_extract
from analysis_lib.register.jobcentres import Jobcentres
from analysis_lib.register.weeks import week_index, week_label
from analysis_lib.results import Message
from analysis_lib.trials.definition import CONTROL, RegisterData, Site, Spillover, Trial
from analysis_lib.trials.outcomes import Numbers
from analysis_lib.trials.register_cases import find_people, measure_outcomes, trial_year

Place = Literal["trial", "comparison"]
Time = Literal["before", "during"]
PLACES: tuple[Place, ...] = ("trial", "comparison")
TIMES: tuple[Time, ...] = ("before", "during")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpilloverCases:
    """People who were not treated, where the trial ran and elsewhere, before it and during it.

    Attributes
    ----------
    frame
        One row a person with the outcome known: `area` (id of a site, of an area without the trial, or of a
        jobcentre), `exposed` (the trial ran there), `after` (entry in the trial's weeks) and `value`.
    absent
        Areas left out because they have nobody before the trial, or nobody during it.
    reason
        Why the comparison cannot be made; `None` where it can.
    """

    trial: Trial
    frame: pd.DataFrame
    absent: tuple[str, ...] = ()
    reason: Message | None = None

    @property
    def fewest(self) -> int:
        """The people of the smallest of the four cohorts."""
        exposed, after = (self.frame[name].to_numpy(dtype=bool) for name in ("exposed", "after"))
        return int(np.bincount(2 * exposed + after, minlength=len(PLACES) * len(TIMES)).min())


def spillover_cases(trial: Trial, folder: Path | str, *, codes: CodeList, jobcentres: Jobcentres) -> SpilloverCases:
    """Find the people to whom the trial's rule gives no treatment, in all four cohorts, one area after the other.

    The rule (such as days of birth) divides every cohort, so that the four are alike but for time and place. The weeks
    before entry that covariates count are not asked for: a register may begin with the earlier entries.

    Parameters
    ----------
    folder
        The extract.

    Raises
    ------
    DefinitionError
        Where the plan does not ask for the spillover.
    DataError
        Where the data is not valid.
    """
    plan, data = trial.spillover, trial.data
    if plan is None or not isinstance(data, RegisterData):
        raise DefinitionError(f"trial {trial.id} has no spillover in its plan; must have one to be looked for")
    year, parts = trial_year(data, jobcentres), list[pd.DataFrame]()
    for place in PLACES:
        for site in data.sites if place == "trial" else plan.areas:
            extract = read_extract(folder, municipalities=jobcentres.municipalities_of(site.jobcentres, year))
            if (reason := _missing_weeks(data, plan, extract)) is not None:
                return SpilloverCases(trial=trial, frame=_frame(), reason=reason)
            for time in TIMES:
                own = _untreated(_only(trial.cohort(place, time), plan, site), extract, codes, jobcentres)
                named = own.rename(columns={plan.unit: "area"})
                parts.append(_frame(named.assign(exposed=place == "trial", after=time == "during")))
    return _complete(trial, pd.concat(parts, ignore_index=True))


def _frame(people: pd.DataFrame | None = None) -> pd.DataFrame:
    kinds = {"area": object, "exposed": bool, "after": bool, "value": np.float64}
    return pd.DataFrame(people, columns=list(kinds)).astype(kinds)


def _missing_weeks(data: RegisterData, plan: Spillover, extract: Extract) -> Message | None:
    """Return that the register lacks weeks of entry, or the weeks before that the rule looks at; else `None`."""
    first = week_index(plan.before.first_week) - data.entry.weeks_before
    last = week_index(data.entry.last_week)
    if extract.first_week <= first and last <= extract.last_week:
        return None
    return Message(
        "the register holds weeks {have_first} to {have_last}, and the comparison asks for {first} to {last}",
        have_first=week_label(extract.first_week), have_last=week_label(extract.last_week),
        first=week_label(first), last=week_label(last),
    )  # fmt: skip


def _only(cohort: Trial, plan: Spillover, site: Site) -> Trial:
    """Return the cohort at one site with the one outcome, and without what describes people."""
    # One week is the least that a definition can say: find_entries then looks no further back than the rule of entry.
    history = cohort.data.history.model_copy(update={"weeks": 1}) if isinstance(cohort.data, RegisterData) else None
    return cohort.model_copy(
        update={
            "data": cohort.data.model_copy(update={"sites": (site,), "history": history}),
            "outcomes": tuple(outcome for outcome in cohort.outcomes if outcome.id == plan.outcome),
            "covariates": (),
            "subgroups": (),
        }
    )


def _untreated(cohort: Trial, extract: Extract, codes: CodeList, jobcentres: Jobcentres) -> pd.DataFrame:
    """Return `site`, `jobcentre` and `value` of a cohort's people without treatment whose outcome is known."""
    found = find_people(cohort, extract, codes, jobcentres)
    own = extract.spells.take(found.eligible)
    measured = measure_outcomes(cohort, own=own, entry=found.entry, codes=codes, unknown=found.unknown)
    (outcome,) = measured.values()
    values = outcome.values if isinstance(outcome, Numbers) else np.full(len(found.frame), np.nan)
    chosen = (found.design(cohort).arm == CONTROL) & ~np.isnan(values)
    people: pd.DataFrame = found.frame.loc[chosen, ["site", "jobcentre"]]
    return people.assign(value=values[chosen])


def _complete(trial: Trial, people: pd.DataFrame) -> SpilloverCases:
    """Leave out the areas without people at both times, and say where none is left to compare."""
    times = people.groupby("area")["after"].nunique()
    absent = tuple(sorted(times.index[times < len(TIMES)]))
    kept = people[~people["area"].isin(absent)].reset_index(drop=True)
    reason = None
    for exposed, label in ((True, Message("with the trial")), (False, Message("without the trial"))):
        if not (kept["exposed"] == exposed).any():
            reason = Message("the register has no area {which} with people before and during it", which=label)
    return SpilloverCases(trial=trial, frame=kept, absent=absent, reason=reason)
