"""No combination of coupons takes goods below the floors that the shop set, or further than was agreed."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.policies.basket import Basket, BasketLine, Reduction
from coupons.policies.margin import (
    Agreement,
    Cut,
    CutReason,
    Floor,
    FloorScope,
    Guard,
    Remedy,
    is_excluded,
)
from coupons.policies.plans import Plan

pytestmark = pytest.mark.once

MUG = BasketLine("mug", 2000, sku="MUG", brand="Nord", cost_minor=1400)
BEANS = BasketLine("beans", 1000, sku="BEANS", brand="Roast", cost_minor=400)
EVERYWHERE = Floor(1, FloorScope.CHANNEL, "", 1000, Remedy.TRIM)


def guard(*lines, floors=(), agreements=(), reductions=(), stages=None):
    basket = Basket("web", "EUR", lines, reductions=reductions)
    return Guard(basket, basket.to_pay(), floors, agreements, stages or {})


def test_a_discount_above_the_floor_stays_as_it_is():
    kept = guard(MUG, BEANS, floors=[EVERYWHERE]).keep(Plan({7: {"mug": 200, "beans": 100}}))

    assert (kept.plan.off, kept.cuts) == ({7: {"mug": 200, "beans": 100}}, ())


def test_a_discount_is_cut_to_the_cent_where_the_floor_is_and_the_thinnest_piece_is_named():
    # Half of 3,000 is paid; 1,800 of cost and a tenth kept ask for 2,000.
    kept = guard(MUG, BEANS, floors=[EVERYWHERE]).keep(Plan({7: {"mug": 1000, "beans": 500}}))

    assert kept.plan.off == {7: {"mug": 500, "beans": 500}}
    assert kept.cuts == (Cut(7, "mug", 500, CutReason.FLOOR, 1),)


def test_the_coupon_that_comes_last_gives_way_first_whatever_order_somebody_typed():
    plan = {7: {"mug": 600}, 8: {"mug": 400}, 9: {"beans": 500}}
    stages = {7: 3, 8: 2, 9: 2}

    kept = guard(MUG, BEANS, floors=[EVERYWHERE], stages=stages).keep(Plan(plan))
    other = guard(MUG, BEANS, floors=[EVERYWHERE], stages=stages).keep(Plan(dict(reversed(plan.items()))))

    assert kept.plan.off == {7: {"mug": 100}, 8: {"mug": 400}, 9: {"beans": 500}}
    assert other.plan.off == kept.plan.off


def test_a_floor_that_refuses_lets_every_coupon_on_those_goods_go_whole():
    floor = Floor(3, FloorScope.BRAND, "nord", 2500, Remedy.REFUSE)

    kept = guard(MUG, BEANS, floors=[floor]).keep(Plan({7: {"mug": 200, "beans": 100}, 8: {"beans": 50}}))

    assert kept.plan.off == {8: {"beans": 50}}
    assert [(cut.coupon_id, cut.key, cut.amount_minor) for cut in kept.cuts] == [
        (7, "mug", 200),
        (7, "beans", 100),
    ]


def test_tax_is_none_of_the_shops_money():
    # 2,000 with a fifth of tax within brings 1,600; a tenth kept asks for 1,555.56 of net, 1,944.45 paid.
    taxed = BasketLine("mug", 2000, brand="Nord", cost_minor=1400, tax_minor=400)

    kept = guard(taxed, floors=[EVERYWHERE]).keep(Plan({7: {"mug": 500}}))

    assert kept.plan.off == {7: {"mug": 55}}


def test_goods_of_unknown_cost_are_said_and_no_floor_is_kept_for_them():
    unknown = BasketLine("box", 3000)
    guarded = guard(MUG, unknown, floors=[EVERYWHERE])

    kept = guarded.keep(Plan({7: {"box": 3000, "mug": 2000}}))

    assert guarded.list_unknown() == ["box"]
    assert kept.plan.off == {7: {"box": 3000, "mug": 444}}
    assert guard(unknown).list_unknown() == []


def test_a_floor_of_a_coupon_speaks_of_what_that_coupon_takes_something_off():
    floor = Floor(4, FloorScope.COUPON, "7", 3000, Remedy.TRIM)

    kept = guard(MUG, BEANS, floors=[floor]).keep(Plan({7: {"beans": 900}, 8: {"mug": 1900}}))

    # 400 of cost and three tenths kept ask for 571.43.
    assert kept.plan.off == {7: {"beans": 428}, 8: {"mug": 1900}}


def test_a_floor_of_one_channel_says_nothing_in_another():
    floor = Floor(5, FloorScope.CHANNEL, "store", 9000, Remedy.TRIM)

    assert guard(MUG, floors=[floor]).keep(Plan({7: {"mug": 2000}})).plan.off == {7: {"mug": 2000}}


def test_what_comes_off_by_other_means_is_paid_for_by_the_channels_floor():
    points = Reduction("points", 300, cost_minor=0)
    earned = Reduction("points_earned", 0, cost_minor=60)

    kept = guard(BEANS, floors=[EVERYWHERE], reductions=(points, earned)).keep(Plan({7: {"beans": 400}}))

    # 700 are left to pay after the points; 460 of cost and a tenth kept ask for 511.12 of them.
    assert kept.plan.off == {7: {"beans": 188}}


def test_goods_that_the_shop_itself_sells_too_cheaply_get_nothing_off():
    thin = BasketLine("mug", 1400, cost_minor=1400)

    assert guard(thin, floors=[EVERYWHERE]).keep(Plan({7: {"mug": 100}})).plan.off == {}


@pytest.mark.parametrize(
    ("agreement", "off"),
    [
        (Agreement(2, "NORD", allows_coupons=False), {8: {"beans": 500}}),
        (Agreement(2, "Nord", allows_coupons=True, most_share=1500), {7: {"mug": 300}, 8: {"beans": 500}}),
        (Agreement(2, "Nord", allows_coupons=True), {7: {"mug": 900}, 8: {"beans": 500}}),
    ],
)
def test_an_agreement_keeps_coupons_from_a_brand_or_caps_them(agreement, off):
    kept = guard(MUG, BEANS, agreements=[agreement]).keep(Plan({7: {"mug": 900}, 8: {"beans": 500}}))

    assert kept.plan.off == off
    assert is_excluded(MUG, [agreement]) is not agreement.allows_coupons
    assert not is_excluded(BEANS, [agreement])


def test_what_is_left_above_the_floor_is_the_room_for_points():
    guarded = guard(MUG, BEANS, floors=[EVERYWHERE])

    assert guarded.room_minor(Plan()) == 1000
    assert guarded.room_minor(Plan({7: {"mug": 900}})) == 100
    assert guarded.room_minor(Plan({7: {"mug": 1900}})) == 0
    assert guard(MUG).room_minor(Plan()) is None


amounts = st.integers(1, 5000)
lines = st.lists(
    st.tuples(amounts, st.none() | amounts, st.integers(0, 100), st.sampled_from(["Nord", "Roast", ""])),
    min_size=1,
    max_size=5,
)
floors = st.lists(
    st.tuples(
        st.sampled_from([("brand", "Nord"), ("coupon", "7"), ("coupon", "8"), ("channel", "web")]),
        st.integers(0, 9000),
        st.sampled_from(Remedy),
    ),
    max_size=4,
)


@st.composite
def guarded_plans(draw):
    told = draw(lines)
    goods = [
        BasketLine(f"{n}", amount, brand=brand, cost_minor=cost, tax_minor=amount * tax // 200)
        for n, (amount, cost, tax, brand) in enumerate(told)
    ]
    made = [
        Floor(n, FloorScope(scope), name, share, remedy)
        for n, ((scope, name), share, remedy) in enumerate(draw(floors))
    ]
    left = {line.key: line.amount_minor for line in goods}
    off: dict[int, dict[str, int]] = {}
    for coupon_id in (7, 8, 9):
        for key in left:
            if taken := draw(st.integers(0, left[key])):
                off.setdefault(coupon_id, {})[key] = taken
                left[key] -= taken
    return guard(*goods, floors=made), Plan(off)


@given(guarded_plans())
def test_whatever_is_taken_off_in_the_end_keeps_every_floor_and_never_grows(guarded_and_plan):
    guarded, plan = guarded_and_plan

    kept = guarded.keep(plan)

    for coupon_id, by_line in plan.off.items():
        for key, amount in by_line.items():
            cut = sum(one.amount_minor for one in kept.cuts if (one.coupon_id, one.key) == (coupon_id, key))
            assert kept.plan.off.get(coupon_id, {}).get(key, 0) == amount - cut
            assert 0 <= cut <= amount
    for floor in guarded.floors:
        off = {
            line.key: sum(one.get(line.key, 0) for one in kept.plan.off.values())
            for line in guarded.basket.lines
        }
        spoken = [
            line
            for line in guarded.basket.lines
            if line.cost_minor is not None
            and (
                floor.scope is FloorScope.CHANNEL
                or (floor.scope is FloorScope.BRAND and line.brand == floor.name)
                or (floor.scope is FloorScope.COUPON and line.key in plan.off.get(int(floor.name), {}))
            )
        ]
        if not any(off[line.key] for line in spoken):
            continue  # nothing is taken off: the price is the shop's own
        net = sum(
            Fraction(
                (line.amount_minor - off[line.key]) * (line.amount_minor - line.tax_minor), line.amount_minor
            )
            for line in spoken
        )
        assert net * (10_000 - floor.share) / 10_000 >= sum(line.cost_minor for line in spoken)


@given(guarded_plans())
def test_what_a_coupon_gets_alone_is_the_most_that_it_gets_together_with_others(guarded_and_plan):
    guarded, plan = guarded_and_plan
    alone = {one: guarded.keep(Plan({one: by_line})).plan.total_minor for one, by_line in plan.off.items()}

    together = guarded.keep(plan).plan

    for coupon_id, by_line in together.off.items():
        assert sum(by_line.values()) <= alone[coupon_id]
