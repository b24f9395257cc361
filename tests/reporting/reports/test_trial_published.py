"""The page of what others have published."""

import re

import pytest

from analysis_lib import open_trial_published, read_results
from analysis_lib.errors import DefinitionError
from analysis_lib.trials.definition import read_trial
from tests.reporting.reports.test_pages import words

RUN = "parameters/runs/published.yml"
TRIALS = (
    "hig",
    "hig2",
    "aht",
    "ugig",
    "ny_chance",
    "aig",
    "virksomhedscenter",
    "tta",
    "mentor",
    "penn",
    "nsw",
    "rossi",
)


@pytest.mark.parametrize("language", ["en", "da"])
@pytest.mark.parametrize("trial", TRIALS)
def test_every_trial_has_a_page(trial, language):
    page = open_trial_published(trial=trial, run=RUN, language=language)
    for part in ("heading", "answer", "numbers", "findings", "facts", "method"):
        assert words(getattr(page, part)()).strip()
    assert page.answer().html.count("<p>") == 3


def test_the_mentor_trial():
    page = open_trial_published(trial="mentor", run=RUN, language="en")
    said = words(page.answer())
    assert "In education after a year: 4 percentage points more among the treated (95 % interval 1.3 to 6.7)." in said
    assert "In a job after a year: 2 percentage points more among the treated" in said
    assert re.findall(r"z = (\d\.\d)", words(page.numbers())) == ["2.9", "2.1"]


def test_no_pooled_ratio_of_the_return_to_work_programme():
    page = open_trial_published(trial="tta", run=RUN, language="en")
    assert "run from 0.80 to 1.51 over 3 places; no number is given for all of them" in words(page.answer())
    assert {row.group for row in page.results.estimates} == {"m1", "m2", "m3"}


def test_every_published_number_has_its_evidence():
    shown = words(open_trial_published(trial="mentor", run=RUN, language="en").numbers())
    assert "In education after a year, With a mentor 16% Read in the source" in shown
    assert "With a mentor 1,296 people Worked out from the source avisen.dk" in shown
    page = open_trial_published(trial="tta", run=RUN, language="da")
    sources = [fact.source for fact in page._numbers()]
    assert len(sources) == 6 + 8
    assert all("Poulsen" in source or "Nielsen" in source for source in sources)


def test_sources_that_contradict_each_other_are_all_shown():
    page = open_trial_published(trial="ugig", run=RUN, language="en")
    assert "The sources contradict each other, and all are shown." in words(page.answer())
    shown = words(page.findings())
    for finding in read_trial("ugig").published:
        assert finding.text.en in shown


def test_a_template_claims_nothing_and_marks_what_is_not_known():
    page = open_trial_published(trial="aig", run=RUN, language="en")
    assert "no result is claimed" in words(page.heading())
    assert "No published number was found." in words(page.answer())
    marked = re.search(r"Facts on this page .* marked so: (\d+) of (\d+)\.", words(page.answer()))
    assert marked
    assert int(marked[1]) == int(marked[2]) > 5


def test_numbers_that_are_not_verified_are_flagged():
    facts = open_trial_published(trial="hig", run=RUN, language="en").numbers().html
    targets = read_trial("hig").targets
    assert facts.count("Read in the source") == sum(target.mark == "verified" for target in targets)


def test_the_rows_are_saved(tmp_path):
    open_trial_published(trial="mentor", run=RUN).save(tmp_path)
    rows = read_results(tmp_path / "trial_published.parquet")
    assert rows["estimand"].tolist() == ["difference in shares"] * 2 + ["share"] * 4
    assert rows["unit"].tolist() == ["percentage points"] * 2 + ["percent"] * 4


def test_wrong_ids_are_refused():
    with pytest.raises(DefinitionError, match="jobcentre is 'jc_odense'; must be one of trial mentor's: all"):
        open_trial_published(trial="mentor", run=RUN, jobcentre="jc_odense")
    with pytest.raises(DefinitionError, match="stratum is 'x'; must be one of none: the trial has no strata"):
        open_trial_published(trial="mentor", run=RUN, stratum="x")
