"""What is said of a cut is what the checkout cuts."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from commerce.policies.basket import Basket, BasketLine
from commerce.policies.recorded_baskets import RecordedBasket, RecordedBaskets
from coupons.policies.evaluation import Ask, Limits, evaluate_candidates
from coupons.policies.kinds import CouponKind
from coupons.policies.margin import Agreement, Cut, CutReason, Floor, FloorScope, Remedy
from coupons.policies.offer import Buyer, Offer
from coupons.policies.states import CouponState
from coupons.policies.terms import Terms
from coupons.policies.trims import Trim, find_trimmed, list_trims, trim_alone

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
HALF = Terms(version_id=1, kind=CouponKind.PERCENT, share=5000)
EVERYWHERE = Floor(1, FloorScope.CHANNEL, "", 1000, Remedy.TRIM)
NORD = Agreement(2, "Nord", True, 1500)
FLOOR, AGREED = CutReason.FLOOR, CutReason.AGREEMENT


def offer(terms: Terms = HALF) -> Offer:
    return Offer(
        coupon_id=7,
        name="Half",
        state=CouponState.ON,
        currency="EUR",
        starts_at=NOON,
        ends_at=None,
        is_public=True,
        limit_total=None,
        limit_per_customer=None,
        budget_minor=None,
        used_count=0,
        spent_minor=0,
        terms=terms,
    )


def mug(cost_minor=1400, **told) -> BasketLine:
    return BasketLine(**{"key": "1", "amount_minor": 2000, "sku": "MUG", "brand": "Nord"} | told,
                      cost_minor=cost_minor)  # fmt: skip


def basket(*lines) -> Basket:
    return Basket("web", "EUR", lines)


def test_one_piece_is_cut_by_an_agreement_and_then_by_a_floor():
    limits = Limits(floors=[replace(EVERYWHERE, share=2500)], agreements=[NORD])

    trims = trim_alone(basket(mug()), offer(), NOON, limits)

    # 15 % were agreed; a quarter kept of 1,867 pays for a cost of 1,400.
    assert trims == [Trim(7, "1", 1000, 300, AGREED, 2), Trim(7, "1", 300, 133, FLOOR, 1)]
    assert [trim.amount_minor for trim in trims] == [700, 167]


def test_a_coupon_that_a_floor_refuses_is_cut_to_nothing():
    limits = Limits(floors=[replace(EVERYWHERE, remedy=Remedy.REFUSE)])

    assert trim_alone(basket(mug()), offer(), NOON, limits) == [Trim(7, "1", 1000, 0, FLOOR, 1)]


def test_goods_that_no_coupon_may_touch_are_not_cut_but_left_out():
    none = Agreement(2, "Nord", False)

    assert trim_alone(basket(mug()), offer(), NOON, Limits(agreements=[none])) == []


def test_cuts_of_several_coupons_are_steps_of_each():
    cuts = [Cut(7, "1", 50, AGREED, 2), Cut(8, "1", 5, FLOOR, 1), Cut(7, "1", 20, FLOOR, 1)]

    assert list_trims(cuts, {7: {"1": 30}}) == [
        Trim(7, "1", 100, 50, AGREED, 2),
        Trim(8, "1", 5, 0, FLOOR, 1),
        Trim(7, "1", 50, 30, FLOOR, 1),
    ]


def test_among_recorded_orders_the_largest_cut_of_a_piece_stands_for_all_that_have_one():
    dear, cheap = basket(mug(1700)), basket(mug())
    names = {"1": "Gift mug"}
    recorded = RecordedBaskets([RecordedBasket(cheap, 5, names), RecordedBasket(dear, 2, names)], None, 7, 9)

    (found,) = find_trimmed(offer(), recorded, NOON, Limits(floors=[EVERYWHERE]))

    assert (found.name, found.orders) == ("Gift mug", 7)
    assert (found.trim.from_minor, found.trim.to_minor) == (1000, 111)
    assert find_trimmed(offer(), recorded, NOON, Limits()) == []


@given(
    share=st.integers(1, 10_000),
    floors=st.lists(
        st.builds(
            lambda number, scope_name, share, remedy: Floor(number, *scope_name, share, remedy),
            st.integers(1, 9),
            st.sampled_from(
                [
                    (FloorScope.CHANNEL, ""),
                    (FloorScope.CHANNEL, "web"),
                    (FloorScope.BRAND, "Nord"),
                    (FloorScope.COUPON, "7"),
                ]
            ),
            st.integers(0, 6000),
            st.sampled_from(list(Remedy)),
        ),
        max_size=3,
    ),
    most=st.none() | st.integers(0, 9000),
    prices=st.lists(
        st.tuples(st.integers(1, 3000), st.none() | st.integers(0, 3000)), min_size=1, max_size=4
    ),
)
def test_what_is_left_after_the_cuts_is_what_the_checkout_takes_off(share, floors, most, prices):
    lines = [
        BasketLine(str(number), price, Decimal(1), f"S{number}", "Nord" if number % 2 else "Roast",
                   cost_minor=cost)
        for number, (price, cost) in enumerate(prices)
    ]  # fmt: skip
    limits = Limits(floors, [Agreement(2, "Nord", True, most)])
    one = offer(replace(HALF, share=share))

    trims = trim_alone(basket(*lines), one, NOON, limits)

    off = evaluate_candidates(basket(*lines), [Ask(one)], Buyer(), NOON, limits=limits).by_line
    left: dict[str, int] = {}
    for trim in trims:
        assert trim.from_minor > trim.to_minor >= 0
        assert left.get(trim.key, trim.from_minor) == trim.from_minor
        left[trim.key] = trim.to_minor
    assert {key: off.get(key, 0) for key in left} == left
