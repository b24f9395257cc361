"""The code list: what each code stands for, with its evidence, and its errors."""

from __future__ import annotations

import pytest

from analysis_lib.errors import DefinitionError, InvalidInput
from analysis_lib.register.codes import CODES_FILE, read_codes

SOURCE = CODES_FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("self_support", [0]),
        ("unemployment_insurance", [111, *range(211, 220)]),
        ("cash_benefit", [*range(130, 139), *range(231, 240), *range(730, 739)]),
        ("education", [651, 652]),
        ("flex_job_allowance", list(range(740, 749))),
        ("sickness", list(range(890, 900))),
        ("early_retirement", [611, 621]),
        (["dead", "emigrated", "old_age_pension"], [997, 998, 999]),
    ],
)
def test_codes_of_states(codes, state, expected):
    assert codes.codes_of(state).tolist() == expected


def test_every_code_has_one_state_and_a_label_in_both_languages(codes):
    counted = sum(len(codes.codes_of(state.id)) for state in codes.states)
    assert counted == len(codes.known) == len(set(codes.known.tolist()))
    for code in codes.known.tolist():
        assert code in codes.codes_of(codes.state_of(code))
        assert codes.label(code).da
        assert codes.label(code).en


def test_blank_is_self_support(codes):
    assert codes.state_of(0) == "self_support"
    assert codes.label(0) == codes.name("self_support")


def test_every_range_says_where_it_comes_from(codes):
    for state in codes.states:
        for group in state.codes:
            assert group.mark in ("verified", "derived", "recalled")
            assert group.source


def test_order_of_the_last_codes_is_marked_uncertain(codes):
    marks = {s.id: s.codes[0] for s in codes.states if s.id in ("emigrated", "old_age_pension", "dead")}
    assert {group.mark for group in marks.values()} == {"recalled"}
    assert all("medium confidence" in group.source for group in marks.values())


def test_the_list_has_a_title_and_counts_its_marks(codes):
    assert codes.title.da
    assert codes.title.en
    assert set(codes.marks) == {"verified", "derived", "recalled", "unknown"}
    assert sum(codes.marks.values()) == len(codes.known) - 1  # the blank week has no evidence of its own
    by_hand = sum((g.last or g.first) - g.first + 1 for s in codes.states for g in s.codes if g.mark == "recalled")
    assert codes.marks["recalled"] == by_hand > 0


def test_a_list_without_a_title(tmp_path):
    path = tmp_path / "codes.yml"
    lines = SOURCE.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("title:"))
    rest = [line for line in lines[start + 1 :] if line]
    after = next(i for i, line in enumerate(rest) if not line.startswith(" "))
    path.write_text("\n".join([*lines[:start], *rest[after:]]), encoding="utf-8")
    with pytest.raises(DefinitionError, match="title"):
        read_codes(path)


def test_unknown_state_and_code(codes):
    with pytest.raises(
        DefinitionError, match=r"state is 'sicknes'; must be one of self_support, .*, dead; did you mean 'sickness'"
    ):
        codes.codes_of(["education", "sicknes"])
    with pytest.raises(InvalidInput, match="code is 112; must be 0"):
        codes.state_of(112)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("last: 652", "last: 650", "last is 650; must not be below first, 651"),
        ("first: 621", "first: 611", "code 611 appears twice"),
        ("id: dead", "id: emigrated", "state 'emigrated' appears twice"),
        (
            "blank: self_support",
            "blank: selfsupport",
            "blank is 'selfsupport'; must be one of states; did you mean 'self_support'",
        ),
        ("first: 111", "first: 0", "greater than or equal to 1"),
        ("first: 111", "first: 111111", "less than or equal to 32767"),
    ],
)
def test_a_file_that_is_wrong(tmp_path, old, new, message):
    assert old in SOURCE
    path = tmp_path / "codes.yml"
    path.write_text(SOURCE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DefinitionError, match=message):
        read_codes(path)


def test_state_without_codes(tmp_path):
    path = tmp_path / "codes.yml"
    path.write_text(SOURCE + "\n  - id: other\n    name: {da: Andet, en: Other}\n    codes: []\n", encoding="utf-8")
    with pytest.raises(DefinitionError, match="state 'other' has no codes"):
        read_codes(path)
