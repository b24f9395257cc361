"""Every page of a trial: every part in both languages, nothing small, and a file of its rows."""

import re
from dataclasses import replace
from html import unescape

import pytest

from analysis_lib import (
    open_trial_conduct,
    open_trial_design,
    open_trial_durations,
    open_trial_effects,
    open_trial_sites,
    open_trial_subgroups_costs,
    read_results,
)
from analysis_lib.batch.simulated_extract import write_simulated_extract
from analysis_lib.errors import DefinitionError
from analysis_lib.results import ESTIMATE_COLUMNS

RUN = "parameters/runs/demo.yml"
OPEN = {
    "trial_design": open_trial_design, "trial_conduct": open_trial_conduct, "trial_durations": open_trial_durations,
    "trial_sites": open_trial_sites, "trial_subgroups_costs": open_trial_subgroups_costs,
}  # fmt: skip
PARTS = {
    "trial_design": ("facts", "flow", "allocation", "expected_balance", "detectable", "power"),
    "trial_conduct": ("facts", "inflow", "flow", "shares", "schedule", "attrition"),
    "trial_durations": ("facts", "flow", "curves", "windows", "exits", "returns", "checks"),
    "trial_sites": ("sites", "heterogeneity", "shrunken", "without", "facts"),
    "trial_subgroups_costs": ("facts", "subgroups", "learned", "uptake", "quantities", "costs", "places", "conclusion"),
}
SMALL = "jc_stevns"


@pytest.fixture(scope="module")
def extract(tmp_path_factory):
    """So few people that Stevns has no numbers of its own."""
    return write_simulated_extract("hig", tmp_path_factory.mktemp("pages") / "hig", persons=450, seed=5)


@pytest.fixture(scope="module")
def pages(extract):
    return {
        (name, jobcentre, language): opened(
            trial="hig", jobcentre=jobcentre, extract=extract, run=RUN, language=language
        )
        for name, opened in OPEN.items()
        for jobcentre, language in (("all", "en"), ("all", "da"), (SMALL, "en"))
    }


def words(shown):
    return unescape(re.sub(r"\s+", " ", re.sub(r"<style.*?</style>|<[^>]+>", " ", shown._repr_html_())))


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize(("jobcentre", "language"), [("all", "en"), ("all", "da"), (SMALL, "en")])
def test_every_part_says_something(pages, name, jobcentre, language):
    page = pages[name, jobcentre, language]
    for part in ("heading", "answer", *PARTS[name], "method"):
        said = words(getattr(page, part)())
        assert len(said) > 15, part
        assert "nan" not in said.lower().split(), part


@pytest.mark.parametrize("name", OPEN)
def test_a_page_opens_with_up_to_three_sentences_and_closes_with_limits(pages, name):
    page = pages[name, "all", "en"]
    assert 1 <= page.answer()._repr_html_().count("<p>") <= 3
    assert "Controls in the trial counties found jobs more slowly" in words(page.method())
    assert "NOT VERIFIED: from memory" in words(page.facts())


@pytest.mark.parametrize("name", OPEN)
def test_no_small_count_and_no_number_of_a_small_place(pages, name):
    for jobcentre in ("all", SMALL):
        for row in pages[name, jobcentre, "en"].results.estimates:
            assert all(n is None or n >= 5 for n in (row.n, row.n_treated, row.n_control)), row
            if row.group == f"place.{SMALL}":
                assert row.n_treated is None


@pytest.mark.parametrize("name", OPEN)
def test_rows_are_saved_under_the_notebooks_name(pages, name, tmp_path):
    page = pages[name, "all", "en"]
    page.save(tmp_path)
    saved = read_results(tmp_path / f"{name}.parquet")
    assert list(saved.columns) == ["trial", "jobcentre", "stratum", *ESTIMATE_COLUMNS]
    assert len(saved) == len(page.results.estimates)
    assert page.save("").html == ""


def test_the_same_seed_gives_the_same_page(extract, pages):
    again = open_trial_design(trial="hig", jobcentre="all", extract=extract, run=RUN, language="en")
    assert again.results.to_frame().equals(pages["trial_design", "all", "en"].results.to_frame())


def test_published_places_need_no_extract_and_headline_nothing():
    page = open_trial_sites(trial="tta", jobcentre="all", extract="", run=RUN, language="en")
    assert "The places differ by more than chance" in words(page.answer())
    assert "No mean over the places is given as the result" in words(page.answer())
    for part in ("sites", "heterogeneity", "shrunken", "without", "facts", "method"):
        assert len(words(getattr(page, part)())) > 15
    assert "mean effect over the places" not in words(page.sites()).lower()


@pytest.fixture(scope="module")
def hig2(tmp_path_factory):
    return write_simulated_extract("hig2", tmp_path_factory.mktemp("pages") / "hig2", persons=1200, seed=5)


@pytest.mark.parametrize("name", OPEN)
def test_a_jobcentres_page_is_about_the_arm_that_it_had(hig2, name):
    """In Aalborg people were offered group meetings, whatever arm is the trial's primary one."""
    page = OPEN[name](trial="hig2", jobcentre="jc_aalborg", extract=hig2, run=RUN, language="en")
    for part in ("answer", *PARTS[name], "method"):
        getattr(page, part)()
    if name != "trial_sites":
        assert [arm.id for arm in page.trial.treated_arms] == ["group_meetings"]
        assert {row.arm for row in page.results.estimates} <= {"group_meetings", "control"}


def test_groups_that_the_plan_analyses_apart_are_never_put_together(tmp_path):
    extract = write_simulated_extract("ugig", tmp_path / "ugig", persons=900, seed=5)
    given = {"trial": "ugig", "jobcentre": "all", "extract": extract, "run": RUN, "language": "en"}
    with pytest.raises(DefinitionError, match="ugig analyses groups apart: stratum is 'all'; must be one of with_ed"):
        open_trial_design(**given)
    with pytest.raises(DefinitionError, match="stratum is 'with_educatoin'; must be one of .*did you mean"):
        open_trial_design(**given, stratum="with_educatoin")
    one, two = (open_trial_design(**given, stratum=name) for name in ("with_education", "without_education"))
    assert len(one.cases) + len(two.cases) <= 900
    assert one.heading().html != two.heading().html
    with pytest.raises(DefinitionError, match="the trial has no strata"):
        open_trial_design(**(given | {"trial": "hig"}), stratum="with_education")


def test_few_missing_are_not_given_away_by_attrition_or_bounds(pages, extract):
    """The flow withholds who lack an outcome where they are few; so must whatever is about them."""
    for jobcentre in ("jc_faxe", "jc_toender"):
        given = {"trial": "hig", "jobcentre": jobcentre, "extract": extract, "run": RUN, "language": "en"}
        conduct, effects = open_trial_conduct(**given), open_trial_effects(**given)
        withheld = [
            outcome
            for arm in conduct.protected_flow.arms
            for outcome, known in arm.outcome_known.items()
            if known is None
        ]
        assert withheld
        for outcome in withheld:
            for page in (conduct, effects):
                rows = [r for r in page.results.estimates if "observed" in r.estimand or "Lee" in r.estimand]
                assert not [row for row in rows if row.outcome == outcome and row.estimated]
        assert not re.search(r"observed: \d", words(conduct.attrition()))


PRICES = {"benefit_week": 3500.0, "meeting": 150.0, "course": 900.0, "activation_week": 200.0}


def with_prices(page):
    """Return the page of a plan whose prices are chosen to show the arithmetic."""
    costs = page.trial.costs
    prices = tuple(
        price.model_copy(update={"value": PRICES[price.id], "year": 2006, "illustrative": True})
        for price in costs.prices
    )
    trial = page.trial.model_copy(update={"costs": costs.model_copy(update={"prices": prices})})
    return replace(page, trial=trial, cases=replace(page.cases, trial=trial))


def test_the_plan_without_prices_gives_no_money(pages):
    page = pages["trial_subgroups_costs", "all", "en"]
    assert "is not known" in words(page.places())
    assert "The prices are not varied: the price of A week on unemployment insurance" in words(page.conclusion())
    assert "What it came to in money is not said" in words(page.answer())
    assert not any(row.estimated for row in page.results.estimates if row.unit in ("DKK", "DKK per person"))


def test_prices_are_illustrative_wherever_money_is_said(pages):
    page = with_prices(pages["trial_subgroups_costs", "all", "en"])
    assert "The prices are chosen to show the arithmetic." in words(page.answer())
    for part in ("costs", "places", "conclusion"):
        assert "no result is claimed from them" in words(getattr(page, part)())
    assert words(page.costs()).count("(illustrative)") == 4
    assert "not known: weeks count alike" in words(page.costs())


def test_a_manager_reads_how_many_jobcentres_have_a_balance(pages):
    page = with_prices(pages["trial_subgroups_costs", "all", "en"])
    rows = [row for row in page.results.estimates if row.group.startswith("place.")]
    known = [row for row in rows if row.estimated]
    assert (len(rows), 0 < len(known) < 10) == (10, True)
    assert words(page.places()).startswith(f" {len(known)} of 10 jobcentres have people enough")
    stevns = next(row for row in rows if row.group == f"place.{SMALL}")
    assert stevns.reason == "an arm is below the least size of 20"
    assert "an arm is below the least size of 20" in words(page.places())
    assert "Net benefit in total" in words(page.places())


def test_no_jobcentres_page_has_the_balance_of_others(pages):
    page = with_prices(pages["trial_subgroups_costs", SMALL, "en"])
    assert words(page.places()).strip() == "The balance of every jobcentre stands on the page of the whole trial."
    assert not [row for row in page.results.estimates if row.group.startswith("place.")]


def test_what_a_conclusion_rests_on(pages):
    page = with_prices(pages["trial_subgroups_costs", "all", "en"])
    said = words(page.conclusion())
    assert "varied by 20% up and down, as the plan says" in said
    assert "At which price the balance would be 0" in said
    (gain,) = [row for row in page.results.estimates if row.estimand.startswith("probability")]
    assert f"{gain.value:.0%} of the draws give a gain" in said
    assert "the share is a rough one" in said
    assert page.conclusion().html.count("<img alt=") == 1


def test_withheld_counts_close_what_is_worked_out_from_effects(pages, monkeypatch):
    """Of exact balances and prices the numbers of people could be had; of a total over a mean, they are it."""
    page = with_prices(pages["trial_subgroups_costs", "all", "en"])
    hidden = replace(page)
    monkeypatch.setattr(type(hidden), "_hidden", True)
    assert words(hidden.conclusion()).strip() == "Not shown: numbers of people withheld, the estimate rounded."
    rows = hidden.results.estimates
    assert not [row for row in rows if row.estimand.startswith(("probability", "net benefit in total"))]
    assert all(row.n_treated is None for row in rows)


def test_subgroups_stand_beside_their_adjusted_test(pages, extract):
    given = {"trial": "hig", "jobcentre": "all", "extract": extract, "run": RUN, "language": "en"}
    for page in (pages["trial_subgroups_costs", "all", "en"], open_trial_effects(**given)):
        said = words(page.subgroups())
        assert said.index("Do the groups differ?") < said.index("Effect on the primary outcome by group")
        assert said.count("before adjustment over 2 divisions") == 2
        assert "A group with fewer than 20 people in an arm has no number, and is not tested." in said


def test_places_need_places(public_data):
    with pytest.raises(DefinitionError, match="rossi has data of kind file, without jobcentres"):
        open_trial_sites(trial="rossi", jobcentre="all", extract=public_data, run=RUN)
    with pytest.raises(DefinitionError, match="mentor has published numbers of all places together"):
        open_trial_sites(trial="mentor", jobcentre="all", extract="", run=RUN)


def test_a_file_has_no_weeks_of_entry(public_data):
    page = open_trial_conduct(trial="rossi", jobcentre="all", extract=public_data, run=RUN, language="en")
    assert "The data has no weeks of entry." in words(page.inflow())


def test_trials_without_arms_are_refused_before_anything_is_read():
    with pytest.raises(DefinitionError, match="ny_chance was not randomised"):
        open_trial_design(trial="ny_chance", jobcentre="all", extract="nowhere", run=RUN)
    with pytest.raises(DefinitionError, match="tta has data of kind summary"):
        open_trial_durations(trial="tta", jobcentre="all", extract="nowhere", run=RUN)
