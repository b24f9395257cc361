"""Inflow, contacts held against the schedule, shares and attrition: against counts made person by person."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis_lib.register.weeks import monday
from analysis_lib.trials.definition import ContactRule
from analysis_lib.trials.effects import attrition_check
from analysis_lib.trials.evaluation.conduct import (
    check_attrition,
    check_shares,
    contacts_by_week,
    count_inflow,
    hold_against_schedule,
    weeks_in_spell,
)
from analysis_lib.trials.outcomes import Numbers


def test_inflow_by_month_is_the_count_of_mondays(hig_cases):
    found = count_inflow(hig_cases)
    naive = {}
    for entry, arm in zip(hig_cases.frame["entry"], hig_cases.design.arm, strict=True):
        day: dt.date = monday(int(entry) + hig_cases.first_week)
        naive[f"{day:%Y-%m}", arm] = naive.get((f"{day:%Y-%m}", arm), 0) + 1
    assert found.months[0] == min(month for month, _ in naive)
    for arm, counts in found.counts.items():
        assert dict(zip(found.months, counts.tolist(), strict=True)) == {
            m: naive.get((m, arm), 0) for m in found.months
        }


def held_and_promised(cases, kind, sites, first, last, every):
    """Of each case, the contacts promised and held in weeks `first` to `last`, one by one."""
    stay = weeks_in_spell(cases)
    rows = []
    for case in range(len(cases)):
        if cases.frame["site"].iloc[case] not in sites:
            continue
        promised = max(min(stay[case], last) - first, 0) / every
        own = cases.contacts[(cases.contacts["case"] == case) & (cases.contacts["kind"] == kind)]
        weeks = own["held_week"].dropna()
        held = int(((weeks >= first) & (weeks < last) & (weeks <= stay[case])).sum())
        rows.append((cases.design.arm[case], promised, held))
    return pd.DataFrame(rows, columns=["arm", "promised", "held"])


def test_contacts_held_of_those_promised(hig_cases):
    rows = hold_against_schedule(hig_cases).estimates
    expected = held_and_promised(hig_cases, "meeting", ("storstroem",), 8, 104, 1)
    for arm in ("treated", "control"):
        (row,) = [row for row in rows if row.group == "meetings.1" and row.arm == arm]
        own = expected[(expected["arm"] == arm) & (expected["promised"] > 0)]
        share = own["held"].sum() / own["promised"].sum()
        left = own["held"] - share * own["promised"]
        spread = np.sqrt(len(own) / (len(own) - 1) * (left**2).sum()) / own["promised"].sum()
        assert (row.value, row.n) == (pytest.approx(100 * share), len(own))
        assert row.std_error == pytest.approx(100 * spread)
    treated, control = (
        [r.value for r in rows if r.group == "meetings.1" and r.arm == arm] for arm in ("treated", "control")
    )
    assert treated[0] > 60
    assert control[0] < 15


def test_without_contacts_every_row_is_empty(hig_cases):
    rows = hold_against_schedule(replace(hig_cases, contacts=None)).estimates
    assert rows
    assert {row.reason for row in rows} == {"the extract has no contacts"}
    assert contacts_by_week(replace(hig_cases, contacts=None), ContactRule(kind="meeting"), last_week=30) == ()


def test_contacts_a_week_for_each_person_still_there(hig_cases):
    control, treated = contacts_by_week(hig_cases, ContactRule(kind="meeting"), last_week=40)
    stay, week = weeks_in_spell(hig_cases), 12
    own = (hig_cases.design.arm == "treated") & (stay >= week)
    held = hig_cases.contacts[(hig_cases.contacts["kind"] == "meeting") & (hig_cases.contacts["held_week"] == week)]
    counted = int(own[held["case"].to_numpy()].sum())
    assert treated.y[week] == pytest.approx(counted / own.sum())
    assert treated.at_risk[week] == own.sum()
    assert treated.y[week] > 5 * control.y[week]
    assert (treated.at_risk >= 20).all()


def test_shares_in_all_and_at_every_jobcentre(hig_cases):
    checks = check_shares(hig_cases).checks
    assert checks[0].group == ""
    assert {check.group for check in checks[1:]} == set(hig_cases.frame["jobcentre"])
    for check in checks[1:]:
        own = (hig_cases.frame["jobcentre"] == check.group).to_numpy()
        assert check.statistic == pytest.approx(float((hig_cases.design.arm[own] == "treated").mean()))


def test_attrition_of_each_outcome_not_known_for_everybody(hig_cases):
    found = check_attrition(hig_cases)
    known = ~np.isnan(hig_cases.outcomes["benefit_weeks_52"].values)
    treated = hig_cases.design.arm == "treated"
    (row,) = found.where(outcome="benefit_weeks_52").estimates
    direct = attrition_check(known, treated).estimates[0]
    assert (row.value, row.std_error) == pytest.approx((direct.value, direct.std_error))
    complete = {
        name: Numbers(values=np.nan_to_num(m.values)) if isinstance(m, Numbers) else m
        for name, m in hig_cases.outcomes.items()
    }
    assert not check_attrition(replace(hig_cases, outcomes=complete))
