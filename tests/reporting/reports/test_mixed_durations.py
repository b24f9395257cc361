"""The page on durations: unobserved differences, and who came back; nothing of few people."""

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from analysis_lib import open_trial_durations, read_results
from analysis_lib.batch.simulated_extract import write_simulated_extract
from analysis_lib.reporting import plots
from analysis_lib.reporting.protected_rows import withhold
from analysis_lib.results import Check, Estimate, Interval, Results
from analysis_lib.trials.evaluation.mixed_durations import (
    DIRECT,
    LEAVING_RATIO,
    MIXED_RATIO,
    RETURN_RATIO,
    effect_on_share,
    share_back,
)
from analysis_lib.trials.outcomes import CENSORED, EXIT, Durations

RUN = "parameters/runs/demo.yml"
OUTCOME = "time_to_self_support"
FEW = "fewer than 5 people"


def words(shown):
    return unescape(re.sub(r"\s+", " ", re.sub(r"<style.*?</style>|<[^>]+>", " ", shown._repr_html_())))


@pytest.fixture(scope="module")
def extract(tmp_path_factory):
    return write_simulated_extract("hig", tmp_path_factory.mktemp("returns") / "hig", persons=450, seed=5)


@pytest.fixture(scope="module")
def opened(extract):
    """Return a function that opens the page with returns drawn here: `many` or `few` of those who left come back."""

    def open_page(language="en", jobcentre="all", *, few=None):
        page = open_trial_durations(trial="hig", jobcentre=jobcentre, extract=extract, run=RUN, language=language)
        return replace(page, cases=replace(page.cases, returns=returns_of(page.cases, few)))

    return open_page


def returns_of(cases, few):
    """Half of those who left come back after a week to a year, or `few` of each arm; the others are seen for a year."""
    left, random = cases.outcomes[OUTCOME].event, np.random.default_rng(1)
    week = random.integers(1, 53, len(cases)).astype(float)
    back = left & (random.random(len(cases)) < 0.5)
    if few is not None:
        back = np.zeros(len(cases), dtype=bool)
        for arm in ("treated", "control"):
            back[np.flatnonzero(left & (cases.design.arm == arm))[:few]] = True
    return Durations(
        time=np.where(left, np.where(back, week, 52.0), 0.0), cause=np.where(back, EXIT, CENSORED).astype(object)
    )


def test_both_models_in_both_languages(opened):
    english, danish = opened("en"), opened("da")
    said = words(english.windows())
    assert "Without unobserved differences (95 % interval)" in said
    assert "Weeks 0–4 (before the course)" in said
    assert "2 types of people; a hazard in steps that end in weeks 2, 5, 9" in said
    assert "NOT VERIFIED: from memory" in said
    assert "Hele forløbet" in words(danish.windows())
    said = words(english.returns())
    assert re.search(r"Of those who left within 52 weeks, \d+ % in the treated group and \d+ % in the control", said)
    assert "Of the effect: direct" in said
    assert "The first week in: Unemployment insurance" in said
    said = words(danish.returns())
    assert re.search(r"Af dem, der afgik inden for 52 uger, er \d+ % i deltagergruppen", said)
    assert "Kurver over andelen, der endnu ikke er vendt tilbage" in danish.returns()._repr_html_()
    assert "unobserved" not in said


def test_rows_are_saved(opened, tmp_path):
    page, plan = opened(), opened().trial.inference.recurrence
    page.save(tmp_path)
    estimands = set(read_results(tmp_path / "trial_durations.parquet")["estimand"])
    assert {MIXED_RATIO, RETURN_RATIO, DIRECT, share_back(plan), effect_on_share(plan)} <= estimands


@pytest.mark.parametrize("few", [1, 4])
def test_few_who_came_back_are_not_given_away(opened, few):
    page = opened(few=few)
    rows = [row for row in page.results.estimates if row.estimand in (LEAVING_RATIO, RETURN_RATIO, DIRECT)]
    assert rows
    assert all(FEW in row.reason for row in rows)
    assert "Of those who left within" not in words(page.returns())


def test_as_many_as_the_threshold_are_shown(opened):
    page = opened(few=40)
    assert [row for row in page.results.where(estimand=RETURN_RATIO).estimates if row.estimated]


def test_how_many_left_is_not_on_the_page(opened, monkeypatch):
    """Of how many left, the table of endings says what may be said, or withholds it."""
    drawn, survival = [], plots.survival

    def spy(curves, **options):
        drawn.extend(curves)
        return survival(curves, **options)

    monkeypatch.setattr(plots, "survival", spy)
    page = opened()
    page.returns()
    assert [curve.arm for curve in drawn] == ["control", "treated"]
    assert all(curve.at_risk is None for curve in drawn)
    arm = page.cases.design.arm
    treated, control = int((arm == "treated").sum()), int((arm == "control").sum())
    rows = [row for row in page.results.estimates if row.estimand in (LEAVING_RATIO, RETURN_RATIO, DIRECT)]
    assert {(row.n_treated, row.n_control, row.n) for row in rows} == {(treated, control, len(arm))}


def test_a_small_jobcentre_has_empty_rows_with_the_reason(opened):
    page = opened(jobcentre="jc_stevns")
    for shown in (page.windows(), page.returns()):
        assert "fewer than 20 people in an arm" in words(shown)
    assert "Of those who left within" not in words(page.returns())


def test_where_nobody_came_back_the_page_says_so(opened):
    page = opened("da", few=0)
    assert "ingen vendte tilbage, mens personerne blev fulgt" in words(page.returns())
    assert "<img" not in page.returns()._repr_html_()


def test_trials_without_the_keys_say_so(public_data):
    page = open_trial_durations(trial="rossi", jobcentre="all", extract=public_data, run=RUN, language="en")
    assert "The plan does not follow people after they have left." in words(page.returns())
    assert "unobserved" not in words(page.windows())


def test_withheld_results_keep_their_names_and_nothing_else():
    row = Estimate(
        estimand="effect", value=1.5, interval=Interval(low=1.0, high=2.0, level=0.9), n=12, outcome="o", arm="a",
        note="12 people", group="g",
    )  # fmt: skip
    check = Check(name="gain", passed=None, statistic=3.0, p_value=0.2, detail="AIC 7", outcome="o", arm="a")
    estimate, test = withhold(Results([row, check]), 5)
    assert (estimate.estimand, estimate.outcome, estimate.arm, estimate.group) == ("effect", "o", "a", "g")
    assert (test.name, test.outcome, test.arm) == ("gain", "o", "a")
    assert np.isnan([estimate.value, estimate.interval.low, test.statistic, test.p_value]).all()
    assert (estimate.n, estimate.note) == (None, "")
    assert FEW in estimate.reason
    assert FEW in test.detail
