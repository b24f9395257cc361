"""What must hold between the parts of a trial's file: each check yields its problems, one sentence each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from analysis_lib.trials.definition.assignment import CONTROL
from analysis_lib.trials.definition.data import FileData, RegisterData
from analysis_lib.trials.definition.outcomes import (
    OUTCOMES_OF,
    MeasuredDuration,
    MeasuredMean,
    ShareInStates,
    TimeToState,
    WeeksInStates,
)
from analysis_lib.trials.definition.spillover import spillover_problems
from analysis_lib.trials.definition.summary import SummaryData

if TYPE_CHECKING:
    from analysis_lib.trials.definition.trial import Trial

RULES_OF: dict[str, tuple[str, ...]] = {
    "register": ("birth_day", "birth_year_parity", "not_randomised"),
    "file": ("recorded_arm",),
    "summary": ("reported",),
}
"""The assignment rules that each kind of data has."""

_DRAWS_OF_A_GAIN = 200


def problems_of(trial: Trial) -> Iterator[str]:
    """Yield what is wrong between the parts of a trial."""
    yield from _names(trial)
    yield from _outcomes(trial)
    yield from _arms_and_sites(trial)
    yield from _references(trial)
    yield from _horizons(trial)
    yield from _plan(trial)
    yield from _spells(trial)
    yield from spillover_problems(trial)
    if isinstance(trial.data, SummaryData):
        yield from _published_numbers(trial, trial.data)


def _unknown(what: str, found: str | None, allowed: Iterable[str]) -> Iterator[str]:
    listed = list(allowed)
    if found is not None and found not in listed:
        yield f"{what} is '{found}'; must be one of {', '.join(listed) or 'none: there are none'}"


def _names(trial: Trial) -> Iterator[str]:
    for name in ("outcomes", "covariates", "subgroups", "schedule", "published"):
        ids = [thing.id for thing in getattr(trial, name)]
        if len(set(ids)) < len(ids):
            yield f"{name} has ids {', '.join(ids)}; must be distinct"
    units = {"weeks", "ratio"} | {o.unit.en for o in trial.outcomes if isinstance(o, MeasuredMean | MeasuredDuration)}
    if taken := sorted(units & {outcome.id for outcome in trial.outcomes}):
        yield f"outcome '{taken[0]}' has the name of a unit; must be told apart in a sentence"
    # What a report says in words: a name stands for one thing.
    said = {
        "outcomes": [o.id for o in trial.outcomes],
        "arms": [arm.id for arm in trial.assignment.arms],
        "covariates": [c.id for c in trial.covariates],
        "sites": [site.id for site in getattr(trial.data, "sites", ())],
        "spillover.areas": [area.id for area in trial.spillover.areas] if trial.spillover else [],
        "strata": trial.stratum_ids,
        "uptake": [activity.id for activity in trial.activities],
        "inference.hazard_windows": [window.id for window in trial.inference.hazard_windows],
    }
    for name, count in Counter(name for ids in said.values() for name in set(ids)).items():
        if count > 1:
            yield f"'{name}' stands in {' and '.join(k for k, ids in said.items() if name in ids)}; must be told apart"


def _outcomes(trial: Trial) -> Iterator[str]:
    primary = [outcome.id for outcome in trial.outcomes if outcome.primary]
    if len(primary) != 1:
        yield f"outcomes has {len(primary)} with primary: true; must be exactly one"
    for outcome in trial.outcomes:
        if outcome.kind not in OUTCOMES_OF[trial.data.kind]:
            yield f"outcome '{outcome.id}' of kind {outcome.kind} does not fit data of kind {trial.data.kind}"
    rule, allowed = trial.assignment.rule, RULES_OF[trial.data.kind]
    if rule not in allowed:
        yield f"assignment.rule {rule} does not fit data of kind {trial.data.kind}; must be {' or '.join(allowed)}"


def _arms_and_sites(trial: Trial) -> Iterator[str]:
    listed = [(arm.id, site) for arm in trial.assignment.arms for site in arm.sites or ()]
    if not listed:
        return
    sites = [site.id for site in trial.data.sites] if isinstance(trial.data, RegisterData) else []
    for arm, site in listed:
        yield from _unknown(f"a site of arm '{arm}'", site, sites)
    for site in sites:
        arms = [arm for arm, own in listed if own == site]
        if len(arms) != 1:
            yield f"site '{site}' has {len(arms)} treated arms ({', '.join(arms) or 'none'}); must have exactly one"


def _references(trial: Trial) -> Iterator[str]:
    outcomes, strata = [o.id for o in trial.outcomes], trial.stratum_ids
    arms = [arm.id for arm in trial.assignment.arms]
    treated = [arm for arm in arms if arm != CONTROL]
    for target in trial.targets:
        yield from _unknown("target's outcome", target.outcome, outcomes)
        yield from _unknown("target's arm", target.arm, arms)
    for reading in trial.published:
        yield from _unknown(f"published '{reading.id}': outcome", reading.outcome, outcomes)
        yield from _unknown(f"published '{reading.id}': arm", reading.arm, treated)
        yield from _unknown(f"published '{reading.id}': stratum", reading.stratum, strata)
    sites = [site.id for site in getattr(trial.data, "sites", ())]
    for window in trial.schedule:
        yield from _unknown(f"schedule '{window.id}': arm", window.arm, treated)
        yield from _unknown(f"schedule '{window.id}': stratum", window.stratum, strata)
        for expected in window.expected:
            yield from _unknown(f"schedule '{window.id}': stratum", expected.stratum, strata)
            for site in expected.sites:
                yield from _unknown(f"schedule '{window.id}': site", site, sites)
    activities = {activity.id: activity for activity in trial.activities}
    for outcome in trial.uptake.outcomes if trial.uptake else ():
        yield from _unknown("uptake's outcome", outcome, outcomes)
    for price in trial.costs.prices if trial.costs else ():
        yield from _unknown(f"price '{price.id}': activity", price.activity, activities)
        counted = activities.get(price.activity or "")
        if counted is not None and counted.unit != price.unit:
            yield f"price '{price.id}' has unit {price.unit}; activity '{counted.id}' is counted by the {counted.unit}"


def _horizons(trial: Trial) -> Iterator[str]:
    if not isinstance(trial.data, RegisterData):
        return
    last = trial.data.follow_up_weeks
    asked = [
        (f"outcome '{o.id}': horizon", o.horizon)
        for o in trial.outcomes
        if isinstance(o, WeeksInStates | ShareInStates)
    ]
    asked += [(f"activity '{activity.id}': horizon", activity.horizon) for activity in trial.activities]
    asked += [("costs.horizon_weeks", trial.costs.horizon_weeks)] if trial.costs else []
    mean = trial.inference.restricted_mean_horizon_weeks
    asked += [("inference.restricted_mean_horizon_weeks", mean)] if mean else []
    for name, weeks in asked:
        if weeks > last:
            yield f"{name} is {weeks}; must be at most data.follow_up_weeks, {last}"


def _plan(trial: Trial) -> Iterator[str]:
    has_duration = any(isinstance(o, TimeToState | MeasuredDuration) for o in trial.outcomes)
    needs_duration = {
        "inference.hazard_windows": trial.inference.hazard_windows,
        "inference.restricted_mean_horizon_weeks": trial.inference.restricted_mean_horizon_weeks,
    }
    for name, given in needs_duration.items():
        if given and not has_duration:
            yield f"{name} needs an outcome that is a duration"
    if len(trial.treated_arms) > 1 and trial.inference.multiplicity is None:
        yield "inference.multiplicity is missing; several treated arms need it (method none, if not at all)"
    for name in ("uptake", "series", "costs"):
        if getattr(trial, name) is not None and not isinstance(trial.data, RegisterData):
            yield f"{name} needs data of kind register"
    draws = trial.inference.bootstrap_draws
    if trial.costs and draws is not None and draws < _DRAWS_OF_A_GAIN:
        yield f"inference.bootstrap_draws is {draws}; must be {_DRAWS_OF_A_GAIN} or more where there are costs"
    if trial.uptake and not trial.randomised:
        yield "uptake needs arms: the trial was not randomised"
    if trial.strata and isinstance(trial.data, SummaryData):
        yield "strata needs people: data must be of kind register or file"
    if trial.status == "template" and (trial.targets or trial.published):
        yield "status is template, which claims no result; targets and published must be left out"
    if isinstance(trial.data, FileData) and trial.inference.min_per_site:
        yield "inference.min_per_site needs sites; a file of cases has none"


def _spells(trial: Trial) -> Iterator[str]:
    """Yield what does not fit in the models of durations."""
    mixed, again = trial.inference.mixed_hazard, trial.inference.recurrence
    for name, asked in (("mixed_hazard", mixed), ("recurrence", again)):
        if asked is None:
            continue
        # Weeks of a register are grouped; of a measured duration it is not known what a number stands for.
        if not any(isinstance(outcome, TimeToState) for outcome in trial.outcomes):
            yield f"inference.{name} needs an outcome of kind time_to_state"
        if asked.covariates and not trial.covariates:
            yield f"inference.{name}.covariates is true; the trial has none"
        if not trial.randomised:
            yield f"inference.{name} needs arms: the trial was not randomised"
    if again is None or not isinstance(trial.data, RegisterData):
        return
    durations = {o.id: o for o in trial.outcomes if isinstance(o, TimeToState)}
    yield from _unknown("inference.recurrence.outcome", again.outcome, durations)
    first = durations.get(again.outcome)
    for name, states in (("states", again.states), ("censoring", again.censoring)):
        for state in states:
            if first is not None and state in first.exit_states:
                yield f"inference.recurrence.{name} has '{state}', an exit state of outcome '{first.id}'; must not"
    asked_for = again.left_within + again.returned_within
    if asked_for > trial.data.follow_up_weeks:
        yield (
            f"inference.recurrence: left_within and returned_within are {asked_for} weeks together; must be at most "
            f"data.follow_up_weeks, {trial.data.follow_up_weeks}"
        )


def _published_numbers(trial: Trial, data: SummaryData) -> Iterator[str]:
    kinds = {outcome.id: outcome.kind for outcome in trial.outcomes}
    arms = [arm.id for arm in trial.assignment.arms]
    for numbers, kind in ((data.ratios, "reported_ratio"), (data.shares, "reported_share")):
        listed = [name for name, own in kinds.items() if own == kind]
        held = {number.outcome for number in numbers}
        for name in held:
            yield from _unknown(f"outcome of data.{'ratios' if kind == 'reported_ratio' else 'shares'}", name, listed)
        for name in listed:
            if name not in held:
                yield f"outcome '{name}' has no number in data; must have one"
    for size in data.sizes:
        yield from _unknown("arm of data.sizes", size.arm, arms)
        yield from _unknown("outcome of data.sizes", size.outcome, kinds)
    for share in data.shares:
        yield from _unknown("arm of data.shares", share.arm, arms)
    for name in {share.outcome for share in data.shares}:
        missing = [arm for arm in arms if arm not in {s.arm for s in data.shares if s.outcome == name}]
        if missing:
            yield f"data.shares has '{name}' without arm {', '.join(missing)}; must have every arm"
