"""The same register in every format gives the same bytes."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis_lib.register.extract import read_extract
from analysis_lib.register.importing.run import import_extract
from analysis_lib.register.sources import CsvForm
from analysis_lib.register.weeks import week_index

SAS = Path(__file__).parents[2] / "reference" / "sas"
PEOPLE = 40
LONG_YEARS = (1992, 1998, 2004, 2009, 2015, 2020)
"""The years with a week 53 between 1991 and 2021 (ISO 8601: those that begin or end on a Thursday)."""


def week_columns():
    """Return DREAM's columns from 1991-W32 to 2021-W02, without the project's own calendar."""
    day, columns = dt.date(1991, 8, 5), []
    while day <= dt.date(2021, 1, 11):
        year, week, _ = day.isocalendar()
        columns.append(f"y_{year % 100:02d}{week:02d}")
        day += dt.timedelta(days=7)
    return columns


def register():
    rng = np.random.default_rng(461)
    names = [f"{name} {i}" for i, name in enumerate(["Åse", "Søren", "Ærø", "p"] * (PEOPLE // 4))]
    persons = pd.DataFrame({
        "person_id": names,
        "birth_date": pd.to_datetime("1950-01-01") + pd.to_timedelta(rng.integers(0, 12_000, PEOPLE), unit="D"),
        "sex": rng.choice(["woman", "man"], PEOPLE),
        "municipality": rng.choice([461, 370, 851], PEOPLE),
        "married": rng.random(PEOPLE) < 0.5,
    })  # fmt: skip
    columns = week_columns()
    runs = rng.choice([0, 111, 130, 651, 890], (PEOPLE, len(columns) // 20))
    codes = np.repeat(runs, 20, axis=1)
    weeks = pd.DataFrame(codes, columns=columns[: codes.shape[1]]).astype("Int64").replace(0, pd.NA)
    rest = columns[codes.shape[1] :]
    weeks = pd.concat(
        [pd.DataFrame({"person_id": names}), weeks, pd.DataFrame(111, index=weeks.index, columns=rest)], axis=1
    )
    months = pd.DataFrame({"person_id": names})
    for month in range(1, 7):
        months[f"branche_2008_{month:02d}"] = pd.array(rng.choice([620100, 561010], PEOPLE), "Int64")
        months.loc[rng.random(PEOPLE) < 0.3, f"branche_2008_{month:02d}"] = pd.NA
    for month in range(1, 7):
        months[f"grad_2008_{month:02d}"] = rng.choice([0.25, 1.0, np.nan, 1.125], PEOPLE)
    return persons, weeks, months


PERSONS, WEEKS, MONTHS = register()


def with_months(weeks):
    return weeks.merge(MONTHS, on="person_id")


def write_csv(frame, path, *, sep=",", decimal=".", encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, sep=sep, decimal=decimal, encoding=encoding, index=False)


def write_parquet(frame, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, **options)


def csv(folder, **form):
    write_csv(PERSONS, folder / "persons.csv", **form)
    write_csv(with_months(WEEKS), folder / "weeks.csv", **form)


def parquet(folder):
    write_parquet(PERSONS, folder / "persons.parquet")
    write_parquet(with_months(WEEKS), folder / "weeks.parquet", row_group_size=7)


def parquet_folders(folder):
    for name, frame in (("persons", PERSONS), ("weeks", with_months(WEEKS))):
        for part in range(3):
            write_parquet(frame.iloc[part::3], folder / name / f"part-{part}.parquet")


def hive_folders(folder):
    weeks = with_months(WEEKS)
    for municipality, own in PERSONS.groupby("municipality"):
        part = f"municipality={municipality}/part-0.parquet"
        write_parquet(own.drop(columns="municipality"), folder / "persons" / part)
        write_parquet(weeks[weeks["person_id"].isin(own["person_id"])], folder / "weeks" / part)


def months_apart(folder):
    write_csv(PERSONS, folder / "persons.csv")
    write_parquet(WEEKS, folder / "weeks.parquet")
    write_csv(MONTHS, folder / "employment.csv", sep=";", decimal=",")


def wide_csv(folder):
    write_csv(PERSONS.merge(with_months(WEEKS), on="person_id"), folder / "wide.csv", sep=";", decimal=",")
    return folder / "wide.csv"


def wide_parquet(folder):
    write_parquet(PERSONS.merge(with_months(WEEKS), on="person_id"), folder / "wide.parquet")
    return folder / "wide.parquet"


FORMATS = {
    "semicolons": lambda folder: csv(folder, sep=";", decimal=","),
    "semicolons and points": lambda folder: csv(folder, sep=";"),
    "byte order mark": lambda folder: csv(folder, sep=";", decimal=",", encoding="utf-8-sig"),
    "windows-1252": lambda folder: csv(folder, sep=";", decimal=",", encoding="windows-1252"),
    "tabs": lambda folder: csv(folder, sep="\t"),
    "parquet": parquet,
    "parquet folders": parquet_folders,
    "hive folders": hive_folders,
    "months apart": months_apart,
    "wide csv": wide_csv,
    "wide parquet": wide_parquet,
}


def files_of(folder):
    """Return the files' bytes; of `extract.json` all but the sources, which differ."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    description = json.loads(files.pop("extract.json"))
    assert description.pop("sources")
    return files | {"extract.json": description}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("expected")
    csv(folder / "source")
    import_extract(folder / "source", folder / "to")
    return folder / "to"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_bytes(tmp_path, expected, name):
    place = FORMATS[name](tmp_path / "source") or tmp_path / "source"
    made = import_extract(place, tmp_path / "to")
    assert files_of(made.folder) == files_of(expected)


def test_what_was_imported_is_what_was_written(expected):
    # The same through pandas alone.
    extract = read_extract(expected)
    order = PERSONS.sort_values(["municipality", "birth_date", "person_id"])
    assert extract.persons["person_id"].tolist() == order["person_id"].tolist()
    assert extract.persons["birth_date"].tolist() == order["birth_date"].tolist()
    assert extract.persons["married"].tolist() == order["married"].tolist()
    naive = WEEKS.set_index("person_id").loc[order["person_id"]].fillna(0).to_numpy(dtype=np.int16)
    spells = extract.spells
    got = np.zeros_like(naive)
    for person, start, stop, code in zip(spells.person, spells.start, spells.stop, spells.code, strict=True):
        got[person, start:stop] = code
    np.testing.assert_array_equal(got, naive)
    counted = dict(zip(*np.unique(naive[naive > 0], return_counts=True), strict=True))
    assert extract.description.code_weeks == {int(code): int(count) for code, count in counted.items()}


def test_weeks_of_the_whole_of_dream(expected):
    extract = read_extract(expected)
    assert (extract.first_week, extract.last_week) == (week_index("1991-W32"), week_index("2021-W02"))
    columns = week_columns()
    # Years 91 to 99 are of the last century, the others of this one.
    assert [1900 + int(c[2:4]) if c[2] == "9" else 2000 + int(c[2:4]) for c in columns if c.endswith("53")] == [
        *LONG_YEARS
    ]
    assert extract.spells.n_weeks == len(columns)


def test_what_the_extract_says_of_its_sources(tmp_path):
    csv(tmp_path / "source", sep=";", decimal=",", encoding="windows-1252")
    made = import_extract(tmp_path / "source", tmp_path / "to", form=CsvForm(decimal=","))
    persons, weeks = made.description.sources
    assert (persons.file, weeks.file) == ("persons.csv", "weeks.csv")
    assert weeks.form == {"format": "csv", "delimiter": ";", "decimal": ",", "encoding": "windows-1252"}
    assert len(weeks.sha256) == 64


def test_a_sas_file(tmp_path):
    # many.R of tests/reference/sas: p0001 to p1000 with (0, 1, 2, ...) %% 7 * 111 in y_0544; 0 is a blank week.
    people = pd.DataFrame({
        "person_id": [f"p{i:04d}" for i in range(1, 1001)], "birth_date": "1970-01-01", "sex": "man",
        "municipality": 461,
    })  # fmt: skip
    codes = pd.DataFrame({"person_id": people["person_id"], "y_0544": np.arange(1000) % 7 * 111})
    for name in ("sas", "csv"):
        write_csv(people, tmp_path / name / "persons.csv")
    (tmp_path / "sas" / "weeks.sas7bdat").write_bytes((SAS / "many.sas7bdat").read_bytes())
    write_csv(codes, tmp_path / "csv" / "weeks.csv")
    made = {name: import_extract(tmp_path / name, tmp_path / f"to-{name}").folder for name in ("sas", "csv")}
    assert files_of(made["sas"]) == files_of(made["csv"])
    assert len(read_extract(made["sas"]).spells) == sum(i % 7 > 0 for i in range(1000))
