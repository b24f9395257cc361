"""The simulated register against its own truth, by estimators written here."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from analysis_lib.errors import DefinitionError, InvalidInput
from analysis_lib.register.extract import read_extract, read_truth
from analysis_lib.register.extract_writing import write_extract
from analysis_lib.register.simulation import simulate_register
from analysis_lib.register.simulation.latent import Cohort, draw_latent, streams
from analysis_lib.register.simulation.people import ELIGIBLE, draw_people, uniform_ranks
from analysis_lib.register.simulation.weekly import find_exits
from analysis_lib.register.spells import weeks_from_spells
from analysis_lib.register.states import first_run, inflow, weeks_in_state
from analysis_lib.register.weeks import mondays

MIN_WEEKS, HORIZON = 4, 104
# Monte Carlo sd of the sample medians, given with the calibration for 5,000 people, here for 2,000.
MEDIAN_SD = {False: 0.29 * np.sqrt(5000 / 2000), True: 0.24 * np.sqrt(5000 / 2000)}
# Comparisons with chance allow 4 standard errors: some 60 of them are a false alarm in 1 of 260 seeds (ours is fixed).
Z = 4


def born_1_to_15(people):
    return (people["birth_date"].dt.day <= 15).to_numpy()


@pytest.fixture(scope="module")
def plain(model):
    """The model without gaps, other exits and returns, so that the weeks are those of the latent time alone."""
    gap = model.blank_gap.model_copy(update={"weekly_hazard": 0.0})
    return model.model_copy(update={"other_exits": (), "blank_gap": gap, "recurrence": None})


def entries(register, model, codes):
    """Return person and entry column of the trial's population, by the trial's rules and not the simulator's."""
    first = register.first_week
    person, week = inflow(
        register.codes, codes.codes_of("unemployment_insurance"),
        from_week=model.entry.first_week - first, to_week=model.entry.last_week - first,
        free_weeks=model.entry.free_weeks,
    )  # fmt: skip
    people = register.persons.iloc[person]
    at_home = people["municipality"].isin([place.code for place in model.sites]).to_numpy()
    years = (mondays(first + week) - people["birth_date"].to_numpy().astype("datetime64[D]")).astype(int) / 365.25
    chosen = at_home & (years >= 18) & (years < 65)
    return person[chosen], week[chosen]


def durations(register, model, codes):
    """Return time, event and arm: the first 4 weeks of self-support; other exits and the end censor."""
    person, entry = entries(register, model, codes)
    matrix = register.codes[person]
    end = first_run(matrix, codes.codes_of(["emigrated", "dead"]), start=entry, min_weeks=1).week
    run = first_run(matrix, codes.codes_of("self_support"), start=entry, min_weeks=MIN_WEEKS, end=end)
    time, event = run.week - entry, run.found.copy()
    for state in ("sickness", "education"):
        other = first_run(matrix, codes.codes_of(state), start=entry, min_weeks=MIN_WEEKS, end=end)
        first = other.found & (other.week - entry < time)
        time, event = np.where(first, other.week - entry, time), event & ~first
    event &= time <= HORIZON
    treated = born_1_to_15(register.persons.iloc[person])
    return np.minimum(time, HORIZON), event, treated


def kaplan_meier(time, event):
    """Return survival and Greenwood's standard error at the weeks 0 to 52, week by week."""
    survival, variance = [1.0], [0.0]
    for week in range(1, 53):
        at_risk, exits = np.sum(time >= week), np.sum(event & (time == week))
        survival.append(survival[-1] * (1 - exits / at_risk))
        variance.append(variance[-1] + exits / (at_risk * (at_risk - exits)))
    survival = np.array(survival)
    return survival, survival * np.sqrt(variance)


def weibull(model, week, *, treated):
    duration = model.duration
    ratio = duration.hazard_ratio if treated else 1
    return np.exp(-ratio * (week / duration.weibull_scale_weeks) ** duration.weibull_shape)


# --- truth ---------------------------------------------------------------------------------------------------------


def test_analytic_truth(simulated, model):
    truth = simulated.truth
    # Published: medians 14 and 11.5 weeks, job-finding rate up by 30 %; derived: mean gap 3.02 weeks.
    assert truth["median_control_weeks"] == pytest.approx(14.0, abs=1e-4)
    assert truth["median_treated_weeks"] == pytest.approx(11.5, abs=1e-4)
    assert truth["hazard_ratio"] == 1.30
    assert truth["mean_gap_weeks"] == pytest.approx(3.02, abs=0.005)
    # The integrals of the survival functions, by quadrature.
    for horizon in (26, 52):
        control, treated = (
            integrate.quad(lambda t, a=arm: weibull(model, t, treated=a), 0, horizon)[0] for arm in (False, True)
        )
        assert truth["restricted_mean_gap_weeks"][str(horizon)] == pytest.approx(control - treated, rel=1e-7)


def test_truth_is_plain_json_and_says_seed_and_model(simulated, model):
    again = json.loads(json.dumps(simulated.truth, allow_nan=False))
    assert again == simulated.truth
    assert again["seed"] == {"entropy": 20051101, "spawn_key": []}
    assert again["model"]["entry"]["first_week"] == "2005-W44"
    assert again["model"]["duration"]["weibull_shape"] == model.duration.weibull_shape


def test_counts(simulated):
    counts = simulated.truth["counts"]
    assert counts["eligible"] == counts["treated"] + counts["control"] == 2000
    assert {kind: counts[kind] for kind in ("outside_age", "outside_area", "not_newly_unemployed")} == {
        "outside_age": 100, "outside_area": 400, "not_newly_unemployed": 300,
    }  # fmt: skip
    assert counts["persons"] == len(simulated.persons) == len(simulated.codes) == 3200


# --- the register --------------------------------------------------------------------------------------------------


def test_register_is_a_valid_extract(simulated, tmp_path):
    made = write_extract(
        tmp_path / "x", persons=simulated.persons, codes=simulated.codes, first_week=simulated.first_week,
        truth=simulated.truth,
    )  # fmt: skip
    extract = read_extract(made)
    # An extract is sorted by municipality and date of birth, the simulation by person.
    by_id = np.argsort(extract.persons["person_id"].to_numpy().astype(str))
    pd.testing.assert_frame_equal(extract.persons.iloc[by_id].reset_index(drop=True), simulated.persons)
    np.testing.assert_array_equal(weeks_from_spells(extract.spells.take(by_id)), simulated.codes)
    assert extract.first_week == simulated.first_week
    assert read_truth(made) == simulated.truth


def test_the_trials_rules_find_the_eligible_and_nobody_else(simulated, model, codes):
    person, _ = entries(simulated, model, codes)
    assert len(person) == simulated.truth["counts"]["eligible"]
    treated = born_1_to_15(simulated.persons.iloc[person])
    assert treated.sum() == simulated.truth["counts"]["treated"]
    # 180 of 365.25 days are the first to the fifteenth of a month.
    share = 180 / 365.25
    assert abs(treated.mean() - share) < Z * np.sqrt(share * (1 - share) / len(person))


def test_ids_and_rows_do_not_tell_who_is_eligible(simulated, model, codes):
    assert simulated.persons["person_id"].is_monotonic_increasing
    eligible = np.zeros(len(simulated.persons), dtype=bool)
    eligible[entries(simulated, model, codes)[0]] = True
    assert stats.ks_2samp(np.flatnonzero(eligible), np.flatnonzero(~eligible)).pvalue > 0.001


def test_kaplan_meier_agrees_with_the_truth(simulated, model, codes):
    time, event, treated = durations(simulated, model, codes)
    for arm in (False, True):
        survival, error = kaplan_meier(time[treated == arm], event[treated == arm])
        weeks = np.arange(4, 53, 4)
        gap = np.abs(survival[weeks] - weibull(model, weeks, treated=arm))
        assert np.all(gap < Z * error[weeks])
        # The curve is exact at whole weeks; between them a straight line is within 0.01 weeks of the median.
        median = np.interp(-0.5, -survival, np.arange(53))
        assert abs(median - simulated.truth[f"median_{'treated' if arm else 'control'}_weeks"]) < Z * MEDIAN_SD[arm]


def test_everybody_who_leaves_stays_out_unless_by_another_exit(simulate, plain, codes):
    register = simulate(of=plain)
    person, entry = entries(register, plain, codes)
    matrix = register.codes[person]
    run = first_run(matrix, [0], start=entry, min_weeks=1)
    out = np.arange(matrix.shape[1]) >= run.week[:, None]
    assert not matrix[out].any()
    assert run.found.mean() > 0.99


def test_finite_sample_effects_are_those_of_the_two_counterfactual_registers(simulate, simulated, model, codes):
    """The same seed with everybody and with nobody treated gives the same people in both arms."""
    both = [simulate(assigned=lambda b, a=arm: np.full(len(b), a)) for arm in (False, True)]
    person, entry = entries(both[0], model, codes)
    np.testing.assert_array_equal(person, entries(both[1], model, codes)[0])
    states = codes.codes_of(model.benefit_states)
    for horizon in (26, 52):
        weeks = []
        for register in both:
            matrix = register.codes[person]
            end = first_run(matrix, [997, 999], start=entry, min_weeks=1).week
            weeks.append(weeks_in_state(matrix, states, start=entry, length=horizon, end=end))
        np.testing.assert_array_equal(np.isnan(weeks[0]), np.isnan(weeks[1]))
        effect = simulated.truth["average_effects"][str(horizon)]
        assert effect["weeks"] == pytest.approx(np.nanmean(weeks[1] - weeks[0]), abs=1e-12)
        assert effect["persons"] == np.sum(~np.isnan(weeks[0]))
        # Whether the effect is seen in the difference between the arms of the register itself.
        matrix, treated = simulated.codes[person], born_1_to_15(simulated.persons.iloc[person])
        end = first_run(matrix, [997, 999], start=entry, min_weeks=1).week
        seen = weeks_in_state(matrix, states, start=entry, length=horizon, end=end)
        arms = [seen[(treated == arm) & ~np.isnan(seen)] for arm in (True, False)]
        error = np.sqrt(sum(arm.var(ddof=1) / len(arm) for arm in arms))
        assert abs(arms[0].mean() - arms[1].mean() - effect["weeks"]) < Z * error


def test_weeks_on_benefit_are_the_latent_time_rounded_up(plain, simulate, codes):
    """Without gaps and other exits P(more than j weeks) is S(j) in each arm, for every whole j."""
    register = simulate(of=plain, persons=5000)
    person, entry = entries(register, plain, codes)
    assert len(person) == 5000
    weeks = weeks_in_state(register.codes[person], [111, 211], start=entry, length=HORIZON)
    treated = born_1_to_15(register.persons.iloc[person])
    for arm in (False, True):
        own = weeks[treated == arm]
        for week in (1, 2, 4, 8, 14, 26, 40):
            expected = weibull(plain, week, treated=arm)
            assert abs(np.mean(own > week) - expected) < Z * np.sqrt(expected * (1 - expected) / len(own))


def test_ranks_are_uniform_although_covariates_matter(model):
    # The effects are made strong, so that a wrong mixture would show. 1.95 / sqrt(n) is the 0.1 % point of the
    # Kolmogorov distance.
    columns = tuple(
        c.model_copy(update={"levels": tuple(x.model_copy(update={"effect": 5 * x.effect}) for x in c.levels)})
        for c in model.covariates.columns
    )
    places = tuple(p.model_copy(update={"effect": (-1) ** i * 0.7}) for i, p in enumerate(model.sites))
    strong = model.model_copy(
        update={"covariates": model.covariates.model_copy(update={"columns": columns}), "sites": places}
    )
    people = draw_people(strong, 20_000, np.random.default_rng(5))
    own = people.kind == ELIGIBLE
    ranks = uniform_ranks(strong, people.employability)
    assert stats.kstest(ranks[own], "uniform").statistic < 1.95 / np.sqrt(own.sum())
    education = people.frame["education"][own]
    mean = pd.Series(ranks[own]).groupby(education.to_numpy()).mean()
    assert mean["academic"] - mean["compulsory"] > 0.3


def test_covariates_predict_weeks_and_earlier_spells(simulated, model, codes):
    person, entry = entries(simulated, model, codes)
    weeks = pd.Series(weeks_in_state(simulated.codes[person], [111, 211], start=entry, length=52))
    before = pd.Series(weeks_in_state(simulated.codes[person], [111], start=entry - 52, length=52))
    low = simulated.persons["education"].iloc[person].eq("compulsory").to_numpy()
    for outcome in (weeks, before):
        gap = outcome[low].mean() - outcome[~low].mean()
        assert gap > 2 * np.sqrt(outcome[low].var() / low.sum() + outcome[~low].var() / (~low).sum())


def test_gaps_activation_and_other_exits_are_there_and_harmless(simulated, model, codes):
    person, entry = entries(simulated, model, codes)
    matrix = simulated.codes[person]
    states = {codes.state_of(int(code)) for code in np.unique(simulated.codes)}
    assert states >= {"self_support", "unemployment_insurance", "cash_benefit", "sickness", "education", "emigrated"}
    any_blank = first_run(matrix, [0], start=entry, min_weeks=1)
    lasting = first_run(matrix, [0], start=entry, min_weeks=MIN_WEEKS)
    gaps = any_blank.found & (any_blank.week < lasting.week)
    assert 0.005 < gaps.mean() < 0.10
    back = first_run(matrix[gaps], codes.codes_of(model.benefit_states), start=any_blank.week[gaps], min_weeks=1).week
    assert np.all(back - any_blank.week[gaps] <= model.blank_gap.longest_weeks)
    activated = first_run(matrix, [211], start=entry, min_weeks=1)
    treated = born_1_to_15(simulated.persons.iloc[person])
    assert np.all(activated.week[activated.found & treated] >= (entry + 17)[activated.found & treated])
    assert activated.found[treated].sum() > 5 * activated.found[~treated].sum() > 0


def test_free_weeks_before_entry(simulated, model, codes):
    person, entry = entries(simulated, model, codes)
    before = weeks_in_state(simulated.codes[person], [0], start=entry - model.entry.free_weeks, length=4)
    np.testing.assert_array_equal(before, 4.0)


def test_other_exits_do_not_depend_on_the_arm(model):
    rng = np.random.default_rng(3)
    people = draw_people(model, 500, rng)
    cohort = Cohort(model=model, people=people, latent=draw_latent(model, people, rng, streams(rng)))
    control, treated = (find_exits(cohort, arm) for arm in ("control", "treated"))
    np.testing.assert_array_equal(control.starts, treated.starts)
    assert np.all(treated.stay <= control.stay)
    # No other exit comes in the entry week itself.
    assert np.all(control.starts > cohort.latent.entry[:, None])


# --- chance --------------------------------------------------------------------------------------------------------


def test_same_seed_same_bytes(simulate, simulated, tmp_path):
    again, other = simulate(), simulate(seed=7)
    pd.testing.assert_frame_equal(again.persons, simulated.persons)
    files = []
    for name, register in (("a", simulated), ("b", again), ("c", other)):
        made = write_extract(
            tmp_path / name, persons=register.persons, codes=register.codes, first_week=register.first_week,
            truth=register.truth,
        )  # fmt: skip
        paths = [path for path in made.rglob("*") if path.is_file()]
        files.append({str(path.relative_to(made)): path.read_bytes() for path in paths})
    assert files[0] == files[1]
    assert all(files[0][name] != files[2][name] for name in files[0])


def test_number_of_persons_is_the_models_unless_given(simulate, model):
    small = model.model_copy(update={"persons": 50})
    assert simulate(of=small, persons=None).truth["counts"]["eligible"] == 50
    assert simulate(of=small, persons=7).truth["counts"]["eligible"] == 7


# --- faults --------------------------------------------------------------------------------------------------------


def test_assigned_that_does_not_answer(simulate):
    for answer, message in (
        (lambda people: np.ones(len(people)), "assigned answers float64 of shape"),
        (lambda people: np.array([True]), r"assigned answers .* of shape \(1,\); must be arms of 3200 people"),
        (
            lambda people: np.full(len(people), "treatd"),
            "assigned answers 'treatd'; must be one of control, treated; did you mean 'treated'",
        ),
    ):
        with pytest.raises(InvalidInput, match=message):
            simulate(assigned=answer)


def test_no_persons(simulate):
    with pytest.raises(InvalidInput, match="persons is 0; must be 1 or more"):
        simulate(persons=0)


def test_seed_that_cannot_be_recorded(model, codes, jobcentres):
    class Foreign(np.random.bit_generator.ISeedSequence):
        def generate_state(self, n_words, dtype=np.uint32):
            return np.arange(n_words, dtype=dtype)

    rng = np.random.Generator(np.random.PCG64(Foreign()))
    with pytest.raises(InvalidInput, match="rng has no seed to record"):
        simulate_register(model, assigned=born_1_to_15, codes=codes, jobcentres=jobcentres, rng=rng, persons=3)


def test_everything_unknown_is_named_at_once(simulate, model):
    columns = model.covariates.columns
    level = columns[1].levels[0].model_copy(update={"value": "phd", "share": 1.0})
    wrong = (
        columns[0].model_copy(update={"column": "sexx"}),
        columns[1].model_copy(update={"levels": (level,)}),
    )
    changed = model.model_copy(
        update={
            "covariates": model.covariates.model_copy(update={"columns": wrong}),
            "codes": model.codes.model_copy(update={"activation": 231}),
            "elsewhere": (model.elsewhere[0].model_copy(update={"code": 411}),),
        }
    )
    with pytest.raises(DefinitionError) as error:
        simulate(of=changed)
    choices = "compulsory, upper_secondary, vocational, further, academic or unknown"
    insured = "111, 211, 212, 213, 214, 215, 216, 217, 218, 219"
    assert str(error.value).splitlines() == [
        "simulation: covariates.columns lacks sex; every required column must be drawn",
        "simulation: covariates.columns names 'sexx'; must be one of sex, education, origin, married, children",
        f"simulation: a level of education is 'phd'; must be {choices}",
        f"simulation: code 231 does not stand for unemployment_insurance; must be one of {insured}",
        "simulation: municipality 411 is not in jobcentres.yml; must be",
    ]  # fmt: skip
