"""The strict reader: what it takes, and what it says of what it does not take."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from analysis_lib.errors import DefinitionError
from analysis_lib.parameters import Definition, Id, IsoDate, read_definition, read_yaml


class Apple(Definition):
    kind: Literal["apple"]
    seeds: int


class Pear(Definition):
    kind: Literal["pear"]
    days: tuple[int, int]


class Basket(Definition):
    id: Id
    weight: float = 0
    picked: IsoDate | None = None
    fruit: Annotated[Apple | Pear, Field(discriminator="kind")] = Apple(kind="apple", seeds=1)
    washed: bool = False
    more: tuple[Apple, ...] = ()
    basket_of: tuple[Id, ...] = Field(default=("one",), min_length=1)


def read(tmp_path: Path, text: str) -> Basket:
    path = tmp_path / "basket.yml"
    path.write_text(text, encoding="utf-8")
    return read_definition(path, Basket)


def message(tmp_path: Path, text: str) -> str:
    with pytest.raises(DefinitionError) as caught:
        read(tmp_path, text)
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_reads_every_kind_of_value(tmp_path):
    basket = read(
        tmp_path,
        "id: b_1\nweight: 1e-3\npicked: 2005-11-01\nfruit: {kind: pear, days: [1, 15]}\nwashed: true\n"
        "more: [{kind: apple, seeds: 3}]",
    )
    assert basket.weight == 0.001
    assert basket.picked is not None
    assert basket.picked.isoformat() == "2005-11-01"
    assert basket.fruit == Pear(kind="pear", days=(1, 15))
    assert basket.washed is True
    assert basket.more[0].seeds == 3


def test_frozen(tmp_path):
    with pytest.raises(ValueError, match="frozen"):
        read(tmp_path, "id: b").id = "c"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id: b\nwieght: 1", "basket.yml: unknown key 'wieght'; did you mean 'weight'? (allowed: basket_of, fruit, id, more, picked, washed, weight)"),
        ("idd: b", "basket.yml: unknown key 'idd'; did you mean 'id'? (allowed: basket_of, fruit, id, more, picked, washed, weight)"),
        ("weight: 1", "basket.yml: missing key 'id'; it is required"),
        ("id: b\nid: c", "basket.yml, line 2: key 'id' appears twice; must be valid YAML"),
        ("id: b\nweight: heavy", "basket.yml: weight is 'heavy'; must be a valid number"),
        ("id: b\nweight: '1'", "basket.yml: weight is '1'; must be a valid number"),
        ("id: b\nweight: 012", "basket.yml: weight is '012'; must be a valid number"),
        ("id: 461", "basket.yml: id is 461; must be a valid string"),
        ("id: Odense", "basket.yml: id is 'Odense'; must be an id: a small letter, then small letters, digits and _ (such as jc_odense)"),
        ("id: b\nwashed: no", "basket.yml: washed is 'no'; must be a valid boolean"),
        ("id: b\nwashed: 1", "basket.yml: washed is 1; must be a valid boolean"),
        ("id: b\npicked: 2005-02-31", "basket.yml: picked is '2005-02-31'; must be a date that exists, written YYYY-MM-DD"),
        ("id: b\npicked: 1.2.2005", "basket.yml: picked is '1.2.2005'; must be a date written YYYY-MM-DD"),
        ("id: b\nfruit: {kind: pear, dayss: [1, 2], days: [1, 2]}", "basket.yml: unknown key 'fruit.dayss'; did you mean 'days'? (allowed: days, kind)"),
        ("id: b\nfruit: {kind: pear, days: [1, 2, 3]}", "basket.yml: fruit.days is [1, 2, 3]; Tuple should have at most 2 items after validation, not 3"),
        ("id: b\nfruit: {kind: plum}", "basket.yml: fruit.kind is 'plum'; must be one of 'apple', 'pear'"),
        ("id: b\nfruit: {seeds: 2}", "basket.yml: missing key 'fruit.kind'; it is required"),
        ("id: b\nmore: [{kind: apple}]", "basket.yml: missing key 'more.0.seeds'; it is required"),
        ("id: b\nbasket_of: [no-id]", "basket.yml: basket_of.0 is 'no-id'; must be an id: a small letter, then small letters, digits and _ (such as jc_odense)"),
        ("id: b\nbasket_of: []", "basket.yml: basket_of is []; Tuple should have at least 1 item after validation, not 0"),
        ("", "basket.yml: holds nothing; must be a YAML mapping of keys to values"),
        ("- b", "basket.yml: holds a list; must be a YAML mapping of keys to values"),
        ("id: [", "basket.yml, line 1: expected the node content, but found '<stream end>'; must be valid YAML"),
    ],
)  # fmt: skip
def test_says_what_is_wrong(tmp_path, text, says):
    assert message(tmp_path, text) == says


def test_all_problems_at_once(tmp_path):
    lines = message(tmp_path, "weight: heavy\nwashed: no\ncolour: red").splitlines()
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("written", "read_as"),
    [("no", "no"), ("012", "012"), ("12:30", "12:30"), ("2024-01-08", "2024-01-08"), ("1_000", "1_000"), ("0x1f", "0x1f"),
     ("1e-3", 0.001), ("-4", -4), ("0", 0), ("4.", 4.0), ("~", None), ("true", True), ("True", "True"), ("nan", "nan")],
)  # fmt: skip
def test_yaml_traps(tmp_path, written, read_as):
    path = tmp_path / "x.yml"
    path.write_text(f"key: {written}", encoding="utf-8")
    value = read_yaml(path)["key"]
    assert value == read_as
    assert type(value) is type(read_as)


def test_missing_file_suggests_the_nearest(tmp_path):
    (tmp_path / "basket.yml").write_text("id: b", encoding="utf-8")
    with pytest.raises(DefinitionError, match="there is no such file; did you mean 'basket.yml'"):
        read_yaml(tmp_path / "baskett.yml")


def test_not_utf8(tmp_path):
    (tmp_path / "x.yml").write_bytes(b"name: K\xf8benhavn")
    with pytest.raises(DefinitionError, match="cannot be read as UTF-8 text"):
        read_yaml(tmp_path / "x.yml")
