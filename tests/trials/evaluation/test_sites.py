"""Effects by place: from people, and from published numbers."""

import numpy as np
import pytest

from analysis_lib.results import Estimate, Interval
from analysis_lib.trials.cases import in_group
from analysis_lib.trials.definition import read_trial
from analysis_lib.trials.durations import hazard_ratio
from analysis_lib.trials.evaluation.sites import estimate_sites, pool_places
from analysis_lib.trials.summary_cases import load_summary


def test_every_jobcentre_has_its_own_estimate(hig_cases):
    found = estimate_sites(hig_cases, "treated")
    assert [row.group for row in found.rows.estimates] == list(hig_cases.trial.data.jobcentres)
    for row in found.rows.estimates:
        own = (hig_cases.frame["jobcentre"] == row.group).to_numpy()
        if not row.estimated:
            continue
        measured = hig_cases.outcomes["time_to_self_support"]
        direct = hazard_ratio(measured.time[own], measured.event[own], hig_cases.design.arm[own] == "treated")
        assert row.value == pytest.approx(direct.value)
    assert len(found.shrunken) == sum(row.estimated for row in found.rows.estimates)
    pooled = found.pooled.estimates[0]
    assert pooled.interval.low < 1.3 < pooled.interval.high


def test_tta_as_published_is_not_headlined():
    """Cochran's Q 21.4 and 12.3, I2 0.91 and 0.84, worked out from the published intervals (trials dossier)."""
    trial = read_trial("tta")
    rows = load_summary(trial)
    for outcome, q, i2 in (("recovery", 21.4, 0.91), ("self_support", 12.3, 0.84)):
        found = pool_places(list(rows.where(outcome=outcome).estimates), trial.inference.pooling, level=0.95)
        assert not found.headline
        (check,) = found.heterogeneity.checks
        assert check.statistic == pytest.approx(q, abs=0.05)
        # By Q, as the dossier has it; the page's own I2 is by REML, and no smaller.
        assert 1 - 2 / check.statistic == pytest.approx(i2, abs=0.005)
        assert found.heterogeneity.estimates[1].value > i2
        assert "the sites differ" in found.pooled.estimates[0].note


def row(value, group):
    nothing = Interval(low=np.nan, high=np.nan, level=0.95)
    return Estimate(estimand="difference", value=value, std_error=1.0, interval=nothing, group=group, outcome="weeks")


def test_not_pooled_says_why(hig_cases):
    pooling = hig_cases.trial.inference.pooling
    assert pool_places([row(1, "a"), row(2, "b")], None, level=0.95).pooled.estimates[0].reason == (
        "the plan names no way to pool the places"
    )
    assert pool_places([row(1, "a")], pooling, level=0.95).pooled.estimates[0].reason == (
        "fewer than two places have an estimate"
    )
    assert not pool_places([], pooling, level=0.95).headline


def test_small_places_are_empty(hig_cases):
    few = in_group(hig_cases, np.arange(len(hig_cases)) < 25)
    found = estimate_sites(few, "treated")
    assert all(r.reason for r in found.rows.estimates)
    assert not found.shrunken
