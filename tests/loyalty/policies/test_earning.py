"""How many points a basket earns: exactly, rounded once, and never more for being cleverly split."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.policies.basket import Basket, BasketLine
from loyalty.policies.earning import (
    BaseRule,
    EarningFacts,
    EarningRules,
    Rounding,
    Source,
    quote,
    round_points,
)

A_POINT_PER_TEN = BaseRule(id=7, points=1, per_minor=1000)


def basket(*amounts: int, **facts) -> Basket:
    lines = (BasketLine(str(number), amount) for number, amount in enumerate(amounts))
    return Basket(tuple(lines), **facts)


def points(goods: Basket, rule: BaseRule = A_POINT_PER_TEN, rate: Fraction = Fraction(1)) -> int:
    return quote(goods, EarningRules(rule), EarningFacts(rate)).points


@pytest.mark.parametrize(
    ("rounding", "half", "third", "exact"),
    [(Rounding.DOWN, 1, 1, 2), (Rounding.NEAREST, 2, 1, 2), (Rounding.UP, 2, 2, 2)],
)
def test_the_order_is_rounded_as_the_rule_says(rounding, half, third, exact):
    rule = BaseRule(id=7, points=1, per_minor=1000, rounding=rounding)

    assert [points(basket(amount), rule) for amount in (1500, 1333, 2000)] == [half, third, exact]


def test_the_order_is_rounded_once_and_not_each_line():
    quoted = quote(basket(999, 999, 2), EarningRules(A_POINT_PER_TEN), EarningFacts())

    assert quoted.points == 2
    assert [line.points for line in quoted.lines.values()] == [1, 1, 0]


def test_a_tie_between_lines_goes_to_the_lower_key():
    quoted = quote(basket(500, 500), EarningRules(A_POINT_PER_TEN), EarningFacts())

    assert [line.points for line in quoted.lines.values()] == [1, 0]


def test_the_share_that_points_or_a_gift_card_paid_earns_nothing():
    quoted = quote(basket(3000, 1000, not_money_minor=1000), EarningRules(A_POINT_PER_TEN), EarningFacts())

    assert (quoted.points, quoted.paid_otherwise_minor) == (3, 1000)


@pytest.mark.parametrize("paid_otherwise", [4000, 9000])
def test_an_order_without_money_earns_nothing(paid_otherwise):
    assert points(basket(3000, 1000, not_money_minor=paid_otherwise)) == 0


def test_tax_counts_or_not_as_the_rule_says():
    goods = Basket((BasketLine("1", 11900, tax_minor=1900),))

    counted, left_out = (BaseRule(7, 1, 1000, counts_tax=counts) for counts in (True, False))
    assert [points(goods, counted), points(goods, left_out)] == [11, 10]


def test_shipping_counts_or_not_as_the_rule_says_and_other_fees_never():
    goods = Basket(
        (
            BasketLine("1", 10000),
            BasketLine("shipping", 2000, is_goods=False),
            BasketLine("gift-wrap", 5000, is_goods=False),
        )
    )

    counted, left_out = (BaseRule(7, 1, 1000, counts_shipping=counts) for counts in (True, False))
    assert [points(goods, counted), points(goods, left_out)] == [12, 10]


def test_what_costs_nothing_or_less_earns_nothing():
    assert points(basket(0, -500, 1000)) == 1


def test_a_yen_has_no_hundredth_and_a_dinar_a_thousandth():
    per_hundred_yen, per_dinar = BaseRule(7, 1, 100), BaseRule(7, 1, 1000)

    assert points(basket(1980), per_hundred_yen) == 19
    assert points(basket(12_345), per_dinar) == 12


def test_another_currency_is_turned_into_the_programmes_exactly():
    assert points(basket(2999), rate=Fraction(1, 3)) == 0
    assert points(basket(3000), rate=Fraction(1, 3)) == 1


def test_without_a_rule_nothing_is_earned():
    assert quote(basket(1000), EarningRules(None), EarningFacts()).points == 0


def test_the_quote_says_how_it_came_about():
    quoted = quote(basket(1500, 700), EarningRules(A_POINT_PER_TEN), EarningFacts())

    assert quoted.counted_minor == 2200
    (reason,) = quoted.reasons
    assert (reason.source, reason.id, reason.points, reason.lines) == (Source.BASE, 7, 2, {"0": 1, "1": 1})
    assert [line.counted_minor for line in quoted.lines.values()] == [1500, 700]


amounts = st.lists(st.integers(0, 5000), min_size=1, max_size=6)


@given(amounts, st.integers(0, 20_000), st.sampled_from(Rounding), st.integers(1, 9), st.integers(1, 1500))
def test_the_points_of_the_lines_are_the_points_of_the_order(lines, paid_otherwise, rounding, per, per_minor):
    rule = BaseRule(7, per, per_minor, rounding=rounding)
    quoted = quote(basket(*lines, not_money_minor=paid_otherwise), EarningRules(rule), EarningFacts())

    assert sum(line.points for line in quoted.lines.values()) == quoted.points
    assert all(line.points >= 0 for line in quoted.lines.values())


@given(amounts, st.integers(1, 5))
def test_splitting_an_order_never_earns_more_when_rounding_down(lines, cut):
    whole, parts = points(basket(*lines)), (lines[:cut], lines[cut:])

    assert sum(points(basket(*part)) for part in parts if part) <= whole


@given(st.integers(0, 10**12), st.integers(1, 10**9), st.sampled_from(Rounding))
def test_rounding_is_off_by_less_than_a_point_and_to_the_side_it_names(numerator, denominator, rounding):
    exact, rounded = Fraction(numerator, denominator), round_points(numerator, denominator, rounding)

    off = rounded - exact
    bounds = {Rounding.DOWN: (-1, 0), Rounding.NEAREST: (-0.5, 0.5), Rounding.UP: (0, 1)}
    lowest, highest = bounds[rounding]
    assert lowest <= off <= highest
    assert abs(off) < 1
