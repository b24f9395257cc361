"""Whether a model draws only what an extract may hold."""

from __future__ import annotations

from collections.abc import Iterable

from analysis_lib.errors import DefinitionError
from analysis_lib.register.codes import CodeList
from analysis_lib.register.declarations import PERSONS
from analysis_lib.register.jobcentres import Jobcentres
from analysis_lib.register.simulation.consistency import CASH_BENEFIT
from analysis_lib.register.simulation.model import SimulationModel


def check_known(model: SimulationModel, codes: CodeList, jobcentres: Jobcentres) -> None:
    """Raise where the model draws what an extract may not hold: undeclared columns or values, unknown codes or places.

    Raises
    ------
    DefinitionError
        One line for each problem.
    """
    problems = [*_undeclared(model), *_unknown_codes(model, codes)]
    problems += [
        f"municipality {place.code} is not in jobcentres.yml; must be"
        for place in (*model.sites, *model.elsewhere, *(model.spillover.places if model.spillover else ()))
        if place.code not in jobcentres.municipality_codes
    ]
    if problems:
        raise DefinitionError("\n".join(f"simulation: {problem}" for problem in problems))
    series = model.truth_series.states if model.truth_series else ()
    for states in (model.benefit_states, *model.truth_outcomes.values(), series):
        codes.codes_of(states)


def _undeclared(model: SimulationModel) -> Iterable[str]:
    drawn = {"person_id", "birth_date", "municipality"} | {c.column for c in model.covariates.columns}
    missing = [column.name for column in PERSONS.columns if column.required and column.name not in drawn]
    if missing:
        yield f"covariates.columns lacks {', '.join(missing)}; every required column must be drawn"
    for covariate in model.covariates.columns:
        drawable = [column.name for column in PERSONS.columns if column.kind in ("category", "boolean")]
        if covariate.column not in drawable:
            yield f"covariates.columns names '{covariate.column}'; must be one of {', '.join(drawable)}"
            continue
        declared = PERSONS.column(covariate.column)
        allowed = (True, False) if declared.kind == "boolean" else tuple(declared.choices)
        for level in covariate.levels:
            if level.value not in allowed:
                yield f"a level of {covariate.column} is '{level.value}'; must be {declared.allowed}"


def _unknown_codes(model: SimulationModel, codes: CodeList) -> Iterable[str]:
    drawn = model.codes
    given = [(drawn.benefit, drawn.state), (drawn.activation, drawn.state), (drawn.cash_benefit, CASH_BENEFIT)]
    for part in drawn.mix:
        given += [(part.code, part.state), (part.activation, part.state)]
    if drawn.other is not None:
        given.append((drawn.other.code, drawn.other.state))
    for other in model.other_exits:
        given.append((other.code, other.state))
        if other.after is not None:
            given.append((other.after.code, other.after.state))
    for code, state in given:
        if code is not None and code not in codes.codes_of(state):
            allowed = ", ".join(map(str, codes.codes_of(state)))
            yield f"code {code} does not stand for {state}; must be one of {allowed}"
