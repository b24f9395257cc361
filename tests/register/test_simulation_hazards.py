"""When things happen: the exact inversion against a naive one, and the exact truth against draws and formulas."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, special, stats

from analysis_lib.register.simulation.analytic import exact_truth, survival_curve
from analysis_lib.register.simulation.hazards import NEVER, Window, constant, waiting_times, weibull
from analysis_lib.register.simulation.latent import Cohort, draw_latent, streams
from analysis_lib.register.simulation.parts import INELIGIBLE, Duration, Effect
from analysis_lib.register.simulation.people import draw_people
from analysis_lib.register.simulation.weekly import time_to_main_exit

Z = 4
N = 20_000
LN2 = np.log(2)


def effect(ratio, **more):
    return Effect(mark="unknown", hazard_ratio=ratio, **more)


def changed(model, *effects, shape=None, scale=None, ratio=1.0):
    """The model with other effects, and a Weibull or constant baseline of its own where asked for."""
    duration = Duration(
        mark="unknown", hazard_ratio=ratio,
        weibull_shape=shape or model.duration.weibull_shape, weibull_scale_weeks=scale or model.duration.weibull_scale_weeks,
    )  # fmt: skip
    return model.model_copy(update={"effects": effects, "duration": duration})


@pytest.fixture(scope="module")
def draw(model):
    """Return a function that gives the exit times of N people in an arm, from the same draws for every model."""
    rng = np.random.default_rng(17)
    alone = model.model_copy(update={"ineligible": model.ineligible.model_copy(update=dict.fromkeys(INELIGIBLE, 0.0))})
    people = draw_people(alone, N, rng)
    latent = draw_latent(alone, people, rng, streams(rng))

    def times(of, arm):
        cohort = Cohort(model=of, people=people, latent=latent)
        return cohort, time_to_main_exit(cohort, arm)

    return times


# --- the inversion -------------------------------------------------------------------------------------------------

WINDOWS = st.lists(
    st.tuples(st.floats(-5, 60), st.floats(0, 60), st.floats(0.05, 20), st.booleans()), min_size=0, max_size=5
)


@settings(max_examples=80, deadline=None)
@given(
    windows=WINDOWS, energy=st.floats(1e-6, 20),
    baseline=st.sampled_from([weibull(1.3, 18.0), weibull(0.7, 30.0), constant(0.05)]),
)  # fmt: skip
def test_the_cumulative_hazard_at_the_time_is_the_energy(windows, energy, baseline):
    """A second implementation: the hazard's constants integrated over the baseline, edge by edge."""
    made = [
        Window(start=np.array([a]), stop=np.array([a + length]), ratio=r, chosen=np.array([who]))
        for a, length, r, who in windows
    ]
    time = waiting_times(np.array([energy]), baseline, made)[0]
    cuts = sorted({0.0, time, *(min(max(e, 0.0), time) for a, length, _, _ in windows for e in (a, a + length))})
    total = 0.0
    for low, high in pairwise(cuts):
        middle = (low + high) / 2
        ratio = np.prod([r for a, length, r, who in windows if who and a <= middle < a + length])
        total += ratio * float(baseline.cumulative(np.array(high)) - baseline.cumulative(np.array(low)))
    assert total == pytest.approx(energy, rel=1e-8, abs=1e-10)


def test_never_stays_never():
    window = Window(start=np.zeros(2), stop=np.full(2, NEVER), ratio=2.0, chosen=np.array([True, False]))
    waits = waiting_times(np.array([np.inf, 1.0]), constant(0.5), [window])
    np.testing.assert_array_equal(waits, [np.inf, 2.0])


def test_without_windows_it_is_the_closed_form():
    energy = np.random.default_rng(1).standard_exponential(50)
    np.testing.assert_array_equal(waiting_times(energy, weibull(1.3, 18.0)), 18.0 * energy ** (1 / 1.3))
    np.testing.assert_array_equal(waiting_times(energy, constant(0.04)), energy / 0.04)


# --- the exact truth -----------------------------------------------------------------------------------------------


def test_delayed_effect_has_the_published_numbers(model):
    """Constant hazard ln 2 / 14, ratio 1.2941 from week 3 on: medians 14 and 11.5, gap up to week 52 of 3.00 weeks.

    The numbers are those of the calibration to the published medians.
    """
    late = changed(model, effect(1.2941, arm="treated", weeks=(3.0, None)), shape=1.0, scale=14 / LN2)
    truth = exact_truth(late.model_copy(update={"horizons_weeks": (52,)}), "treated", late.sites)
    assert truth["median_control_weeks"] == pytest.approx(14.0, abs=1e-9)
    assert truth["median_treated_weeks"] == pytest.approx(11.5, abs=2e-4)
    assert truth["restricted_mean_gap_weeks"]["52"] == pytest.approx(3.00, abs=0.005)
    assert truth["hazard_ratios"] == [
        {"from_week": 0.0, "to_week": 3.0, "hazard_ratio": 1.0},
        {"from_week": 3.0, "to_week": None, "hazard_ratio": 1.2941},
    ]


def test_proportional_hazards_have_closed_forms(model):
    """Median b (ln 2 / r)^(1/k); mean up to h: b r^(-1/k) G(1 + 1/k) P(1/k, r (h / b)^k), P the regularised gamma."""
    k, b, r = 0.8, 21.0, 1.7
    truth = exact_truth(changed(model, shape=k, scale=b, ratio=r), "treated", model.sites)
    assert truth["median_treated_weeks"] == pytest.approx(b * (LN2 / r) ** (1 / k), rel=1e-12)

    def mean(ratio, horizon):
        scale = b * ratio ** (-1 / k)
        return scale * special.gamma(1 + 1 / k) * special.gammainc(1 / k, (horizon / scale) ** k)

    assert truth["mean_gap_weeks"] == pytest.approx(mean(1, np.inf) - mean(r, np.inf), rel=1e-9)
    for horizon, gap in truth["restricted_mean_gap_weeks"].items():
        assert gap == pytest.approx(mean(1, float(horizon)) - mean(r, float(horizon)), rel=1e-9)


def two_windows(model):
    return changed(
        model, effect(1.6, arm="treated", weeks=(0.0, 4.0)), effect(0.7, arm="treated", weeks=(10.0, 20.5)),
        effect(1.2, weeks=(2.0, None)), effect(1.1, arm="control", weeks=(6.0, 8.0)),
    )  # fmt: skip


def test_exact_truth_against_draws(model, draw):
    of = two_windows(model)
    truth = exact_truth(of, "treated", of.sites)
    means = {}
    for arm in ("control", "treated"):
        _, times = draw(of, arm)
        curve = survival_curve(of, arm, of.sites)
        # 1.95 / sqrt(n) is the 0.1 % point of the Kolmogorov distance.
        distance = stats.kstest(times, lambda t, c=curve: np.array([1 - c.survival(x) for x in t])).statistic
        assert distance < 1.95 / np.sqrt(N)
        share = np.mean(times <= truth[f"median_{arm}_weeks"])
        assert abs(share - 0.5) < Z * 0.5 / np.sqrt(N)
        means[arm] = np.minimum(times, 26)
    gap = means["control"] - means["treated"]
    # The two arms share their draws, so that the gap is one mean.
    assert abs(gap.mean() - truth["restricted_mean_gap_weeks"]["26"]) < Z * gap.std() / np.sqrt(N)


def test_restricted_mean_is_the_integral_of_the_naive_survival(model):
    """The survival function written out by hand, a second time, and integrated by a fixed rule."""
    of = two_windows(model)

    def hazard(t):
        k, b = of.duration.weibull_shape, of.duration.weibull_scale_weeks
        ratio = (1.6 if t < 4 else 1) * (0.7 if 10 <= t < 20.5 else 1) * (1.2 if t >= 2 else 1)
        return ratio * k / b * (t / b) ** (k - 1)

    grid = np.linspace(0, 26, 26 * 2000 + 1)
    rates = np.array([hazard(t) for t in (grid[1:] + grid[:-1]) / 2])
    survival = np.exp(-np.concatenate([[0], np.cumsum(rates * np.diff(grid))]))
    curve = survival_curve(of, "treated", of.sites)
    assert curve.restricted_mean(26) == pytest.approx(integrate.trapezoid(survival, grid), abs=1e-4)
    assert curve.survival(12.0) == pytest.approx(survival[24_000], abs=1e-5)
    root = optimize.brentq(lambda t: np.interp(t, grid, survival) - 0.5, 0, 26)
    assert curve.median() == pytest.approx(root, abs=1e-3)


def test_hazard_ratios_by_window_are_found_again(model, draw):
    """In each window the events over the baseline's exposure estimate its ratio; a threat leaves the others at 1."""
    of = changed(model, effect(1.5, arm="treated", weeks=(0.0, 4.0)))
    ratios = exact_truth(of, "treated", of.sites)["hazard_ratios"]
    assert [row["hazard_ratio"] for row in ratios] == [1.5, 1.0]
    _, times = draw(of, "treated")
    k, b = of.duration.weibull_shape, of.duration.weibull_scale_weeks
    for low, high, ratio in ((0, 4, 1.5), (4, 8, 1.0), (8, 16, 1.0), (16, 40, 1.0)):
        events = np.sum((times > low) & (times <= high))
        reached = np.clip(times, low, high)
        found = events / np.sum((reached / b) ** k - (low / b) ** k)
        assert abs(found - ratio) < Z * ratio / np.sqrt(events)


def test_no_threat_where_none(model, draw):
    of = changed(model, effect(1.5, arm="treated", weeks=(5.0, None)))
    (_, control), (_, treated) = draw(of, "control"), draw(of, "treated")
    early = control <= 5
    np.testing.assert_array_equal(treated[early], control[early])
    assert np.all(treated[~early] < control[~early])


def test_effects_by_municipality_are_exact_together_and_apart(model, draw):
    east = tuple(place.code for place in model.sites[:6])
    of = changed(model, effect(2.0, arm="treated", municipalities=east))
    cohort, times = draw(of, "treated")
    own = cohort.people.living_in(east)
    groups = {True: [p for p in of.sites if p.code in east], False: [p for p in of.sites if p.code not in east]}
    for inside, places in groups.items():
        truth = exact_truth(of, "treated", places)
        assert truth["hazard_ratios"] == [{"from_week": 0.0, "to_week": None, "hazard_ratio": 2.0 if inside else 1.0}]
        chosen = times[own == inside]
        assert abs(np.mean(chosen <= truth["median_treated_weeks"]) - 0.5) < Z * 0.5 / np.sqrt(len(chosen))
    whole = exact_truth(of, "treated", of.sites)
    assert whole["hazard_ratios"] is None
    assert abs(np.mean(times <= whole["median_treated_weeks"]) - 0.5) < Z * 0.5 / np.sqrt(N)
    gap = np.minimum(draw(of, "control")[1], 52) - np.minimum(times, 52)
    assert abs(gap.mean() - whole["restricted_mean_gap_weeks"]["52"]) < Z * gap.std() / np.sqrt(N)


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        ({"effects": (effect(1.2, arm="treated", where={"sex": ("man",)}),)}, "effects differ by covariates"),
        ({"effects": (effect(1.2, calendar=("2006-W10", None)),)}, "effects hold in calendar weeks"),
    ],
)
def test_what_has_no_exact_form_says_why(model, update, reason):
    truth = exact_truth(model.model_copy(update=update), "treated", model.sites)
    assert truth["exact"] is False
    assert reason in truth["reason"]
    assert set(truth) == {"exact", "reason"}


def test_a_place_with_an_effect_of_its_own_is_exact_only_with_all_others(model):
    sites = tuple(p.model_copy(update={"effect": 0.5 * (i == 0)}) for i, p in enumerate(model.sites))
    of = model.model_copy(update={"sites": sites})
    assert exact_truth(of, "treated", sites)["exact"]
    assert "effects on employability of their own" in exact_truth(of, "treated", sites[:2])["reason"]
