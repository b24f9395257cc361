"""Two-stage designs: R's answers, Hudgens and Halloran's estimators written out, and what is refused."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.spillover import saturation_effects

REFERENCE = Path(__file__).parents[2] / "reference"
PEOPLE = pd.read_csv(REFERENCE / "spillover_people.csv").query("case == 'stage'")
ANSWERS = pd.read_csv(REFERENCE / "spillover_answers.csv")
CLOSED_FORM = 1e-8
NAMES = ["direct", "spillover", "total", "overall"]


def expected(call):
    rows = ANSWERS[(ANSWERS["case"] == "stage") & (ANSWERS["call"] == call)]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"].astype(float), strict=True))


def effects(d, **options):
    return saturation_effects(d["y"], d["treated"], d["area"], d["saturation"], **options)


@pytest.mark.parametrize("average", ["people", "clusters"])
def test_rows_as_in_r(average):
    rows = effects(PEOPLE, average=average)
    assert [row.group for row in rows] == ["saturation 0.25"] * 4 + ["saturation 0.75"] * 4
    for row, (share, name) in zip(rows, [(s, n) for s in (0.25, 0.75) for n in NAMES], strict=True):
        assert str(row.estimand).startswith(name)
        wanted = expected(f"{average} {name} {share}")
        found = {
            "value": row.value,
            "std_error": row.std_error,
            "df": row.df,
            "p_value": row.p_value,
            "low": row.interval.low,
            "high": row.interval.high,
        }
        assert {k: found[k] for k in wanted} == pytest.approx(wanted, rel=CLOSED_FORM)
        assert row.n_clusters == (4 if name == "direct" else 8)
        assert row.n == row.n_treated + row.n_control


def hudgens_halloran(d, share):
    """Section 4 of the paper: values, and variance estimators; with the direct effect's within-cluster part."""
    there = [c for _, c in d[d["saturation"] == share].groupby("area")]
    pure = [c for _, c in d[d["saturation"] == 0].groupby("area")]
    every, count = d["area"].nunique(), len(there)

    def mean_of(clusters, keep):
        return np.array([c.loc[keep(c), "y"].mean() for c in clusters])

    one, zero = mean_of(there, lambda c: c["treated"] == 1), mean_of(there, lambda c: c["treated"] == 0)
    whole, none = mean_of(there, lambda c: c["y"] == c["y"]), mean_of(pure, lambda c: c["y"] == c["y"])
    within = [
        c.loc[c["treated"] == 1, "y"].var() / (c["treated"] == 1).sum()
        + c.loc[c["treated"] == 0, "y"].var() / (c["treated"] == 0).sum()
        for c in there
    ]
    direct = (1 - count / every) * np.var(one - zero, ddof=1) / count + np.sum(within) / (count * every)

    def between(a, b):
        return np.var(a, ddof=1) / len(a) + np.var(b, ddof=1) / len(b)

    values = {
        "direct": np.mean(one) - np.mean(zero),
        "spillover": np.mean(zero) - np.mean(none),
        "total": np.mean(one) - np.mean(none),
        "overall": np.mean(whole) - np.mean(none),
    }
    variances = {
        "direct": direct,
        "spillover": between(zero, none),
        "total": between(one, none),
        "overall": between(whole, none),
    }
    return values, variances, np.var(one - zero, ddof=1) / every - np.mean(within) / every


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_hudgens_and_halloran_written_out(share):
    values, variances, taken_off = hudgens_halloran(PEOPLE, share)
    rows = dict(zip(NAMES, effects(PEOPLE).where(group=f"saturation {share}"), strict=True))
    for name in NAMES:
        assert rows[name].value == pytest.approx(values[name], rel=1e-12)
        wanted = variances[name] + (taken_off if name == "direct" else 0)
        assert rows[name].std_error ** 2 == pytest.approx(wanted, rel=1e-10)
    assert rows["total"].value == pytest.approx(rows["direct"].value + rows["spillover"].value)


def test_order_of_people_and_names_of_clusters_do_not_matter():
    shuffled = PEOPLE.sample(frac=1, random_state=1)
    renamed = shuffled.assign(area=shuffled["area"].map({a: -i for i, a in enumerate(PEOPLE["area"].unique())}))
    for average in ("people", "clusters"):
        for one, other in zip(
            effects(PEOPLE, average=average), effects(renamed, average=average, level=0.95), strict=True
        ):
            assert other.value == pytest.approx(one.value, rel=1e-11)
            assert other.std_error == pytest.approx(one.std_error, rel=1e-9)


def reasons(d, **options):
    return [str(row.reason) for row in effects(d, **options)]


def test_level_with_one_cluster_is_empty():
    few = PEOPLE[(PEOPLE["saturation"] != 0.75) | (PEOPLE["area"] == "office 2")]
    for average in ("clusters", "people"):
        found = effects(few, average=average).where(group="saturation 0.75")
        assert {row.reason for row in found} == {"1 clusters to compare at saturation 0.75; two are needed"}
        assert all(math.isnan(row.value) for row in found)
        assert all(row.estimated for row in effects(few, average=average).where(group="saturation 0.25"))


def test_without_pure_control_the_direct_effect_is_left():
    found = reasons(PEOPLE[PEOPLE["saturation"] > 0])
    none = "0 clusters to compare at saturation 0; two are needed"
    assert found == ["", none, none, none] * 2
    one = reasons(PEOPLE[(PEOPLE["saturation"] > 0) | (PEOPLE["area"] == "office 3")])
    assert one[1] == "1 clusters to compare at saturation 0; two are needed"


def test_everyone_treated_has_no_untreated():
    d = PEOPLE.assign(saturation=PEOPLE["saturation"].replace(0.75, 1.0))
    d["treated"] = np.where(d["saturation"] == 1, 1, d["treated"])
    for average in ("clusters", "people"):
        found = effects(d, average=average).where(group="saturation 1")
        assert [row.estimated for row in found] == [False, False, True, True]
        assert found[2].value == pytest.approx(found[3].value)
        assert found[1].reason == "0 clusters to compare at saturation 1; two are needed"


def test_cluster_that_lacks_an_arm_is_left_out_of_the_direct_effect_alone():
    nobody = PEOPLE.assign(treated=np.where(PEOPLE["area"] == "office 4", 0, PEOPLE["treated"]))
    found = effects(nobody).where(group="saturation 0.25")
    without = effects(nobody[nobody["area"] != "office 4"]).where(group="saturation 0.25")
    assert found[0].note.startswith("clusters without both treated and untreated people left out: 1")
    assert found[0].value == pytest.approx(without[0].value)
    assert (found[0].n_clusters, found[1].n_clusters) == (3, 8)


def test_constant_outcome_has_empty_rows():
    for average in ("clusters", "people"):
        assert all("no variation" in why for why in reasons(PEOPLE.assign(y=3.0), average=average))


def test_nobody_is_to_be_treated():
    with pytest.raises(NotEstimable, match="no cluster has a saturation above 0"):
        effects(PEOPLE[PEOPLE["saturation"] == 0])
    with pytest.raises(NotEstimable, match="no cluster has a saturation above 0"):
        saturation_effects([], [], [], [])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": math.nan}, "y has 1 missing"),
        ({"treated": 3}, "treated has the value 3"),
        ({"saturation": 0.3}, "saturation differs within cluster office"),
        ({"saturation": 1.5}, "saturation has the value 1.5; must be a share from 0 to 1"),
        ({"area": None}, "cluster is missing for 1 people"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    d = PEOPLE.astype({"area": object})
    (name, value), row = next(iter(change.items())), d.index[3]
    d.loc[row, name] = value
    with pytest.raises(InvalidInput, match=message):
        effects(d)


def test_treated_in_pure_control_is_an_error():
    d = PEOPLE.assign(treated=np.where(PEOPLE["area"] == "office 3", 1, PEOPLE["treated"]))
    with pytest.raises(InvalidInput, match="treated is true for 24 people where saturation is 0"):
        effects(d)


def test_average_is_one_of_two():
    with pytest.raises(InvalidInput, match="average is 'cluster'; must be one of clusters, people"):
        effects(PEOPLE, average="cluster")
    with pytest.raises(InvalidInput, match="level"):
        effects(PEOPLE, level=0)
