"""What the functions of costs refuse, and what they leave empty with its reason."""

import math

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from analysis_lib.errors import DefinitionError, InvalidInput, NotEstimable
from analysis_lib.parameters import Text, check_definition
from analysis_lib.trials.costs import (
    Component,
    JointEffects,
    Price,
    break_even,
    cost_benefit,
    discount_factors,
    discounted_sum,
    joint_effects,
    net_benefit,
    net_benefit_by_jobcentre,
    probability_of_gain,
    sensitivity,
)

BASE = {
    "id": "week", "label": {"da": "Uge", "en": "Week"}, "per": {"da": "uge", "en": "week"}, "value": 1000.0,
    "year": 2009, "mark": "derived",
}  # fmt: skip


def component(name, value, counts_as="cost", year=2009, price=None):
    label = Text(da=name, en=name)
    given = Price(
        id=price or name, label=label, per=label, value=value, year=year, mark="derived" if value else "unknown"
    )
    return Component(id=name, label=label, price=given, counts_as=counts_as)


PAIR = [component("weeks", 1000.0), component("meetings", 450.0)]
EFFECTS = JointEffects(values=np.array([-2.0, 5.0]), covariance=np.diag([0.3, 0.2]))
ARM = np.repeat([1, 0], 20)
RNG = np.random.default_rng(1)
QUANTITIES = RNG.poisson(10, (40, 2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": 0.0}, "greater than 0"),
        ({"value": "450"}, "must be a valid number"),
        ({"value": math.inf}, "finite number"),
        ({"value": None}, "mark is unknown exactly where there is no value"),
        ({"mark": "unknown"}, "mark is unknown exactly where there is no value"),
        ({"mark": "guessed"}, "'verified', 'derived', 'recalled' or 'unknown'"),
        ({"mark": "verified"}, "mark is verified, so source must say where the fact was read"),
        ({"low": 900.0}, "one of low and high is given; must be both or none"),
        ({"low": 1100.0, "high": 1200.0}, "value is 1000; must be from low (1100) to high (1200)"),
        ({"value": None, "mark": "unknown", "std_error": 3.0}, "there is no value, so there must be no std_error"),
        ({"value": None, "mark": "unknown", "low": 1.0, "high": 2.0}, "there is no value, so there must be no range"),
        ({"year": None}, "price 'week' has a value; must have its year too"),
        ({"year": 20}, "greater than or equal to 1980"),
        ({"id": "Week"}, "must be an id"),
        ({"pirce": 3}, "unknown key 'pirce'"),
    ],
)
def test_wrong_prices_are_named(change, message):
    with pytest.raises(DefinitionError) as error:
        check_definition(BASE | change, Price, "prices.yml")
    assert "prices.yml" in str(error.value)
    assert message in str(error.value)


def test_components_count_as_a_cost_or_a_gain():
    with pytest.raises(ValidationError, match="'cost' or 'gain'"):
        component("weeks", 1000.0, counts_as="benefit")


@pytest.mark.parametrize(
    ("components", "message"),
    [
        ([], "components is empty; must have one or more"),
        (PAIR[:1], "components has 1 entries; must have 2, one for each quantity"),
        ([PAIR[0], PAIR[0]], "components has the id 'weeks' twice; must have each once"),
        ([PAIR[0], component("meetings", 450.0, price="weeks")], "components has two prices with the id 'weeks'"),
        ([PAIR[0], component("meetings", 450.0, year=2011)], "components has prices of the years 2009, 2011"),
    ],
)
def test_components_that_do_not_go_together_are_refused(components, message):
    for call in (
        lambda: cost_benefit(EFFECTS, components),
        lambda: net_benefit(QUANTITIES, ARM, components),
        lambda: sensitivity(EFFECTS, components),
        lambda: break_even(EFFECTS, components, "weeks"),
        lambda: net_benefit_by_jobcentre(QUANTITIES, ARM, ["odense"] * 40, components),
    ):
        with pytest.raises(InvalidInput) as error:
            call()
        assert str(error.value).startswith(message)


def test_an_unknown_price_empties_its_row_and_the_sum_and_never_counts_as_nothing():
    pair = [PAIR[0], component("meetings", None)]
    rows = cost_benefit(EFFECTS, pair).estimates
    assert rows[0].value == 2000
    for row in (*rows[1:], probability_of_gain(np.ones((300, 2)), pair)):
        assert math.isnan(row.value)
        assert math.isnan(row.std_error)
        assert row.reason == "the price of meetings is not known"
    with pytest.raises(NotEstimable, match="the price of meetings is not known"):
        sensitivity(EFFECTS, pair)
    with pytest.raises(NotEstimable, match="the price of meetings is not known"):
        break_even(EFFECTS, pair, "weeks")
    two = [component("weeks", None), component("meetings", None)]
    assert cost_benefit(EFFECTS, two).estimates[-1].reason == "the price of weeks, meetings is not known"
    by_centre = net_benefit_by_jobcentre(QUANTITIES, ARM, ["odense"] * 40, pair).estimates
    assert {row.reason for row in by_centre} == {"the price of meetings is not known"}
    assert all(math.isnan(row.value) for row in by_centre)


def test_what_is_the_same_for_everybody_has_no_standard_error_and_counts_in_the_sum():
    letters = np.column_stack([QUANTITIES[:, 0], ARM, np.zeros(40)])
    trio = [PAIR[0], component("letters", 8.5), component("courses", 9000.0)]
    rows = net_benefit(letters, ARM, trio).estimates
    assert rows[1].reason == "everybody in an arm has the same: -8.50 DKK per person, without a standard error"
    assert rows[2].reason == "everybody in both arms has the same: nothing to price"
    assert rows[-1].value == pytest.approx(rows[0].value - 8.5)
    assert rows[-1].std_error == pytest.approx(rows[0].std_error)
    alone = net_benefit(ARM[:, None], ARM, [component("letters", 8.5)]).estimates[-1]
    assert (alone.estimated, alone.unit) == (False, "DKK per person")
    with pytest.raises(NotEstimable, match="everybody in an arm has the same"):
        sensitivity(joint_effects(ARM[:, None], ARM), [component("letters", 8.5)])


def test_complementary_quantities_leave_a_sum_without_variation():
    both = np.column_stack([QUANTITIES[:, 0], 52 - QUANTITIES[:, 0]])
    row = net_benefit(both, ARM, [component("on", 100.0), component("off", 100.0)]).estimates[-1]
    assert row.reason == "everybody in both arms has the same: nothing to price"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: joint_effects(QUANTITIES[:, 0], ARM[:-1]), "treated has 39 rows; must have 40"),
        (lambda: joint_effects(np.full((40, 2, 2), 1.0), ARM), "quantities has 3 dimensions; must have one or two"),
        (lambda: joint_effects(np.where(QUANTITIES > 12, np.nan, 1.0), ARM), "quantities, column 'quantities 1', has"),
        (lambda: joint_effects(pd.DataFrame({"a": ["x"] * 40}), ARM), "quantities is of type"),
        (lambda: joint_effects(QUANTITIES, 3 * ARM), "treated has the value 3; must be 0 or 1"),
        (lambda: JointEffects(values=[1.0, 2.0], covariance=np.eye(3)), "values and covariance have the shapes"),
        (lambda: JointEffects(values=[1.0], covariance=[[math.nan]]), "values or covariance has missing"),
        (lambda: JointEffects(values=[1.0, 2.0], covariance=[[1, 2], [2, 1]]), "covariance is not symmetric"),
        (lambda: JointEffects(values=[1.0, 2.0], covariance=[[1, 0.5], [0, 1]]), "covariance is not symmetric"),
        (lambda: JointEffects(values=[1.0], covariance=[[1.0]], df=0), "df is 0; must be above 0"),
        (lambda: cost_benefit(EFFECTS, PAIR, draws=np.ones((500, 3))), "draws has the shape (500, 3); must be (draws,"),
        (lambda: cost_benefit(EFFECTS, PAIR, draws=np.ones((99, 2))), "draws has 99 rows; must have 200 or more"),
        (lambda: cost_benefit(EFFECTS, PAIR, draws=np.full((300, 2), np.nan)), "draws has missing or infinite values"),
        (
            lambda: cost_benefit(EFFECTS, PAIR, draws=np.tile(EFFECTS.values[::-1], (300, 1))),
            f"draws of quantity 1 run from {EFFECTS.values[1]:g} to {EFFECTS.values[1]:g}, the effect is",
        ),
        (lambda: JointEffects(values=[], covariance=np.zeros((0, 0))), "values is empty; must have one or more"),
        (lambda: net_benefit(3, ARM, PAIR), "quantities is 3; must be a data frame, or an array of shape (people, col"),
        (lambda: net_benefit_by_jobcentre(3, ARM, ARM, PAIR), "quantities is 3; must be a data frame, or an array"),
        (lambda: cost_benefit(EFFECTS, PAIR, level=1), "level is 1; must be between 0 and 1"),
        (lambda: break_even(EFFECTS, PAIR, "cars"), "price is 'cars'; must be one of meetings, weeks"),
        (lambda: discount_factors(0, 0.03), "weeks is 0; must be a whole number of 1 or more"),
        (lambda: discount_factors(3.7, 0.03), "weeks is 3.7; must be a whole number"),
        (lambda: discounted_sum([[1, 2]], yearly_rate=0.03, horizon=1.5), "horizon is 1.5; must be a whole number"),
        (lambda: net_benefit_by_jobcentre(QUANTITIES, ARM, ARM, PAIR, least=2.5), "least is 2.5; must be a whole numb"),
        (lambda: discount_factors(52, 3.5), "yearly_rate is 3.5; must be 0 or more and below 1 (0.035 for 3.5 %)"),
        (lambda: discount_factors(52, -0.01), "yearly_rate is -0.01; must be 0 or more"),
        (lambda: discount_factors(52, math.nan), "yearly_rate is nan; must be 0 or more"),
        (lambda: discounted_sum([1, 2], yearly_rate=0.03), "weekly has the shape (2,); must be (people, weeks)"),
        (lambda: discounted_sum([[1, 2]], yearly_rate=0.03, horizon=3), "horizon is 3; must be 1 to 2"),
        (lambda: discounted_sum([[1, math.nan]], yearly_rate=0.03), "weekly has 1 missing or infinite values"),
        (lambda: discounted_sum([["a", "b"]], yearly_rate=0.03), "weekly is of type"),
        (
            lambda: net_benefit_by_jobcentre(QUANTITIES, ARM, ["o"] * 40, PAIR, least=1),
            "least is 1; must be a whole number of 2 or more",
        ),
        (lambda: net_benefit_by_jobcentre(QUANTITIES, ARM, ["o"] * 39, PAIR), "jobcentre has 39 rows; must have 40"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(InvalidInput) as error:
        call()
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: net_benefit(QUANTITIES, np.zeros(40), PAIR), "0 people in the treated arm; two are needed"),
        (lambda: net_benefit(QUANTITIES, ARM, PAIR, cluster=ARM), "1 clusters in the treated arm; two are needed"),
        (lambda: net_benefit(QUANTITIES, ARM, PAIR, covariates=ARM), "the covariates determine the treatment"),
        (lambda: net_benefit(QUANTITIES, ARM, PAIR, covariates=RNG.normal(size=(40, 39))), "40 people cannot carry"),
        (lambda: net_benefit(QUANTITIES, ARM, PAIR, block=[0, *[1] * 38, 0]), "2 people are fitted exactly"),
        (
            lambda: break_even(JointEffects(values=[-2.0], covariance=[[1.0]]), PAIR[:1], PAIR[0].price.id),
            "no component has another price, for this one to break even with",
        ),
        (lambda: sensitivity(EFFECTS, PAIR), "no price has a range to vary it in"),
        (
            lambda: break_even(JointEffects(values=[-2.0, 0.0], covariance=np.diag([1.0, 0.0])), PAIR, "meetings"),
            "the arms do not differ in units of this price",
        ),
        (
            lambda: break_even(JointEffects(values=[-2.0, 1.0], covariance=np.zeros((2, 2))), PAIR, "meetings"),
            "the outcome has no variation left",
        ),
        (
            lambda: break_even(JointEffects(values=[-2.0, 1.0], covariance=[[1, -1], [-1, 1]]), PAIR, "meetings"),
            "the other components move in step with the units of this price",
        ),
    ],
)
def test_what_the_data_cannot_answer_has_a_reason(call, reason):
    with pytest.raises(NotEstimable) as error:
        call()
    assert str(error.value).startswith(reason)


def test_one_cluster_too_few_in_a_jobcentre_empties_its_rows():
    centre = np.repeat(["odense", "vejle"], [30, 10])
    arm = np.tile([1, 0], 20)
    cluster = np.where(centre == "odense", np.arange(40), 100 + arm)
    rows = net_benefit_by_jobcentre(QUANTITIES, arm, centre, PAIR, cluster=cluster, least=2).estimates
    assert rows[2].reason == "1 clusters in the treated arm; two are needed"
    assert rows[-1].n == 30


def test_a_sum_over_jobcentres_that_cannot_be_estimated_says_why():
    rows = net_benefit_by_jobcentre(QUANTITIES, ARM, range(40), PAIR).estimates
    assert len(rows) == 82
    assert {row.reason for row in rows[:80]} == {"an arm is below the least size of 20"}
    assert {row.reason for row in rows[80:]} == {"no jobcentre has two people (or clusters) in each arm"}


def test_a_price_has_a_set_and_no_value_where_the_units_happen_to_agree():
    effects = JointEffects(values=[-2.0, 0.0], covariance=np.diag([0.3, 0.2]))
    found = break_even(effects, PAIR, "meetings")
    assert math.isnan(found.value)
    # at price p: 2,000 against t x sqrt(1,000^2 x 0.3 + 0.2 p^2)
    end = math.sqrt((2000**2 / 1.959963984540054**2 - 300000) / 0.2)
    assert found.confidence_set.shape == "two rays"
    assert found.confidence_set.parts[1][0] == pytest.approx(end, rel=1e-8)


def test_arguments_are_not_changed():
    values, covariance = np.array([-2.0, 5.0]), np.diag([0.3, 0.2])
    effects = JointEffects(values=values, covariance=covariance)
    values[0], covariance[0, 0] = 9, 9
    assert (effects.values[0], effects.covariance[0, 0]) == (-2, 0.3)
    before = QUANTITIES.copy()
    net_benefit(QUANTITIES, ARM, PAIR)
    assert np.array_equal(QUANTITIES, before)
