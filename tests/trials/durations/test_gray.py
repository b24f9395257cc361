"""Gray's test: R's and surpyval's answers, what must not matter, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import surpyval
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.durations.gray import gray_test

REFERENCE = Path(__file__).parents[2] / "reference"
CLOSED_FORM = 1e-8

PEOPLE = pd.read_csv(REFERENCE / "competing_people.csv")
ANSWERS = pd.read_csv(REFERENCE / "competing_answers.csv")
# A row for each case, call and cause, with columns statistic and p_value.
CUMINC = ANSWERS[ANSWERS["call"].str.startswith("gray")].pivot_table(
    index=["case", "call"], columns="quantity", values="value", sort=False
)

many = settings(max_examples=40, deadline=None, derandomize=True)


def people(case: str) -> pd.DataFrame:
    return PEOPLE[PEOPLE["case"] == case].reset_index(drop=True)


@pytest.mark.parametrize(("case", "call"), list(CUMINC.index))
def test_as_in_r(case, call):
    """`cuminc(time, cause, treated, strata, rho)$Tests`."""
    d, wanted = people(case), CUMINC.loc[case, call]
    _, *options, cause = call.split()
    rho = float(options[-1]) if "rho" in options else 0
    stratum = d["stratum"] if "strata" in options else None
    found = gray_test(d["time"], d["cause"], int(cause), d["treated"], stratum=stratum, rho=rho)
    assert found.statistic == pytest.approx(wanted["statistic"], rel=CLOSED_FORM, abs=1e-14)
    assert found.p_value == pytest.approx(wanted["p_value"], rel=CLOSED_FORM)
    assert found.passed == (wanted["p_value"] >= 0.05)
    assert (found.df, found.threshold) == (1, 0.05)


@pytest.mark.parametrize("rho", [0, 0.7, -1])
def test_as_in_surpyval(rho):
    d = people("weeks")
    labels = [None if cause == 0 else f"cause {cause}" for cause in d["cause"]]
    other = surpyval.gray_test(d["time"].to_numpy(), labels, d["treated"].to_numpy(), "cause 2", rho=rho)
    found = gray_test(d["time"], d["cause"], 2, d["treated"], rho=rho)
    assert (found.statistic, found.p_value) == pytest.approx((other.statistic, other.p_value), rel=CLOSED_FORM)


def test_counts_and_names_what_was_done():
    d = people("weeks")
    plain = gray_test(d["time"], d["cause"], 1, d["treated"])
    assert (plain.name, plain.method) == ("Gray's test", "Gray's test")
    of_arm = [int(((d["cause"] == 1) & (d["treated"] == arm)).sum()) for arm in (1, 0)]
    assert plain.detail.startswith(f"treated: {of_arm[0]} events, ")
    assert f"control: {of_arm[1]} events, " in plain.detail
    expected = [float(part.split()[0]) for part in plain.detail.split("events, ")[1:]]
    assert sum(expected) == pytest.approx(sum(of_arm), abs=0.11)
    weighted = gray_test(d["time"], d["cause"], 1, d["treated"], stratum=d["stratum"], rho=0.5)
    assert weighted.method == "Gray's test within strata; weights (1 - F)^0.5"


@st.composite
def trials(draw: st.DrawFn) -> tuple[np.ndarray, ...]:
    """Weeks, causes 0 to 2, arm and stratum of 30 to 150 people."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(30, 150))
    time = np.ceil(rng.exponential(draw(st.sampled_from([3, 10, 40])), n))
    return time, rng.integers(0, 3, n), np.arange(n) % 2, rng.integers(0, 3, n)


@many
@given(trials(), st.sampled_from([0, 1, 0.5]), st.randoms(use_true_random=False))
def test_order_arms_labels_and_unit_of_time_do_not_matter(drawn, rho, random):
    time, cause, arm, stratum = drawn
    wanted = gray_test(time, cause, 1, arm, stratum=stratum, rho=rho)
    order = list(range(len(time)))
    random.shuffle(order)
    text = np.array(["censored", "exit", "training"])
    same = [
        gray_test(time[order], cause[order], 1, arm[order], stratum=stratum[order], rho=rho),
        gray_test(time, cause, 1, 1 - arm, stratum=stratum, rho=rho),
        gray_test(time / 7, text[cause], "exit", arm == 1, stratum=[f"office {s}" for s in stratum], rho=rho),
    ]
    for found in same:
        assert found.statistic == pytest.approx(wanted.statistic, rel=CLOSED_FORM, abs=1e-12)


@many
@given(trials())
def test_a_stratum_in_which_one_arm_is_alone_adds_nothing(drawn):
    time, cause, arm, _ = drawn
    wanted = gray_test(time, cause, 1, arm)
    alone = [np.append(a, b) for a, b in ((time, [1, 2, 3]), (cause, [1, 2, 1]), (arm, [1, 1, 1]))]
    found = gray_test(*alone[:2], 1, alone[2], stratum=[*["both"] * len(time), *["alone"] * 3])
    assert found.statistic == pytest.approx(wanted.statistic, rel=CLOSED_FORM)
    # those who ended where nobody could be compared with them are expected where they were
    assert int(found.detail.split()[1]) == int(wanted.detail.split()[1]) + 2


@many
@given(trials())
def test_what_comes_after_an_arm_has_left_adds_nothing(drawn):
    time, cause, arm, _ = drawn
    wanted = gray_test(time, cause, 1, arm)
    # control people that are all there when the treated have left, in both samples
    late = time.max() + 1 + np.arange(4)
    long = gray_test(np.append(time, late), np.append(cause, [1, 2, 1, 0]), 1, np.append(arm, [0] * 4))
    longer = gray_test(np.append(time, 2 * late), np.append(cause, [0, 2, 2, 1]), 1, np.append(arm, [0] * 4))
    assert long.statistic == pytest.approx(longer.statistic, rel=CLOSED_FORM)
    assert long.statistic != pytest.approx(wanted.statistic, rel=CLOSED_FORM)


TIME, CAUSE, ARM = range(1, 9), [1, 2, 0, 1, 1, 2, 0, 1], [1, 0] * 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": [-1, *range(7)]}, "time has the value -1; must be 0 or more"),
        ({"cause": CAUSE[1:]}, "cause has 7 rows; must have 8, as the first argument"),
        ({"cause": [None, *CAUSE[1:]]}, "cause is missing for 1 people"),
        ({"cause_of_interest": 0}, "cause_of_interest is 0, which is the label of censoring"),
        ({"treated": [2, *ARM[1:]]}, "treated has the value 2; must be 0 or 1"),
        ({"stratum": [None, *"abcdefg"]}, "stratum is missing for 1 people"),
        ({"rho": np.inf}, "rho is inf; must be a finite number"),
        ({"rho": "1"}, "rho is '1'; must be a finite number"),
    ],
)
def test_invalid_arguments_are_named(change, message):
    with pytest.raises(InvalidInput) as raised:
        gray_test(**({"time": TIME, "cause": CAUSE, "cause_of_interest": 1, "treated": ARM} | change))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"treated": [0] * 8}, "nobody in the treated arm"),
        ({"treated": [1] * 8}, "nobody in the control arm"),
        ({"cause": [0, 2] * 4}, "none of 8 people ended in the cause 1"),
        ({"cause": [0] * 8}, "none of 8 people ended in the cause 1"),
        # the treated are censored before anyone ends
        ({"cause": [0, 0, 0, 0, 1, 2, 0, 1], "treated": [1, 1, 1, 1, 0, 0, 0, 0]}, "both arms are never at risk"),
        ({"stratum": ARM}, "both arms are never at risk of the event at the same time"),
    ],
)
def test_tests_that_cannot_be_made(change, reason):
    with pytest.raises(NotEstimable) as raised:
        gray_test(**({"time": TIME, "cause": CAUSE, "cause_of_interest": 1, "treated": ARM} | change))
    assert reason in str(raised.value)
