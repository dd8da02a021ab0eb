"""How much the best customers bring, and what they are like beside all others."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from backstage.policies import SHOP
from commerce.models import Customer, Identity
from commerce.operations.customers import merge_customers
from commerce.policies.portrait import Share, Trait
from commerce.policies.revenue_curve import CurvePoint, RevenueCurve, propose
from commerce.policies.segments import Period
from commerce.policies.snapshot import LineSnapshot
from commerce.queries.portrait import get_portrait
from commerce.queries.revenue_curve import get_revenue_curve
from tests.commerce.segments import AT, bought, days_ago, names_in, where
from tests.factories.commerce import ChannelFactory

UTC = ZoneInfo("UTC")
YEAR = Period(count=12, unit="months")


@pytest.fixture(autouse=True)
def shop(db):
    ChannelFactory()


def curve():
    return get_revenue_curve(currency="EUR", period=YEAR, zone=UTC, at=AT)


def portrait(percent):
    return get_portrait(currency="EUR", period=YEAR, percent=percent, zone=UTC, at=AT)


def customer(name):
    return Identity.objects.get(kind="external_id", value=name).customer


def test_the_curve_says_what_the_first_so_many_per_cent_bring(django_assert_num_queries):
    for number, minor in enumerate((5000, 2500, 1500, 1000)):
        bought(f"c{number}", minor)

    with django_assert_num_queries(1):
        found = curve()

    assert (found.customers, found.revenue_minor) == (4, 10_000)
    assert list(found.points) == [
        CurvePoint(1, 1, 5000, 5000),
        CurvePoint(26, 2, 7500, 2500),
        CurvePoint(51, 3, 9000, 1500),
        CurvePoint(76, 4, 10_000, 1000),
    ]
    assert (found.share(0), found.share(1), found.share(25), found.share(30), found.share(100)) == (
        0,
        50,
        50,
        75,
        100,
    )


def test_a_point_of_the_curve_has_as_many_as_the_condition_of_a_segment_has():
    for number in range(7):
        bought(f"c{number}", 1000 + number)

    for percent in (1, 14, 15, 29, 50, 99, 100):
        condition = where(
            "top_revenue", percent=percent, currency="EUR", period={"last": 12, "unit": "months"}
        )
        assert curve().at(percent).customers == len(names_in(condition))


def test_returns_other_currencies_other_days_and_cancelled_orders_are_not_on_the_curve():
    bought(
        "kept",
        1000,
        lines=(LineSnapshot(key="1", sku="A", name="A", quantity=2, sold_minor=1000, returned_quantity=1),),
    )
    bought("abroad", 9000, currency="USD")
    bought("long ago", 9000, on=days_ago(500))
    bought("cancelled", 9000, status="cancelled")

    assert (curve().customers, curve().revenue_minor) == (1, 500)


def test_who_was_merged_counts_for_the_survivor():
    bought("alice", 1000)
    bought("alicia", 700)
    merge_customers(source=customer("alicia").pk, target=customer("alice").pk, at=AT, by=SHOP)

    assert list(curve().points) == [CurvePoint(1, 1, 1700, 1700)]


def test_a_shop_without_orders_has_no_curve_and_nothing_is_proposed():
    proposal = propose(curve())

    assert (curve().customers, proposal.percent, proposal.is_small) == (0, 0, True)
    assert curve().values() == [0] * 101


def drawn(*minors):
    """The curve of one customer for each per cent, with so much each."""
    reached, points = 0, []
    for number, minor in enumerate(minors, start=1):
        reached += minor
        points.append(CurvePoint(number, number, reached, minor))
    return RevenueCurve("EUR", len(minors), reached, points)


def test_the_fewest_who_bring_half_are_proposed():
    proposal = propose(drawn(*[100] * 6, *[5] * 4, *[6] * 90))

    assert (proposal.percent, proposal.share, proposal.bend) == (6, 52, 6)
    assert (proposal.is_flat, proposal.is_small) == (False, False)


def test_customers_who_are_all_alike_are_said_to_be():
    proposal = propose(drawn(*[10] * 100))

    assert (proposal.percent, proposal.is_flat) == (50, True)


def test_a_handful_of_customers_makes_no_curve():
    assert propose(drawn(*[10] * 19)).is_small
    assert not propose(drawn(*[10] * 20)).is_small


# -- the portrait --------------------------------------------------------------------------------------------


def fill(best=12, others=28):
    """Some who spend much on beans on Mondays in the store, others who bought a mug once on the web."""
    ChannelFactory(key="store", name="Store", kind="store")
    beans = LineSnapshot(
        key="1",
        sku="BEANS",
        name="Beans",
        brand="Solberg",
        category_path="coffee",
        quantity=1,
        sold_minor=5000,
    )
    mug = LineSnapshot(
        key="1", sku="MUG", name="Mug", brand="Krus", category_path="mugs", quantity=1, sold_minor=900
    )
    for number in range(best):
        for week in (1, 5):
            bought(f"best{number}", lines=(beans,), channel="store", on=days_ago(1 + 7 * week))
    for number in range(others):
        bought(f"other{number}", lines=(mug,), on=days_ago(3))
    everybody = Customer.objects.order_by("pk")
    for nth, row in enumerate(everybody):
        is_best = row.name.startswith("best")
        row.place = "Oslo" if is_best or nth % 2 else "Bergen"
        row.birth_date = date(1980, 1, 1) if is_best else None
        row.save()


def test_the_best_stand_beside_all_who_bought(django_assert_num_queries):
    fill()

    with django_assert_num_queries(1):
        found = portrait(30)

    assert (found.best.customers, found.everybody.customers) == (12, 40)
    assert (found.best.average_order_minor, found.everybody.average_order_minor) == (5000, 2792)
    assert (found.best.orders_tenths(found.days), found.best.days_between) == (20, 28)
    assert found.shares[Trait.CATEGORY] == [Share("coffee", 100, 30)]
    assert found.shares[Trait.PRODUCT] == [Share("Beans", 100, 30)]
    assert found.shares[Trait.BRAND] == [Share("Solberg", 100, 30)]
    assert found.shares[Trait.CHANNEL] == [Share("Store", 100, 46)]
    assert found.shares[Trait.WEEKDAY] == [Share("1", 100, 46)]
    assert found.shares[Trait.PLACE] == [Share("Oslo", 100, 65)]
    assert found.shares[Trait.AGE] == [Share("45", 100, 100)]
    assert found.untold == []


def test_too_few_of_the_best_are_not_described(django_assert_num_queries):
    fill(best=9)

    with django_assert_num_queries(1):
        found = portrait(24)

    assert (found.best.customers, found.is_too_small, found.shares) == (9, True, {})


def test_what_is_known_of_too_few_is_not_told():
    fill()
    Customer.objects.filter(name__in=[f"best{number}" for number in range(3)]).update(
        place="", birth_date=None
    )

    assert portrait(30).untold == [Trait.PLACE, Trait.AGE]


def test_what_only_two_of_the_best_have_in_common_is_left_out():
    fill()
    Customer.objects.filter(name__in=["best0", "best1"]).update(place="Tromsø")

    assert [share.name for share in portrait(30).shares[Trait.PLACE]] == ["Oslo"]
