"""What the owner reads before a coupon is saved: what it does to orders, and what it collides with."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.models import PurchaseLine
from coupons.models import Coupon, CouponVersion, MarginFloor
from coupons.policies.collisions import Collision, CollisionKind
from coupons.queries.coupon_preview import list_similar, preview_coupon
from coupons.registry import CollisionCheck, PreviewLine, collision_checks, coupon_previews
from tests.factories.commerce import ChannelFactory, PurchaseFactory, PurchaseLineFactory
from tests.factories.coupons import (
    LONG_AGO,
    NOON,
    BrandAgreementFactory,
    CodeFactory,
    CouponFactory,
    CouponVersionFactory,
    MarginFloorFactory,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def sell(name, sold_minor, cost_minor, times=1):
    for _ in range(times):
        purchase = PurchaseFactory(placed_at=NOON - DAY, channel=ChannelFactory())
        PurchaseLineFactory(
            purchase=purchase, key="1", sku=name.upper(), name=name, quantity=1, sold_minor=sold_minor,
            cost_minor=cost_minor,
        )  # fmt: skip


def think(code="", *, own=None, **terms):
    coupon = Coupon(
        **{
            "name": "Beans",
            "currency": "EUR",
            "time_zone": "Europe/Oslo",
            "starts_at": NOON + DAY,
            "ends_at": NOON + 31 * DAY,
            "created_at": NOON,
            **(own or {}),
        }
    )
    version = CouponVersion(coupon=coupon, number=1, **{"kind": "percent", "percent": 20, **terms})
    return preview_coupon(coupon=coupon, version=version, code=code, at=NOON)


def warnings(told):
    return [(one.kind.value, one.sentence) for one in told.collisions]


def test_the_preview_says_what_is_kept_how_many_orders_make_up_for_it_and_what_it_may_cost():
    sell("Coffee", 350, 122, times=4)

    told = think(own={"limit_total": 300})

    assert list(told.sentences) == [
        "A typical order that gets it pays €2.80 instead of €3.50.",
        "You keep €2.28 → €1.58 (−31%).",
        "You need 44% more orders to earn the same.",
        "Of the last 4 orders, 4 would have got it: €2.80 in all.",
        "If all 300 uses are taken on typical orders: €210.00 given away.",
        "Thinnest product: Coffee, of €2.80 you keep €1.58.",
    ]
    assert (told.collisions, told.needs_tick) == ([], False)


def test_what_is_sold_below_cost_asks_whether_it_is_meant():
    sell("Coffee", 350, 122, times=4)
    sell("Gift mug", 1000, 880)

    told = think()

    assert told.needs_tick
    assert warnings(told) == [("below_cost", "Sold below cost: Gift mug. You lose €0.80 on an order.")]


def test_an_offer_that_runs_by_itself_and_adds_up_is_named_with_both_together():
    sell("Coffee", 350, 30, times=4)
    autumn = CouponFactory(name="Autumn 15%", is_automatic=True, ends_at=NOON + 5 * DAY, is_endless=False)
    CouponVersionFactory(coupon=autumn, percent=15, lane="season")
    CouponVersionFactory(coupon__name="Paused", coupon__state="paused", coupon__paused_at=NOON, lane="x")
    CouponVersionFactory(coupon__name="Same lane", percent=10)

    assert warnings(think()) == [
        ("adds_up", "“Autumn 15%” runs by itself. Together until March 8, 2026: 32% off."),
        ("best_one", "“Same lane” speaks of the same goods. The better one counts: at most 20% off."),
    ]


def test_three_that_add_up_are_told_by_the_worst_basket():
    sell("Coffee", 1000, 100)
    for name, lane in (("Season", "season"), ("Club", "club")):
        CouponVersionFactory(coupon__name=name, percent=10, lane=lane)

    kinds = dict(warnings(think()))

    assert kinds["worst_basket"] == (
        "With everything live, an order of €10.00 gets 35% off, also from: “Season”, “Club”."
    )


def test_together_below_cost_asks_too():
    sell("Coffee", 1000, 750)
    CouponVersionFactory(coupon__name="Season", percent=10, lane="season")

    told = think()

    assert told.needs_tick
    assert warnings(told)[0] == (
        "below_cost",
        "Together with “Season” an order of €10.00 is sold below cost: you lose €0.30.",
    )


def test_a_budget_that_will_not_last_is_said_with_its_days():
    sell("Coffee", 1000, 100, times=5)  # one day of orders, 10.00 off in all

    assert warnings(think(own={"budget_minor": 10_000})) == [
        (
            "over_budget",
            "At the pace of recorded orders it costs €300.00 until its end; €100.00 lasts 10 days.",
        )
    ]


def test_codes_that_people_mistype_or_guess_are_warned_of():
    CodeFactory(code="BEAN20", coupon__name="Old beans")
    CodeFactory(code="BEANS2O", state="void")
    CodeFactory(code="COFFEE")

    assert warnings(think("beans-20")) == [
        ("similar_code", "A code BEAN20 exists (1 letter apart, “Old beans”). Customers will mistype.")
    ]
    assert warnings(think("Test")) == [
        ("reserved_code", "TEST is a code that people try at every shop. Choose one that nobody guesses.")
    ]


@pytest.mark.parametrize(
    "other", ["AB", "ABCD", "XBC", "AXC", "ABX", "BAC", "ACB", "BC", "AC", "XABC", "AXBC"]
)
def test_every_slip_is_found_by_the_database_too(other):
    CodeFactory(code=other)

    assert [row.code for row in list_similar("ABC")] == [other]


def test_a_stored_coupon_does_not_collide_with_itself():
    sell("Coffee", 1000, 100)
    version = CouponVersionFactory(lane="season")
    CodeFactory(coupon=version.coupon, code="BEAN20")

    told = preview_coupon(coupon=version.coupon, version=version, code="BEANS20", at=NOON)

    assert warnings(told) == []


def test_apps_above_add_lines_and_warnings(monkeypatch):
    sell("Coffee", 350, 122)
    line = PreviewLine(
        name="points", say=lambda asked, found: [f"Earns {found.kept.paid_after // 10} points."]
    )
    late = Collision(CollisionKind.MESSAGE, "Newsletter “Beans” goes out after this code ends.")
    check = CollisionCheck(name="news", find=lambda asked: [late])
    monkeypatch.setattr(coupon_previews, "_things", {"points": line})
    monkeypatch.setattr(collision_checks, "_things", {"news": check})

    told = think()

    assert told.sentences[-1] == "Earns 28 points."
    assert list(told.collisions) == [late]


def test_a_floor_that_keeps_a_margin_is_kept_in_the_preview_too():
    sell("Gift mug", 1000, 880)
    MarginFloor.objects.create(scope="channel", channel="web", percent=10, remedy="trim", starts_at=LONG_AGO)

    told = think()

    assert not told.needs_tick
    assert "You keep €1.20 → €0.98 (−18%)." in told.sentences
    assert told.sentences[-1] == (
        "Gift mug: cut from €2.00 to €0.22 off, by the floor of 10 % for whole orders in web. "
        "In 1 of these orders."
    )


def test_an_agreement_that_cuts_is_named_and_a_floor_that_refuses_too():
    sell("Gift mug", 1000, 300, times=2)
    BrandAgreementFactory(brand="Nord", most_percent=15)
    MarginFloorFactory(scope="brand", brand="Nord", percent=80, remedy="refuse")
    PurchaseLine.objects.update(brand="Nord")

    nothing, refused, agreed = think().sentences

    assert nothing == "None of the orders of the last 90 days would have got it."
    assert refused == (
        "Gift mug: cut from €1.50 to €0.00 off, by the floor of 80 % for goods of Nord. "
        "In 2 of these orders, this is the largest cut."
    )
    assert agreed == (
        "Gift mug: cut from €2.00 to €1.50 off, by the agreement on Nord (coupons up to 15 % off). "
        "In 2 of these orders, this is the largest cut."
    )


def test_without_orders_nothing_is_made_up():
    assert list(think().sentences) == ["No orders are recorded in the last 90 days, so nothing can be tried."]


def test_a_preview_takes_as_many_statements_with_many_orders_and_coupons_as_with_few():
    def statements():
        with CaptureQueriesContext(connection) as seen:
            think("BEANS20")
        return len(seen)

    sell("Coffee", 1000, 100)
    CouponVersionFactory(lane="one", starts_at=LONG_AGO)
    few = statements()
    for number in range(12):
        sell(f"Article {number}", 1000, 100)
        CouponVersionFactory(lane=f"lane{number}")

    assert (few, statements()) == (8, 8)
