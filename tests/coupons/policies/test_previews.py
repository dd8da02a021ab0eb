"""What a coupon would do to recorded baskets, and where it meets others; the example of the builder."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.policies.basket import Basket, BasketLine
from commerce.policies.goods import Goods
from commerce.policies.recorded_baskets import RecordedBasket, RecordedBaskets
from coupons.policies.kinds import CouponKind
from coupons.policies.meetings import find_worst, is_one_letter_apart, meet, overlaps
from coupons.policies.offer import Offer
from coupons.policies.previews import as_if_meant, preview
from coupons.policies.states import CouponState
from coupons.policies.terms import Terms

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def percent(share, coupon_id=1, *, name="Beans", limit_total=None, budget_minor=None, ends_at=None, **terms):
    return Offer(
        coupon_id=coupon_id,
        name=name,
        state=CouponState.DRAFT,
        currency="EUR",
        starts_at=NOON + 7 * DAY,
        ends_at=ends_at,
        is_public=False,
        limit_total=limit_total,
        limit_per_customer=1,
        budget_minor=budget_minor,
        used_count=0,
        spent_minor=0,
        terms=Terms(version_id=coupon_id, kind=CouponKind.PERCENT, share=share * 100, **terms),
    )


def order(*lines, orders=1, channel="web"):
    told = tuple(
        BasketLine(str(number), amount, Decimal(1), sku, cost_minor=cost)
        for number, (sku, amount, cost) in enumerate(lines)
    )
    return RecordedBasket(Basket(channel, "EUR", told), orders, {line.key: line.sku for line in told})


COFFEE, MUG = order(("Coffee", 350, 122), orders=9), order(("Mug", 1000, 880))
RECORDED = RecordedBaskets([COFFEE, MUG], COFFEE, 10, 90)


def test_the_example_of_the_builder_comes_out_as_it_is_written():
    found = preview(percent(20, limit_total=300), RECORDED, NOON)

    assert (found.kept.paid_before, found.kept.paid_after) == (350, 280)
    assert (found.kept.before, found.kept.after) == (228, 158)
    assert round(found.kept.more_orders * 100) == 44
    assert (found.worth_minor, found.reached, found.given_minor) == (21_000, 10, 9 * 70 + 200)
    assert [(thin.name, thin.kept_minor) for thin in found.below_cost] == [("Mug", -80)]


def test_whom_it_is_for_when_and_how_often_does_not_hide_what_it_does():
    bound = percent(20, customer_ids=frozenset({7}), segment_ids=frozenset({3}), first_order_only=True)

    assert preview(bound, RECORDED, NOON).reached == 10
    assert preview(percent(20, channels=frozenset({"store"})), RECORDED, NOON).orders == 0


def test_a_typical_order_that_gets_nothing_gives_way_to_one_that_gets_something():
    found = preview(percent(20, minimum_minor=500), RECORDED, NOON)

    assert (found.typical, found.reached, found.gets_nothing) == (MUG, 1, False)
    nothing = preview(percent(20, minimum_minor=5000), RECORDED, NOON)
    assert (nothing.typical, nothing.reached, nothing.gets_nothing) == (COFFEE, 0, True)


def test_an_unknown_cost_is_said_and_never_taken_as_nothing():
    unknown = order(("Tea", 400, None), ("Coffee", 350, 122))
    found = preview(percent(20), RecordedBaskets([unknown], unknown, 1, 90), NOON)

    assert (found.kept.before, found.kept.after, found.kept.unknown) == (None, None, ("Tea",))
    assert (found.unknown_cost, found.kept.more_orders) == (1, None)


def test_a_budget_or_the_uses_bound_what_it_may_cost_and_else_nothing_does():
    worth = [preview(offer, RECORDED, NOON).worth_minor for offer in (
        percent(20), percent(20, budget_minor=5_000), percent(20, limit_total=100, budget_minor=9_000)
    )]  # fmt: skip

    assert worth == [None, 5_000, 7_000]


def test_no_orders_at_all_are_said():
    found = preview(percent(20), RecordedBaskets(), NOON)

    assert (found.typical, found.kept, found.orders) == (None, None, 0)


# -- meeting others ------------------------------------------------------------------------------------------


def test_two_coupons_of_different_lanes_add_up_as_the_engine_says_and_of_one_lane_do_not():
    autumn = percent(15, 2, name="Autumn", lane="season")

    met = meet(percent(20), autumn, RECORDED, NOON, is_automatic=True)
    assert (met.share, met.alone, met.adds_up) == (Fraction(32, 100), Fraction(20, 100), True)

    same = meet(percent(20), percent(15, 2), RECORDED, NOON, is_automatic=True)
    assert (same.share, same.alone, same.adds_up) == (Fraction(20, 100), Fraction(20, 100), False)


def test_the_worst_basket_is_found_with_everything_live():
    others = [percent(15, 2, lane="season"), percent(10, 3, lane="club")]

    worst = find_worst(percent(20), others, RECORDED, NOON)

    assert (worst.coupon_ids, worst.basket, worst.off_minor) == ((1, 2, 3), MUG, 388)
    assert worst.kept.after == 1000 - 388 - 880
    assert find_worst(percent(20, minimum_minor=5000), others, RECORDED, NOON) is None


@pytest.mark.parametrize(
    ("changes", "meets"),
    [
        ({}, True),
        ({"ends_at": NOON + 7 * DAY}, False),  # over when the other begins
        ({"currency": "SEK"}, False),
        ({"channels": frozenset({"store"})}, False),
        ({"customer_ids": frozenset({2})}, False),
        ({"only": Goods(skus=frozenset({"Mug"}))}, False),
        ({"segment_ids": frozenset({1})}, True),
    ],
)
def test_coupons_meet_only_in_the_same_time_currency_place_people_and_goods(changes, meets):
    one = percent(
        20, channels=frozenset({"web"}), customer_ids=frozenset({1}), only=Goods(skus=frozenset({"Coffee"}))
    )
    own = {name: value for name, value in changes.items() if name in ("ends_at", "currency")}
    terms = {name: value for name, value in changes.items() if name not in own}
    other = percent(15, 2)
    other = replace(other, **own, starts_at=NOON, terms=replace(other.terms, **terms))

    assert overlaps(one, other) is overlaps(other, one) is meets


@given(st.integers(1, 100), st.integers(1, 100), st.integers(1, 5000), st.integers(1, 5000))
def test_together_never_more_than_everything_and_never_less_than_the_better_one(one, two, first, second):
    basket = order(("A", first, None), ("B", second, None))
    recorded = RecordedBaskets([basket], basket, 1, 90)

    met = meet(percent(one), percent(two, 2, lane="other"), recorded, NOON, is_automatic=False)

    assert met.alone <= met.share <= 1


def test_a_coupon_as_it_is_meant_keeps_what_it_takes_off():
    meant = as_if_meant(percent(20, limit_total=1, minimum_minor=500, lane="season"))

    assert (meant.terms.share, meant.terms.minimum_minor, meant.terms.lane) == (2000, 500, "season")
    assert (meant.limit_total, meant.limit_per_customer, meant.state) == (None, None, CouponState.ON)


# -- codes that look alike -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "near"),
    [
        ("BEAN20", True),
        ("BEANS2", True),
        ("BEANS200", True),
        ("BEANS30", True),
        ("BEASN20", True),
        ("XBEANS20", True),
        ("BEANS20", False),
        ("BEANS35", False),
        ("SNAEB20", False),
        ("BE", False),
    ],
)
def test_one_slip_of_the_finger_is_one_letter_more_less_other_or_two_changed_about(other, near):
    assert is_one_letter_apart("BEANS20", other) is is_one_letter_apart(other, "BEANS20") is near
