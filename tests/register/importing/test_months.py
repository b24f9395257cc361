"""Months of employment: runs of equal industry and rate against a naive expansion."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis_lib.register.extract import read_extract

JANUARY = 12 * 2008
"""January 2008, counted in months since year 0."""
CELLS = st.tuples(st.sampled_from([None, 0, 1, 620100]), st.sampled_from([None, 0.0, 0.5, 1.0, 1 / 3]))


def write_months(folder, cells, *, place):
    """Write people who have a month's (industry, rate) in each cell, in a table of its own or beside the weeks."""
    n = len(cells)
    ids = [f"p{i}" for i in range(n)]
    persons = pd.DataFrame({"person_id": ids, "birth_date": "1970-01-01", "sex": "man", "municipality": 461})
    persons.to_csv(folder / "persons.csv", index=False)
    table = {"person_id": ids}
    for at, stem in enumerate(("branche", "grad")):
        for month in range(len(cells[0])):
            name = f"{stem}_{2008 + month // 12}_{month % 12 + 1:02d}"
            table[name] = pd.array([row[month][at] for row in cells], "Int64" if at == 0 else "Float64")
    months = pd.DataFrame(table)
    weeks = pd.DataFrame({"person_id": ids, "y_0544": 111})
    if place == "weeks":
        weeks.merge(months, on="person_id").to_csv(folder / "weeks.csv", index=False)
    else:
        weeks.to_csv(folder / "weeks.csv", index=False)
        months.to_csv(folder / "employment.csv", index=False)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.integers(1, 15).flatmap(
        lambda m: st.lists(st.lists(CELLS, min_size=m, max_size=m), min_size=1, max_size=4)
    ),
    place=st.sampled_from(["weeks", "employment"]),
)
def test_runs_expand_to_the_months(tmp_path_factory, cells, place):
    folder = tmp_path_factory.mktemp("months")
    write_months(folder, cells, place=place)
    runs = read_extract(folder).read_table("employment")
    got = [[(None, None)] * len(cells[0]) for _ in cells]
    for run in runs.itertuples():
        value = (None if pd.isna(run.industry) else run.industry, None if pd.isna(run.rate) else run.rate)
        assert run.months > 0
        assert value != (None, None)
        for month in range(run.month - JANUARY, run.month - JANUARY + run.months):
            assert got[run.row][month] == (None, None)
            got[run.row][month] = value
    assert got == [[(i, None if r is None else float(np.float32(r))) for i, r in row] for row in cells]
    # Runs are maximal: two of a person that touch differ.
    for before, after in zip(runs[:-1].itertuples(), runs[1:].itertuples(), strict=True):
        if before.row == after.row and before.month + before.months == after.month:
            same = [(pd.isna(a) and pd.isna(b)) or (not pd.isna(a) and not pd.isna(b) and a == b)
                    for a, b in ((before.industry, after.industry), (before.rate, after.rate))]  # fmt: skip
            assert not all(same)


def test_types_do_not_depend_on_what_is_blank(tmp_path):
    for name, cell in (("full", (1, 1.0)), ("blank", (None, 1.0)), ("none", (None, None))):
        (tmp_path / name).mkdir()
        write_months(tmp_path / name, [[cell]], place="employment")
        types = read_extract(tmp_path / name).read_table("employment").dtypes.astype(str).to_dict()
        assert types == {"row": "int64", "month": "int32", "months": "int16", "industry": "Int32", "rate": "float32"}


def test_industries_and_rates_of_other_months(source, write, imported):
    write("employment.csv", "person_id,branche_2008_01,branche_2008_02,grad_2008_03\na,5,5,0.5\nb,,,\n")
    runs = imported().read_table("employment")
    a = 2  # sorted by municipality: b, Åse, a
    assert runs["row"].tolist() == [a, a]
    assert runs["month"].tolist() == [JANUARY, JANUARY + 2]
    assert runs["months"].tolist() == [2, 1]
    assert runs["industry"].tolist() == [5, pd.NA]
    assert runs["rate"].fillna(-1).tolist() == [-1, 0.5]


@pytest.mark.parametrize("sign", [",", "."])
def test_decimal_signs(write, imported, sign):
    write("employment.csv", f"person_id;grad_2008_01\na;0{sign}5\nb;1\n")
    assert imported().read_table("employment")["rate"].tolist() == [1.0, 0.5]
