"""What a programme would cost: the reference shop to the cent, odd shops, and what holds for every shop."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.policies.forecast import (
    NEVER,
    Assumptions,
    ForecastError,
    OwedMonth,
    Step,
    compare_earn_rates,
    make_forecast,
    nearest,
)

pytestmark = pytest.mark.once

STEP = Step(threshold_minor=450, bonus_points=30, over_already_rate=Fraction(1, 5))


def shop(**other: Any) -> Assumptions:
    """4,000 orders of 3.50 a month, 40 % by members, 65 % margin; 10 points for 1.00, 100 are worth 0.50."""
    usual: dict[str, Any] = {
        "currency": "EUR",
        "minor_per_unit": 100,
        "average_order_minor": 350,
        "monthly_orders": 4000,
        "member_rate": Fraction(40, 100),
        "margin_rate": Fraction(65, 100),
        "points_per_unit": Fraction(10),
        "point_worth_minor": Fraction(1, 2),
        "use_rate": Fraction(70, 100),
        "expiry_months": 12,
    }
    return Assumptions(**usual | other)


def shares():
    return st.fractions(0, 1, max_denominator=1000)


@st.composite
def shops(draw, **fixed: Any) -> Assumptions:
    """Any shop whose points are worth at most what was paid for them."""
    drawn = {
        "average_order_minor": draw(st.integers(1, 10**7)),
        "monthly_orders": draw(st.integers(0, 10**6)),
        "member_rate": draw(shares()),
        "margin_rate": draw(shares()),
        "points_per_unit": draw(st.fractions(0, 50, max_denominator=100)),
        "point_worth_minor": draw(st.fractions(0, 1, max_denominator=100)),
        "use_rate": draw(shares()),
        "expiry_months": draw(st.integers(1, 36) | st.just(NEVER)),
    }
    return shop(**drawn | fixed)


# The reference shop


def test_the_two_discounts_and_what_is_kept_come_out_as_designed():
    forecast = make_forecast(shop())

    assert forecast.promised_rate == Fraction(5, 100)
    assert forecast.likely_rate == Fraction(35, 1000)
    assert forecast.all_sales_rate == Fraction(14, 1000)
    assert (100 * forecast.kept_before_rate, 100 * forecast.kept_after_rate) == (65, Fraction(6360, 100))


def test_a_month_costs_196_and_between_154_and_238_as_points_are_used():
    forecast = make_forecast(shop())

    assert forecast.monthly_cost_minor == 196_00
    assert (forecast.monthly_cost_low_minor, forecast.monthly_cost_high_minor) == (154_00, 238_00)


def test_members_have_to_spend_370_and_600_if_they_alone_must_lift_all_orders():
    forecast = make_forecast(shop(target_average_minor=450))

    assert nearest(1000 * forecast.break_even_lift) == 57
    assert forecast.break_even_average_minor == 370
    assert forecast.needed_member_average_minor == 600


def test_the_first_reward_comes_after_three_orders():
    assert make_forecast(shop(reward_points=100)).orders_to_reward == 3
    assert make_forecast(shop(reward_points=105)).orders_to_reward == 3
    assert make_forecast(shop(reward_points=106)).orders_to_reward == 4


def test_points_owed_grow_by_cohorts_and_level_off():
    forecast = make_forecast(shop())

    assert nearest(forecast.monthly_use_rate * 10**6) == 95_462
    assert len(forecast.owed) == 18
    assert forecast.owed[0] == OwedMonth(month=1, points=56_000, promised_minor=280_00, likely_minor=196_00)
    assert forecast.owed[5] == OwedMonth(
        month=6, points=265_315, promised_minor=1_326_58, likely_minor=822_58
    )
    assert forecast.owed_level == OwedMonth(
        month=12, points=410_634, promised_minor=2_053_17, likely_minor=1_045_17
    )
    assert {owed.points for owed in forecast.owed[11:]} == {410_634}


def test_a_step_bonus_costs_a_windfall_and_pays_from_66_orders_on():
    effect = make_forecast(shop(step=STEP)).step

    assert effect.lift_minor == 100
    assert effect.windfall_minor == 33_60
    assert effect.gain_minor == 51
    assert effect.paying_orders == 66
    assert effect.paying_rate == Fraction(66, 1280)


def test_other_earn_rates_are_compared():
    compared = compare_earn_rates(shop(), map(Fraction, (5, 10, 15, 20)))

    assert [(other.likely_rate * 100, other.monthly_cost_minor) for other in compared] == [
        (Fraction("1.75"), 98_00),
        (Fraction("3.5"), 196_00),
        (Fraction("5.25"), 294_00),
        (Fraction("7"), 392_00),
    ]


# What may be given at most


def test_the_limit_is_what_goods_and_winning_the_customer_leave():
    limit = make_forecast(shop(lifetime_value_minor=120_00, acquisition_cost_minor=20_00)).limit

    assert (limit.limit_minor, limit.rate) == (58_00, Fraction(58, 120))
    assert (limit.promised_minor, limit.likely_minor) == (6_00, 4_20)
    assert (limit.promise_exceeds, limit.likely_exceeds) == (False, False)


@pytest.mark.parametrize(
    ("cost_minor", "promise_exceeds", "likely_exceeds"),
    [(72_00, False, False), (72_01, True, False), (73_80, True, False), (73_81, True, True)],
)
def test_the_forecast_says_when_it_gives_more_than_the_limit(cost_minor, promise_exceeds, likely_exceeds):
    limit = make_forecast(shop(lifetime_value_minor=120_00, acquisition_cost_minor=cost_minor)).limit

    assert (limit.promise_exceeds, limit.likely_exceeds) == (promise_exceeds, likely_exceeds)


def test_nothing_can_be_given_where_winning_a_customer_costs_all_that_one_brings():
    limit = make_forecast(shop(lifetime_value_minor=120_00, acquisition_cost_minor=90_00)).limit

    assert (limit.limit_minor, limit.rate, limit.likely_exceeds) == (0, 0, True)


def test_a_step_bonus_counts_towards_the_limit():
    known = {"lifetime_value_minor": 350_00, "acquisition_cost_minor": 0}

    limit = make_forecast(shop(step=STEP, **known)).limit

    # 100 orders, of which 20 get a bonus worth 0.15.
    assert (limit.promised_minor, limit.likely_minor) == (17_50 + 3_00, 12_25 + 2_10)


def test_one_figure_alone_limits_nothing():
    assert make_forecast(shop(lifetime_value_minor=120_00)).limit is None
    assert make_forecast(shop(acquisition_cost_minor=20_00)).limit is None


# Odd shops


@pytest.mark.parametrize("margin", [Fraction(0), Fraction(3, 100), Fraction(35, 1000)])
def test_a_margin_that_is_not_above_the_discount_never_breaks_even(margin):
    forecast = make_forecast(shop(margin_rate=margin, step=STEP))

    assert (forecast.break_even_lift, forecast.break_even_average_minor) == (NEVER, NEVER)
    assert (forecast.step.paying_orders, forecast.step.paying_rate) == (NEVER, NEVER)


def test_a_programme_that_gives_nothing_costs_nothing_and_leads_to_no_reward():
    forecast = make_forecast(shop(points_per_unit=Fraction(0), margin_rate=Fraction(0), reward_points=100))

    assert (forecast.monthly_cost_minor, forecast.break_even_lift) == (0, 0)
    assert forecast.break_even_average_minor == 350
    assert forecast.orders_to_reward is NEVER
    assert forecast.owed_level == OwedMonth(month=12, points=0, promised_minor=0, likely_minor=0)


def test_without_members_no_goal_is_reached_by_them_and_nothing_is_owed():
    forecast = make_forecast(shop(member_rate=Fraction(0), target_average_minor=450, step=STEP))

    assert forecast.needed_member_average_minor is NEVER
    assert forecast.monthly_cost_minor == 0
    assert (forecast.step.windfall_minor, forecast.step.paying_orders) == (0, 0)
    assert forecast.owed[17].points == 0


def test_points_without_end_are_all_owed_and_never_level_off():
    forecast = make_forecast(shop(expiry_months=NEVER))

    assert forecast.owed_level is NEVER
    assert forecast.monthly_use_rate == 0
    assert forecast.owed[17] == OwedMonth(
        month=18, points=18 * 56_000, promised_minor=18 * 280_00, likely_minor=18 * 196_00
    )


def test_points_that_are_all_used_are_owed_for_their_first_month():
    forecast = make_forecast(shop(use_rate=Fraction(1)))

    assert forecast.monthly_use_rate == 1
    assert {owed.points for owed in forecast.owed} == {56_000}


def test_points_that_nobody_uses_are_owed_until_they_end_and_likely_cost_nothing():
    forecast = make_forecast(shop(use_rate=Fraction(0)))

    assert forecast.monthly_use_rate == 0
    assert forecast.owed_level == OwedMonth(
        month=12, points=12 * 56_000, promised_minor=12 * 280_00, likely_minor=0
    )


def test_a_step_never_pays_where_too_few_orders_are_below_it():
    crowded = replace(STEP, over_already_rate=Fraction(99, 100))

    effect = make_forecast(shop(step=crowded)).step

    assert effect.gain_minor == 51
    assert (effect.windfall_minor, effect.paying_orders) == (166_32, NEVER)


def test_the_range_holds_a_share_of_used_points_that_lies_outside_it():
    forecast = make_forecast(shop(use_rate=Fraction(95, 100)))

    assert (forecast.low_use_rate, forecast.high_use_rate) == (Fraction(55, 100), Fraction(95, 100))
    assert forecast.monthly_cost_high_minor == forecast.monthly_cost_minor == 266_00


def test_what_nobody_asked_for_is_left_out():
    forecast = make_forecast(shop())

    assert (forecast.needed_member_average_minor, forecast.orders_to_reward, forecast.step) == (
        None,
        None,
        None,
    )


def test_currencies_without_hundredths_count_in_their_own_units():
    yen = make_forecast(
        shop(
            currency="JPY",
            minor_per_unit=1,
            average_order_minor=350,
            points_per_unit=Fraction(1, 10),
            point_worth_minor=Fraction(1, 2),
        )
    )

    assert yen.promised_rate == Fraction(5, 100)
    assert yen.monthly_cost_minor == 19_600


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"average_order_minor": 0}, "The average order is 0. Give a whole number from 1 to"),
        ({"average_order_minor": 3.5}, "The average order is 3.5. Give a whole number"),
        ({"monthly_orders": -1}, "The orders a month is -1. Give a whole number from 0 to"),
        ({"monthly_orders": True}, "The orders a month is True. Give a whole number"),
        ({"member_rate": Fraction(41, 40)}, "The members' share of orders is 41/40. Give an exact share"),
        ({"margin_rate": -1}, "The gross margin is -1. Give an exact share from 0 to 1"),
        ({"use_rate": 0.7}, "The share of points that is used is 0.7. Give an exact share"),
        ({"use_rate": float("nan")}, "The share of points that is used is nan. Give an exact share"),
        ({"points_per_unit": "10"}, "The points for each unit is '10'. Give an exact number"),
        ({"point_worth_minor": Fraction(-1, 2)}, "The worth of a point is -1/2. Give an exact number"),
        ({"expiry_months": 0}, "The number of months until points end is 0. Give a whole number"),
        ({"minor_per_unit": 60}, "The minor units of one unit is 60. Give one of (1, 10, 100, 1000, 10000)."),
        ({"points_per_unit": Fraction(201)}, "The promised discount is 101 %. Points can't be worth more"),
        ({"target_average_minor": 350}, "The target average is 3.50 EUR. The average order is 3.50 EUR."),
        ({"step": replace(STEP, threshold_minor=349)}, "The step is 3.49 EUR. The average order is"),
        ({"step": replace(STEP, bonus_points=-1)}, "The step bonus in points is -1. Give a whole number"),
        ({"step": replace(STEP, over_already_rate=2)}, "The share of orders over the step is 2. Give an"),
        ({"reward_points": 0}, "The first reward in points is 0. Give a whole number from 1 to"),
        ({"lifetime_value_minor": 0}, "The lifetime value of a customer is 0. Give a whole number from 1 to"),
        ({"acquisition_cost_minor": -1}, "The acquisition cost is -1. Give a whole number from 0 to"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_the_fix(wrong, message):
    with pytest.raises(ForecastError) as refused:
        shop(**wrong)

    assert str(refused.value).startswith(message)


def test_a_comparison_refuses_a_rate_that_promises_more_than_was_paid():
    with pytest.raises(ForecastError, match="promised discount is 150 %"):
        compare_earn_rates(shop(), [Fraction(300)])


# Every shop


@given(shops(), st.sampled_from(["points_per_unit", "point_worth_minor", "member_rate"]), st.data())
def test_giving_more_or_to_more_members_never_costs_less(assumed, name, data):
    most = {"points_per_unit": 50, "point_worth_minor": 1, "member_rate": 1}[name]
    more = data.draw(st.fractions(getattr(assumed, name), most, max_denominator=100_000))

    before, after = make_forecast(assumed), make_forecast(replace(assumed, **{name: more}))

    assert after.monthly_cost_minor >= before.monthly_cost_minor
    assert after.all_sales_rate >= before.all_sales_rate
    assert after.kept_after_rate <= before.kept_after_rate
    assert all(
        (late.points, late.promised_minor, late.likely_minor)
        >= (early.points, early.promised_minor, early.likely_minor)
        for early, late in zip(before.owed, after.owed, strict=True)
    )


@given(shops())
def test_the_break_even_lift_brings_back_exactly_what_was_kept_before(assumed):
    forecast = make_forecast(assumed)
    sales = assumed.average_order_minor * assumed.member_orders

    if forecast.break_even_lift is NEVER:
        assert forecast.likely_rate > 0
        assert assumed.margin_rate <= forecast.likely_rate
    else:
        left = assumed.margin_rate - forecast.likely_rate
        assert sales * (1 + forecast.break_even_lift) * left == sales * assumed.margin_rate
        assert forecast.break_even_lift >= 0


@given(shops())
def test_what_is_owed_grows_to_its_level_and_no_further(assumed):
    forecast = make_forecast(assumed)
    points = [owed.points for owed in forecast.owed]

    assert points == sorted(points)
    assert all(0 <= owed.likely_minor <= owed.promised_minor for owed in forecast.owed)
    if forecast.owed_level is not NEVER:
        assert points[-1] <= forecast.owed_level.points
        assert set(points[assumed.expiry_months - 1 :]) <= {forecast.owed_level.points}


@given(shops(expiry_months=12))
def test_a_year_of_the_monthly_rate_uses_the_share_that_gets_used(assumed):
    unused = (1 - make_forecast(assumed).monthly_use_rate) ** 12

    assert abs(unused - (1 - assumed.use_rate)) < Fraction(1, 10**30)


@given(shops())
def test_the_cost_lies_within_its_range(assumed):
    forecast = make_forecast(assumed)

    assert forecast.monthly_cost_low_minor <= forecast.monthly_cost_minor <= forecast.monthly_cost_high_minor


@given(shops(average_order_minor=350, target_average_minor=450))
def test_members_at_the_needed_average_bring_all_orders_to_the_target(assumed):
    needed = make_forecast(assumed).needed_member_average_minor

    if needed is not NEVER:
        others = (1 - assumed.member_rate) * 350
        assert abs(assumed.member_rate * needed + others - 450) <= Fraction(1, 2)


@given(shops(average_order_minor=350), shares(), st.integers(0, 1000))
def test_as_many_lifted_orders_as_are_said_pay_for_the_windfall_and_one_fewer_does_not(assumed, over, bonus):
    step = Step(threshold_minor=450, bonus_points=bonus, over_already_rate=over)
    paying = make_forecast(replace(assumed, step=step)).step.paying_orders

    worth = bonus * assumed.point_worth_minor * assumed.use_rate
    windfall = assumed.member_orders * over * worth
    gain = 100 * (assumed.margin_rate - assumed.promised_rate * assumed.use_rate) - worth
    below = assumed.member_orders * (1 - over)
    if paying is NEVER:
        assert gain <= 0 or gain * (below // 1) < windfall
    else:
        assert gain * paying >= windfall > gain * (paying - 1)
        assert paying <= below


@given(shops(), st.integers(1, 10**7), st.integers(0, 10**7))
def test_a_programme_at_its_limit_leaves_exactly_nothing(assumed, value, cost):
    forecast = make_forecast(
        replace(assumed, lifetime_value_minor=value, acquisition_cost_minor=cost, step=None)
    )

    left = value * (assumed.margin_rate - forecast.limit.rate) - cost
    assert left == 0 or (left < 0 and forecast.limit.rate == 0)
    assert forecast.limit.likely_exceeds == (forecast.likely_rate > forecast.limit.rate)
