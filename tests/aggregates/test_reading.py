"""Which column is what, and what the options say."""

from __future__ import annotations

import pytest

from analysis_lib.aggregates import Reading
from analysis_lib.aggregates.raw import RawColumn, RawTable
from analysis_lib.aggregates.reading import lay_out
from analysis_lib.errors import DataError, InvalidInput


def table(**columns):
    return RawTable(columns=tuple(RawColumn(label=label, cells=cells) for label, cells in columns.items()))


def laid_out(raw, **options):
    return lay_out(raw, Reading(**options), "t.csv")


PLAIN = {"Area": ["Odense", "Odense"], "Periode": ["2019M01", "2019M02"]}
LABELS = (
    "Antal personer",
    "Fuldtidspersoner i pct. af arbejdsstyrken [16-66 år]",
    "Fuldtidspersoner i pct. af befolkningen [16-66 år]",
)


def published(*labels):
    return table(**PLAIN, **{label: [1, 2] for label in labels})


def test_columns_of_figures_are_measures_and_words_are_dimensions():
    layout = laid_out(table(**PLAIN, Alder=["16-19 år", "20-24 år"], Antal=["1", "-"], Andel=[0.5, None]))
    assert layout.area.label == "Area"
    assert layout.period.label == "Periode"
    assert [column.label for column in layout.dimensions] == ["Alder"]
    assert list(layout.measures) == ["Antal", "Andel"]


def test_measures_are_found_by_the_beginning_of_their_label():
    layout = laid_out(published(*LABELS), measures={"share": "fuldtidspersoner i pct. af  arbejdsstyrken"})
    assert layout.measures["share"].label == LABELS[1]
    assert layout.left_out == (LABELS[0], LABELS[2])
    later = published("Fuldtidspersoner i pct. af arbejdsstyrken 16-64 år")
    assert "share" in laid_out(later, measures={"share": "Fuldtidspersoner i pct. af arbejdsstyrken"}).measures


def test_a_whole_label_goes_before_longer_ones():
    raw = published("Antal personer", "Antal personer med ordinære timer")
    assert laid_out(raw, measures={"persons": "Antal personer"}).measures["persons"].label == "Antal personer"


@pytest.mark.parametrize(
    ("measures", "message"),
    [
        ({"share": "Fuldtidspersoner"}, r"2 columns begin with 'Fuldtidspersoner' \(measure share\); must be one of"),
        ({"share": "Andel"}, r"no column begins with 'Andel' \(measure share\); must be one of 'Antal personer', "),
        ({"a": "Antal", "b": "Antal personer"}, "column 'Antal personer' is asked for by two measures"),
        ({"period": "Antal"}, "two columns of the result would be called 'period'"),
    ],
)
def test_measures_that_cannot_be_found(measures, message):
    with pytest.raises(DataError, match=message):
        laid_out(published(*LABELS), measures=measures)


def test_a_column_that_mixes_figures_and_words_is_no_guess():
    raw = table(**PLAIN, Antal=[1, 2], Børn=["0", "3+"])
    with pytest.raises(
        DataError, match=r"column Børn, row 2: '3\+' is no number while other cells are; .*dimension_columns"
    ):
        laid_out(raw)
    assert [c.label for c in laid_out(raw, dimension_columns=["Børn"]).dimensions] == ["Børn"]


def test_a_column_of_markers_alone_is_no_guess():
    raw = table(**PLAIN, Antal=[1, 2], Andel=["-", ".."])
    with pytest.raises(DataError, match="column 'Andel' has neither a number nor words"):
        laid_out(raw)
    assert list(laid_out(raw, measures={"share": "Andel"}).measures) == ["share"]
    assert laid_out(raw, measures={"n": "Antal"}).left_out == ("Andel",)


def test_area_and_period_may_be_named():
    raw = table(Sted=["Odense", "Odense"], Måned=["2019M01", "2019M02"], Antal=[1, 2])
    for options, missing in (({"area_column": "Sted"}, "period"), ({"period_column": "Måned"}, "area")):
        with pytest.raises(
            DataError, match=rf"no columns can be the {missing}; name it with Reading\({missing}_column"
        ):
            laid_out(raw, **options)
    layout = laid_out(raw, area_column="Sted", period_column="Måned")
    assert (layout.area.label, layout.period.label) == ("Sted", "Måned")
    assert laid_out(raw, area_column="", period_column="Måned", dimension_columns=["Sted"]).area is None


def test_two_columns_that_can_be_the_area():
    raw = table(Kommune=["Odense"], Region=["Syddanmark"], Periode=["2019"], Antal=[1])
    with pytest.raises(DataError, match="2 columns can be the area"):
        laid_out(raw)
    assert [c.label for c in laid_out(raw, area_column="Kommune").dimensions] == ["Region"]


def test_names_that_are_not_there_are_errors():
    raw = published("Antal")
    with pytest.raises(DataError, match="has no column 'Arae'; did you mean 'Area'"):
        laid_out(raw, area_column="Arae")
    for options in ({"dimension_columns": ["Køn"]}, {"total_values": {"Køn": ["I alt"]}}):
        with pytest.raises(DataError, match="has no column 'Køn'"):
            laid_out(raw, **options)


def test_a_label_that_stands_twice():
    raw = RawTable(columns=tuple(RawColumn(label=label, cells=[1]) for label in ("Area", "Periode", "Antal", "Antal")))
    with pytest.raises(DataError, match="column 'Antal' stands twice"):
        laid_out(raw)


def test_a_table_without_figures():
    with pytest.raises(DataError, match="has no column of figures; the columns are 'Area', 'Periode'"):
        laid_out(table(**PLAIN))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"totals": "keep"}, "totals is 'keep'; must be remove or mark"),
        ({"decimal": ";"}, "decimal is ';'; must be ',' or '.'"),
        ({"measures": {}}, "measures is empty"),
        ({"dimension_columns": "Køn"}, "must be a list of texts"),
        ({"total_values": {"Køn": "I alt"}}, "must be a list of texts"),
    ],
)
def test_options_that_are_wrong(options, message):
    with pytest.raises(InvalidInput, match=message):
        Reading(**options)
