"""The result: rows, types, statuses, ids, totals and what was left out."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from analysis_lib.aggregates import Period, Reading, Unmapped
from analysis_lib.aggregates.aggregate import build_aggregate
from analysis_lib.aggregates.raw import RawColumn, RawTable
from analysis_lib.aggregates.totals import dimension_totals, reads_as_total
from analysis_lib.errors import DataError, InvalidInput


def built(rows, labels=("Area", "Periode", "Køn", "Antal"), *, asked_areas=(), **options):
    columns = zip(labels, zip(*rows, strict=True), strict=True) if rows else ((label, ()) for label in labels)
    raw = RawTable(columns=tuple(RawColumn(label=label, cells=cells) for label, cells in columns))
    reading = Reading(measures={"n": "Antal"}, **options)
    return build_aggregate(raw, reading, "t.csv", table="t", source="t.csv", asked_areas=asked_areas)


def grid(areas=("Odense",), periods=("2016M01",), sexes=("Kvinder",)):
    return [[*key, 10 + k] for k, key in enumerate(itertools.product(areas, periods, sexes))]


def column(*values):
    return RawColumn(label="Køn", cells=values)


def test_types_of_the_columns():
    frame = built([["Odense", "2016M01", "Kvinder", 3], ["Fanø", "2016M02", "Mænd", None]]).frame
    assert list(frame) == [
        "area", "area_kind", "jobcentre", "part_of", "municipality", "period", "Køn", "is_total", "n", "n_status",
    ]  # fmt: skip
    assert frame["n"].dtype == pd.Int64Dtype() == frame["municipality"].dtype
    assert all(isinstance(frame[name].dtype, pd.CategoricalDtype) for name in ("area_kind", "Køn", "n_status"))
    assert list(frame["Køn"].cat.categories) == ["Kvinder", "Mænd"]
    assert frame["is_total"].dtype == bool
    assert list(frame["period"]) == [Period("month", 2016, 1), Period("month", 2016, 2)]
    assert list(frame["jobcentre"].fillna("none")) == ["jc_odense", "none"]
    assert list(frame["part_of"].fillna("none")) == ["none", "jc_esbjerg_fanoe"]


def test_missing_markers_are_missing_with_their_reason_and_noughts_stay():
    values = [0, "-", "..", "…", "*", "", None, "0,0", "1,5"]
    frame = built([["Odense", f"2016M{k:02d}", "Kvinder", value] for k, value in enumerate(values, 1)]).frame
    assert frame["n"].dtype == "float64"
    assert list(frame["n"].fillna(-1)) == [0, -1, -1, -1, -1, -1, -1, 0, 1.5]
    assert list(frame["n_status"].astype(object).fillna("plain")) == [
        "plain", "-", "..", "…", "*", "blank", "null", "plain", "plain",
    ]  # fmt: skip


def test_a_flag_beside_a_figure_is_kept():
    raw = RawTable(
        columns=(
            RawColumn(label="Area", cells=["Odense", "Nyborg"]), RawColumn(label="Tid", cells=["2016", "2016"]),
            RawColumn(label="Antal", cells=[3, None], role="measure", statuses=["p", "x"], unit="persons"),
        )
    )  # fmt: skip
    result = build_aggregate(raw, Reading(), "t.json", table="t", source="t.json")
    assert list(result.frame["Antal"].fillna(-1)) == [3, -1]
    assert list(result.frame["Antal_status"]) == ["p", "x"]
    assert result.unit("Antal") == "persons"
    with pytest.raises(InvalidInput, match="measure is 'n'; must be one of Antal"):
        result.unit("n")


def test_totals_are_removed_and_named():
    result = built(grid(["Hele landet", "Odense", "Fanø"], sexes=["Køn i alt", "Kvinder", "Mænd"]))
    assert list(zip(result.frame["area"], result.frame["Køn"], strict=True)) == [
        ("Odense", "Kvinder"), ("Odense", "Mænd"), ("Fanø", "Kvinder"), ("Fanø", "Mænd"),
    ]  # fmt: skip
    assert not result.frame["is_total"].any()
    assert [(r.column, r.value, r.rows) for r in result.removed] == [
        ("Area", "Hele landet", 3),
        ("Køn", "Køn i alt", 3),
    ]


def test_totals_are_marked_where_they_are_kept():
    result = built(grid(["Hele landet", "Odense"], sexes=["Køn i alt", "Kvinder"]), totals="mark")
    assert list(result.frame["is_total"]) == [True, True, True, False]
    assert result.removed == ()


def test_an_area_that_was_asked_for_stays_and_is_marked():
    result = built(grid(["Hele landet", "Odense"], sexes=["Køn i alt", "Kvinder"]), asked_areas=["hele landet"])
    assert list(result.frame["area"]) == ["Hele landet", "Odense"]
    assert list(result.frame["is_total"]) == [True, False]
    assert [r.value for r in result.removed] == ["Køn i alt"]


def test_one_total_alone_counts_nothing_twice_and_stays():
    result = built(grid(["Hele landet"], sexes=["Køn i alt"]))
    assert (len(result.frame), result.removed) == (1, ())
    assert not result.frame["is_total"].any()


def test_an_area_is_a_total_only_of_areas_inside_it():
    result = built(grid(["Region Hovedstaden", "Odense"]))
    assert (len(result.frame), result.removed) == (2, ())
    result = built(grid(["Region Hovedstaden", "Region Syddanmark", "Odense", "Esbjerg-Fanø", "Fanø"]))
    assert list(result.frame["area"]) == ["Region Hovedstaden", "Odense", "Fanø"]


def test_the_country_is_a_total_beside_any_area():
    result = built(grid(["Hele landet", "RAR Fyn"]))
    assert list(result.frame["area"]) == ["RAR Fyn"]


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        ("I alt", None, True), ("Alder i alt", None, True), ("Tilbud I ALT", None, True), ("Alle", None, False),
        ("Alle uddannelsesparate", None, True), ("All ages", None, True), ("Age, total", None, True),
        ("Total", None, True), ("x", "TOT", True), ("x", "IALT", True), ("TOT", None, True), ("Mænd", "1", False),
        ("Allerød", None, False), ("Totalentreprise", None, False), ("Subtotal", None, False), ("Ialt", None, True),
    ],
)  # fmt: skip
def test_what_reads_as_a_total(text, code, expected):
    assert reads_as_total(text, code) is expected


def test_where_every_value_reads_as_a_total_the_caller_says_which():
    values = ("Tilbud i alt", "Vejledning i alt", "Løntilskud i alt")
    with pytest.raises(
        DataError, match=r"every value of column 'Køn' reads as a total \('Løntilskud i alt', .*total_values"
    ):
        dimension_totals(column(*values), None, "t.csv")
    assert dimension_totals(column(*values), ["Tilbud i alt"], "t.csv") == {"Tilbud i alt"}
    assert dimension_totals(column("Begge", "Mænd"), ["Begge"], "t.csv") == {"Begge"}
    assert dimension_totals(column("Alle ledige", "Mænd"), [], "t.csv") == frozenset()
    with pytest.raises(DataError, match="has no value 'Both', which total_values names"):
        dimension_totals(column("Begge", "Mænd"), ["Both"], "t.csv")


def test_total_values_of_the_caller_go_before_the_rule():
    rows = grid(sexes=["Tilbud i alt", "Vejledning i alt", "Løntilskud i alt"])
    result = built(rows, total_values={"Køn": ["Tilbud i alt"]})
    assert list(result.frame["Køn"]) == ["Vejledning i alt", "Løntilskud i alt"]


def test_a_table_of_nothing_but_totals_is_an_error():
    rows = [["Odense", "2016", "Køn i alt", "16-19 år", 1], ["Odense", "2016", "Mænd", "Alder i alt", 2]]
    labels = ("Area", "Periode", "Køn", "Alder", "Antal")
    with pytest.raises(DataError, match=r"every row is a total; keep them with Reading\(totals='mark'\)"):
        built(rows, labels)
    assert list(built(rows, labels, totals="mark").frame["n"]) == [1, 2]


def test_names_that_are_no_area_are_listed():
    result = built(grid(["Odenze", "Odense", "Uoplyst område"], ["2016M01", "2016M02"]))
    why = "'Odenze' is no area of the lists; did you mean 'Odense'?"
    assert result.unmapped == (Unmapped(name="Odenze", reason=why, rows=2),)
    assert list(result.frame["area_kind"].unique()) == ["other", "municipality"]
    assert result.frame.loc[result.frame["area"] == "Odenze", ["jobcentre", "municipality"]].isna().all(axis=None)


def test_strict_refuses_names_that_are_no_area():
    with pytest.raises(DataError, match=r"t.csv: 1 areas have no id: Odenze: 'Odenze' is .* did you mean 'Odense'"):
        built(grid(["Odenze", "Odense"]), strict=True)
    assert len(built(grid(["Odense", "Hele landet", "Uoplyst område"]), strict=True).frame) == 2


def test_a_joint_jobcentre_has_its_id_in_its_years_only():
    result = built(grid(["Jobcenter Svendborg-Langeland"], ["2012M12", "2013M01"]))
    assert list(result.frame["jobcentre"].fillna("none")) == ["jc_svendborg_langeland", "none"]
    assert [u.reason for u in result.unmapped] == ["jc_svendborg_langeland was not in use in 2013"]


def test_the_year_of_a_rolling_year_is_that_of_its_last_day():
    result = built(grid(["Svendborg"], ["2012QMAT04", "2013QMAT01"]))
    assert list(result.frame["jobcentre"].fillna("none")) == ["none", "jc_svendborg"]


def test_two_names_of_one_place_are_not_two_rows():
    with pytest.raises(DataError, match="rows 1 and 3 are the same area, period and dimensions"):
        built(grid(["Odense", "Nyborg", "Odense Kommune"]))
    with pytest.raises(DataError, match="rows 1 and 2 are the same area"):
        built(grid(["Odense"], ["2022", "2022Y01"]))
    with pytest.raises(DataError, match="rows 1 and 2 are the same area"):
        built(grid(["RAR Fyn", "RAR  fyn"]))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["", "2016M01", "Kvinder", 1], "column Area, row 2: ''; must be text that is not blank"),
        ([None, "2016M01", "Kvinder", 1], "column Area, row 2: None; must be text"),
        (["Odense", "januar", "Kvinder", 1], "column Periode, row 2: period is 'januar'; must be a period that exists"),
        (["Odense", "2016M01", " ", 1], "column Køn, row 2: ' '; must be text that is not blank"),
        (["Odense", "2016M01", "Kvinder", "1.2.3"], "column Antal, row 2: '1.2.3' is no number"),
    ],
)
def test_cells_that_cannot_be_read(row, message):
    with pytest.raises(DataError, match=f"t.csv: {message}"):
        built([["Nyborg", "2016M01", "Mænd", 1], row])


def test_a_table_without_rows():
    with pytest.raises(DataError, match="t.csv: has no rows; nothing is published for what was asked"):
        built([])


def test_a_table_without_areas():
    result = built(grid(sexes=["Kvinder", "Mænd"]), area_column="", dimension_columns=["Area"])
    assert result.frame["area"].isna().all()
    assert result.unmapped == ()
    assert result.frame["Area"].tolist() == ["Odense", "Odense"]


def test_years_written_as_numbers():
    assert list(built([["Odense", 2016, "Kvinder", 1]]).frame["period"]) == [Period("year", 2016)]


def test_row_order_does_not_matter():
    rows = grid(["Hele landet", "Odense", "Fanø"], ["2016M01", "2016M02"], ["Køn i alt", "Kvinder", "Mænd"])
    keys = ["area", "period", "Køn"]
    frames = [
        built(order).frame.astype({"Køn": str}).sort_values(keys, ignore_index=True) for order in (rows, rows[::-1])
    ]
    pd.testing.assert_frame_equal(*frames, check_categorical=False)
