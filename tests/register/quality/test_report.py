"""The report as a whole: severities and exit codes, tables, text, and that no person's id is in it."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from analysis_lib.batch.simulated_extract import write_simulated_extract
from analysis_lib.errors import InvalidInput
from analysis_lib.register.declarations import data_dictionary
from analysis_lib.register.extract import read_extract
from analysis_lib.register.quality import check_extract
from analysis_lib.register.quality.text import grid
from analysis_lib.register.spells import weeks_from_spells


@pytest.fixture
def troubled(someone):
    """Return people who break many rules, with ids that are easily found in a text."""
    event = {"kind": "meeting", "type": "secret-type", "planned": dt.date(2007, 1, 1), "held": dt.date(2005, 1, 1)}
    match = {
        "date": dt.date(2001, 1, 1), "jobcentre": "jc_odense", "caseworker": "secret-worker", "target_group": "t",
        "group": "g",
    }  # fmt: skip
    job = {"month": 12 * 2005, "months": 1, "rate": 2.0, "industry": 1}
    return [
        someone(
            [999, 111, 0, 111, 555, 998] * 2, name=f"secret-{i // 2}", born="2004-12-31", contacts=[event, event],
            matches=[match, match], employment=[job],
        )
        for i in range(4)
    ]  # fmt: skip


def test_no_persons_id_in_text_tables_or_representation(check, troubled):
    report = check(troubled)
    assert report.examples("same_id") == ("secret-0", "secret-1")
    assert sum(bool(report.examples(finding.id)) for finding in report.findings) >= 10
    texts = [report.to_text(), repr(report), report.to_frame().to_csv(), *(t.to_csv() for t in report.tables.values())]
    assert all("secret" not in text for text in texts)
    assert all("2004-12-31" not in text for text in texts)


def test_text_is_plain_and_narrow(check, troubled):
    text = check(troubled, vignettes=[]).to_text()
    lines = text.splitlines()
    assert max(len(line) for line in lines) <= 110
    assert all(line == line.rstrip() for line in lines)
    assert "\u00a0" not in text
    for heading in ("Files", "Order of events", "Vignettes", "Codes in use", "Data dictionary, with what was found"):
        place = lines.index(heading)
        assert lines[place + 1] == "-" * len(heading)
    assert "  ERROR    Any other code after death" in text


def test_wide_numbers_stay_narrow(check, someone):
    report = check([someone([111] * 1000)], first_week="1991-W32")
    assert max(len(line) for line in report.to_text().splitlines()) <= 110


def test_simulated_extract(tmp_path):
    folder = write_simulated_extract("hig", tmp_path / "hig", persons=300)
    report = check_extract(folder)
    extract = read_extract(folder)
    assert report.severity == "ok"
    assert report.exit_code == 0
    assert report.sha256 == extract.sha256
    weeks = weeks_from_spells(extract.spells)
    used = report.tables["codes"].set_index("code")
    for code in used.index:
        assert used.loc[code, "person_weeks"] == (weeks == code).sum()
        assert used.loc[code, "persons"] == (weeks == code).any(axis=1).sum()
    states = report.tables["states_by_year"]
    assert states["person_weeks"].sum() == weeks.size
    assert report.finding("missing_columns").severity == "ok"


def test_severity_is_the_worst_finding(check, someone):
    note = check([someone([0, 111, 0, 111])])
    assert {f.severity for f in note.findings} == {"ok", "note", "warning"}  # two weeks have no code
    assert (note.severity, note.exit_code) == ("warning", 10)
    fine = check([someone([111, 111])])
    assert (fine.severity, fine.exit_code) == ("ok", 0)
    error = check([someone([999, 111])])
    assert (error.severity, error.exit_code) == ("error", 4)
    assert (
        error.to_text().splitlines()[3].startswith(f"ERROR after {len(error.findings)} checks: 1 error, 0 warnings, ")
    )


def test_frame_and_findings(check, someone):
    report = check([someone([111, 0])])
    frame = report.to_frame()
    assert list(frame.columns) == ["section", "id", "severity", "title", "count", "total", "unit", "detail"]
    assert frame["id"].is_unique
    assert frame["id"].tolist() == [finding.id for finding in report.findings]
    assert frame.set_index("id").loc["high_rates", "count"] is pd.NA
    with pytest.raises(InvalidInput, match=r"check is 'high_rate'; must be one of files_missing, .* 'high_rates'"):
        report.examples("high_rate")


def test_at_most_twenty_examples(check, someone):
    report = check([someone([0], home=home) for home in (461, 561) for _ in range(15)])
    assert report.finding("without_weeks").count == 30
    assert len(set(report.examples("without_weeks"))) == len(report.examples("without_weeks")) == 20


def test_code_list_is_named_with_its_evidence(write, someone, codes):
    folder = write([someone([111])])
    own, given = (dict(check_extract(folder, codes=which).summary)["Code list"] for which in (None, codes))
    assert own.startswith(f"{codes.title.en}, dream_codes.yml; {len(codes.known) - 1} codes: ")
    assert given == own.replace(", dream_codes.yml", "")
    assert f"{codes.marks['recalled']} recalled" in own


def test_order_of_people_does_not_matter(check, someone):
    people = [
        someone([111, 0, 111], name="a"),
        someone([999, 0, 890], name="b"),
        someone([0, 0, 0], name="c", home=561),
    ]
    one, other = check(people), check(people[::-1])
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())


# --- the data dictionary ---------------------------------------------------------------------------------------------


def observed(report, table, column):
    row = report.tables["dictionary"].query("table == @table and column == @column").iloc[0]
    return row["rows"], row["distinct"], row["blank"], row["observed"]


def test_dictionary_has_every_declared_column(check, someone):
    report = check([someone([111, 0])])
    declared = data_dictionary()
    pd.testing.assert_frame_equal(report.tables["dictionary"][["table", "column"]], declared[["table", "column"]])
    assert observed(report, "contacts", "held")[3] == "not in this extract"
    assert pd.isna(observed(report, "contacts", "held")[0])
    assert observed(report, "persons", "married")[3] == "not in this extract"


def test_observed_facts(check, someone):
    contacts = [
        {"kind": "meeting", "type": None, "planned": dt.date(2005, 1, 5), "held": None},
        {"kind": "offer", "type": "x", "planned": dt.date(2005, 1, 4), "held": dt.date(2005, 1, 6)},
        {"kind": "meeting", "type": "x", "planned": None, "held": dt.date(2005, 1, 6)},
    ]
    jobs = [
        {"month": 24060, "months": 3, "rate": 0.5, "industry": None},
        {"month": 24063, "months": 1, "rate": None, "industry": 7000},
    ]
    people = [
        someone([111, 0, 890], born="1950-01-01", contacts=contacts, employment=jobs),
        someone([0, 0, 111], born="1990-01-01", sex="man", home=561), someone([0, 0, 0], born="1950-01-01", home=561),
    ]  # fmt: skip
    report = check(people, vignettes=[{"vignette": "v", "rater": "r", "jobcentre": "jc_odense", "group": None}])
    expected = {
        ("persons", "person_id"): (3, 3, 0.0, ""),
        ("persons", "birth_date"): (3, 2, 0.0, "1950 to 1990"),
        ("persons", "sex"): (3, 2, 0.0, "woman 66.7 %; man 33.3 %"),
        ("persons", "municipality"): (3, 2, 0.0, "461 to 561"),
        ("weeks", "y_YYWW"): (9, 2, pytest.approx(6 / 9), "111 to 890"),
        ("employment", "person_id"): (1, 1, 0.0, ""),
        ("employment", "branche_YYYY_MM"): (4, 1, 0.75, "7000 to 7000"),
        ("employment", "grad_YYYY_MM"): (4, 1, 0.25, "0.5 to 0.5"),
        ("contacts", "person_id"): (3, 1, 0.0, ""),
        ("contacts", "kind"): (3, 2, 0.0, "meeting 66.7 %; offer 33.3 %"),
        ("contacts", "type"): (3, 1, pytest.approx(1 / 3), ""),
        ("contacts", "planned"): (3, 2, pytest.approx(1 / 3), "2005-01-04 to 2005-01-05"),
        ("contacts", "held"): (3, 1, pytest.approx(1 / 3), "2005-01-06 to 2005-01-06"),
        ("vignettes", "rater"): (1, 1, 0.0, ""),
        ("vignettes", "group"): (1, 0, 1.0, ""),
    }
    assert {key: observed(report, *key) for key in expected} == expected


def test_grid_wraps_text_but_no_numbers():
    text = grid(["name", "text"], [["a", "word " * 30]])
    assert max(len(line) for line in text.splitlines()) <= 110
    assert len(text.splitlines()) == 3
    assert grid(["n"], [["1" * 200]], right={0}).splitlines()[1].strip() == "1" * 200
