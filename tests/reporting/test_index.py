"""The first page of a run."""

import re
from dataclasses import replace

import pytest

from analysis_lib.reporting.index import IndexEntry, render_index

OK = IndexEntry(
    trial="hig", trial_title="Hurtigt i gang", jobcentre="jc_odense", name="Odense & omegn", page="jc_odense/report.html",
    status="ok", headline="1,32 (1,22 til 1,42)", seconds=4.4,
)  # fmt: skip
EMPTY = replace(OK, name="Ærø", page="aeroe.html", status="not_estimable", headline="færre end 10", seconds=83.0)
BROKEN = replace(
    OK,
    name="Fanø",
    page="",
    status="failed",
    headline="",
    error="Traceback\nDataError: /data/secret/x.parquet: <no>\n\n",
)


def render(*entries, language="da"):
    return render_index(entries, title="Kørsel", language=language, footer="Version 1")


def rows(page):
    return re.findall(r"<tr[^>]*>.*?</tr>", page, re.DOTALL)[1:]


def test_a_good_run_is_quiet():
    page = render(OK, EMPTY)
    assert 'class="failure"' not in page
    assert "Rapporter: 2" in page
    assert '<a href="jc_odense/report.html">Odense &amp; omegn</a>' in page
    ok, empty = rows(page)
    assert '<th scope="row">' in ok
    assert '<td class="status ok"><span aria-hidden="true">✓</span> Færdig</td>' in ok
    assert "<td>1,32 (1,22 til 1,42)</td>" in ok
    assert "<td>Hurtigt i gang</td>" in ok
    assert ">4 sek.</td>" in ok
    assert "not_estimable" in empty
    assert "Kan ikke beregnes" in empty
    assert "<td>færre end 10</td>" in empty
    assert ">1,4 min.</td>" in empty
    assert "<script" not in page


def test_reports_of_one_place_are_told_apart():
    one, two = rows(render(replace(OK, report="Virkning"), replace(OK, report="Varighed")))
    assert ">Odense &amp; omegn – Virkning</a>" in one
    assert ">Odense &amp; omegn – Varighed</a>" in two


@pytest.mark.parametrize(
    ("status", "word"),
    [("failed", "MISLYKKET"), ("timeout", "MISLYKKET: tiden løb ud"), ("died", "MISLYKKET: processen gik ned")],
)
def test_a_failure_cannot_be_missed(status, word):
    page = render(OK, replace(BROKEN, status=status))
    assert re.search(r'<div class="failure" role="alert">.*1 af 2 rapporter er MISLYKKEDE', page)
    assert page.index('class="failure"') < page.index("<table>")
    row = rows(page)[1]
    assert row.startswith('<tr class="failed">')
    assert f'<td class="status failed"><span aria-hidden="true">✗</span> {word}</td>' in row
    assert "<td>DataError: x.parquet: &lt;no&gt;</td>" in row
    assert "Traceback" not in row
    assert '<th scope="row">Fanø</th>' in row


def test_counts_by_status():
    page = render(OK, OK, EMPTY, BROKEN, replace(BROKEN, status="died"), language="en")
    counts = re.search(r'<ul class="counts">(.*?)</ul>', page)[1]
    items = [re.sub("<[^>]*>", "", item) for item in re.findall(r"<li.*?</li>", counts)]
    assert items == [
        "Reports: 5",
        "✓ Done: 2",
        "○ Cannot be estimated: 1",
        "✗ FAILED: 1",
        "✗ FAILED: the process died: 1",
    ]
    assert "2 of 5 reports FAILED" in page


def test_entries_stand_in_the_order_given():
    assert [("Fanø" in row, "Odense" in row) for row in rows(render(BROKEN, OK))] == [(True, False), (False, True)]


def test_an_empty_run():
    assert "Rapporter: 0" in render()
