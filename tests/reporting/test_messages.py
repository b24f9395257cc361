"""The Danish catalogue is whole and in step with the sources."""

import string
from collections import Counter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from analysis_lib.reporting.language import CATALOGUE
from analysis_lib.reporting.messages import (
    PACKAGE,
    collect_strings,
    find_strings,
    main,
    merge_catalogue,
    write_catalogue,
)

PATH = PACKAGE / "reporting" / CATALOGUE
HINT = "run `make messages` and translate what is new"


@pytest.fixture(scope="module")
def catalogue():
    with PATH.open("rb") as file:
        return read_po(file, locale="da")


@pytest.fixture(scope="module")
def found():
    return collect_strings()


def placeholders(text):
    """Names and formats of a template, as often as each occurs."""
    return Counter((name, spec) for _, name, spec, _ in string.Formatter().parse(text) if name is not None)


def test_the_catalogue_is_in_step_with_the_sources(catalogue, found):
    assert {message.id for message in catalogue if message.id} == set(found), HINT
    assert not catalogue.obsolete, HINT


def test_every_string_is_translated(catalogue):
    missing = [message.id for message in catalogue if message.id and (not message.string or message.fuzzy)]
    assert not missing, HINT


def test_translations_have_the_same_placeholders(catalogue):
    for message in catalogue:
        if message.id and "{" in message.id:
            assert placeholders(message.string) == placeholders(message.id), message.id


def test_translations_of_cells_keep_their_headings(catalogue):
    for message in catalogue:
        if message.id and message.id.startswith("#"):
            level = message.id.partition(" ")[0]
            assert message.string.startswith(f"{level} "), message.id


def test_the_file_is_what_the_command_writes(catalogue, found):
    assert PATH.read_bytes() == write_catalogue(merge_catalogue(found, catalogue)), HINT


def test_templates_are_found_where_they_stand():
    source = """
class Message(str):
    def __new__(cls, template: str = "not this", **values): ...

WORDS = {1: Message("of a module")}

def f(x, t, translator):
    a = Message("outer {x}", x=Message("inner"))
    b = Message.join([Message("joined")])
    c = translator.t("two "
        "lines", y=f"{Message('in an f-string')}")
    d = Message("one" if x else "other") or t("short")
    reason = "through a {name}"
    e = Message(reason, name=x)
    def g():
        other = "of the inner function"
        return Message(other), Message(reason)
    return stats.t.ppf("not this"), Message(x), Message(f"{x}"), call("not this"), Message("")
"""
    assert find_strings(source) == [
        "of a module", "outer {x}", "inner", "joined", "two lines", "in an f-string", "one", "other", "short",
        "through a {name}", "of the inner function",
    ]  # fmt: skip


def test_a_name_has_the_strings_of_all_its_assignments():
    source = 'def f(x):\n    if x:\n        why = "first"\n    else:\n        why = "second"\n    return Message(why)'
    assert find_strings(source) == ["first", "second"]


def test_merging_keeps_translations_and_drops_what_is_gone():
    old = Catalog(locale="da")
    old.add("weeks", "uger")
    old.add("gone", "væk")
    new = merge_catalogue({"weeks": ["b.py"], "95 % in all": ["a.py"]}, old)
    text = write_catalogue(new).decode()
    assert [(m.id, m.string, list(m.flags)) for m in new if m.id] == [("weeks", "uger", []), ("95 % in all", "", [])]
    assert "gone" not in text
    assert "Date" not in text


def test_the_command_tells_what_is_missing(tmp_path, capsys, found):
    path = tmp_path / "da.po"
    path.write_bytes(write_catalogue(Catalog(locale="da")))
    assert main(path) == 1
    said = capsys.readouterr().out
    assert said.startswith(f"{len(found)} strings, {len(found)} without a translation\n")
    path.write_bytes(PATH.read_bytes())
    assert main(path) == 0
    assert capsys.readouterr().out == f"{len(found)} strings, 0 without a translation\n"
