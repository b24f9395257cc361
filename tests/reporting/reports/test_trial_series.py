"""The page of a series with a break."""

import numpy as np
import pytest

from analysis_lib import open_trial_series, read_results
from analysis_lib.batch.simulated_extract import write_simulated_extract
from analysis_lib.errors import DefinitionError
from tests.reporting.reports.test_pages import words

RUN = "parameters/runs/ny_chance.yml"
PARTS = ("answer", "facts", "flow", "series", "placebo", "identification", "published", "method")


@pytest.fixture(scope="module")
def extract(tmp_path_factory):
    """Few people, so that Sorø's are too few for a series."""
    return write_simulated_extract("ny_chance", tmp_path_factory.mktemp("pages") / "ny_chance", persons=300, seed=5)


def page(extract, jobcentre="all", language="en"):
    return open_trial_series(trial="ny_chance", jobcentre=jobcentre, extract=extract, run=RUN, language=language)


@pytest.mark.parametrize("language", ["en", "da"])
@pytest.mark.parametrize("jobcentre", ["all", "jc_soroe"])
@pytest.mark.parametrize("part", PARTS)
def test_every_part_says_something(extract, part, jobcentre, language):
    assert words(getattr(page(extract, jobcentre, language), part)()).strip()


def test_the_page_says_that_the_effect_is_not_separately_identified(extract):
    english, danish = (words(page(extract, language=language).answer()) for language in ("en", "da"))
    assert "The effect is not separately identified: something else changed in the same week" in english
    assert "kan ikke identificeres særskilt" in danish
    assert "refund of cash benefit changed from 50 % to 65 %" in words(page(extract).identification())
    assert "assignment" not in words(page(extract).method())


def test_three_sentences(extract):
    assert page(extract).answer().html.count("<p>") == 3
    assert page(extract, "jc_soroe").answer().html.count("<p>") == 3


def test_weeks_of_few_people_are_not_drawn(extract):
    found = page(extract, "jc_soroe")
    observed = found._found.observed
    shown = found._shown_weeks
    people = observed.at_risk * observed.y
    hidden = np.isnan(shown.y)
    assert hidden.any()
    assert not ((people[~hidden] > 0.5) & (people[~hidden] < 4.5)).any()
    assert shown.at_risk is None


def test_the_table_starts_with_the_mean_change(extract, tmp_path):
    page(extract).save(tmp_path)
    rows = read_results(tmp_path / "trial_series.parquet")
    assert rows["estimand"].iloc[0] == "mean change after the break"
    assert set(rows["outcome"]) == {"series"}
    assert set(rows["n"].dropna()) == {len(page(extract).cases)}


def test_a_trial_with_arms_is_refused(extract):
    with pytest.raises(DefinitionError, match="trial hig has no key series"):
        open_trial_series(trial="hig", jobcentre="all", extract=extract, run=RUN)
    with pytest.raises(DefinitionError, match="published numbers and no people"):
        open_trial_series(trial="tta", jobcentre="all", extract=extract, run=RUN)
