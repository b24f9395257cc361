"""A page that stands alone, and paths that do not get onto it."""

import re
from html.parser import HTMLParser

import pytest

from analysis_lib.errors import OutputError
from analysis_lib.reporting.page import check_self_contained, read_style, render_page, scrub_html_paths, scrub_paths

WELL = render_page("<p>x</p>", title="A & B", language="da", footer="one\n\ntwo <")


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def test_the_page_is_whole_and_accessible():
    tags = Tags(WELL).tags
    names = [tag for tag, _ in tags]
    assert ("html", {"lang": "da"}) in tags
    assert names.count("h1") == names.count("main") == names.count("title") == 1
    assert ("a", {"class": "skip", "href": "#content"}) in tags
    assert ("main", {"id": "content"}) in tags
    assert "Gå til indholdet" in WELL
    assert "<title>A &amp; B</title>" in WELL
    assert "<p>one</p>\n<p>two &lt;</p>" in WELL
    assert "script" not in names


@pytest.mark.parametrize(
    "body",
    [
        "<script>1</script>",
        '<img src="https://x.org/a.png">',
        '<img src="//x.org/a.png">',
        '<img src="file:///a.png">',
        '<a href="http://x.org">x</a>',
        '<a href="javascript:f()">x</a>',
        '<p onclick="f()">x</p>',
        '<link rel="stylesheet" href="a.css">',
        "<iframe></iframe>",
        "<style>@import 'a.css';</style>",
        "<style>p { background: url( 'https://x.org/a.png' ) }</style>",
        '<p style="background: url(a.png)">x</p>',
        '<img srcset="https://x.org/a.png 2x">',
        '<form action="https://x.org"></form>',
    ],
)
def test_what_runs_or_fetches_is_refused(body):
    with pytest.raises(OutputError, match="must run no script and fetch nothing"):
        render_page(body, title="x", language="da", footer="")


@pytest.mark.parametrize(
    "body",
    [
        '<img src="data:image/png;base64,AAAA">',
        '<a href="jc_odense/report.html">x</a>',
        '<a href="#part">x</a>',
        "<p>https://doi.org/10.1/x, url(x), @import</p>",
        "<style>p { fill: url(#gradient); background: url(data:image/png;base64,AA) }</style>",
    ],
)
def test_what_stands_in_the_page_is_allowed(body):
    check_self_contained(f"<html><body>{body}</body></html>")


def contrast(one, other):
    """Contrast of two colours, WCAG 2.1, definitions of contrast ratio and relative luminance."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_text_colour_can_be_read():
    # AA asks for 4.5:1; every colour of text is tried on every ground of the sheet
    sheet = read_style()
    full = {c if len(c) == 7 else "#" + "".join(d * 2 for d in c[1:]) for c in re.findall(r"background: (#\w+)", sheet)}
    inks = set(re.findall(r"(?<![-\w])color: (#\w{6})", sheet))
    assert len(full) >= 3
    assert len(inks) >= 5
    for ink in inks:
        for ground in full:
            assert contrast(ink, ground) >= 4.5, (ink, ground)


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("read /data/secret/persons.parquet.", "read persons.parquet."),
        ("FileNotFoundError: '/a/b/c.yml'", "FileNotFoundError: 'c.yml'"),
        ("~/data/extract/", "extract"),
        ("path=/srv/x/y,", "path=y,"),
        (r"C:\Users\anna\udtræk\personer.parquet", "personer.parquet"),
        ("/a/b: no such file", "b: no such file"),
        ("https://doi.org/10.1086/694611", "https://doi.org/10.1086/694611"),
        ("outputs/extracts/hig", "outputs/extracts/hig"),
        ("parameters/runs/demo.yml and/or 1/2/2005", "parameters/runs/demo.yml and/or 1/2/2005"),
        ("/uge", "/uge"),
        ("", ""),
    ],
)
def test_absolute_paths_lose_all_but_their_end(text, scrubbed):
    assert scrub_paths(text) == scrubbed


def test_only_the_text_of_html_is_scrubbed():
    html = '<p><img src="data:image/png;base64,/a/b/c/d=="></p><td>/data/secret/x</td><b>1</b></p>'
    assert scrub_html_paths(html) == html.replace("/data/secret/x", "x")
