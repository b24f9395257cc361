"""What a report says of the spillover, from the estimate alone."""

import math

import pytest

from analysis_lib.reporting.language import Translator
from analysis_lib.reporting.shown_spillover import spillover_sentences
from analysis_lib.results import Estimate, Interval, Message
from analysis_lib.trials.evaluation import DIFFERENCE
from analysis_lib.trials.evaluation.spillover import SPILLOVER


def change(value, low, high):
    return Estimate(
        estimand=SPILLOVER,
        value=value,
        interval=Interval(low=low, high=high, level=0.95),
        unit="weeks",
        outcome="weeks_26",
    )


def effect(value):
    return Estimate(
        estimand=DIFFERENCE, value=value, interval=Interval(low=value - 1, high=value + 1, level=0.95), unit="weeks"
    )


def said(row, other=None, language="en"):
    return [Translator(language).render(sentence) for sentence in spillover_sentences(row, other)]


def test_a_clear_change_is_said_with_what_follows():
    sentences = said(change(1.2, 0.1, 2.3), effect(-1.7))
    assert sentences[0] == (
        "weeks_26: the control group had 1.20 weeks more than it would have had without the trial (95 % interval 0.10 "
        "to 2.30), judged by areas without it."
    )
    assert "not what introducing the effort everywhere would give" in sentences[1]
    assert "Treated less control is -1.70 weeks" in sentences[2]
    assert "the treated group's difference is -0.50 weeks" in sentences[2]
    assert len(said(change(1.2, 0.1, 2.3))) == 2
    assert len(said(change(1.2, 0.1, 2.3), Estimate.empty(estimand=DIFFERENCE, reason="few"))) == 2


def test_a_change_the_other_way_is_less():
    assert "the control group had 1.20 weeks less than" in said(change(-1.2, -2.3, -0.1))[0]


def test_an_unclear_change_is_no_proof_of_none():
    (sentence,) = said(change(0.2, -0.9, 1.3), effect(-1.7))
    assert "no clear sign" in sentence
    assert "from -0.90 to 1.30 weeks" in sentence
    assert "cannot be ruled out" in sentence


@pytest.mark.parametrize("limits", [(-math.inf, math.inf), (0.2, math.inf)])
def test_too_few_areas_say_nothing_of_an_effect(limits):
    assert said(change(1.2, *limits), effect(-1.7)) == [
        "There are so few areas that no result could be told from chance."
    ]


def test_the_reason_is_said():
    row = Estimate.empty(estimand=SPILLOVER, reason=Message("there are no weeks"))
    assert said(row) == ["It cannot be said whether the trial touched those who were not treated: there are no weeks."]


def test_danish():
    sentences = said(change(1.2, 0.1, 2.3), effect(-1.7), language="da")
    assert "Kontrolgruppen fik 1,20 uger mere, end den ville have fået uden forsøget" in sentences[0]
    assert "hvis den blev indført overalt" in sentences[1]
