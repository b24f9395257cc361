"""Strings, numbers and dates in the language of the report."""

import datetime as dt
import math

import numpy as np
import pytest

from analysis_lib.errors import InvalidInput
from analysis_lib.parameters import Text
from analysis_lib.reporting.language import Translator, read_catalogue, say_label, translate_notebook
from analysis_lib.results import Message

DA, EN = Translator("da"), Translator("en")
NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("value", "spec", "danish", "english"),
    [
        (1234.5, ".1f", "1.234,5", "1,234.5"),
        (-0.5, ".2f", "-0,50", "-0.50"),
        (-0.001, ".2f", "0,00", "0.00"),
        (2.675, ".2f", "2,67", "2.67"),  # Python's rounding of the binary number, in both languages
        (0.25, "+.1f", "+0,2", "+0.2"),
        (1234567, "", "1.234.567", "1,234,567"),
        (2005, "d", "2005", "2005"),
        (0.1234, ".1%", f"12,3{NBSP}%", "12.3%"),
        (104.0, "g", "104", "104"),
        (1.5, "g", "1,5", "1.5"),
        (12, ".1f", "12,0", "12.0"),
        (math.nan, ".1f", "", ""),
        (np.float64(2.5), ".1f", "2,5", "2.5"),
        (np.int64(2500), "", "2.500", "2,500"),
        (math.inf, ".1f", "∞", "∞"),
        (-math.inf, ".1f", "-∞", "-∞"),
    ],
)
def test_numbers_follow_the_language(value, spec, danish, english):
    assert DA.localise(value, spec) == danish
    assert EN.localise(value, spec) == english


@pytest.mark.parametrize("spec", ["x", ".2", ">10.1f", "e", "d"])
def test_other_formats_are_refused(spec):
    with pytest.raises(InvalidInput, match=r"must be d, or \[\+\]\[\.N\] and one of f, g, %"):
        DA.localise(1.5, spec)


def test_named_number_formats():
    assert DA.number(1794.34, 0) == "1.794"
    assert DA.integer(12345) == "12.345"
    assert (DA.percent(0.5), EN.percent(0.5)) == (f"50{NBSP}%", "50%")
    assert DA.percent(math.nan, 1) == ""
    assert DA.date(dt.date(2005, 11, 1)) == "1. november 2005"
    assert EN.date(dt.date(2005, 11, 1)) == "1 November 2005"


@pytest.mark.parametrize(
    ("p", "said", "bare"),
    [
        (0.034, "p = 0,034", "0,034"),
        (0.00099, "p < 0,001", "< 0,001"),
        (0.001, "p = 0,001", "0,001"),
        (0.0, "p < 0,001", "< 0,001"),
        (1.0, "p = 1,000", "1,000"),
        (math.nan, "", ""),
    ],
)
def test_p_values(p, said, bare):
    assert DA.p_value(p) == said
    assert DA.p_value(p, bare=True) == bare


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_a_p_value_outside_0_to_1_is_refused(p):
    with pytest.raises(InvalidInput, match="must be between 0 and 1"):
        DA.p_value(p)


def test_an_unknown_language_is_refused():
    with pytest.raises(InvalidInput, match="language is 'sv'; must be one of da, en"):
        Translator("sv")


def test_values_in_templates():
    assert DA.t("{low:.1f} and {n} of {x}", low=1234.56, n=1000, x="weeks") == "1.234,6 and 1.000 of uger"
    assert DA.t("on {day}", day=dt.date(2006, 3, 31)) == "on 31. marts 2006"
    assert DA.t("empty: {x:.1f}.", x=math.nan) == "empty: ."
    with pytest.raises(InvalidInput, match="a value of a message is True"):
        DA.t("{x}", x=True)


def test_a_text_without_values_is_taken_as_it_stands():
    assert DA.t("a {brace}") == "a {brace}"


def test_messages_are_translated_part_by_part_and_within():
    said = Message("{n} people in the {arm} arm; two are needed", n=1, arm=Message("treated"))
    joined = Message.join([said, Message("weeks")])
    assert DA.render(joined) == "1 personer i deltagergruppen; der kræves to; uger"
    assert EN.render(joined) == str(joined)


def test_a_message_made_of_a_message_keeps_its_numbers():
    inner = Message("fewer than {n} people in a group", n=5)
    assert DA.render(Message("{reason}", reason=Message(inner))) == "færre end 5 personer i en gruppe"


def test_plain_strings_are_translated_only_where_known():
    assert DA.render("weeks") == "uger"
    assert DA.render("no such string") == "no such string"
    assert DA.render("") == ""


def test_texts_of_a_definition():
    dollars = Text(da="kroner", en="dollars")
    assert DA.text(dollars) == "kroner"
    assert DA.knowing([dollars]).render(Message("dollars")) == "kroner"
    assert EN.knowing([dollars]).render(Message("dollars")) == "dollars"
    assert DA.render(Message("dollars")) == "dollars"


def test_labels_stand_in_for_ids_in_sentences():
    labels = {"weeks_52": Text(da="Uger på ydelse", en="Weeks on benefit")}
    sentence = Message("{outcome}: {value:.1f}", outcome=Message("weeks_52"), value=2.5)
    assert DA.naming(labels).render(sentence) == "Uger på ydelse: 2,5"
    assert EN.naming(labels).render(sentence) == "Weeks on benefit: 2.5"
    assert say_label(labels, "weeks_52", EN) == "Weeks on benefit"
    assert say_label(labels, "weeks", DA) == "uger"


def test_a_notebook_is_translated_in_a_copy():
    english = next(text for text in read_catalogue() if text.startswith("## "))
    notebook = {
        "cells": [
            {"cell_type": "markdown", "source": [*english.splitlines(keepends=True), "\n"]},
            {"cell_type": "markdown", "source": "not in the catalogue"},
            {"cell_type": "code", "source": english},
        ]
    }
    danish = translate_notebook(notebook, "da")
    assert [cell["source"] for cell in danish["cells"]] == [
        read_catalogue()[english],
        "not in the catalogue",
        english,
    ]
    assert translate_notebook(notebook, "en")["cells"][0]["source"] == english
    assert isinstance(notebook["cells"][0]["source"], list)
