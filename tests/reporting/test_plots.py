"""The numbers that are drawn, and the words that stand in for them; no pixels."""

import base64
import dataclasses
import math
import re
import sys
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis_lib.errors import InvalidInput
from analysis_lib.parameters import Text
from analysis_lib.reporting import plots
from analysis_lib.reporting.disclosure import ProtectedArm, ProtectedBalance, ProtectedFlow, ProtectedStep
from analysis_lib.reporting.language import Translator
from analysis_lib.results import Check, Curve, Estimate, Interval, Message, Results
from analysis_lib.trials.costs import Price, PriceSwing, Sensitivity
from analysis_lib.trials.definition import ScheduleWindow
from analysis_lib.trials.design.balance import BalanceRow

DA, EN = Translator("da"), Translator("en")
NBSP = "\N{NO-BREAK SPACE}"
LABELS = {
    "treated": Text(da="Deltagergruppe", en="Treated group"),
    "control": Text(da="Kontrolgruppe", en="Control group"),
    "weeks_52": Text(da="Uger på ydelse", en="Weeks on benefit"),
    "sex.man": Text(da="Mænd", en="Men"),
    "sex.woman": Text(da="Kvinder", en="Women"),
}


def curve(label="treated", y=(0.75, 0.5, 0.25), at_risk=(1200.0, 900.0, 300.0), **other):
    y = np.array(y)
    given = {
        "x": np.array([4.0, 13.0, 30.0]), "y": y, "low": y - 0.1, "high": np.array([np.nan, *y[1:] + 0.1]),
        "label": label, "at_risk": None if at_risk is None else np.array(at_risk), "start": 1.0,
        "method": Message("Kaplan-Meier, log-log band"),
    }  # fmt: skip
    return Curve(**(given | other))


def texts(axes):
    return [text.get_text() for text in axes.texts]


def at_risk(axes):
    return [(text.get_position()[0], text.get_text()) for text in axes.texts if text.get_gid() == "at risk"]


def test_survival_draws_the_curves_from_one():
    axes = plots.survival([curve("control"), curve(y=(0.7, 0.4, 0.2))], translator=DA, labels=LABELS)
    control, treated = axes.lines
    assert control.get_xdata().tolist() == [0, 4, 13, 30]
    assert control.get_ydata().tolist() == [1, 0.75, 0.5, 0.25]
    assert treated.get_ydata().tolist() == [1, 0.7, 0.4, 0.2]
    assert {line.get_drawstyle() for line in axes.lines} == {"steps-post"}
    assert control.get_linestyle() != treated.get_linestyle()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["Kontrolgruppe", "Deltagergruppe"]
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 30), (0, 1))
    assert axes.yaxis.get_major_formatter()(0.2, 0) == f"20{NBSP}%"


def test_survival_draws_the_band_where_there_is_one():
    axes = plots.survival([curve()], translator=DA, labels=LABELS)
    (band,) = axes.collections
    corners = np.vstack([path.vertices for path in band.get_paths()])
    assert corners[:, 0].min() == 13  # the band is unknown before
    assert {round(y, 9) for y in corners[:, 1]} == {0.4, 0.6, 0.15, 0.35}


def test_survival_writes_the_people_at_risk():
    axes = plots.survival([curve(), curve("control", at_risk=None)], translator=DA, labels=LABELS)
    assert at_risk(axes) == [
        (0, "1.200"),
        (4, "1.200"),
        (8, "900"),
        (12, "900"),
        (16, "300"),
        (20, "300"),
        (24, "300"),
        (28, "300"),
    ]
    assert "Deltagergruppe" in texts(axes)
    assert "Kontrolgruppe" not in texts(axes)
    none = plots.survival([curve(at_risk=None)], translator=DA, labels=LABELS)
    assert not texts(none)


def test_numbers_at_risk_skip_those_not_shown_and_end_with_the_curve():
    shown = curve(at_risk=(1200.0, math.nan, 300.0))
    assert plots.numbers_at_risk(shown, [0, 4, 5, 13, 30]) == [1200, 1200, 300, 300, 300]
    assert math.isnan(plots.numbers_at_risk(shown, [31])[0])
    assert math.isnan(plots.numbers_at_risk(curve(at_risk=None), [0])[0])


def window(first, last, name):
    return ScheduleWindow(
        id="w", weeks=(float(first), None if last is None else float(last)), label=Text(da=name, en=name),
        mark="verified", source="x",
    )  # fmt: skip


def test_survival_shades_the_schedule():
    windows = [window(2, 8, "Kursus"), window(20, None, "Samtaler"), window(40, 50, "senere")]
    axes = plots.survival([curve()], translator=DA, labels=LABELS, windows=windows)
    assert [(patch.get_x(), patch.get_width()) for patch in axes.patches] == [(2, 6), (20, 10)]
    assert [text.strip() for text in texts(axes)[:2]] == ["Uge 2–8: Kursus", "Fra uge 20: Samtaler"]


def test_survival_refuses_what_is_no_survival_curve():
    for curves in ([], [curve(start=math.nan)]):
        with pytest.raises(InvalidInput, match="must hold at least one, and each must start at 1"):
            plots.survival(curves, translator=DA, labels=LABELS)


@pytest.mark.parametrize(("last", "step", "count"), [(8, 1, 9), (30, 4, 8), (52, 13, 5), (104, 13, 9), (1000, 156, 7)])
def test_ticks_in_weeks(last, step, count):
    ticks = plots.week_ticks(last)
    assert (ticks[1] - ticks[0], len(ticks)) == (step, count)
    assert ticks[-1] <= last


def balance():
    rows = tuple(
        BalanceRow(
            covariate=name, level="", mean_treated=1.0, mean_control=1.0, difference=0.0, std_error=0.1,
            adjusted_difference=0.01, normalised_difference=value,
        )
        for name, value in (("age", -0.02), ("shoe", math.nan), ("children", 0.21))
    )  # fmt: skip
    return ProtectedBalance(
        arm="treated", n_treated=100, n_control=100, rows=rows, joint=Check(name="joint", passed=True), withheld=1,
        min_count=5,
    )  # fmt: skip


def test_balance_draws_the_differences():
    axes = plots.balance(balance(), translator=DA, labels={"age": Text(da="Alder", en="Age")})
    middle, *limits, points = axes.lines
    assert middle.get_xdata() == [0, 0]
    assert [line.get_xdata()[0] for line in limits] == [-0.1, 0.1]
    assert np.array_equal(points.get_xdata(), [-0.02, math.nan, 0.21], equal_nan=True)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Alder", "shoe", "children"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    assert axes.get_xlim() == pytest.approx((-0.252, 0.252))
    assert axes.get_label() == (
        "Normaliserede forskelle mellem grupperne før forsøget; viste kendetegn: 2. "
        "Over ±0,1: 1. Den største er children, 0,210."
    )


def effect(value, low, high, **other):
    given = {
        "estimand": "difference in means", "value": value, "interval": Interval(low=low, high=high, level=0.95),
        "unit": "weeks", "outcome": "weeks_52", "arm": "treated",
    }  # fmt: skip
    return Estimate(**(given | other))


def test_effects_draws_each_estimate_and_its_interval():
    empty = Estimate.empty(
        estimand="difference in means", reason="few", outcome="weeks_52", arm="treated", group="sex.woman"
    )
    rows = Results([effect(-2.82, -3.44, -2.19, group="sex.man"), empty])
    axes = plots.effects(rows, translator=DA, labels=LABELS)
    zero, interval, point = axes.lines
    assert zero.get_xdata() == [0, 0]
    assert (interval.get_xdata().tolist(), interval.get_ydata().tolist()) == ([-3.44, -2.19], [0, 0])
    assert point.get_xdata().tolist() == [-2.82]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Mænd", "Kvinder"]
    assert texts(axes) == ["-2,8 (-3,4 til -2,2)", "Ikke beregnet"]
    assert axes.get_xlabel() == "Forskel i uger: deltagergruppe minus kontrolgruppe"
    assert "Mænd: -2,8" in axes.get_label()
    assert "Kvinder: Ikke beregnet: few." in axes.get_label()
    assert axes.figure.get_label() == "Uger på ydelse. Streger: 95 %-sikkerhedsintervaller."


def test_effects_names_what_differs():
    rows = Results([effect(-2, -3, -1), effect(-1, -2, 0, estimand="mean"), effect(-1, -2, 0, outcome="earnings")])
    names = [label.get_text() for label in plots.effects(rows, translator=EN, labels=LABELS).get_yticklabels()]
    assert names == ["Weeks on benefit\ndifference in means", "Weeks on benefit\nmean", "earnings\ndifference in means"]


def test_effects_draws_ratios_around_one_on_a_log_scale():
    axes = plots.effects(Results([effect(1.32, 1.22, 1.55, unit="ratio", scale="log")]), translator=DA, labels=LABELS)
    assert axes.lines[0].get_xdata() == [1, 1]
    assert axes.get_xscale() == "log"
    assert axes.get_xticks().tolist() == [1, 1.25, 1.5]
    assert axes.xaxis.get_major_formatter()(1.25, 0) == "1,25"


def test_effects_refuses_to_mix_units():
    mixed = Results([effect(1, 0, 2), effect(1.3, 1, 2, unit="ratio", scale="log")])
    with pytest.raises(InvalidInput, match=r"units 'ratio' \(log\), 'weeks' \(identity\); must be"):
        plots.effects(mixed, translator=DA, labels=LABELS)
    with pytest.raises(InvalidInput, match="units none"):
        plots.effects(Results(), translator=DA, labels=LABELS)


def make_flow(exclusions=2):
    steps = (
        ProtectedStep(reason=Message("outside the ages of the trial"), count=1250),
        ProtectedStep(
            reason=Message("on the benefit already in the weeks before, so not newly unemployed"), count=None
        ),
    )
    arms = tuple(
        ProtectedArm(arm=arm, assigned=n, outcome_known={"weeks_52": known})
        for arm, n, known in (("treated", 2493, 2453), ("control", 2507, None))
    )
    return ProtectedFlow(
        start_label=Message("people in the register extract"), start=8000, exclusions=steps[:exclusions],
        assigned=5000, arms=arms, min_count=5,
    )  # fmt: skip


def joined(text):
    return re.sub(r"\s+", " ", text)


def test_flow_draws_every_count_and_withholds():
    axes = plots.flow(make_flow(), translator=DA, labels=LABELS)
    start, left_out, assigned, treated, control = (joined(text) for text in texts(axes) if text)
    assert start == "Personer i registerudtrækket: 8.000"
    assert left_out.startswith("– Uden for forsøgets aldersgrænser: 1.250 – Allerede på ydelsen")
    assert left_out.endswith(": skjult")
    assert assigned == "Med i forsøget: 5.000"
    assert treated == "Deltagergruppe: 2.493 Udfald kendt: – Uger på ydelse: 2.453"
    assert control == "Kontrolgruppe: 2.507 Udfald kendt: – Uger på ydelse: skjult"
    assert axes.figure.get_label() == "Skjult: tal, der kunne vise en gruppe på færre end 5 personer."


@pytest.mark.parametrize("exclusions", [0, 1, 2])
def test_the_boxes_of_the_flow_hold_their_text_and_do_not_meet(exclusions):
    axes = plots.flow(make_flow(exclusions), translator=DA, labels=LABELS)
    axes.figure.draw_without_rendering()
    boxes = [patch.get_window_extent() for patch in axes.patches]
    written = [text.get_window_extent() for text in axes.texts if text.get_text()]
    assert len(boxes) == len(written) == 4 + (exclusions > 0)
    for box, text in zip(boxes, written, strict=True):
        assert box.x0 <= text.x0
        assert text.x1 <= box.x1
        assert box.y0 <= text.y0
        assert text.y1 <= box.y1
    assert not any(one.overlaps(other) for n, one in enumerate(boxes) for other in boxes[:n])
    whole = axes.figure.bbox
    assert all(whole.x0 - 1 <= box.x0 and box.x1 <= whole.x1 + 1 and whole.y0 <= box.y0 for box in boxes)


def weekly(y, label="observed", first=0):
    y = np.array(y)
    return Curve(x=first + np.arange(len(y), dtype=float), y=y, low=y - 0.01, high=y + 0.01, label=Message(label))


def test_series_draws_weeks_model_and_break():
    observed = weekly([0.1, np.nan, 0.12, 0.2, 0.22])
    fitted = weekly([0.1, 0.11, 0.12, 0.2, 0.21], "with the break")
    without = weekly([0.13, 0.14], "without the break", first=3)
    axes = plots.series(
        observed, fitted=fitted, without_break=without, interruption=3, first_week="2005-W51", event="It begins",
        y_label="Share", translator=EN, labels=LABELS,
    )  # fmt: skip
    line, *drawn = axes.get_lines()
    assert list(line.get_xdata()) == [2.5, 2.5]
    for artist, given in zip(drawn, (observed, fitted, without), strict=True):
        np.testing.assert_array_equal(artist.get_ydata(), given.y)
        np.testing.assert_array_equal(artist.get_xdata(), given.x)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["2006"]
    assert list(axes.get_xticks()) == [2]  # 2005-W52 is the last week of its year
    assert "It begins" in [text.get_text() for text in axes.texts]
    assert "with the break: 10.0% at 0" in axes.get_label()
    with pytest.raises(InvalidInput, match="observed must have a point"):
        plots.series(
            weekly([np.nan]), interruption=0, first_week="2005-W51", event="", y_label="", translator=EN, labels={}
        )


def test_axes_that_are_given_are_drawn_on():
    given = Figure().add_subplot()
    assert plots.survival([curve()], translator=DA, labels=LABELS, ax=given) is given
    for draw, what in ((plots.balance, balance()), (plots.flow, make_flow())):
        axes = Figure().add_subplot()
        assert draw(what, translator=DA, labels=LABELS, ax=axes) is axes
    axes = Figure().add_subplot()
    assert plots.effects(Results([effect(1, 0, 2)]), translator=DA, labels=LABELS, ax=axes) is axes


def test_a_figure_is_html_that_stands_alone():
    axes = plots.survival([curve()], translator=DA, labels=LABELS)
    figure = plots.figure(axes)
    html = figure._repr_html_()
    svg = base64.b64decode(re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', html)[1])
    root = ET.fromstring(svg)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert "path" in tags
    assert "text" not in tags  # letters are outlines: no font is needed
    assert "image" not in tags
    assert 'alt="Kurver over andelen, der stadig er ledig' in html
    assert f"Deltagergruppe: 50{NBSP}% efter 13 uger, 50{NBSP}% efter 26 uger." in html
    assert "<figcaption>Kaplan-Meier, log-log-bånd; bånd: 95 %-sikkerhedsintervaller.</figcaption>" in html
    assert b"<dc:date>" not in svg


def test_the_same_figure_is_the_same_bytes():
    first, second = (plots.figure(plots.survival([curve()], translator=DA, labels=LABELS)) for _ in range(2))
    assert first == second


def test_words_may_be_given_and_must_be_there():
    axes = plots.balance(balance(), translator=DA, labels={})
    figure = plots.figure(axes, alt="a < b", caption="c & d")
    assert (figure.alt, figure.caption) == ("a < b", "c & d")
    assert 'alt="a &lt; b"' in figure._repr_html_()
    assert "<figcaption>c &amp; d</figcaption>" in figure._repr_html_()
    with pytest.raises(InvalidInput, match="alt is empty; must say what the figure shows"):
        plots.figure(Figure().add_subplot())


def test_global_settings_stay_as_they_are_and_pyplot_is_not_used():
    before = dict(mpl.rcParams)
    plots.figure(plots.survival([curve()], translator=DA, labels=LABELS))
    assert dict(mpl.rcParams) == before
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


def test_what_a_curve_that_ends_early_says():
    axes = plots.survival([curve(x=np.array([1.0, 2.0, 3.0]))], translator=EN, labels=LABELS)
    assert axes.get_label().endswith("Treated group: 25% after 3 weeks.")


def test_what_a_flow_says():
    axes = plots.flow(make_flow(1), translator=EN, labels=LABELS)
    assert axes.get_label() == (
        "The flow from the register to the analysis. people in the register extract: 8,000; outside the ages of the "
        "trial: 1,250; In the trial: 5,000; Treated group: 2,493; Treated group, Weeks on benefit: 2,453; "
        "Control group: 2,507; Control group, Weeks on benefit: withheld."
    )


def swing(name, low, high, at_low, at_high):
    def row(value):
        interval = Interval(low=value - 10, high=value + 10, level=0.95)
        return Estimate(estimand="net benefit", value=value, std_error=5.0, interval=interval, unit="DKK per person")

    price = Price(
        id=name, label=Text(da=f"En {name}", en=f"A {name}"), per=Text(da="gang", en="time"), value=(low + high) / 2,
        year=2006, mark="derived",
    )  # fmt: skip
    return PriceSwing(price=price, low=low, high=high, at_low=row(at_low), at_high=row(at_high))


def varied(swings):
    central = Estimate(
        estimand="net benefit", value=1500.0, std_error=5.0, interval=Interval(low=1490, high=1510, level=0.95),
        unit=Message("DKK per person"),
    )  # fmt: skip
    return Sensitivity(central=central, swings=tuple(swings), without_range=())


def test_tornado_draws_the_balance_at_both_ends_of_every_price():
    found = varied([swing("week", 2000, 4000, -500, 3500), swing("meeting", 300, 600, 1800, 1200)])
    axes = plots.tornado(found, translator=DA)
    low, high = axes.containers
    assert [(bar.get_x(), bar.get_width()) for bar in low] == [(1500, -2000), (1500, 300)]
    assert [(bar.get_x(), bar.get_width()) for bar in high] == [(1500, 2000), (1500, -300)]
    assert [line.get_xdata()[0] for line in axes.lines] == [1500, 0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "En week\n2.000 til 4.000 kr.", "En meeting\n300 til 600 kr."
    ]  # fmt: skip
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the widest on top
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["Lav pris", "Høj pris"]
    assert axes.get_xlabel() == "Saldo i kr. pr. person; over 0 er en gevinst"
    assert {bar.get_hatch() for bar in low} != {bar.get_hatch() for bar in high}


def test_tornado_says_what_it_draws():
    axes = plots.tornado(varied([swing("week", 2000, 4000, -500, 3500)]), translator=EN)
    assert axes.get_label() == (
        "The balance in DKK per person, with one price at a time put low and high; as the prices stand 1,500. "
        "A week (2,000 to 4,000 DKK): -500 and 3,500."
    )
    assert "no intervals" in plots.figure(axes).caption


def test_tornado_without_a_price_to_vary_is_refused():
    missing = swing("week", 2000, 4000, -500, 3500)
    missing = dataclasses.replace(missing, at_low=Estimate.empty(estimand="net benefit", reason=Message("none")))
    for swings in ([], [missing]):
        with pytest.raises(InvalidInput, match="found has no price with a balance at both ends of its range"):
            plots.tornado(varied(swings), translator=EN)


def test_long_numbers_on_an_axis_have_room():
    rows = Results(effect(v, v - 9000, v + 9000, unit="DKK per person") for v in (-9000.0, 9000.0))
    axes = plots.effects(rows, translator=DA, labels=LABELS)
    inside = [tick for tick in axes.get_xticks() if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]]
    assert 2 <= len(inside) <= 6
