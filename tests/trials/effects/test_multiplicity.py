"""Adjusted p-values: published ones, R's `p.adjust` written out, and what is not counted."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.errors import InvalidInput
from analysis_lib.results import Check, Estimate, Message, Results
from analysis_lib.trials.effects import adjust_p_values, difference_in_means

# Benjamini and Hochberg (1995), section 3.2: 15 p-values, of which their procedure rejects 4 and Bonferroni's 3 at 0.05.
PUBLISHED = [.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1.0]  # fmt: skip


def naive(p_values, method):
    """R's p.adjust, term by term."""
    n = len(p_values)
    if method == "bonferroni":
        return [min(1, n * p) for p in p_values]
    if method == "holm":
        order = sorted(range(n), key=lambda i: p_values[i])
        terms = [(n - rank) * p_values[i] for rank, i in enumerate(order)]
        adjusted = {i: min(1, max(terms[: rank + 1])) for rank, i in enumerate(order)}
    else:
        harmonic = sum(1 / j for j in range(1, n + 1)) if method == "by" else 1
        order = sorted(range(n), key=lambda i: p_values[i])
        terms = [harmonic * n / (rank + 1) * p_values[i] for rank, i in enumerate(order)]
        adjusted = {i: min(1, *terms[rank:], 1) for rank, i in enumerate(order)}
    return [adjusted[i] for i in range(n)]


def test_benjamini_and_hochberg_1995():
    assert int(np.sum(adjust_p_values(PUBLISHED, "bh") <= 0.05)) == 4
    assert int(np.sum(adjust_p_values(PUBLISHED, "bonferroni") <= 0.05)) == 3
    assert adjust_p_values(PUBLISHED, "bh")[3] == pytest.approx(15 * 0.0095 / 4)


# few examples: statsmodels collects garbage in every call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.sampled_from(["holm", "bh", "by", "bonferroni"]))
@settings(max_examples=12, deadline=None, derandomize=True)
def test_as_written_out(p_values, method):
    assert adjust_p_values(p_values, method) == pytest.approx(naive(p_values, method), rel=1e-12)


def estimates() -> Results:
    rng = np.random.default_rng(1)
    t = np.repeat([1, 0], 40)
    some = [
        replace(difference_in_means(rng.normal(size=80) + shift * t, t), outcome=str(shift)) for shift in (0.3, 0.6, 1)
    ]
    empty = Estimate.empty(estimand="difference in means", reason="nobody left", outcome="empty")
    return Results([some[0], Check(name="balance", passed=True, p_value=0.4), empty, *some[1:]])


def test_results_keep_their_order_and_empty_rows_are_not_counted():
    given_ = estimates()
    found = adjust_p_values(given_, "holm")
    known = [e for e in given_.estimates if e.estimated]
    wanted = naive([e.p_value for e in known], "holm")
    assert [e.p_value for e in found.estimates if e.estimated] == pytest.approx(wanted)
    assert [type(item) for item in found] == [type(item) for item in given_]
    assert found[1] == given_[1]
    assert found[2] == given_[2]
    assert found[0].note == "p-value adjusted for 3 tests (Holm), the interval is not"
    assert isinstance(found[0].note, Message)
    assert found[0].interval == given_[0].interval
    assert given_ == estimates()


def test_notes_are_joined():
    noted = Results([replace(e, note=Message("{n} left out", n=2)) for e in estimates().estimates])
    assert adjust_p_values(noted, "bh")[0].note == (
        "2 left out; p-value adjusted for 3 tests (Benjamini-Hochberg), the interval is not"
    )


def test_none_changes_nothing_and_all_empty_stays():
    assert adjust_p_values(estimates(), "none") == estimates()
    assert adjust_p_values(adjust_p_values(estimates()), "none") == adjust_p_values(estimates())
    empty = Results(estimates()[2:3])
    assert adjust_p_values(empty) == empty
    assert np.isnan(adjust_p_values([np.nan])).all()
    assert adjust_p_values([]).shape == (0,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: adjust_p_values([0.1], "hs"),
            "method is 'hs'; must be one of 'holm', 'bh', 'by', 'bonferroni', 'none'",
        ),
        (lambda: adjust_p_values([0.1, 1.2]), "results has the p-value 1.2; must be 0 to 1"),
        (lambda: adjust_p_values([0.1, -0.2]), "results has the p-value -0.2; must be 0 to 1"),
        (lambda: adjust_p_values([[0.1]]), "results has 2 dimensions"),
        (lambda: adjust_p_values(["a"]), "must be Results or p-values"),
        (lambda: adjust_p_values(adjust_p_values(estimates())), "results has 3 estimates with adjusted p-values"),
    ],
)
def test_invalid_input(call, message):
    with pytest.raises(InvalidInput) as raised:
        call()
    assert message in str(raised.value)
