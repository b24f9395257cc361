"""The cells of the tables, in both languages."""

import math
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from analysis_lib.errors import InvalidInput
from analysis_lib.parameters import Text
from analysis_lib.reporting.disclosure import (
    DisclosureRule,
    ProtectedArm,
    ProtectedBalance,
    ProtectedFlow,
    ProtectedStep,
    protect_balance,
)
from analysis_lib.reporting.language import Translator
from analysis_lib.reporting.protected_rows import COUNTS_WITHHELD
from analysis_lib.reporting.table import Table, decimals_of
from analysis_lib.reporting.tables import (
    Fact,
    balance_table,
    checks_table,
    effects_table,
    exits_table,
    facts_table,
    flow_table,
    format_value,
    significance_table,
    targets_table,
)
from analysis_lib.results import Check, Estimate, Interval, Message, Results
from analysis_lib.trials.definition import Target
from analysis_lib.trials.design.balance import Balance, BalanceRow
from analysis_lib.trials.evaluation import TargetComparison

DA, EN = Translator("da"), Translator("en")
NBSP = "\N{NO-BREAK SPACE}"
LABELS = {
    "weeks_52": Text(da="Uger på ydelse", en="Weeks on benefit"),
    "treated": Text(da="Deltagergruppe", en="Treated group"),
    "control": Text(da="Kontrolgruppe", en="Control group"),
    "sex": Text(da="Køn", en="Sex"),
    "sex.man": Text(da="Mænd", en="Men"),
}


def effect(**other):
    given = {
        "estimand": Message("difference in means"), "value": -2.8161, "p_value": 0.0004, "unit": Message("weeks"),
        "interval": Interval(low=-3.44, high=-2.191, level=0.95), "method": Message("Cox regression, Efron ties"),
        "n_treated": 2453, "n_control": 2484, "outcome": "weeks_52", "arm": "treated",
    }  # fmt: skip
    return Estimate(**(given | other))


class Cells(HTMLParser):
    """Reads a table's HTML back: rows of (tag, scope, class, colspan, text)."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.caption, self.open = [], "", None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append([tag, given.get("scope"), given.get("class"), given.get("colspan"), ""])
        self.open = tag if tag != "br" else self.open

    def handle_data(self, data):
        if self.open == "caption":
            self.caption += data
        elif self.open in ("th", "td") and self.rows:
            self.rows[-1][-1][-1] += data

    def handle_endtag(self, tag):
        self.open = None


def test_a_table_is_accessible_and_escaped():
    table = Table(
        caption="A < B", header=("name", "n"), rows=(("<script>", "1\n2"), ("empty",)), notes=("a & b",),
        flagged=frozenset({1}),
    )  # fmt: skip
    html = table._repr_html_()
    read = Cells(html)
    assert read.caption == "A < B"
    assert read.rows == [
        [["th", "col", "left", None, "name"], ["th", "col", "right", None, "n"]],
        [["th", "row", "left", None, "<script>"], ["td", None, "right", None, "12"]],
        [["th", "row", "left", None, "empty"]],
    ]
    assert "<script>" not in html
    assert "1<br>2" in html
    assert "<p>a &amp; b</p>" in html
    assert html.count('<tr class="flagged">') == 1


def test_a_short_row_spans_the_rest():
    read = Cells(Table(caption="", header=("a", "b", "c", "d"), rows=(("x", "y", "why"),))._repr_html_())
    assert read.rows[1][2] == ["td", None, "left spanning", "2", "why"]


def test_rows_and_alignment_must_fit():
    with pytest.raises(InvalidInput, match="row has 3 cells; must be 1 to 2"):
        Table(caption="", header=("a", "b"), rows=(("1", "2", "3"),))
    with pytest.raises(InvalidInput, match="alignment has 1 entries; must be 2"):
        Table(caption="", header=("a", "b"), rows=(), alignment=("left",))


@pytest.mark.parametrize(
    ("value", "unit", "danish", "english"),
    [
        (2.345, "weeks", f"2,3{NBSP}uger", f"2.3{NBSP}weeks"),
        (1.2871, "ratio", "1,29", "1.29"),
        (12.345, "percent", f"12,3{NBSP}%", "12.3%"),
        (1794.34, "", "1.794", "1,794"),
        (0.01234, "", "0,012", "0.012"),
        (123.456, "", "123,5", "123.5"),
        (math.nan, "weeks", "", ""),
    ],
)
def test_values_with_units(value, unit, danish, english):
    assert format_value(value, unit, DA) == danish
    assert format_value(value, unit, EN) == english


def test_decimals_by_size():
    assert [decimals_of(value, "") for value in (5000, 500, 5, 0.5, 0.05, 0)] == [0, 1, 2, 2, 3, 2]


def test_effects():
    rows = [
        effect(),
        effect(value=1.5, scale="log", unit="ratio", n_clusters=31, interval=Interval(low=1.1, high=2.0451, level=0.95)),
        effect(
            n_treated=None, n_control=None, n=2453, p_value=math.nan,
            interval=Interval(low=10.4, high=math.nan, level=0.95), note=Message("upper limit not reached"),
        ),
        effect(n_treated=None, n_control=None, n=None, group="sex.man", note=COUNTS_WITHHELD),
        effect(n_treated=None, n_control=None, n=None),
    ]  # fmt: skip
    table = effects_table(Results(rows), DA, LABELS)
    assert table.header[2:4] == ("Estimat", "95 %-\nsikkerhedsinterval")
    assert table.rows[0] == (
        "Uger på ydelse", "Forskel i gennemsnit\nDeltagergruppe", f"-2,8{NBSP}uger", "-3,4 til -2,2", "< 0,001",
        "2.453 / 2.484", "Cox-regression, Efrons metode ved sammenfald",
    )  # fmt: skip
    assert table.rows[1][2:6] == ("1,50", "1,10 til 2,05", "< 0,001", "2.453 / 2.484\ni 31 klynger")
    assert table.rows[2][3:6] == ("10,4 til –", "", "2.453")
    assert (table.rows[3][0], table.rows[3][5]) == ("Uger på ydelse\nMænd", "skjult")
    assert table.rows[4][5] == ""
    assert table.notes[0] == "Uger på ydelse: øvre grænse ikke nået."
    assert len(table.notes) == 2
    assert len(table.alignment) == len(table.header)


def test_effects_not_estimated_show_the_reason_across():
    reason = Message("fewer than {n} people in an arm", n=10)
    empty = Estimate.empty(estimand="difference in means", reason=reason, outcome="weeks_52", arm="treated")
    (row,) = effects_table(Results([empty]), EN, LABELS).rows
    assert row == (
        "Weeks on benefit",
        "Difference in means\nTreated group",
        "Not estimated: fewer than 10 people in an arm",
    )


def test_effects_at_different_levels_say_only_interval():
    rows = Results([effect(), effect(interval=Interval(low=0, high=1, level=0.9))])
    assert effects_table(rows, EN, LABELS).header[3] == "Interval"


def checks():
    return Results(
        [
            Check(name="log-rank test", passed=True, statistic=2.862, p_value=0.091, outcome="weeks_52", arm="treated"),
            Check(name="log-rank test", passed=False, statistic=9.0, p_value=0.0001, detail=Message("weeks")),
            Check(name="log-rank test", passed=None, detail=Message("nobody was assigned")),
        ]
    )


def test_checks():
    table = checks_table(checks(), DA, LABELS)
    assert [row[2] for row in table.rows] == ["Bestået", "IKKE bestået", "Kunne ikke udføres"]
    assert table.rows[0][:2] == ("Log-rank-test", "Uger på ydelse\nDeltagergruppe")
    assert [row[3] for row in table.rows] == ["0,091", "< 0,001", ""]
    assert [row[5] for row in table.rows] == ["", "Uger", "Ingen blev fordelt"]
    assert table.flagged == {1}


def test_tests_of_no_difference_have_no_verdict():
    table = significance_table(checks(), DA, LABELS)
    assert table.rows[0][2:] == ("2,86", "0,091")
    assert len(table.rows[2]) == 3
    assert table.rows[2][2].endswith("ingen blev fordelt")
    assert not table.flagged


def test_tests_explained_say_how_and_what_was_adjusted():
    held = Check(
        name=Message("the same effect in every group"), passed=True, statistic=2.1, p_value=0.24, group="sex",
        method=Message("Welch's test of equal effects"),
        detail=Message("p {p:.4f} before adjustment over {n} divisions", p=0.12, n=2),
    )  # fmt: skip
    unmade = Check(name=Message("the same effect in every group"), passed=None, detail=Message("no people"))
    table = significance_table(Results([held, unmade]), DA, LABELS, explained=True)
    assert table.notes == ("Køn: Welchs test af ens effekter; p 0,1200 før justering over 2 inddelinger.",)
    assert not significance_table(Results([held]), DA, LABELS).notes


def test_a_note_of_every_row_is_said_once():
    note = Message("upper limit not reached")
    rows = [effect(note=note, group="sex.man"), effect(note=note)]
    assert effects_table(Results(rows), DA, LABELS).notes == ("Øvre grænse ikke nået.",)
    assert effects_table(Results(rows[:1]), DA, LABELS).notes == ("Uger på ydelse, Mænd: øvre grænse ikke nået.",)
    some = effects_table(Results([*rows, effect()]), DA, LABELS)
    assert some.notes == ("Uger på ydelse, Mænd; Uger på ydelse: øvre grænse ikke nået.",)


def balance(n=(100, 200)):
    rows = (
        BalanceRow(
            covariate="age", level="", mean_treated=38.241, mean_control=38.4, difference=-0.16, std_error=0.4,
            adjusted_difference=0.01, normalised_difference=-0.0171,
        ),
        BalanceRow(
            covariate="sex", level="man", mean_treated=0.462, mean_control=0.481, difference=-0.019, std_error=0.02,
            adjusted_difference=0.01, normalised_difference=-0.039,
        ),
        BalanceRow(
            covariate="rare", level="", mean_treated=0.02, mean_control=0.481, difference=-0.019, std_error=0.02,
            adjusted_difference=0.01, normalised_difference=-0.039,
        ),
    )  # fmt: skip
    joint = Check(name="joint", passed=True)
    return Balance(arm="treated", n_treated=n[0], n_control=n[1], rows=rows, joint=joint)


def test_balance():
    table = balance_table(protect_balance(balance(), DisclosureRule()), DA, LABELS)
    assert table.header == (
        "Kendetegn",
        "Deltagergruppe\n(100 personer)",
        "Kontrolgruppe\n(200 personer)",
        "Forskel",
        "Normaliseret forskel",
    )
    assert table.rows == (
        ("age", "38,24", "38,40", "-0,16", "-0,017"),
        ("Køn: Mænd", f"46,2{NBSP}%", f"48,1{NBSP}%", "-1,9", "-0,039"),
        ("rare", "skjult"),
    )
    assert table.notes[-1] == "Skjult: tal, der kunne vise en gruppe på færre end 5 personer."


def test_balance_without_counts():
    protected = protect_balance(balance(), DisclosureRule(min_count=1), hide_counts=True)
    assert isinstance(protected, ProtectedBalance)
    table = balance_table(protected, EN, LABELS)
    assert table.header[1] == "Treated group\n(number withheld)"
    assert len(table.notes) == 2
    assert table.rows[2][1:3] == ("0.02", "0.48")


def test_balance_within_blocks():
    blocked = replace(balance(), blocked=True)
    table = balance_table(protect_balance(blocked, DisclosureRule()), EN, LABELS)
    assert table.header[3:] == ("Difference", "Difference within blocks", "Normalised difference")
    assert table.rows[0][3:] == ("-0.16", "0.01", "-0.017")
    assert table.rows[1][3:] == ("-1.9", "1.0", "-0.039")


def test_flow():
    flow = ProtectedFlow(
        start_label=Message("people in the register extract"), start=1250,
        exclusions=(ProtectedStep(reason=Message("outside the ages of the trial"), count=None),), assigned=1200,
        arms=(ProtectedArm(arm="treated", assigned=600, outcome_known={"weeks_52": None}),), min_count=5,
    )  # fmt: skip
    table = flow_table(flow, DA, LABELS)
    assert table.rows == (
        ("Personer i registerudtrækket", "1.250"),
        ("Udeladt: uden for forsøgets aldersgrænser", "skjult"),
        ("Med i forsøget", "1.200"),
        ("Fordelt til: Deltagergruppe", "600"),
        ("Deltagergruppe, udfald kendt: Uger på ydelse", "skjult"),
    )
    assert table.notes == ("Skjult: tal, der kunne vise en gruppe på færre end 5 personer.",)


def test_exits():
    counts = {"treated": {"job": 1402, "left": None}, "control": {"job": 1405, "sick": 70}}
    table = exits_table(counts, DA, LABELS | {"job": Text(da="i job", en="in work")})
    assert table.header == ("Afslutning", "Deltagergruppe", "Kontrolgruppe")
    assert table.rows == (("I job", "1.402", "1.405"), ("Left", "skjult", "0"), ("Sick", "0", "70"))


def test_facts_say_their_evidence():
    facts = [
        Fact(name=Text(da="Sted", en="Place"), value="x", mark="verified", source="report 7"),
        Fact(name="Regel", value="y", mark="recalled"),
        Fact(name="Regel", value="y", mark="derived"),
        Fact(name="Regel", value="y", mark="unknown"),
    ]
    table = facts_table(facts, DA)
    assert table.rows[0] == ("Sted", "x", "Læst i kilden", "report 7")
    assert [row[2] for row in table.rows[1:]] == [
        "IKKE EFTERPRØVET: efter hukommelsen", "Beregnet ud fra kilden", "Ikke kendt",
    ]  # fmt: skip
    assert table.flagged == {1, 3}


def target(value, mark="verified", **other):
    given = {
        "outcome": "weeks_52", "estimand": "difference_in_means", "half_width": 0.6, "source": "report 7",
        "label": Text(da="Median", en="Median"),
    }  # fmt: skip
    return Target(value=value, mark=mark, **(given | other))


def test_targets():
    comparisons = [
        TargetComparison(target=target(-2.5), found=effect(), agrees=True, inside=True),
        TargetComparison(target=target(-1.0), found=effect(), agrees=False, inside=False),
        TargetComparison(target=target(-3.43), found=effect(), agrees=False, inside=True),
        TargetComparison(target=target(1.3, "recalled"), found=None, agrees=None, inside=None),
    ]
    table = targets_table(comparisons, DA)
    ours = f"-2,8{NBSP}uger\n(-3,4 til -2,2)"
    assert table.rows == (
        ("Median", f"-2,5{NBSP}uger", ours, "Stemmer (inden for ±0,6)", "Læst i kilden", "report 7"),
        ("Median", f"-1,0{NBSP}uger", ours, "AFVIGER (med mere end 0,6)", "Læst i kilden", "report 7"),
        (
            "Median", f"-3,43{NBSP}uger", f"-2,82{NBSP}uger\n(-3,44 til -2,19)", "Afviger (med mere end 0,6), men ligger i vores sikkerhedsinterval",
            "Læst i kilden", "report 7",
        ),
        ("Median", "1,3", "–", "Intet estimat her", "IKKE EFTERPRØVET: efter hukommelsen", "report 7"),
    )  # fmt: skip
    assert table.flagged == {1, 3}
