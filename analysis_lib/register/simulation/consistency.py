"""Whether a `simulation` block agrees with itself."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from analysis_lib.parameters import suggest
from analysis_lib.register.simulation.activities import MAIN
from analysis_lib.register.simulation.parts import CONTROL, INELIGIBLE, SHARES_TOLERANCE
from analysis_lib.register.simulation.spillover import UNTOUCHED, check_spillover
from analysis_lib.register.weeks import week_label

if TYPE_CHECKING:
    from analysis_lib.register.simulation.model import SimulationModel

CASH_BENEFIT = "cash_benefit"
# Names that the counts of people have already.
TAKEN = (CONTROL, "persons", "eligible", *INELIGIBLE, *UNTOUCHED)


def find_problems(model: SimulationModel) -> list[str]:
    """Return what in a model contradicts something else in it, each with its key and what is allowed."""
    return [
        *_check_weeks(model), *_check_lengths(model), *_check_places(model), *_check_stock(model), *_check_arms(model),
        *_check_activities(model), *_check_benefits(model), *_check_series(model),
        *check_spillover(model),
    ]  # fmt: skip


def _check_weeks(model: SimulationModel) -> Iterable[str]:
    entry, span = model.entry, model.span
    if entry.first_week > entry.last_week:
        yield "entry.last_week is before entry.first_week; must not be"
    room = entry.first_week - entry.free_weeks - span.first_week
    if room < model.earlier_spell.longest_weeks:
        latest = entry.first_week - entry.free_weeks - model.earlier_spell.longest_weeks
        yield (
            f"span.first_week is {week_label(span.first_week)}; must be {week_label(latest)} or earlier, "
            "to have room for the earlier spells and the free weeks"
        )
    needed = entry.last_week + model.follow_up_weeks + model.exit_weeks
    if span.last_week < needed:
        yield (
            f"span.last_week is {week_label(span.last_week)}; must be {week_label(needed)} or later, "
            "the last entry with the follow-up weeks and a whole exit"
        )
    if max(model.horizons_weeks) > model.follow_up_weeks or min(model.horizons_weeks) < 1:
        given = list(model.horizons_weeks)
        yield f"horizons_weeks is {given}; must be 1 to follow_up_weeks, {model.follow_up_weeks}"


def _check_lengths(model: SimulationModel) -> Iterable[str]:
    ages = model.ages
    for lowest, highest in ((ages.lowest, ages.highest), (ages.outside_lowest, ages.outside_highest)):
        born = model.births(lowest, highest)
        if born[0] > born[1]:
            yield f"nobody is {lowest} to {highest} years old throughout entry; ages must be further apart"
    if model.blank_gap.longest_weeks >= min(model.exit_weeks, model.entry.free_weeks):
        shortest = min(model.exit_weeks, model.entry.free_weeks)
        longest = model.blank_gap.longest_weeks
        yield f"blank_gap.longest_weeks is {longest}; must be below {shortest}, or a gap is an exit"
    for other in model.other_exits:
        if other.shortest_weeks is not None and other.shortest_weeks < model.exit_weeks:
            yield (
                f"other_exits.{other.state}.shortest_weeks is {other.shortest_weeks}; "
                f"must be {model.exit_weeks} or more, to be seen as an exit"
            )
    if model.earlier_spell.shortest_weeks > model.earlier_spell.longest_weeks:
        yield "earlier_spell.longest_weeks is below shortest_weeks; must not be"


def _check_places(model: SimulationModel) -> Iterable[str]:
    codes = [place.code for place in (*model.sites, *model.elsewhere)]
    if len(set(codes)) < len(codes):
        yield "sites and elsewhere name a municipality twice; must be distinct"
    if model.ineligible.outside_area > 0 and not model.elsewhere:
        yield "elsewhere is empty; must name municipalities, because ineligible.outside_area is above 0"
    columns = [covariate.column for covariate in model.covariates.columns]
    if len(set(columns)) < len(columns):
        yield "covariates.columns names a column twice; must be distinct"
    sites = {place.code for place in model.sites}
    named = [(f"arms.{arm.id}", arm.municipalities) for arm in model.arms]
    named += [(key, selection.municipalities) for key, selection in model.selections()]
    named += [(f"activities.{a.id}.sites", site.municipalities) for a in model.activities for site in a.sites]
    for key, municipalities in named:
        for code in sorted(set(municipalities) - sites):
            yield f"{key} names municipality {code}; must be one of sites"
    yield from _check_where(model)


def _check_where(model: SimulationModel) -> Iterable[str]:
    drawn = {c.column: [level.value for level in c.levels] for c in model.covariates.columns}
    named = [(key, selection.where) for key, selection in model.selections()]
    named += [(f"truth_groups.{group.id}", group.where) for group in model.truth_groups]
    for key, where in named:
        for column, values in where.items():
            if column not in drawn:
                yield f"{key}.where names '{column}'; must be one of {', '.join(drawn)}{suggest(column, drawn)}"
                continue
            for value in values:
                if value not in drawn[column]:
                    yield f"{key}.where.{column} has '{value}'; must be one of {_listed(drawn[column])}"
            if not values:
                yield f"{key}.where.{column} is empty; must have a value"


def _check_stock(model: SimulationModel) -> Iterable[str]:
    stock, kinds = model.entry.stock, model.ineligible
    if stock is None:
        if kinds.too_short > 0:
            yield "ineligible.too_short is above 0; must be 0 without entry.stock"
        return
    if kinds.not_newly_unemployed > 0:
        yield "ineligible.not_newly_unemployed is above 0; must be 0 with entry.stock, of whom all are on benefit"
    if kinds.too_short > 0 and stock.shortest_weeks < 2:
        yield f"entry.stock.shortest_weeks is {stock.shortest_weeks}; must be 2 or more with ineligible.too_short"
    latest = model.entry.first_week - stock.longest_weeks - model.entry.free_weeks
    if model.span.first_week > latest:
        yield (
            f"span.first_week is {week_label(model.span.first_week)}; must be {week_label(latest)} or earlier, "
            "to have room for entry.stock.longest_weeks and the free weeks"
        )


def _check_arms(model: SimulationModel) -> Iterable[str]:
    ids = [arm.id for arm in model.arms]
    if len(set(ids)) < len(ids):
        yield f"arms are {', '.join(ids)}; must be distinct"
    yield from (f"an arm is called '{name}'; must be another name" for name in ids if name in TAKEN)
    if model.duration.hazard_ratio != 1 and not ids:
        yield "duration.hazard_ratio is not 1; must be 1 where there are no arms"
    used = [(f"{key}.{n}.arm", effect.arm) for key, effects in model.effect_lists() for n, effect in enumerate(effects)]
    used += [(f"activation.{n}.arm", rule.arm) for n, rule in enumerate(model.activation)]
    used += [(f"contacts.{n}.arm", plan.arm) for n, plan in enumerate(model.contacts)]
    used += [(f"activities.{a.id}.shares", arm) for a in model.activities for arm in a.shares]
    used += [(f"activities.{a.id}.sites", arm) for a in model.activities for site in a.sites for arm in site.shares]
    for key, arm in used:
        if arm is not None and arm not in model.arm_ids:
            yield f"{key} is '{arm}'; must be one of {', '.join(model.arm_ids)}{suggest(arm, model.arm_ids)}"


def _check_activities(model: SimulationModel) -> Iterable[str]:
    ids = [activity.id for activity in model.activities]
    if len(set(ids)) < len(ids):
        yield f"activities are {', '.join(ids)}; must be distinct"
    affected = {MAIN, *(other.state for other in model.other_exits if other.kind != "final")}
    for activity in model.activities:
        for effect in activity.effects:
            if effect.exit not in affected:
                allowed = _listed(sorted(affected))
                yield f"activities.{activity.id}.effects names '{effect.exit}'; must be one of {allowed}"
        missing = [arm for arm in model.arm_ids if arm not in activity.shares]
        if missing:
            yield f"activities.{activity.id}.shares lacks {', '.join(missing)}; every arm needs its share"
    if model.activation and model.codes.activation is None:
        yield "codes.activation is missing; must be given where there is activation"


def _check_benefits(model: SimulationModel) -> Iterable[str]:
    codes, kinds = model.codes, model.ineligible
    own = {codes.state, *(part.state for part in codes.mix)}
    if kinds.cash_benefit > 0 and codes.cash_benefit is None:
        yield "codes.cash_benefit is missing; must be given, because ineligible.cash_benefit is above 0"
    if kinds.cash_benefit > 0 and CASH_BENEFIT in own:
        yield "ineligible.cash_benefit is above 0; must be 0, because codes has cash_benefit as the trial's own"
    if kinds.other_benefit > 0 and codes.other is None:
        yield "codes.other is missing; must be given, because ineligible.other_benefit is above 0"
    if codes.other is not None and codes.other.state in own:
        yield f"codes.other.state is {codes.other.state}; must be none of the trial's own, {_listed(sorted(own))}"
    largest = _largest_share(model)
    if largest > 1 + SHARES_TOLERANCE:
        yield f"codes.mix: shares add up to {largest:g} for some people; must be at most 1"


def _largest_share(model: SimulationModel) -> float:
    """Return the largest sum of the shares of `codes.mix` for any values of the covariates in any place."""
    named = {column for part in model.codes.mix for column in part.where}
    levels = {c.column: [level.value for level in c.levels] for c in model.covariates.columns if c.column in named}
    sums = [
        math.fsum(
            part.share
            for part in model.codes.mix
            if all(values.get(column) in allowed for column, allowed in part.where.items())
            and (not part.municipalities or place.code in part.municipalities)
        )
        for values in (dict(zip(levels, chosen, strict=True)) for chosen in itertools.product(*levels.values()))
        for place in model.sites
    ]
    return max(sums)


def _check_series(model: SimulationModel) -> Iterable[str]:
    series = model.truth_series
    of_break = [(key, effect) for key, effects in model.effect_lists() for effect in effects if effect.of_break]
    if series is None:
        yield from (f"{key} has an effect of_break; must have none without truth_series" for key, _ in of_break)
        return
    if model.arms:
        yield "truth_series needs arms: [], because the series is that of people of whom nobody is treated"
    if model.entry.first_week != model.entry.last_week:
        yield "truth_series needs entry.first_week and entry.last_week to be the same, one cohort"
    weeks = (
        model.entry.last_week,
        series.first_week,
        series.break_week - 1,
        series.last_week - 1,
        model.span.last_week,
    )
    if list(weeks) != sorted(weeks) or series.first_week + 2 > series.break_week:
        yield "truth_series needs entry, first_week, break_week, last_week and the register's end in this order"
    if not of_break:
        yield "truth_series needs an effect of_break; must be one, or there is no break"
    for key, effect in of_break:
        if effect.calendar is None or effect.calendar[0] < series.break_week:
            yield f"{key} has an effect of_break before {week_label(series.break_week)}; must begin there or later"


def _listed(values: Iterable[str | bool]) -> str:
    return ", ".join(str(value).lower() if isinstance(value, bool) else value for value in values)
