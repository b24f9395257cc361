"""One HTML page that needs nothing but itself: no script, no font, no style sheet or picture fetched from elsewhere."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from html.parser import HTMLParser
from importlib import resources

from analysis_lib.errors import OutputError
from analysis_lib.parameters import Language
from analysis_lib.reporting.language import Translator

_STYLE_SHEET = "page.css"
_FETCHED = ("src", "href", "srcset", "data", "poster", "action", "formaction", "xlink:href", "background")
_BARRED = ("script", "iframe", "object", "embed", "link", "base")
_ELSEWHERE = re.compile(r"([a-z][a-z0-9+.-]*:)?//|file:", re.IGNORECASE)
_FETCHING_STYLE = re.compile(r"@import|url\(\s*['\"]?\s*(?!data:|#)", re.IGNORECASE)
# An absolute path of two steps or more, POSIX or Windows; not the inside of an address, a date or `and/or`.
_STEP = r"[^\s/\\'\"<>:,;()\[\]|]+"
_PATH = re.compile(rf"(?<![\w/.:<~-])(?:~?(?:/{_STEP}){{2,}}/?|[A-Za-z]:(?:\\{_STEP})+\\?)")
_TEXT_NODE = re.compile(r">([^<]+)<")


@cache
def read_style() -> str:
    """Return the style sheet of every page."""
    return resources.files("analysis_lib.reporting").joinpath(_STYLE_SHEET).read_text(encoding="utf-8")


def scrub_paths(text: str) -> str:
    """Return the text with the last step in the place of every absolute path.

    Examples
    --------
    >>> scrub_paths("cannot read '/data/secret/extracts/persons.parquet'; and/or 1/2, see https://doi.org/10.1/x")
    "cannot read 'persons.parquet'; and/or 1/2, see https://doi.org/10.1/x"
    """
    return _PATH.sub(lambda found: re.split(r"[/\\]", found[0].rstrip("/\\"))[-1], text)


def scrub_html_paths(html: str) -> str:
    """Do the same in the text between the tags of HTML."""
    return _TEXT_NODE.sub(lambda found: f">{scrub_paths(found[1])}<", html)


def render_page(body: str, *, title: str, language: Language, footer: str) -> str:
    """Put a body into a whole page under its one top heading.

    Parameters
    ----------
    body
        HTML of the main part, its headings from the second level.
    title
        Plain text.
    language
        Of the page.
    footer
        Plain text, one paragraph a line.

    Raises
    ------
    OutputError
        Where the body runs a script or fetches anything.
    """
    skip = Translator(language).t("Skip to the content")
    lines = "\n".join(f"<p>{escape(line)}</p>" for line in footer.splitlines() if line)
    page = f"""<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{read_style()}</style>
</head>
<body>
<a class="skip" href="#content">{escape(skip)}</a>
<header><h1>{escape(title)}</h1></header>
<main id="content">
{body}
</main>
<footer>
{lines}
</footer>
</body>
</html>
"""
    check_self_contained(page)
    return page


def check_self_contained(page: str) -> None:
    """Raise where the page runs a script or would fetch anything.

    Raises
    ------
    OutputError
        Naming what was found.
    """
    reader = _Reader()
    reader.feed(page)
    reader.close()
    if reader.found:
        raise OutputError(f"page holds {reader.found[0]}; must run no script and fetch nothing")


class _Reader(HTMLParser):
    """Lists what would run or be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        if tag in _BARRED:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            given = (value or "").strip()
            scripted = name.startswith("on") or given.lower().startswith("javascript:")
            fetched = name in _FETCHED and _ELSEWHERE.match(given)
            if scripted or fetched or (name == "style" and _FETCHING_STYLE.search(given)):
                self.found.append(f'<{tag} {name}="{given[:60]}">')

    def handle_endtag(self, tag: str) -> None:
        self._in_style = self._in_style and tag != "style"

    def handle_data(self, data: str) -> None:
        if self._in_style and (match := _FETCHING_STYLE.search(data)):
            self.found.append(f"<style> with {match[0]}")
