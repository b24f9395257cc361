"""The report that the notebook shows: every part, in both languages, after disclosure control."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis_lib.errors import DefinitionError, OutputError
from analysis_lib.register.codes import CODES_FILE, read_codes
from analysis_lib.register.extract import read_extract
from analysis_lib.register.extract_writing import write_extract
from analysis_lib.register.jobcentres import read_jobcentres
from analysis_lib.register.simulation import simulate_register
from analysis_lib.register.spells import weeks_from_spells
from analysis_lib.reporting.answer import answer
from analysis_lib.reporting.disclosure import DisclosureRule
from analysis_lib.reporting.labels import labels_of
from analysis_lib.reporting.language import Translator
from analysis_lib.reporting.reports import open_trial_effects, read_results
from analysis_lib.reporting.trial_facts import method_lines
from analysis_lib.results import ESTIMATE_COLUMNS, Estimate, Interval, Results
from analysis_lib.trials.definition import read_trial
from analysis_lib.trials.design import assigned_by_rule
from analysis_lib.trials.evaluation import DIFFERENCE, HAZARD_RATIO, MEDIAN
from analysis_lib.trials.evaluation.spillover import SPILLOVER

RUN = "parameters/runs/demo.yml"
PARTS = (
    "heading", "answer", "facts", "flow", "balance", "effects", "spillover", "durations", "subgroups", "published",
    "method",
)  # fmt: skip
SMALL = "jc_stevns"
"""Keeps so few people in `extract` that its page shows no number."""


@pytest.fixture(scope="module")
def extract(tmp_path_factory):
    trial, codes, jobcentres = read_trial("hig"), read_codes(), read_jobcentres()
    register = simulate_register(
        trial.simulation, persons=700, assigned=lambda people: assigned_by_rule(trial.assignment, people["birth_date"]), codes=codes,
        jobcentres=jobcentres, rng=np.random.default_rng(11),
    )  # fmt: skip
    stevns = register.persons["municipality"].to_numpy() == 336
    keep = ~stevns | (np.cumsum(stevns) <= 6)
    return write_extract(
        tmp_path_factory.mktemp("register") / "hig", persons=register.persons[keep].reset_index(drop=True),
        codes=register.codes[keep], first_week=register.first_week, truth=register.truth,
    )  # fmt: skip


def report(extract, jobcentre="all", language="en"):
    return open_trial_effects(trial="hig", jobcentre=jobcentre, extract=extract, run=RUN, language=language)


def words(shown):
    return unescape(re.sub(r"\s+", " ", re.sub(r"<style.*?</style>|<[^>]+>", " ", shown._repr_html_())))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("jobcentre", ["all", "jc_naestved", SMALL])
def test_every_part_shows_something(extract, part, jobcentre):
    shown = getattr(report(extract, jobcentre), part)()
    assert len(words(shown)) > 20
    assert "nan" not in words(shown).lower().split()


def test_the_heading_says_that_the_people_are_made_up(extract):
    assert "No real people." in words(report(extract).heading())
    assert "Ingen virkelige personer" in words(report(extract, language="da").heading())


def test_danish_numbers_and_names(extract):
    shown = words(report(extract, language="da").effects())
    assert "Deltagergruppe" in shown
    assert re.search(r"\d,\d uger", shown.replace("\xa0", " "))
    assert not re.search(r"\d\.\d uger", shown.replace("\xa0", " "))


def test_the_answer_is_the_estimate(extract):
    whole = report(extract)
    (ratio, *_) = whole.results.where(estimand=HAZARD_RATIO, group="").estimates
    assert f"{ratio.value:.2f} times" in words(whole.answer())


def test_a_jobcentre_with_too_few_people_says_so(extract):
    small = report(extract, SMALL)
    assert "Nothing can be said here about the effect" in words(small.answer())
    assert not any(row.estimated for row in small.results.estimates)
    for part in ("balance", "durations"):
        assert "Not shown: fewer than" in words(getattr(small, part)())


def test_no_small_count_on_any_page(extract):
    """Counts of people in tables are 0, 5 or more, or withheld; the small office's own counts are nowhere."""
    for jobcentre in ("all", SMALL, *read_trial("hig").data.jobcentres):
        page = report(extract, jobcentre)
        for shown in (page.flow(), page.durations()):
            cells = re.findall(r"<td[^>]*>\s*([\d.,]+)\s*</td>", shown._repr_html_())
            assert not {cell for cell in cells if cell.isdigit() and 0 < int(cell) < 5}, (jobcentre, cells)
        for row in page.results.estimates:
            for count in (row.n_treated, row.n_control, row.n):
                assert count is None or count >= 5


def test_another_office_hides_its_counts_too(extract):
    """All minus the other offices would be the small one's count."""
    offices = [j for j in read_trial("hig").data.jobcentres if report(extract, j)._hidden]
    assert SMALL in offices
    assert len(offices) >= 2
    other = next(office for office in offices if office != SMALL)
    assert all(row.n_treated is None for row in report(extract, other).results.estimates)
    assert "withheld" in words(report(extract, other).flow())


def test_the_page_says_which_code_list_it_used(extract):
    shown = words(report(extract).method())
    assert "Benefit codes: the project's code list (unofficial, most of it from memory); 91 of its 91 codes" in shown
    assert "a code that the list does not have" not in shown


def test_ones_own_code_list_is_named_in_the_run_file(extract, tmp_path):
    listed = CODES_FILE.read_text(encoding="utf-8")
    without_activation = re.sub(r"\n      - first: 211\n.*?source: low confidence\n", "\n", listed, count=1, flags=re.S)
    assert listed != without_activation
    (tmp_path / "mine.yml").write_text(
        without_activation.replace("the project's code list", "my list"), encoding="utf-8"
    )
    run = tmp_path / "demo.yml"
    text = Path(RUN).read_text(encoding="utf-8") + f"codes: {tmp_path / 'mine.yml'}\n"
    run.write_text(text, encoding="utf-8")
    page = open_trial_effects(trial="hig", jobcentre="all", extract=extract, run=run, language="en")
    weeks = read_extract(extract).description.code_weeks[211]
    assert f"{weeks:,} weeks in the register have a code that the list does not have." in words(page.method())
    assert "Benefit codes: my list" in words(page.method())
    # Who is activated in the weeks looked at is not known to be on benefit, or off it.
    assert len(page.cases) <= len(report(extract).cases)
    assert np.isnan(page.cases.outcomes["benefit_weeks_52"].values).any()


def test_few_weeks_with_an_unknown_code_are_not_counted_out(extract):
    cases = report(extract).cases
    for weeks, said in ((3, "Fewer than 5 weeks in the register"), (5, "5 weeks in the register")):
        lines = " ".join(method_lines(replace(cases, unknown_code_weeks=weeks), 5, Translator("en")))
        assert said in lines


def test_published_numbers_stand_on_the_page_of_the_whole_trial(extract):
    assert "Median unemployment, control group" in words(report(extract).published())
    assert "for the whole trial" in words(report(extract, "jc_naestved").published())


def test_saved_rows_are_the_shown_rows(extract, tmp_path):
    page = report(extract)
    page.save(tmp_path)
    saved = read_results(tmp_path / "trial_effects.parquet")
    assert list(saved.columns) == ["trial", "jobcentre", "stratum", *ESTIMATE_COLUMNS]
    pd.testing.assert_series_equal(saved["value"], page.results.to_frame()["value"])
    assert set(saved["jobcentre"]) == {"all"}
    assert [p.name for p in tmp_path.iterdir()] == ["trial_effects.parquet"]


def test_nothing_is_saved_without_a_folder(extract):
    assert report(extract).save("").html == ""


def test_a_folder_that_is_not_there(extract, tmp_path):
    with pytest.raises(OutputError, match="trial_effects.parquet: cannot be written"):
        report(extract).save(tmp_path / "none")


def test_the_same_report_twice_is_the_same(extract):
    assert report(extract).balance().html == report(extract).balance().html


def test_unknown_trial_and_jobcentre(extract):
    with pytest.raises(DefinitionError, match=r"there is no such file; did you mean 'hig.yml'"):
        open_trial_effects(trial="hiig", jobcentre="all", extract=extract, run=RUN)
    with pytest.raises(DefinitionError, match="did you mean 'jc_faxe'"):
        report(extract, "jc_fax")


def test_labels_are_in_both_languages():
    labels = labels_of(read_trial("hig"))
    assert labels["education"].en == "Education"
    assert (labels["sex.woman"].da, labels["married.yes"].da) == ("kvinde", "ja")


def test_a_notebook_may_start_in_its_own_folder(extract, monkeypatch):
    """JupyterLab does: the places in its parameters are still those of the project."""
    monkeypatch.chdir("notebooks")
    assert report(extract).trial.id == "hig"


# --- sentences ------------------------------------------------------------------------------------------------------


def estimate(estimand, outcome, value, low, high, *, arm="treated", unit="weeks", scale="identity"):
    return Estimate(
        estimand=estimand, outcome=outcome, arm=arm, value=value, unit=unit, scale=scale,
        interval=Interval(low=low, high=high, level=0.95),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "low", "high", "says"),
    [
        (1.3, 1.1, 1.5, "the treated group was faster, beyond chance"),
        (0.7, 0.6, 0.9, "the treated group was slower, beyond chance"),
        (1.1, 0.9, 1.3, "so small a difference can be chance"),
    ],
)
def test_sentences_of_a_ratio(value, low, high, says):
    row = estimate(HAZARD_RATIO, "time_to_self_support", value, low, high, unit="ratio", scale="log")
    assert says in " ".join(answer(read_trial("hig"), "all", Results([row])))


@pytest.mark.parametrize(
    ("value", "low", "high", "says"),
    [
        (-2.5, -3.0, -2.0, "2.50 weeks less in the treated group"),
        (2.5, 2.0, 3.0, "2.50 weeks more in the treated group"),
        (0.5, -1.0, 2.0, "no clear difference"),
    ],
)
def test_sentences_of_a_difference(value, low, high, says):
    row = estimate(DIFFERENCE, "benefit_weeks_52", value, low, high)
    assert says in " ".join(answer(read_trial("hig"), "all", Results([row])))


def test_a_difference_of_logarithms_is_said_in_percent():
    row = estimate(DIFFERENCE, "log_weeks", np.log(0.9), np.log(0.8), np.log(0.95), arm="group_4", unit="log weeks")
    said = " ".join(answer(read_trial("penn"), "all", Results([row])))
    assert "10.00 percent less in the treated group" in said
    assert "-20.00 to -5.00" in said
    assert "Compared are people assigned to group_4 with the control group" in said


def test_three_paragraphs_say_the_outcome_the_others_and_who_was_compared():
    rows = [
        estimate(HAZARD_RATIO, "time_to_self_support", 1.3, 1.1, 1.5, unit="ratio", scale="log"),
        estimate(DIFFERENCE, "benefit_weeks_52", -2.5, -3.0, -2.0),
        estimate(DIFFERENCE, "employed_weeks", 0.5, -1.0, 2.0),
    ]
    trial = read_trial("hig")
    extra = trial.outcomes[1].model_copy(update={"id": "employed_weeks", "primary": False})
    trial = trial.model_copy(update={"outcomes": (*trial.outcomes, extra)})
    first, others, compared = answer(trial, "all", Results([replace(row, n_treated=20, n_control=30) for row in rows]))
    assert "1.30 times" in first
    assert others == (
        "Each by itself, these outcomes differ clearly too: benefit_weeks_52 (-2.50 weeks). These do not: employed_weeks."
    )
    assert compared.startswith("Compared are 20 people assigned to the effort with 30 in the control group")
    *_, unclear = answer(trial, "jc_faxe", Results(rows[2:]))
    assert unclear.startswith("Compared are people as they were assigned")
    assert unclear.endswith("the report for the whole trial is the better evidence.")
    assert answer(trial, "all", Results(rows[:1]))[1] == "The plan has no other outcome that could be compared."


def test_a_primary_outcome_without_an_answer_is_said_to_have_none():
    rows = [
        Estimate.empty(
            estimand=HAZARD_RATIO, reason="nobody left", level=0.95, outcome="time_to_self_support", arm="treated"
        ),
        estimate(DIFFERENCE, "benefit_weeks_52", -2.5, -3.0, -2.0),
    ]
    first, others, _ = answer(read_trial("hig"), "all", Results(rows))
    assert first.startswith("time_to_self_support: no answer here (nobody left). benefit_weeks_52: 2.50 weeks less")
    assert others == "The plan has no other outcome that could be compared."


def test_medians_need_both_arms():
    row = estimate(MEDIAN, "time_to_self_support", 11.5, 11, 12)
    assert "Nothing can be said" in " ".join(answer(read_trial("hig"), "all", Results([row])))


def test_sentences_are_said_in_danish():
    row = estimate(DIFFERENCE, "benefit_weeks_52", -2.5, -3.0, -2.0)
    trial = read_trial("hig")
    translator = Translator("da").naming(labels_of(trial))
    said = translator.render(answer(trial, "all", Results([row]))[0])
    assert "2,50 uger mindre" in said
    assert "Uger på ydelse i de første 52 uger" in said


# --- the spillover ----------------------------------------------------------------------------------------------------


def spillover_rows(page):
    return [row for row in page.results.estimates if row.estimand == SPILLOVER]


def test_the_spillover_stands_on_the_page_of_the_whole_trial(extract):
    page = report(extract)
    rows = spillover_rows(page)
    assert [row.estimated for row in rows] == [True, True]
    assert rows[0].outcome == "benefit_weeks_26"
    # The flow withholds how many of the control group have the outcome known, so that no count stands here either.
    assert rows[0].n_treated is rows[0].n_clusters is None
    said = words(page.spillover())
    assert f"{rows[0].value:.1f}" in said
    assert "of 8 areas are exposed" in said
    assert "People: areas with the trial / without" in said
    assert "2004-W44 to 2005-W13, and 2005-W44 to 2006-W13" in said
    assert "Ringkøbing county NOT VERIFIED: from memory" in said


def test_a_jobcentres_page_refers_to_the_whole_trial(extract):
    page = report(extract, "jc_naestved")
    assert page.untreated is None
    assert spillover_rows(page) == []
    assert words(page.spillover()).strip() == "This can be asked of the whole trial only; its own report answers."


def test_a_plan_that_does_not_ask_says_so(extract):
    page = report(extract)
    silent = replace(page, trial=page.trial.model_copy(update={"spillover": None}), untreated=None)
    assert "The plan does not ask whether the trial touched" in words(silent.spillover())
    assert spillover_rows(silent) == []


@pytest.fixture(scope="module")
def own_people_only(extract, tmp_path_factory):
    """Write the same register as it was before there were other areas, or without its first weeks."""

    def write(kept, from_week):
        part = read_extract(extract)
        chosen = part.persons["municipality"].isin(kept).to_numpy() if kept else np.full(len(part.persons), True)
        return write_extract(
            tmp_path_factory.mktemp("part") / "hig", persons=part.persons[chosen].reset_index(drop=True),
            codes=weeks_from_spells(part.spells.take(chosen))[:, from_week:], first_week=part.first_week + from_week,
        )  # fmt: skip

    return write


def test_without_the_other_areas_there_is_a_reason_and_the_page_stands(own_people_only):
    page = report(own_people_only((320, 336, 360, 370, 376, 390, 510, 540, 550, 580), 0))
    (row,) = spillover_rows(page)
    assert row.reason == "the register has no area without the trial with people before and during it"
    assert f"It cannot be said whether the trial touched those who were not treated: {row.reason}." in words(
        page.spillover()
    )
    assert page.results.estimates[0].estimated


def test_without_the_earlier_weeks_there_is_a_reason_and_the_page_stands(own_people_only):
    page = report(own_people_only((), 3))
    (row,) = spillover_rows(page)
    assert "and the comparison asks for 2004-W40 to 2006-W13" in row.reason
    assert "registeret dækker uge 2004-W43 til" in words(replace(page, translator=Translator("da")).spillover())
    assert page.results.estimates[0].estimated


def test_a_small_cohort_shows_nothing_of_the_spillover(extract):
    page = report(extract)
    smallest = page.untreated.fewest
    for least, estimated in ((smallest, True), (smallest + 1, False)):
        run = page.run.model_copy(update={"disclosure": DisclosureRule(min_count=least)})
        rows = spillover_rows(replace(page, run=run))
        assert [row.estimated for row in rows] == ([True, True] if estimated else [False])
    assert rows[0].reason == f"fewer than {smallest + 1} people in a group"
    assert rows[0].n_treated is None
