"""The test as users call it: arguments, results, other tools' answers."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Estimate, Results
from analysis_lib.trials._draws import Draws, read_units
from analysis_lib.trials.definition import CONTROL
from analysis_lib.trials.design import Design
from analysis_lib.trials.durations import logrank
from analysis_lib.trials.durations import restricted_mean_difference as restricted_mean_effect
from analysis_lib.trials.effects import additive_adjusted, difference_in_means, lin_adjusted
from analysis_lib.trials.randomization import max_t, randomization_test, romano_wolf

REFERENCE = Path(__file__).parents[2] / "reference"
# A p-value of 10,000 draws is within four of its standard errors of the exact one.
DRAWS = 10_000


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def near(p: float, draws: int = DRAWS):
    return pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / draws) + 1 / draws)


@pytest.fixture(scope="module")
def people() -> dict[str, pd.DataFrame]:
    frame = pd.read_csv(REFERENCE / "randomization_people.csv")
    return {case: rows.reset_index(drop=True) for case, rows in frame.groupby("case")}


@pytest.fixture(scope="module")
def answers() -> dict[tuple[str, str, str], float]:
    frame = pd.read_csv(REFERENCE / "randomization_answers.csv")
    return {(row.case, row.call, row.quantity): row.value for row in frame.itertuples()}


def design_of(rows: pd.DataFrame) -> Design:
    return Design.from_arrays(rows["treated"], block=rows["block"])


# --- other tools ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["small", "tenth"])
def test_difference_has_coins_exact_p_value(case, people, answers):
    """coin's oneway_test(weeks ~ arm | block, distribution = exact()): in blocks of one share, the same test."""
    rows = people[case]
    found = randomization_test(rows["weeks"], design_of(rows), draws=DRAWS, rng=rng())
    assert found.p_value == near(answers[case, "weeks", "p_value"])


@pytest.mark.parametrize("case", ["small", "tenth", "uneven"])
def test_rank_sum_as_coins_van_elteren(case, people, answers):
    rows = people[case]
    found = randomization_test(rows["weeks"], design_of(rows), statistic="rank_sum", draws=DRAWS, rng=rng())
    by_block = rows.groupby("block")["treated"].agg(["sum", "size"])
    pairs = (by_block["sum"] * (by_block["size"] - by_block["sum"]) / (by_block["size"] + 1)).sum()
    assert found.value == pytest.approx(0.5 + answers[case, "van Elteren", "statistic"] / pairs, abs=1e-10)
    assert found.std_error == pytest.approx(answers[case, "van Elteren", "std_error"] / pairs, rel=1e-10)
    if (case, "van Elteren exact", "p_value") in answers:
        assert found.p_value == near(answers[case, "van Elteren exact", "p_value"])
    # the asymptotic p-value is near, not equal
    assert found.p_value == pytest.approx(answers[case, "van Elteren", "p_value"], abs=0.04)
    assert math.isnan(found.interval.low)
    assert math.isnan(found.interval_at(0.5).high)


@pytest.mark.parametrize("case", ["small", "tenth", "uneven"])
def test_log_rank_as_survdiff_and_coin(case, people, answers):
    rows = people[case]
    found = randomization_test(
        rows["weeks"], design_of(rows), statistic="log_rank", event=rows["event"], draws=DRAWS, rng=rng()
    )
    assert found.value == pytest.approx(answers[case, "survdiff", "statistic"], abs=1e-10)
    assert found.std_error == pytest.approx(answers[case, "log-rank", "std_error"], rel=1e-8)
    assert found.p_value == pytest.approx(answers[case, "log-rank", "p_value"], abs=0.04)
    assert found.p_value == pytest.approx(
        logrank(rows["weeks"], rows["event"], rows["treated"], stratum=rows["block"]).p_value, abs=0.04
    )
    assert "does not say by how much" in found.note


def test_difference_as_scipy():
    draw = rng(4)
    y, treated = np.round(draw.exponential(8, 40)), draw.permutation(40) < 9
    ours = randomization_test(y, Design.from_arrays(treated), draws=DRAWS, rng=draw)
    theirs = stats.permutation_test(
        (y[treated], y[~treated]), lambda a, b, axis: abs(a.mean(axis=axis) - b.mean(axis=axis)),
        alternative="greater", vectorized=True, n_resamples=DRAWS, rng=rng(5),
    )  # fmt: skip
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=4 * math.sqrt(2 * 0.25 / DRAWS))
    exact = stats.permutation_test(
        (y[:5], y[5:12]),
        lambda a, b, axis: abs(a.mean(axis=axis) - b.mean(axis=axis)),
        alternative="greater",
        vectorized=True,
    )
    found = randomization_test(y[:12], Design.from_arrays(np.arange(12) < 5), rng=rng())
    assert found.p_value == pytest.approx(exact.pvalue, abs=1e-12)
    assert found.method.startswith("exact randomisation test, all 792 assignments")


@pytest.fixture(scope="module")
def trial():
    """2,000 people in 30 blocks of unequal shares, two outcomes in whole weeks, two covariates."""
    draw = rng(8)
    block = draw.integers(0, 30, 2000)
    treated = draw.random(2000) < 0.1 + 0.6 * (block / 30)
    x = draw.normal(size=(2000, 2))
    y = np.round(draw.exponential(9, size=(2000, 2)) + x @ [[2, 1], [1, 3]] + block[:, None] / 5 + treated[:, None])
    return y, x, block, treated


def test_values_are_those_of_the_effects(trial):
    y, x, block, treated = trial
    design = Design.from_arrays(treated, block=block)
    for statistic, effect, more in (
        ("difference_in_means", difference_in_means(y[:, 1], treated, block=block), {}),
        ("studentized", difference_in_means(y[:, 1], treated, block=block), {}),
        ("additive_adjusted", additive_adjusted(y[:, 1], treated, x, block=block), {"covariates": x}),
        ("lin_adjusted", lin_adjusted(y[:, 1], treated, x, block=block), {"covariates": x}),
    ):
        found = randomization_test(y, design, statistic=statistic, draws=1999, rng=rng(), **more).estimates[1]
        assert found.value == pytest.approx(effect.value, rel=1e-9)
        # large and nearly normal: the inverted interval is near the other one
        half = (effect.interval.high - effect.interval.low) / 2
        assert found.interval.low == pytest.approx(effect.interval.low, abs=0.2 * half)
        assert found.interval.high == pytest.approx(effect.interval.high, abs=0.2 * half)
        assert (found.n_treated, found.n_control, found.n_clusters) == (effect.n_treated, effect.n_control, None)
        if statistic == "studentized":
            assert found.std_error == pytest.approx(effect.std_error, rel=1e-9)


def test_restricted_mean_without_blocks_is_the_effect(trial):
    y, _, _, treated = trial
    weeks = np.clip(y[:, 0] + 8, 1, 40)
    event = weeks < 40
    found = randomization_test(
        weeks,
        Design.from_arrays(treated),
        statistic="restricted_mean_difference",
        event=event,
        horizon=30,
        draws=99,
        rng=rng(),
    )
    assert found.value == pytest.approx(restricted_mean_effect(weeks, event, treated, 30).value, rel=1e-10)
    assert found.estimand == "difference in restricted means up to 30"


def test_rejects_what_a_popular_test_gets_wrong():
    """10 % treated in each of 60 blocks: shuffling treatment without blocks finds the blocks' levels, this does not."""
    block = np.repeat(np.arange(60), 10)
    treated = np.tile(np.arange(10) < 1, 60)
    treated[block < 30] = np.tile(np.arange(10) < 5, 30)
    y = 10.0 * (block < 30) + rng(3).normal(size=600)
    inside = randomization_test(y, Design.from_arrays(treated, block=block), draws=1999, rng=rng())
    across = randomization_test(y, Design.from_arrays(treated), draws=1999, rng=rng())
    assert across.p_value == 1 / 2000
    assert inside.p_value > 0.05


# --- results --------------------------------------------------------------------------------------------------------


def test_one_outcome_is_an_estimate_and_several_are_results(trial):
    y, _, block, treated = trial
    design = Design.from_arrays(treated, block=block)
    alone = randomization_test(y[:, 0], design, draws=199, rng=rng())
    column = randomization_test(y[:, [0]], design, draws=199, rng=rng())
    both = randomization_test(pd.DataFrame(y, columns=["weeks", "euro"]), design, draws=199, rng=rng())
    assert isinstance(alone, Estimate)
    assert isinstance(column, Results)
    assert [e.outcome for e in (*column.estimates, *both.estimates)] == ["outcome 1", "weeks", "euro"]
    assert {e.p_value for e in (alone, column.estimates[0], both.estimates[0])} == {alone.p_value}
    assert alone.method == (
        "randomisation test, 199 assignments drawn; difference in means; unit assigned: person; within blocks"
    )
    assert both.to_frame()["outcome"].tolist() == ["weeks", "euro"]
    again = randomization_test(pd.Series(y[:, 0]), design, draws=199, rng=rng())
    assert again == alone
    assert alone.interval_at(0.5).low > alone.interval.low


def test_the_least_p_value_is_one_of_the_draws_and_one():
    y = np.r_[np.full(20, 10.0), np.zeros(20)] + np.arange(40) / 100
    found = randomization_test(y, Design.from_arrays(np.arange(40) < 20), draws=99, rng=rng())
    assert found.p_value == 0.01


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000), statistic=st.sampled_from(["difference_in_means", "studentized", "additive_adjusted"]),
    exact=st.booleans(), effect=st.integers(0, 3),
)  # fmt: skip
def test_interval_holds_no_effect_where_the_test_does_not_reject_it(seed, statistic, exact, effect):
    """Whole weeks, so that 0 is often a limit itself."""
    draw = rng(seed)
    treated = draw.permutation(np.arange(12 if exact else 30) % 3 == 0)
    y = draw.integers(0, 5, len(treated)) + effect * treated
    given_too = {"covariates": draw.integers(0, 2, len(treated))} if statistic == "additive_adjusted" else {}
    try:
        found = randomization_test(
            y, Design.from_arrays(treated), statistic=statistic, draws=499, rng=draw, **given_too
        )
    except NotEstimable:
        return
    assert found.method.startswith("exact") == exact
    assert (found.interval.low <= 0 <= found.interval.high) == (found.p_value > 0.05)
    assert found.interval.low <= found.value <= found.interval.high


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), blocked=st.booleans())
@pytest.mark.parametrize(
    "statistic", ["difference_in_means", "studentized", "additive_adjusted", "lin_adjusted", "rank_sum"]
)
def test_row_order_is_nothing_and_relabelled_arms_turn_signs(statistic, blocked, seed):
    draw = rng(seed)
    treated = np.r_[draw.permutation([1, 1, 0, 0]), draw.permutation([1, 1, 1, 0, 0])] == 1
    block = np.repeat([0, 1], [4, 5]) if blocked else np.zeros(9)
    y, x = np.round(draw.normal(size=9), 1), np.round(draw.normal(size=9), 1)

    def run(order, arm):
        more = {"covariates": x[order]} if "adjusted" in statistic else {}
        design = Design.from_arrays(arm[order], block=block[order])
        return randomization_test(y[order], design, statistic=statistic, rng=rng(), level=0.8, **more)

    rows = np.arange(9)
    first, shuffled, turned = run(rows, treated), run(draw.permutation(rows), treated), run(rows, ~treated)
    assert shuffled.value == pytest.approx(first.value, abs=1e-10)
    assert shuffled.p_value == first.p_value == turned.p_value
    centre = 1.0 if statistic == "rank_sum" else 0.0
    assert turned.value == pytest.approx(centre - first.value, abs=1e-10)
    if statistic != "rank_sum":
        assert shuffled.interval.low == pytest.approx(first.interval.low, abs=1e-7)
        assert turned.interval.low == pytest.approx(-first.interval.high, abs=1e-7)


def test_ties_are_found_in_rounded_sums():
    """40 of 30,000 have the event: few differences are possible, and whole numbers say which of the draws tie."""
    draw = rng(9)
    treated = draw.permutation(30_000) < 9_000
    y = np.isin(np.arange(30_000), np.r_[np.flatnonzero(treated)[:17], np.flatnonzero(~treated)[:23]]).astype(int)
    found = randomization_test(y / 7, Design.from_arrays(treated), draws=2000, rng=rng(3))
    layout = Draws.of(read_units(treated, np.arange(30_000), None))
    events = np.concatenate([bits @ layout.spread(y) for bits in layout.chunks(2000, rng(3))])
    sizes, own = abs(30_000 * events - 9_000 * 40), abs(30_000 * 17 - 9_000 * 40)
    assert np.count_nonzero(sizes == own) > 20
    assert found.p_value == (1 + np.count_nonzero(sizes >= own)) / 2001


def test_too_few_assignments_for_a_limit():
    found = randomization_test([9.0, 3.0, 4.0], Design.from_arrays([1, 0, 0]), rng=rng())
    assert found.p_value == pytest.approx(1 / 3)
    assert (found.interval.low, found.interval.high) == (-math.inf, math.inf)
    assert found.note == "no limit to the interval where no shift is rejected: there are too few assignments"


def test_arms_are_compared_with_control_alone():
    draw = rng(6)
    arm = draw.permutation(np.repeat(np.array([CONTROL, "a", "b"], dtype=object), [60, 20, 20]))
    y = draw.normal(size=100) + 5.0 * (arm == "b")
    design = Design(
        arms=(CONTROL, "a", "b"), arm=arm, unit=np.arange(100), unit_name="person", block=None, expected_share={}
    )
    a = randomization_test(y, design, arm="a", draws=499, rng=rng())
    alone = randomization_test(y[arm != "b"], Design.from_arrays(arm[arm != "b"] == "a"), draws=499, rng=rng())
    assert (a.value, a.p_value, a.interval, a.arm) == (alone.value, alone.p_value, alone.interval, "a")
    assert randomization_test(y, design, arm="b", draws=499, rng=rng()).p_value == 1 / 500
    with pytest.raises(InvalidInput, match="arm is not given; must be one of the design's treated arms: a, b"):
        randomization_test(y, design, rng=rng())
    with pytest.raises(InvalidInput, match="arm is 'c'; must be one of a, b"):
        randomization_test(y, design, arm="c", rng=rng())


def test_controls_who_could_not_have_got_the_arm_are_left_out():
    arm = np.array(["a", CONTROL, "a", CONTROL, "b", CONTROL, CONTROL], dtype=object)
    design = Design(
        arms=(CONTROL, "a", "b"), arm=arm, unit=np.arange(7), unit_name="person", block=None, expected_share={},
        offered=np.array(["a", "a", "a", "a", "b", "b", "b"], dtype=object),
    )  # fmt: skip
    found = randomization_test([4.0, 1, 5, 2, 0, 99, 99], design, arm="a", rng=rng(), level=0.5)
    assert (found.value, found.n_control, found.p_value) == (3.0, 2, pytest.approx(2 / 6))


def test_notes_on_blocks():
    block = [1, 1, 1, 2, 2, 3, 3, 3]
    design = Design.from_arrays([1, 0, 0, 0, 0, 1, 0, 0], block=block)
    found = randomization_test(np.arange(8.0) ** 2, design, rng=rng())
    assert found.note.startswith("blocks left out because they lack an arm: 1, with 2 people")
    assert found.n == 6
    assert found.method.startswith("exact randomisation test, all 9 assignments")
    days, office = np.repeat(np.arange(6), 2), np.tile([0, 1], 6)
    crossed = randomization_test(
        np.arange(12.0) ** 2, Design.from_arrays(days < 3, block=office, cluster=days), rng=rng()
    )
    assert crossed.note.startswith("blocks that a unit crosses count as one: 2 blocks, 1 strata")
    assert (crossed.n_clusters, crossed.method) == (
        6, "exact randomisation test, all 20 assignments; difference in means; unit assigned: cluster",
    )  # fmt: skip


# --- what has no answer ---------------------------------------------------------------------------------------------


def test_outcomes_without_an_answer_are_rows_with_a_reason():
    draw = rng(2)
    treated = np.arange(40) < 15
    times = np.ceil(draw.exponential(6, size=(40, 3)))
    event = np.ones((40, 3), dtype=bool)
    event[:, 1] = False
    times[:, 2] = np.minimum(times[:, 2], 3)
    event[:, 2] = times[:, 2] < 3
    found = randomization_test(
        times,
        Design.from_arrays(treated),
        statistic="restricted_mean_difference",
        event=event,
        horizon=5,
        draws=99,
        rng=rng(),
    )
    first, second, third = found.estimates
    assert first.estimated
    assert (second.reason, second.estimand) == ("none of 40 people had the event", first.estimand)
    assert third.reason.startswith("treated arm: 5 is beyond the last time, 3, when")
    means = randomization_test(
        np.column_stack([times[:, 0], np.full(40, 0.1)]), Design.from_arrays(treated), draws=99, rng=rng()
    )
    assert means.estimates[1].reason == "the outcome does not vary between people who could have got either arm"
    assert math.isnan(means.estimates[1].p_value)
    nothing = randomization_test(
        times[:, [1]], Design.from_arrays(treated), statistic="log_rank", event=event[:, [1]], rng=rng()
    )
    assert nothing.estimates[0].reason == "none of 40 people had the event"


@pytest.mark.parametrize(
    "statistic", ["difference_in_means", "studentized", "rank_sum", "additive_adjusted", "lin_adjusted"]
)
def test_constant_outcome(statistic):
    given = {"covariates": np.arange(12.0) % 5} if "adjusted" in statistic else {}
    with pytest.raises(NotEstimable, match="the outcome does not vary"):
        randomization_test(
            np.full(12, 1 / 3), Design.from_arrays(np.arange(12) % 2), statistic=statistic, rng=rng(), **given
        )


@pytest.mark.parametrize("statistic", ["additive_adjusted", "lin_adjusted"])
def test_covariates_that_say_nothing_are_left_out(statistic):
    y, treated = np.arange(10.0) ** 2, np.arange(10) % 3 == 0
    design = Design.from_arrays(treated)
    plain = randomization_test(y, design, rng=rng(), level=0.8)
    constant = pd.DataFrame({"a": np.ones(10), "b": np.full(10, 0.1)})
    found = randomization_test(y, design, statistic=statistic, covariates=constant, rng=rng(), level=0.8)
    assert found.note == "collinear columns left out: 2 (a, b)"
    assert found.p_value == plain.p_value
    assert found.value == pytest.approx(plain.value, rel=1e-10)
    assert found.interval.high == pytest.approx(plain.interval.high, rel=1e-7)


def test_outcome_that_is_constant_within_blocks():
    block = np.repeat([1.0, 2.0, 7.0], 6)
    design = Design.from_arrays(np.tile([1, 0, 0], 6), block=block)
    with pytest.raises(NotEstimable, match="the outcome does not vary"):
        randomization_test(block / 3, design, rng=rng())


def test_perfect_separation_is_the_least_p_value():
    treated = np.arange(10) < 5
    for statistic in ("difference_in_means", "rank_sum"):
        y = treated + 0.001 * np.arange(10)
        found = randomization_test(y, Design.from_arrays(treated), statistic=statistic, rng=rng())
        assert found.p_value == pytest.approx(2 / 252)  # the assignment made, and its mirror image
    with pytest.raises(NotEstimable, match="the outcome does not vary"):
        randomization_test(treated.astype(float), Design.from_arrays(treated), statistic="studentized", rng=rng())


@pytest.mark.parametrize(
    ("treated", "given", "reason"),
    [
        ([0, 0, 0, 0], {}, "nobody in the treated arm"),
        ([1, 1, 1, 1], {}, "nobody in the control arm"),
        ([1, 0, 0, 0], {"statistic": "studentized"}, "an arm has one unit, which leaves no standard error"),
        ([1, 1, 0, 0], {"statistic": "additive_adjusted", "covariates": [[2.0], [2], [1], [1]]}, "the covariates determine the treatment"),
        ([1, 1, 0, 0], {"statistic": "lin_adjusted", "covariates": np.eye(4)[:, :2]}, "4 people cannot carry a regression with 6 coefficients"),
        ([1, 1, 0, 0], {"statistic": "additive_adjusted", "covariates": np.eye(4)}, "4 people cannot carry a regression with 5 coefficients"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared(treated, given, reason):
    with pytest.raises(NotEstimable, match=reason):
        randomization_test([1.0, 2, 4, 8], Design.from_arrays(treated), rng=rng(), **given)


def test_blocks_that_leave_nothing():
    with pytest.raises(NotEstimable, match="no block has both arms"):
        randomization_test([1.0, 2, 4, 8], Design.from_arrays([1, 1, 0, 0], block=[1, 1, 2, 2]), rng=rng())
    one_small = Design.from_arrays([1, 0, 0, 1, 1, 0, 0], block=[1, 1, 1, 2, 2, 2, 2])
    with pytest.raises(NotEstimable, match="one block has one unit in an arm, and no other such block"):
        randomization_test(np.arange(7.0) ** 2, one_small, statistic="studentized", rng=rng())
    half = Design.from_arrays([1, 0, 0, 0, 0, 1, 0, 1, 0], block=[1, 1, 1, 1, 1, 2, 2, 3, 3])
    with pytest.raises(
        NotEstimable, match="of the 3 blocks with one unit in an arm, one holds half the people or more"
    ):
        randomization_test(np.arange(9.0) ** 2, half, statistic="studentized", rng=rng())


def test_one_cluster_an_arm_has_no_evidence():
    design = Design.from_arrays([1, 1, 0, 0], cluster=["x", "x", "y", "y"])
    found = randomization_test([1.0, 2, 4, 8], design, rng=rng())
    assert (found.p_value, found.interval.low, found.interval.high) == (1.0, -math.inf, math.inf)


FOUR = Design.from_arrays([1, 1, 0, 0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y": [1.0, 2, 3]}, "y has 3 rows; must have 4, as the design"),
        ({"y": [1.0, 2, math.nan, 3]}, "y has 1 missing or infinite values; must be finite"),
        ({"y": np.array([[1.0, math.nan], [2, 1], [3, 1], [4, 1]])}, "y, column 2, has 1 missing or infinite values"),
        ({"y": pd.DataFrame({"weeks": [1, 2, 3, None]})}, "y, column 'weeks', has 1 missing"),
        ({"y": pd.DataFrame({"weeks": ["a"] * 4})}, "y, column 'weeks', is of type"),
        ({"y": np.ones((4, 0))}, "y has no columns; must have one for each outcome"),
        ({"y": np.ones((4, 1, 1))}, "y has 3 dimensions; must have one or two"),
        ({"statistic": "studentised"}, "statistic is 'studentised'; must be one of .*; did you mean 'studentized'"),
        ({"statistic": "lin_adjusted"}, "covariates is not given; must be, as statistic 'lin_adjusted' needs it"),
        ({"covariates": [1, 2, 3, 4]}, "covariates is given; must not be, as statistic 'difference_in_means' has no use"),
        ({"statistic": "additive_adjusted", "covariates": [1, 2, 3]}, "covariates has 3 rows; must have 4"),
        ({"statistic": "log_rank"}, "event is not given"),
        ({"statistic": "log_rank", "event": [0, 1, 1, 2]}, "event has the value 2; must be 0 or 1"),
        ({"statistic": "log_rank", "event": [1, 1, 1, 1], "y": [1, 2, -3, 4]}, "y has the value -3; must be 0 or more"),
        ({"statistic": "log_rank", "event": np.ones((4, 2))}, "event has 2 columns; must have 1, as y"),
        ({"statistic": "log_rank", "event": [1, 1, 1, 1], "horizon": 3}, "horizon is given; must not be"),
        ({"statistic": "restricted_mean_difference", "event": [1, 1, 1, 1]}, "horizon is not given"),
        ({"statistic": "restricted_mean_difference", "event": [1] * 4, "horizon": 0}, "horizon is 0; must be a number above 0"),
        ({"statistic": "survival_difference", "event": [1] * 4, "at": math.inf}, "at is inf; must be a number above 0"),
        ({"draws": 0}, "draws is 0; must be a whole number of 1 or more"),
        ({"draws": 99.5}, "draws is 99.5; must be a whole number"),
        ({"rng": 7}, "rng is a int; must be a numpy.random.Generator"),
        ({"level": 95}, "level is 95; must be between 0 and 1"),
    ],
)  # fmt: skip
def test_arguments_that_are_wrong(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        randomization_test(**({"y": [1.0, 2, 4, 8], "design": FOUR, "rng": rng()} | arguments))


# --- several hypotheses ---------------------------------------------------------------------------------------------


def test_rows_without_an_answer_are_no_hypotheses(trial):
    y, _, block, treated = trial
    design = Design.from_arrays(treated, block=block)
    three = np.column_stack([y[:, 0], np.ones(len(y)), y[:, 1]])
    family = max_t(three, design, draws=499, rng=rng())
    two = max_t(y, design, draws=499, rng=rng())
    assert [e.p_value for e in family.adjusted.estimates if e.estimated] == [e.p_value for e in two.adjusted.estimates]
    assert family.adjusted.estimates[1].reason.startswith("the outcome does not vary")
    assert family.adjusted.estimates[0].method.endswith("p-value adjusted for 2 hypotheses (Westfall-Young)")
    alone = randomization_test(three, design, draws=499, rng=rng())
    assert family.alone == alone
    none = max_t(np.ones((len(y), 1)), design, draws=99, rng=rng())
    assert none.adjusted == none.alone


@pytest.mark.parametrize("function", [max_t, romano_wolf])
def test_one_hypothesis_is_not_adjusted(trial, function):
    y, _, block, treated = trial
    family = function(y[:, 0], Design.from_arrays(treated, block=block), draws=999, rng=rng())
    assert family.adjusted.estimates[0].p_value == family.alone.estimates[0].p_value


@pytest.mark.parametrize("function", [max_t, romano_wolf])
def test_adjusted_p_values_keep_the_order_and_are_no_smaller(trial, function):
    y, x, block, treated = trial
    outcomes = np.column_stack([y, x, y[:, 0] + 1, -2 * y[:, 0]])
    family = function(outcomes, Design.from_arrays(treated, block=block), draws=999, rng=rng())
    alone, adjusted = (np.array([e.p_value for e in part.estimates]) for part in (family.alone, family.adjusted))
    assert np.all(adjusted >= alone)
    assert np.all(np.diff(adjusted[np.argsort(alone, kind="stable")]) >= 0)
    # the same outcome on other scales is the same hypothesis
    assert adjusted[0] == adjusted[4] == adjusted[5]


def test_arms_make_one_family():
    draw = rng(6)
    arm = draw.permutation(np.repeat(np.array([CONTROL, "a", "b"], dtype=object), [60, 30, 30]))
    y = draw.normal(size=(120, 2)) + np.outer(arm == "b", [3.0, 0])
    design = Design(
        arms=(CONTROL, "a", "b"), arm=arm, unit=np.arange(120), unit_name="person", block=None, expected_share={}
    )
    family = max_t(y, design, draws=1999, rng=rng())
    assert [(e.arm, e.outcome) for e in family.adjusted.estimates] == [
        (a, f"outcome {j}") for a in "ab" for j in (1, 2)
    ]
    assert family.adjusted.estimates[2].p_value == 1 / 2000
    only = max_t(y, design, arms=["a"], draws=1999, rng=rng())
    assert only.alone.estimates == family.alone.estimates[:2]
    for wrong in ([], "a", ["a", "a"]):
        with pytest.raises(InvalidInput, match="arms is .*; must be a list of different treated arms"):
            max_t(y, design, arms=wrong, rng=rng())
    with pytest.raises(InvalidInput, match="arm is 'c'; must be one of a, b"):
        romano_wolf(y, design, arms=["a", "c"], rng=rng())


def test_too_few_assignments_to_reject_are_noted():
    """Of three against three, the two furthest out of 20 have p = 0.1; one cluster an arm can only have 1."""
    y, treated = np.array([12.0, 9, 10, 14, 17, 15]), np.array([1, 1, 1, 0, 0, 0])
    given = {"statistic": "rank_sum", "rng": np.random.default_rng(1)}
    found = randomization_test(y, Design.from_arrays(treated), **given)
    assert found.p_value == 0.1
    assert found.note.endswith("no p-value below 0.10 is possible: there are too few assignments")
    assert "is possible" not in randomization_test(y, Design.from_arrays(treated), level=0.9, **given).note
    alone = randomization_test(y, Design.from_arrays(treated, cluster=treated), **given)
    assert alone.note.endswith("no p-value below 1.00 is possible: there are too few assignments")
    drawn = randomization_test(y, Design.from_arrays(treated), draws=9, level=0.95, **given)
    assert drawn.note.endswith("no p-value below 0.10 is possible: there are too few assignments")
