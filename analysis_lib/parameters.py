"""The strict YAML reader: unknown, missing, duplicate and mistyped keys are errors that name file, key and value."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from analysis_lib.errors import DefinitionError

ID_PATTERN = re.compile(r"^[a-z][a-z0-9_]*$")
Mark = Literal["verified", "derived", "recalled", "unknown"]
Language = Literal["da", "en"]


PROJECT = Path(__file__).resolve().parents[1]
"""The checkout that this package is part of."""


def in_project(path: Path | str) -> Path:
    """Return the path; a relative one is of the project in the working directory or, where that is none, of ours.

    JupyterLab starts a notebook in the notebook's own folder, the batch in the project; ids and places mean the same.
    """
    path = Path(path)
    return path if path.is_absolute() or Path("parameters").is_dir() else PROJECT / path


class Definition(BaseModel):
    """A frozen definition: every key is known, nothing is coerced. Lists in the file are tuples here."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


AnyDefinition = TypeVar("AnyDefinition", bound=Definition)


def _check_id(value: str) -> str:
    if not ID_PATTERN.match(value):
        raise ValueError("must be an id: a small letter, then small letters, digits and _ (such as jc_odense)")
    return value


def _parse_date(value: object) -> object:
    if isinstance(value, str):
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            raise ValueError("must be a date written YYYY-MM-DD")
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            raise ValueError("must be a date that exists, written YYYY-MM-DD") from None
    return value


Id = Annotated[str, AfterValidator(_check_id)]
IsoDate = Annotated[dt.date, BeforeValidator(_parse_date)]


class Text(Definition):
    """A text of a definition in both languages of the reports."""

    da: str
    en: str

    def in_language(self, language: Language) -> str:
        """Return the text in the language."""
        return self.da if language == "da" else self.en


class Sourced(Definition):
    """A fact with its evidence mark; what is verified has a source."""

    mark: Mark
    source: str = ""

    @model_validator(mode="after")
    def _verified_somewhere(self) -> Sourced:
        if self.mark == "verified" and not self.source:
            raise ValueError("mark is verified, so source must say where the fact was read")
        return self


class SourcedText(Text):
    """A text that states a fact, with its evidence mark."""

    mark: Mark
    source: str = ""


# --- YAML: the core schema of YAML 1.2, so that `no`, `012`, `12:30` and dates stay the text that was written -------


class _StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader with YAML 1.2 scalars, tuples for lists, and duplicate keys refused."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's protocol)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        mapping: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in mapping:
                raise yaml.MarkedYAMLError(problem=f"key '{key}' appears twice", problem_mark=key_node.start_mark)
            mapping[key] = self.construct_object(value_node, deep=deep)
        return mapping

    def construct_deep_mapping(self, node: yaml.MappingNode) -> dict[Hashable, Any]:
        return self.construct_mapping(node, deep=True)

    def construct_tuple(self, node: yaml.SequenceNode) -> tuple[Any, ...]:
        return tuple(self.construct_object(child, deep=True) for child in node.value)

    def construct_plain_float(self, node: yaml.ScalarNode) -> float:
        return float(node.value)


_StrictLoader.add_constructor("tag:yaml.org,2002:seq", _StrictLoader.construct_tuple)
_StrictLoader.add_constructor("tag:yaml.org,2002:float", _StrictLoader.construct_plain_float)
_StrictLoader.add_constructor("tag:yaml.org,2002:map", _StrictLoader.construct_deep_mapping)
for _tag, _pattern, _first in (
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("bool", r"^(?:true|false)$", ["t", "f"]),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", list("-+0123456789")),
    ("float", r"^[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?$", list("-+0123456789")),
):
    _StrictLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def read_yaml(path: Path | str) -> dict[str, Any]:
    """Read one YAML mapping; lists become tuples, only `true`/`false` are booleans, dates and `012` stay text.

    Raises
    ------
    DefinitionError
        Where the file is missing, empty, not a mapping, not YAML, or says a key twice.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DefinitionError(f"{path}: there is no such file{_nearest_file(path)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    try:
        content = yaml.load(text, Loader=_StrictLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise DefinitionError(f"{path}{where}: {error.problem}; must be valid YAML") from None
    if not isinstance(content, dict):
        raise DefinitionError(f"{path}: holds {_kind(content)}; must be a YAML mapping of keys to values")
    return content


def read_definition(path: Path | str, model: type[AnyDefinition]) -> AnyDefinition:
    """Read a definition file into its frozen model.

    Raises
    ------
    DefinitionError
        One line for each problem: file, key, what was found and what is allowed.
    """
    content = read_yaml(path)
    return check_definition(content, model, str(path))


def check_definition(content: dict[str, Any], model: type[AnyDefinition], where: str) -> AnyDefinition:
    """Turn a mapping into its frozen model; `where` names it in errors."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = [dict(problem) for problem in error.errors()]
        lines = [f"{where}: {_problem(problem, model)}" for problem in problems if not _follows(problem, problems)]
        raise DefinitionError("\n".join(lines)) from None


def suggest(wrong: str, allowed: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest allowed name, or nothing."""
    near = difflib.get_close_matches(wrong, list(allowed), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


def _nearest_file(path: Path) -> str:
    return suggest(path.name, (p.name for p in path.parent.glob("*.yml"))) if path.parent.is_dir() else ""


def _follows(problem: dict[str, Any], problems: list[dict[str, Any]]) -> bool:
    """Whether a problem only follows from another one.

    A list is called too short because what stands in it is not valid; a key is missing because it was misspelt.
    """
    place = problem["loc"]
    if problem["type"] == "too_short":
        return any(p["loc"][: len(place)] == place and p is not problem for p in problems)
    if problem["type"] != "missing":
        return False
    unknown = [p["loc"] for p in problems if p["type"] == "extra_forbidden" and p["loc"][:-1] == place[:-1]]
    return any(suggest(str(found[-1]), [str(place[-1])]) for found in unknown)


def _problem(problem: dict[str, Any], model: type[Definition]) -> str:
    place, allowed = _walk(model, problem["loc"])
    key = ".".join(str(step) for step in place)
    found = problem["input"]
    message = problem["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    if problem["type"] == "extra_forbidden":
        known = sorted(allowed)
        return f"unknown key '{key}'{suggest(str(place[-1]), known)} (allowed: {', '.join(known)})"
    if problem["type"] == "missing":
        return f"missing key '{key}'; it is required"
    if problem["type"].startswith("union_tag"):
        context = problem["ctx"]
        name = context["discriminator"].strip("'")
        choices = context.get("expected_tags")
        tag = f"{key}.{name} is '{context['tag']}'" if "tag" in context else f"missing key '{key}.{name}'"
        return f"{tag}; must be one of {choices}" if choices else f"{tag}; it is required"
    if problem["type"] == "value_error" and isinstance(found, dict):
        return f"{key}: {message}" if key else message
    return f"{key} is {_show(found)}; {message}"


def _walk(model: type[BaseModel], location: tuple[str | int, ...]) -> tuple[list[str | int], set[str]]:
    """Return the file's own path to a place, and the keys allowed where its last step stands.

    Pydantic puts the tag of a union (`register`) between two keys; it is no key of the file and is left out.
    """
    path: list[str | int] = []
    annotation: Any = model
    allowed: set[str] = set()
    for number, step in enumerate(location):
        models = _models_in(annotation)
        allowed = {name for m in models for name in m.model_fields}
        fields = [m.model_fields[step].annotation for m in models if isinstance(step, str) and step in m.model_fields]
        is_tag = len(models) > 1 and isinstance(step, str) and not fields and number < len(location) - 1
        if is_tag:
            annotation = next((m for m in models if _has_tag(m, step)), annotation)
            continue
        path.append(step)
        annotation = Union[tuple(fields)] if fields else annotation  # noqa: UP007 (built at run time)
    return path, allowed


def _has_tag(model: type[BaseModel], tag: str | int) -> bool:
    return any(tag in get_args(field.annotation) for field in model.model_fields.values())


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for part in get_args(annotation) for m in _models_in(part)]


def _show(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_show(part) for part in value) + "]"
    words = {True: "true", False: "false", None: "empty"}
    if value is None or isinstance(value, bool):
        return words[value]
    return f"'{value}'" if isinstance(value, str) else str(value)


def _kind(value: object) -> str:
    return {type(None): "nothing", tuple: "a list", str: "text"}.get(type(value), f"a {type(value).__name__}")
