"""The baskets that people buy: the most common first, before coupons, with what their goods cost the shop."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.policies.basket import Basket, BasketLine
from commerce.policies.goods import Goods, may_share
from commerce.policies.recorded_baskets import RecordedBasket, count_alike, find_typical
from commerce.queries.recorded_baskets import get_recorded_baskets
from tests.factories.commerce import ChannelFactory, ProductFactory, PurchaseFactory, PurchaseLineFactory

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def basket(*lines, orders=1):
    told = tuple(
        BasketLine(str(number), amount, Decimal(pieces), sku)
        for number, (sku, pieces, amount) in enumerate(lines)
    )
    return RecordedBasket(Basket("web", "EUR", told), orders)


def test_the_same_goods_are_one_basket_whatever_they_cost_and_in_whatever_order():
    newest, older = basket(("A", 1, 300), ("B", 2, 500)), basket(("B", 2, 400), ("A", 1, 250))
    other = basket(("A", 2, 600))

    found = count_alike([newest, other, older])

    assert [(one.orders, one.goods_minor) for one in found] == [(2, 800), (1, 600)]


def test_a_typical_basket_is_the_one_in_the_middle_of_all_orders():
    cheap, middle, dear = (
        basket(("A", 1, 100), orders=2),
        basket(("B", 1, 500), orders=2),
        basket(("C", 1, 9000)),
    )

    assert find_typical([dear, cheap, middle]) == middle
    assert find_typical([]) is None


def test_what_is_kept_of_a_line_is_after_tax_and_cost_and_unknown_where_the_cost_is():
    line = BasketLine("1", 1250, Decimal(1), "A", cost_minor=600, tax_minor=250)
    one = RecordedBasket(Basket("web", "EUR", (line,)), 1)

    assert (one.kept_minor(line), one.kept_minor(line, 125), one.kept_minor(line, 1250)) == (400, 300, -600)
    assert one.kept_minor(BasketLine("2", 500)) is None


@pytest.mark.parametrize(
    ("one", "other", "shares"),
    [
        (None, Goods(skus=frozenset("A")), True),
        (Goods(skus=frozenset("A")), Goods(skus=frozenset("B")), False),
        (Goods(skus=frozenset("AB")), Goods(skus=frozenset("BC")), True),
        (Goods(category_paths=("Coffee",)), Goods(category_paths=("Coffee/Beans",)), True),
        (Goods(category_paths=("Coffee",)), Goods(category_paths=("Coffeepots",)), False),
        (Goods(brands=frozenset({"Kaffe"})), Goods(skus=frozenset("A")), True),
    ],
)
def test_goods_are_apart_only_where_both_are_named_in_one_way(one, other, shares):
    assert may_share(one, other) is may_share(other, one) is shares


# -- read from orders ----------------------------------------------------------------------------------------


def buy(sku="A", pieces=1, sold_minor=1000, *, days_ago=1, currency="EUR", codes=(), **line):
    purchase = PurchaseFactory(
        placed_at=NOON - days_ago * DAY, currency=currency, codes=list(codes), channel=ChannelFactory()
    )
    PurchaseLineFactory(purchase=purchase, key="1", sku=sku, quantity=pieces, sold_minor=sold_minor, **line)
    return purchase


@pytest.mark.django_db
def test_the_most_common_baskets_of_ninety_days_come_first_in_the_usual_currency():
    for days_ago in (1, 2, 3):
        buy("A", days_ago=days_ago)
    buy("B", sold_minor=5000)
    buy("A", currency="SEK")
    buy("OLD", days_ago=91)
    cancelled = buy("A", days_ago=1)
    cancelled.status = "cancelled"
    cancelled.save()

    found = get_recorded_baskets(NOON)

    assert [(one.orders, one.basket.lines[0].sku) for one in found.baskets] == [(3, "A"), (1, "B")]
    assert (found.typical, found.orders, found.days) == (found.baskets[0], 4, 3)
    assert [one.orders for one in get_recorded_baskets(NOON, currency="SEK").baskets] == [1]
    assert get_recorded_baskets(NOON, channels=["store"]).baskets == []


@pytest.mark.django_db
def test_what_codes_took_off_is_put_back_and_what_the_shop_reduced_stays_reduced():
    buy("A", sold_minor=800, discount_minor=200, codes=["BEANS20"], tax_minor=80)
    buy("B", sold_minor=700, discount_minor=300, days_ago=2)

    by_sku = {one.basket.lines[0].sku: one for one in get_recorded_baskets(NOON).baskets}

    coded, reduced = by_sku["A"], by_sku["B"]
    assert (coded.basket.lines[0].amount_minor, coded.basket.lines[0].is_reduced) == (1000, False)
    assert coded.basket.lines[0].tax_minor == 100
    assert (reduced.basket.lines[0].amount_minor, reduced.basket.lines[0].is_reduced) == (700, True)


@pytest.mark.django_db
def test_cost_and_stock_come_from_the_article_where_the_line_has_none_and_unknown_stays_unknown():
    ProductFactory(sku="A", cost_minor=300, stock=7)
    ProductFactory(sku="SEK", cost_minor=300, currency="SEK")
    buy("A", pieces=2)
    buy("A", pieces=3, cost_minor=111)
    buy("SEK")
    buy("B")
    purchase = buy("C")
    PurchaseLineFactory(purchase=purchase, key="shipping", sku="", sold_minor=490, is_goods=False)

    costs = {
        (line.sku, int(line.quantity)): (line.cost_minor, line.stock, one.basket.shipping_minor)
        for one in get_recorded_baskets(NOON).baskets
        for line in one.basket.lines
    }

    assert costs == {
        ("A", 2): (600, 7, 0),
        ("A", 3): (111, 7, 0),
        ("SEK", 1): (None, None, 0),
        ("B", 1): (None, None, 0),
        ("C", 1): (None, None, 490),
    }


@pytest.mark.django_db
def test_many_orders_take_as_many_statements_as_one():
    def statements():
        with CaptureQueriesContext(connection) as seen:
            get_recorded_baskets(NOON)
        return len(seen)

    buy()
    one = statements()
    for number in range(20):
        buy(f"SKU{number}")

    assert (one, statements()) == (3, 3)
