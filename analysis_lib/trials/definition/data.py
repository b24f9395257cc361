"""Where a trial's numbers come from: people of a register, a file of cases, or published tables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from analysis_lib.parameters import Definition, Id, Mark, Sourced, Text
from analysis_lib.register.weeks import week_index


class NewSpell(Sourced):
    """What counts as newly on the benefit: so many weeks without it before."""

    weeks: int = Field(ge=1)


class _Entry(Definition):
    states: tuple[Id, ...] = Field(min_length=1)
    mark: Mark
    source: str


class _EntryWindow(_Entry):
    first_week: str
    last_week: str

    @model_validator(mode="after")
    def _in_order(self) -> _EntryWindow:
        if week_index(self.first_week) > week_index(self.last_week):
            raise ValueError(f"last_week {self.last_week} is before first_week {self.first_week}")
        return self


class Inflow(_EntryWindow):
    """Who enters: the first week in one of the states in the inflow weeks, after `new_after` weeks without any."""

    kind: Literal["inflow"]
    new_after: NewSpell

    @property
    def weeks_before(self) -> int:
        """Weeks before the first entry that the rule looks at."""
        return self.new_after.weeks


class StockAndInflow(_EntryWindow):
    """Who enters: those in the states in the first week, and those whose first week in them comes by the last one."""

    kind: Literal["stock_and_inflow"]

    @property
    def weeks_before(self) -> int:
        """Weeks before the first entry that the rule looks at."""
        return 0


class Passive(Sourced):
    """Leaves out those with a week on one of the codes (activation) in the last `weeks` weeks, the entry week included.

    `codes` holds pairs: first and last code of a range.
    """

    codes: tuple[tuple[int, int], ...] = Field(min_length=1)
    weeks: int = Field(ge=1)

    @model_validator(mode="after")
    def _ranges(self) -> Passive:
        check_code_ranges(self.codes)
        return self


class LongTerm(_Entry):
    """Who enters: those in the states in `week` and in at least `at_least` of the `of_last` weeks that end with it."""

    kind: Literal["long_term"]
    week: str
    at_least: int = Field(ge=1)
    of_last: int = Field(ge=1)
    passive: Passive | None = None

    @model_validator(mode="after")
    def _possible(self) -> LongTerm:
        week_index(self.week)
        if self.at_least > self.of_last:
            raise ValueError(f"at_least is {self.at_least}; must be at most of_last, {self.of_last}")
        return self

    @property
    def first_week(self) -> str:
        """The entry week."""
        return self.week

    @property
    def last_week(self) -> str:
        """The entry week."""
        return self.week

    @property
    def weeks_before(self) -> int:
        """Weeks before the entry that the rule looks at."""
        return max(self.of_last, self.passive.weeks if self.passive else 0) - 1


EntryRule = Annotated[Inflow | StockAndInflow | LongTerm, Field(discriminator="kind")]


class AgeRule(Sourced):
    """Completed years at the Monday of the entry week, both ends included."""

    lowest: int = Field(ge=0)
    highest: int = Field(le=120)

    @model_validator(mode="after")
    def _in_order(self) -> AgeRule:
        if self.lowest > self.highest:
            raise ValueError(f"highest is {self.highest}; must not be below lowest, {self.lowest}")
        return self


class HistoryRule(Definition):
    """What the covariate `benefit_weeks_before` counts: weeks in the states among the last `weeks` before entry."""

    states: tuple[Id, ...] = Field(min_length=1)
    weeks: int = Field(ge=1)


class Site(Sourced):
    """A place of the trial with the jobcentres (of today) that cover it.

    `illustrative` jobcentres were chosen here: the sources name the region, or only the number.
    """

    id: Id
    label: Text
    jobcentres: tuple[Id, ...] = Field(min_length=1)
    illustrative: bool = False

    @model_validator(mode="after")
    def _illustrative_is_unknown(self) -> Site:
        if self.illustrative and self.mark != "unknown":
            raise ValueError(f"site {self.id} is illustrative, so its mark must be unknown, not {self.mark}")
        return self


class WeekSpan(Definition):
    """Weeks from the first to the last, both included."""

    first_week: str
    last_week: str

    @model_validator(mode="after")
    def _in_order(self) -> WeekSpan:
        if week_index(self.first_week) > week_index(self.last_week):
            raise ValueError(f"last_week {self.last_week} is before first_week {self.first_week}")
        return self


class RegisterData(Definition):
    """Cases found in a register extract."""

    kind: Literal["register"]
    entry: EntryRule
    age: AgeRule
    history: HistoryRule
    sites: tuple[Site, ...] = Field(min_length=1)
    follow_up_weeks: int = Field(ge=1)

    @model_validator(mode="after")
    def _places_once(self) -> RegisterData:
        check_distinct("sites", [site.id for site in self.sites])
        check_distinct("jobcentres of sites", list(self.jobcentres))
        return self

    @property
    def jobcentres(self) -> tuple[str, ...]:
        """The jobcentres of all sites, in the file's order."""
        return tuple(jobcentre for site in self.sites for jobcentre in site.jobcentres)

    @property
    def site_of(self) -> dict[str, str]:
        """The site of each jobcentre."""
        return {jobcentre: site.id for site in self.sites for jobcentre in site.jobcentres}


class FileData(Definition):
    """Cases read from one file with outcomes already measured; the path is relative to the extract folder."""

    kind: Literal["file"]
    file: str
    separator: Literal["blank", "comma", "semicolon"]
    origin: Text

    @property
    def jobcentres(self) -> tuple[str, ...]:
        """A file of cases has no jobcentres."""
        return ()


def check_distinct(name: str, ids: list[str]) -> None:
    """Raise where an id stands twice."""
    if len(set(ids)) < len(ids):
        raise ValueError(f"{name} has ids {', '.join(ids)}; must be distinct")


def check_code_ranges(ranges: tuple[tuple[int, int], ...]) -> None:
    """Raise where a range of codes is none."""
    wrong = [pair for pair in ranges if not 1 <= pair[0] <= pair[1]]
    if wrong:
        raise ValueError(f"codes has [{wrong[0][0]}, {wrong[0][1]}]; must be a first and a last code, in order")
