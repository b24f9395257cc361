"""What reports call the ids of a trial, in both languages."""

from __future__ import annotations

from analysis_lib.parameters import Language, Text
from analysis_lib.register.codes import CodeList
from analysis_lib.register.declarations import PERSONS
from analysis_lib.register.jobcentres import read_jobcentres
from analysis_lib.reporting.language import Labels, Translator
from analysis_lib.results import Message
from analysis_lib.trials.definition import MeasuredDuration, MeasuredMean, Trial
from analysis_lib.trials.design.balance import YES
from analysis_lib.trials.design.rules import COHORT
from analysis_lib.trials.evaluation.costs import PER
from analysis_lib.trials.evaluation.series import SERIES
from analysis_lib.trials.outcomes import CENSORED, EXIT

PLACE = "place"
"""The division whose groups are the places, for disclosure control."""


def translator_of(trial: Trial, language: Language) -> Translator:
    """Return a translator that also knows the units of the trial's measured outcomes, and what its prices are of."""
    measured = [o for o in trial.outcomes if isinstance(o, MeasuredMean | MeasuredDuration)]
    priced = [price.label for price in trial.costs.prices] if trial.costs else []
    return Translator(language).knowing([*(outcome.unit for outcome in measured), *PER.values(), *priced])


def place_labels(labels: Labels) -> Labels:
    """Return the labels, with those of the places as groups."""
    return {**labels, **{f"{PLACE}.{key}": text for key, text in labels.items()}, PLACE: Text(da="Sted", en="Place")}


def labels_of(trial: Trial) -> Labels:
    """Return what reports call the trial's outcomes, arms, sites, covariates, levels, groups, activities, prices."""
    labels: dict[str, Text] = {SERIES: trial.series.label} if trial.series else {}
    labels |= {o.id: o.label for o in trial.outcomes}
    labels |= {arm.id: arm.label for arm in trial.assignment.arms}
    labels |= {covariate.id: covariate.label for covariate in trial.covariates}
    elsewhere = trial.spillover.areas if trial.spillover else ()
    labels |= {site.id: site.label for site in (*getattr(trial.data, "sites", ()), *elsewhere)}
    jobcentres = read_jobcentres()
    offices = (*trial.data.jobcentres, *(jobcentre for area in elsewhere for jobcentre in area.jobcentres))
    names = {jobcentre: jobcentres.name(jobcentre) for jobcentre in offices}
    labels |= {jobcentre: Text(da=name, en=name) for jobcentre, name in names.items()}
    labels |= {activity.id: activity.label for activity in trial.activities}
    labels |= {window.id: window.label for window in trial.inference.hazard_windows}
    labels |= {group.id: group.label for group in (trial.strata.groups if trial.strata else ())}
    labels |= {price.id: price.label for price in (trial.costs.prices if trial.costs else ())}
    if not trial.randomised:
        labels[COHORT] = _both(Message("everybody in the cohort"))
    for subgroup in trial.subgroups:
        labels[subgroup.id] = subgroup.label
        labels |= {f"{subgroup.id}.{group.id}": group.label for group in subgroup.groups}
    declared = {column.name: column for column in PERSONS.columns}
    for covariate in trial.covariates:
        if covariate.kind == "indicator":
            labels[f"{covariate.id}.{YES}"] = _both(Message("yes"))
        if covariate.kind == "category" and covariate.column in declared:
            choices = declared[covariate.column].choices
            labels |= {f"{covariate.id}.{level}": _both(name) for level, name in choices.items()}
        labels |= {f"{covariate.id}.{level.value}": level.label for level in covariate.levels}
    return labels


def exit_labels(codes: CodeList | None) -> Labels:
    """Return what reports call the ways in which a duration ended."""
    states = {state.id: state.name for state in codes.states} if codes else {}
    return {**states, EXIT: _both(Message("reached")), CENSORED: _both(Message("not seen to end"))}


def _both(message: Message) -> Text:
    return Text(da=Translator("da").render(message), en=str(message))
