"""The shapes in which answers travel."""

import copy
import math
import pickle

import numpy as np
import pytest
from scipy import stats

from analysis_lib.errors import InvalidInput
from analysis_lib.results import (
    ESTIMATE_COLUMNS,
    Check,
    Curve,
    Estimate,
    Message,
    Results,
    wald_interval,
    wald_p_value,
)
from analysis_lib.trials.durations import median_duration


def estimate(**other):
    known = {"estimand": "difference in means", "value": -2.0, "std_error": 0.5, "df": 10.0, "unit": "weeks"}
    known |= {"interval": wald_interval(-2.0, 0.5, 10.0, 0.95), "outcome": "weeks_52", "n_treated": 20, "n_control": 30}
    return Estimate(**(known | other))


# --- messages ---------------------------------------------------------------------------------------------------------


def test_a_message_is_its_english_sentence():
    message = Message("{n} of {who}: {share:.1f}", n=3, who=Message("women"), share=0.25)
    assert message == "3 of women: 0.2"
    assert str(message) == f"{message}" == "3 of women: 0.2"
    assert "women" in message


def test_braces_without_values_stand_as_they_are():
    assert Message("{n} people") == "{n} people"


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copied_message_can_still_be_translated(copied):
    message = copied(Message.join([Message("{n} left out", n=2), "CR2"]))
    assert message == "2 left out; CR2"
    assert message.render(lambda template, values: f"<{template}|{values}>") == "<{n} left out|{'n': 2}>; <CR2|{}>"


def test_joining_leaves_out_what_is_empty():
    assert Message.join(["", Message("a"), Message()]) == "a"
    assert Message.join([]) == ""


def test_joined_messages_of_two_kinds_are_not_mixed():
    with pytest.raises(InvalidInput, match="different separators"):
        Message.join([Message.join(["a", "b"], separator=" "), "c"])


# --- estimates ----------------------------------------------------------------------------------------------------------


def test_interval_at_another_level():
    half = stats.t.ppf(0.95, 10) * 0.5
    interval = estimate().interval_at(0.90)
    assert (interval.low, interval.high, interval.level) == pytest.approx((-2 - half, -2 + half, 0.90))


def test_interval_of_a_ratio_is_made_on_the_log_scale():
    row = estimate(value=1.3, std_error=0.1, df=math.inf, scale="log")
    interval = row.interval_at(0.95)
    assert (math.log(interval.low) + math.log(interval.high)) / 2 == pytest.approx(math.log(1.3))
    assert wald_p_value(1.0, 0.1, math.inf, "log") == 1.0


@pytest.mark.parametrize("level", [0, 1, -0.5, 95])
def test_a_level_that_cannot_be(level):
    with pytest.raises(InvalidInput, match=r"must be between 0 and 1"):
        estimate().interval_at(level)


def test_a_median_keeps_its_rule_for_other_levels():
    median = pickle.loads(pickle.dumps(median_duration(np.arange(1, 60), np.ones(59))))
    narrow, wide = median.interval_at(0.5), median.interval_at(0.99)
    assert wide.low < narrow.low < median.value < narrow.high < wide.high


def test_what_is_not_estimated_has_a_reason_and_no_number():
    row = Estimate.empty(estimand="median", reason=Message("fewer than {n} people", n=5), outcome="time")
    assert not row.estimated
    assert math.isnan(row.value)
    assert math.isnan(row.interval.low)
    assert math.isnan(row.p_value)
    assert row.reason == "fewer than 5 people"


# --- results ------------------------------------------------------------------------------------------------------------


def test_the_public_columns():
    """`results.parquet` and callers rely on these names: a change belongs in the changelog."""
    assert ESTIMATE_COLUMNS == (
        "outcome", "arm", "group", "estimand", "method", "value", "std_error", "df", "low", "high", "level", "p_value",
        "unit", "scale", "n_treated", "n_control", "n", "n_clusters", "note", "reason",
    )  # fmt: skip


def test_results_are_a_sequence():
    rows = Results([estimate(), Check(name="balance", passed=True)])
    both = rows + Results([estimate(outcome="weeks_26")])
    assert len(both) == 3
    assert len(both.estimates) == 2
    assert len(both.checks) == 1
    assert both[:2] == rows
    assert both.where(outcome="weeks_26").estimates[0].value == -2.0
    assert len(rows) == 2
    assert repr(both) == "Results(2 estimates, 1 checks)"


def test_the_frame_has_whole_counts_and_gaps():
    frame = Results([estimate(n_clusters=None), Estimate.empty(estimand="median", reason="too few")]).to_frame()
    assert list(frame.columns) == list(ESTIMATE_COLUMNS)
    assert frame["n_treated"].tolist()[0] == 20
    assert frame["n_treated"].isna().tolist() == [False, True]
    assert str(frame["n_clusters"].dtype) == "Int64"
    assert frame["reason"].tolist() == ["", "too few"]


def test_the_summary_says_numbers_and_reasons():
    said = Results([estimate(), Estimate.empty(estimand="median", reason="too few", outcome="time")]).summary()
    assert said == (
        "weeks_52, difference in means: -2.00 weeks (95 % interval -3.11 to -0.89). "
        "time, median: not estimated (too few)."
    )


def test_a_ratio_is_said_without_unit():
    said = Results([estimate(unit="ratio")]).summary()
    assert "ratio" not in said


def test_a_frozen_estimate():
    with pytest.raises(AttributeError):
        estimate().value = 0


def test_a_curve_is_a_step_function():
    x, y = np.array([1.0, 3.0]), np.array([0.8, 0.5])
    curve = Curve(x=x, y=y, low=y, high=y, start=1.0)
    assert [curve.at(t) for t in (0.5, 1.0, 2.9, 3.0, 9.0)] == [1.0, 0.8, 0.8, 0.5, 0.5]
