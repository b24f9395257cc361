"""The columns of a register, declared once.

The declarations validate what is read, tell the simulator what it may draw and print the data dictionary.
"""

from __future__ import annotations

import datetime as dt
from types import MappingProxyType

import pandas as pd

from analysis_lib.register.schema import Column, Table
from analysis_lib.results import Message

WEEK_COLUMN = "y_YYWW"
INDUSTRY_COLUMN = "branche_YYYY_MM"
RATE_COLUMN = "grad_YYYY_MM"
_FIRST_EVENT = dt.date(1991, 1, 1)

PERSON_ID = Column(
    name="person_id", label=Message("person"), kind="text", unique=True,
    description=Message("The person's pseudonym, the same in both files."),
)  # fmt: skip

PERSONS = Table(
    name="persons",
    required=True,
    description=Message("One row a person."),
    columns=(
        PERSON_ID,
        Column(
            name="birth_date", label=Message("date of birth"), kind="date", earliest=dt.date(1890, 1, 1),
            description=Message("Date of birth."),
        ),
        Column(
            name="sex", label=Message("sex"), kind="category",
            choices=MappingProxyType({"woman": Message("woman"), "man": Message("man")}),
            description=Message("Sex in the civil register."),
        ),
        Column(
            name="municipality", label=Message("municipality"), kind="municipality",
            description=Message("Municipality of residence, in the codes of 2007 and later."),
        ),
        Column(
            name="education", label=Message("education"), kind="category", required=False,
            choices=MappingProxyType({
                "compulsory": Message("compulsory school"),
                "upper_secondary": Message("upper secondary school"),
                "vocational": Message("vocational education"),
                "further": Message("short or medium further education"),
                "academic": Message("long further education"),
                "unknown": Message("education not known"),
            }),
            description=Message("Highest completed education when the extract was made."),
        ),
        Column(
            name="origin", label=Message("origin"), kind="category", required=False,
            choices=MappingProxyType({
                "danish": Message("Danish origin"),
                "western": Message("immigrant or descendant, western country"),
                "non_western": Message("immigrant or descendant, non-western country"),
            }),
            description=Message("Origin as in Statistics Denmark's groups."),
        ),
        Column(
            name="married", label=Message("married"), kind="boolean", required=False,
            description=Message("Married or in a registered partnership."),
        ),
        Column(
            name="children", label=Message("children at home"), kind="boolean", required=False,
            description=Message("Children under 18 in the household."),
        ),
    ),
)  # fmt: skip

WEEKS = Table(
    name="weeks",
    required=True,
    description=Message("One row a person, one column a week, without a gap and in the order of time."),
    columns=(
        PERSON_ID,
        Column(
            name=WEEK_COLUMN, label=Message("state in the week"), kind="week code", unit="DREAM code",
            blank="self-support", description=Message("The DREAM code of ISO week WW of year YY, one column a week."),
        ),
    ),
)  # fmt: skip

EMPLOYMENT = Table(
    name="employment",
    description=Message(
        "One row a person, two columns a month, in the order of time; the columns may also stand in the weeks file."
    ),
    columns=(
        PERSON_ID,
        Column(
            name=INDUSTRY_COLUMN, label=Message("industry"), kind="industry", unit="industry code", required=False,
            blank="no employment", description=Message("Industry of the main job in month MM of year YYYY, from 2008."),
        ),
        Column(
            name=RATE_COLUMN, label=Message("employment rate"), kind="employment rate", unit="full-time share",
            required=False, blank="no employment",
            description=Message("Hours paid for in month MM of year YYYY as a share of full time, from 2008."),
        ),
    ),
)  # fmt: skip

_WHOSE = Column(
    name="person_id", label=Message("person"), kind="text", description=Message("Whose it is; one of the persons."),
)  # fmt: skip

CONTACTS = Table(
    name="contacts",
    description=Message("One row a meeting or offer."),
    columns=(
        _WHOSE,
        Column(
            name="kind", label=Message("kind of contact"), kind="category",
            choices=MappingProxyType({"meeting": Message("meeting"), "offer": Message("offer")}),
            description=Message("Whether it is a meeting or an offer of activation."),
        ),
        Column(
            name="type", label=Message("type of contact"), kind="text", required=False, blank="not known",
            description=Message("What meeting or offer, in the words of the source."),
        ),
        Column(
            name="planned", label=Message("planned"), kind="date", blank="not planned",
            description=Message("The day for which it was planned."),
        ),
        Column(
            name="held", label=Message("held"), kind="date", earliest=_FIRST_EVENT, blank="not held",
            description=Message("The day on which it was held or begun."),
        ),
    ),
)  # fmt: skip

MATCHES = Table(
    name="matches",
    description=Message("One row a match decision."),
    columns=(
        _WHOSE,
        Column(
            name="date", label=Message("date of the decision"), kind="date", earliest=_FIRST_EVENT,
            description=Message("The day of the decision."),
        ),
        Column(
            name="jobcentre", label=Message("jobcentre"), kind="jobcentre",
            description=Message("The jobcentre that decided."),
        ),
        Column(
            name="caseworker", label=Message("caseworker"), kind="text", required=False, blank="not known",
            description=Message("The caseworker's pseudonym."),
        ),
        Column(
            name="target_group", label=Message("target group"), kind="text",
            description=Message("The benefit or target group at the decision, an id of the match scheme."),
        ),
        Column(
            name="group", label=Message("match group"), kind="text",
            description=Message("The group that was decided, an id of the match scheme."),
        ),
    ),
)  # fmt: skip

VIGNETTES = Table(
    name="vignettes",
    description=Message("One row a rating of a made-up case."),
    columns=(
        Column(
            name="vignette", label=Message("vignette"), kind="text",
            description=Message("The made-up case, the same for all raters."),
        ),
        Column(name="rater", label=Message("rater"), kind="text", description=Message("The rater's pseudonym.")),
        Column(
            name="jobcentre", label=Message("jobcentre"), kind="jobcentre",
            description=Message("The jobcentre where the rater works."),
        ),
        Column(
            name="group", label=Message("match group"), kind="text", blank="not rated",
            description=Message("The group that the rater chose, an id of the match scheme."),
        ),
    ),
)  # fmt: skip

TABLES = (PERSONS, WEEKS, EMPLOYMENT, CONTACTS, MATCHES, VIGNETTES)


def data_dictionary() -> pd.DataFrame:
    """Return one row a declared column: table, column, kind, unit, required, allowed, description.

    Examples
    --------
    >>> data_dictionary().query("column == 'sex'")[["table", "kind", "allowed"]]
         table      kind       allowed
    2  persons  category  woman or man
    """
    rows = [
        {
            "table": table.name, "column": column.name, "kind": column.kind, "unit": column.unit,
            "required": "yes" if column.required else "no", "allowed": column.allowed,
            "description": str(column.description),
        }
        for table in TABLES
        for column in table.columns
    ]  # fmt: skip
    return pd.DataFrame(rows)


def data_dictionary_markdown() -> str:
    """Return the data dictionary as a Markdown table."""
    frame = data_dictionary()
    lines = [list(frame.columns), ["---"] * frame.shape[1], *frame.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
