"""JSON-stat against a second implementation that counts positions out, and its errors."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_lib.aggregates.statbank_formats import parse_jsonstat, parse_statbank_csv
from analysis_lib.errors import DataError


def cube(sizes, values, *, version=1, metric=None, as_list=True, shuffled=False):
    names = [f"D{k}" for k in range(len(sizes))]
    codes = [[f"c{i}" for i in range(size)] for size in sizes]
    dims = {}
    for name, listed in zip(names, codes, strict=True):
        index = {code: position for position, code in enumerate(listed)}
        index = dict(reversed(index.items())) if shuffled else index
        label = {code: f"{name} {code}" for code in listed}
        dims[name] = {"category": {"index": listed if as_list else index, "label": label}}
    outer = {"id": names, "size": list(sizes)} | ({} if metric is None else {"role": {"metric": [names[metric]]}})
    if version == 1:
        return {"dataset": {"dimension": dims | outer, "value": values}}
    return {"version": "2.0", "class": "dataset", "dimension": dims, "value": values} | outer


def parsed(document):
    return parse_jsonstat(json.dumps(document).encode(), "t.json")


def naive(sizes, values, metric):
    """Count the positions with an odometer: the last dimension turns fastest."""
    found = {}
    for position, at in enumerate(itertools.product(*(range(size) for size in sizes))):
        row = tuple(f"D{k} c{i}" for k, i in enumerate(at) if k != metric)
        measure = "value" if metric is None else f"D{metric} c{at[metric]}"
        found[row, measure] = values[position]
    return found


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.data())
def test_positions_against_counting_them_out(sizes, data):
    metric = data.draw(st.none() | st.integers(0, len(sizes) - 1))
    sparse = data.draw(st.booleans())
    total = len(list(itertools.product(*(range(size) for size in sizes))))
    values = [None if k % 7 == 3 else 10 * k for k in range(total)]
    given_values = {str(k): value for k, value in enumerate(values) if value is not None} if sparse else values
    options = {"version": data.draw(st.sampled_from([1, 2])), "as_list": data.draw(st.booleans()), "shuffled": True}
    table = parsed(cube(sizes, given_values, metric=metric, **options))
    axes = [column for column in table.columns if column.role != "measure"]
    rows = list(zip(*(column.cells for column in axes), strict=True)) or [()] * table.n_rows
    found = {
        (row, measure.label): value
        for measure in table.columns if measure.role == "measure"
        for row, value in zip(rows, measure.cells, strict=True)
    }  # fmt: skip
    assert found == naive(sizes, values, metric)
    absent = [s for column in table.columns if column.role == "measure" for s in column.statuses]
    assert absent.count("absent") == (values.count(None) if sparse else 0)


def test_a_single_category_needs_no_index():
    document = cube([1, 2], [5, 6])
    document["dataset"]["dimension"]["D0"]["category"] = {"label": {"only": "Alle"}}
    assert parsed(document).columns[0].cells == ["Alle", "Alle"]


def test_equal_labels_are_told_apart_by_their_codes():
    document = cube([2], [5, 6])
    document["dataset"]["dimension"]["D0"]["category"]["label"] = {"c0": "Andet", "c1": "Andet"}
    assert parsed(document).columns[0].cells == ["c0 Andet", "c1 Andet"]


def test_flags_are_kept_in_each_form():
    for flags, expected in ((["", "p"], ["", "p"]), ({"1": "p"}, ["", "p"]), ("e", ["e", "e"]), (None, ["", ""])):
        document = cube([2], [5, 6])
        document["dataset"]["status"] = flags
        assert parsed(document).columns[-1].statuses == expected


def changed(change):
    document = cube([2, 3], list(range(6)), version=2, as_list=False)
    change(document)
    return document


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["value"].pop(), r"value has 5 cells; must have 6 \(2 x 3\)"),
        (lambda d: d.update(value={"6": 1}), "value has a cell '6'; must be 0 to 5"),
        (lambda d: d.update(value={"-1": 1}), "value has a cell '-1'"),
        (lambda d: d.pop("value"), "value is None; must be a list or an object"),
        (lambda d: d.update(size=[2]), "must be lists of one length"),
        (lambda d: d.update(size=[2, 4]), "dimension 'D1' has 3 categories; must have its size, 4"),
        (lambda d: d.update(id=["D0", "D9"]), "dimension 'D9' of id is not described"),
        (
            lambda d: d["dimension"]["D1"]["category"]["index"].update(c2=1),
            "positions of dimension 'D1' are not 0, 1, 2",
        ),
        (lambda d: d["dimension"]["D1"].update(category=[]), "category of dimension 'D1' must be an object"),
        (lambda d: d["dimension"]["D1"]["category"].update(index=["c0", "c0", "c1"]), "has 2 categories"),
        (lambda d: d.update(role={"metric": ["D0", "D1"]}), "role metric is .* must be a list of 1"),
        (lambda d: d.update(role={"time": ["D7"]}), "role time is .* must be a list of 1"),
        (lambda d: d.update({"class": "collection"}), "is no JSON-stat dataset"),
        (lambda d: d.update(dimension=[]), "dimension is .* must be an object"),
        (lambda d: d.update(status=[""]), "status has 1 cells; must have 6"),
    ],
)
def test_what_does_not_fit_together_is_an_error(change, message):
    with pytest.raises(DataError, match=f"t.json: .*{message}|t.json: {message}"):
        parsed(changed(change))


@pytest.mark.parametrize("document", [[], {"columns": [], "rows": []}, {"dataset": []}, 3])
def test_other_documents_are_refused(document):
    with pytest.raises(DataError, match="is no JSON-stat dataset; must be .* found"):
        parsed(document)


def test_a_cube_too_large_to_lay_out_is_refused():
    codes = [f"c{k}" for k in range(300)]
    described = {"category": {"index": codes}}
    document = {
        "class": "dataset",
        "id": ["A", "B", "C"],
        "size": [300] * 3,
        "value": {},
        "dimension": dict.fromkeys("ABC", described),
    }
    with pytest.raises(DataError, match="more than 20,000,000 cells"):
        parsed(document)


def test_csv_needs_statbanks_column_of_figures():
    with pytest.raises(DataError, match="has the columns OMRÅDE, TID, Antal; must have one column INDHOLD"):
        parse_statbank_csv("OMRÅDE;TID;Antal\n101;2008K1;3\n".encode(), "t.csv")
