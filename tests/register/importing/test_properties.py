"""Random registers in random row order and chunks: the extract holds what the files held."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis_lib.register import layout
from analysis_lib.register.extract import read_extract
from analysis_lib.register.importing import reading
from analysis_lib.register.importing.run import import_extract
from analysis_lib.register.sources import contract, csv_lines
from analysis_lib.register.spells import spells_from_weeks
from analysis_lib.register.weeks import column_name, week_index

FIRST = week_index("2004-W50")
HOMES = (101, 461, 851)


@st.composite
def registers(draw):
    """Return persons, sorted as an extract has them, their matrix of codes, contacts and an order for each file."""
    n, width = draw(st.integers(1, 12)), draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    persons = pd.DataFrame({
        "person_id": [f"{name}{i}" for i, name in enumerate(rng.choice(["a", "Å", "zø", "Z", "10"], n))],
        "birth_date": pd.to_datetime("1960-01-01") + pd.to_timedelta(rng.integers(0, 4000, n), unit="D"),
        "sex": rng.choice(["woman", "man"], n),
        "municipality": rng.choice(HOMES, n),
    }).sort_values(["municipality", "birth_date", "person_id"], ignore_index=True)  # fmt: skip
    codes = rng.choice([0, 0, 111, 111, 999, 32767], (n, width)).astype(np.int16)
    own = rng.integers(0, n, rng.integers(0, 10))
    days = pd.to_datetime("2004-01-01") + pd.to_timedelta(np.arange(len(own)), unit="D")
    contacts = pd.DataFrame({
        "person_id": persons["person_id"].iloc[own].tolist(), "kind": "offer", "planned": days, "held": days,
    })  # fmt: skip
    return persons, codes, contacts, [rng.permutation(n), rng.permutation(n)]


@st.composite
def sizes(draw):
    """Return sizes of chunks, units, blocks of bytes and row groups."""
    return {
        (contract, "CELLS"): draw(st.integers(1, 60)),
        (csv_lines, "BLOCK"): draw(st.integers(150, 400)),
        (reading, "UNIT_ROWS"): draw(st.integers(1, 12)),
        (layout, "GROUP"): draw(st.integers(1, 5)),
    }


def write_source(folder, register):
    persons, codes, contacts, (one, other) = register
    folder.mkdir()
    persons.iloc[one].to_csv(folder / "persons.csv", index=False)
    columns = {column_name(FIRST + week): codes[:, week] for week in range(codes.shape[1])}
    weeks = pd.DataFrame({"person_id": persons["person_id"], **columns}).replace(0, "")
    weeks.iloc[other].to_csv(folder / "weeks.csv", index=False)
    contacts.to_csv(folder / "contacts.csv", index=False)


@pytest.fixture
def made(tmp_path_factory, monkeypatch, jobcentres, codes):
    """Return a function that writes a register, imports it in pieces of the given sizes and returns the folder."""

    def run(register, pieces):
        for (module, name), size in pieces.items():
            monkeypatch.setattr(module, name, size)
        if (layout, "GROUP") in pieces:
            monkeypatch.setattr("analysis_lib.register.extract.GROUP", pieces[layout, "GROUP"])
        folder = tmp_path_factory.mktemp("register")
        write_source(folder / "source", register)
        return import_extract(folder / "source", folder / "to", jobcentres=jobcentres, codes=codes).folder

    return run


RULES = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@RULES
@given(register=registers(), pieces=sizes())
def test_the_extract_holds_what_the_files_held(made, register, pieces):
    persons, codes, contacts, _ = register
    extract = read_extract(made(register, pieces))
    assert extract.spells.equals(spells_from_weeks(codes, first_week=FIRST, person_id=persons["person_id"].to_numpy()))
    assert extract.persons["person_id"].tolist() == persons["person_id"].tolist()
    assert extract.persons["birth_date"].tolist() == persons["birth_date"].tolist()
    assert extract.persons["municipality"].tolist() == persons["municipality"].tolist()
    if len(contacts):
        row = contacts["person_id"].map({name: i for i, name in enumerate(persons["person_id"])})
        expected = contacts.assign(row=row).sort_values("row", kind="stable")
        got = extract.read_table("contacts")
        assert got["row"].tolist() == expected["row"].tolist()
        assert got["held"].tolist() == expected["held"].tolist()


@RULES
@given(register=registers(), pieces=sizes(), data=st.data())
def test_a_part_is_the_whole_filtered(made, register, pieces, data):
    folder = made(register, pieces)
    whole = read_extract(folder)
    homes = data.draw(st.none() | st.sets(st.sampled_from([*HOMES, 370])))
    years = data.draw(
        st.none() | st.tuples(st.integers(1958, 1973), st.integers(0, 9)).map(lambda y: (y[0], y[0] + y[1]))
    )
    part = read_extract(folder, municipalities=homes, born=years)
    kept = np.ones(len(whole.persons), dtype=bool)
    if homes is not None:
        kept &= whole.persons["municipality"].isin(list(homes)).to_numpy()
    if years is not None:
        kept &= whole.persons["birth_date"].dt.year.between(*years).to_numpy()
    pd.testing.assert_frame_equal(part.persons, whole.persons[kept].reset_index(drop=True))
    assert part.spells.equals(whole.spells.take(kept))
    table = whole.read_table("contacts")
    expected = table[kept[table["row"]]].assign(row=lambda frame: np.cumsum(kept)[frame["row"]] - 1)
    pd.testing.assert_frame_equal(part.read_table("contacts"), expected.reset_index(drop=True))


def test_the_bytes_do_not_depend_on_order_or_pieces(made, bytes_of):
    n = 25
    born = [dt.date(1960, 1, 1) + dt.timedelta(days=9 * i) for i in range(n)]
    persons = pd.DataFrame(
        {"person_id": [f"p{i:02d}" for i in range(n)], "birth_date": born, "sex": "man", "municipality": 461}
    )
    codes = np.random.default_rng(3).choice([0, 111, 890], (n, 6)).astype(np.int16)
    contacts = pd.DataFrame({"person_id": ["p03"], "kind": "offer", "planned": "2004-01-01", "held": None})
    found = []
    for cells, block, unit, order in ((10**6, 4 << 20, 50_000, 1), (7, 200, 1, -1), (30, 250, 7, 1)):
        pieces = {(contract, "CELLS"): cells, (csv_lines, "BLOCK"): block, (reading, "UNIT_ROWS"): unit}
        rows = np.arange(n)[::order]
        files = bytes_of(made((persons, codes, contacts, [rows, rows]), pieces))
        found.append({name: content for name, content in files.items() if name != "extract.json"})
    assert len(found[0]) == 3
    assert found[0] == found[1] == found[2]
