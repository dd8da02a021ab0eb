"""What a shop's own purchases say to a forecast, and what they leave unknown."""

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from backstage.policies import SHOP
from commerce.operations.customers import merge_customers
from commerce.policies.snapshot import LineSnapshot
from loyalty.policies.forecast import nearest
from loyalty.queries.assumptions import ShopRecords, get_shop_records
from tests.loyalty.shop import NOON, customer, day, goods, join, open_shop, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def club():
    return open_shop()


def read(programme: Any = None, **other: Any) -> ShopRecords:
    usual = {"currency": "EUR", "programme_id": programme and programme.id, "at": NOON, "days": 90}
    return get_shop_records(**usual | other)


def order(reference: str, *lines: LineSnapshot, days_ago: float = 1, **facts: Any) -> int:
    return tell(reference, *lines, placed_at=day(-days_ago), **facts)


def test_a_shop_without_purchases_knows_nothing(club):
    assert read(club) == ShopRecords(
        days=90,
        orders=0,
        member_orders=0,
        average_order_minor=None,
        monthly_orders=0,
        member_rate=None,
        margin_rate=None,
        cost_known_rate=Fraction(0),
        over_step_rate=None,
        customers=0,
        repeat_rate=None,
        lifetime_value_minor=None,
    )


def test_an_average_order_is_the_goods_that_were_kept(club):
    shipping = goods("shipping", 500, is_goods=False)
    order("1", goods("1", 1000), shipping)
    order("2", goods("1", 700, returned_quantity=1, returned_minor=200), goods("2", 301))
    # The shipping came back, not the goods.
    order("3", goods("1", 600), goods("s", 500, is_goods=False, returned_quantity=2, returned_minor=500))
    # Money back without a line.
    order("4", goods("1", 400), refunded_minor=100)

    records = read(club)

    assert records.orders == 4
    assert records.average_order_minor == nearest(Fraction(1000 + 801 + 600 + 300, 4)) == 675


def test_what_was_called_off_came_back_whole_or_is_of_another_currency_or_time_is_no_order(club):
    order("1", goods("1", 1000), days_ago=89)
    order("cancelled", goods("1", 9000), status="cancelled")
    order("back", goods("1", 9000, returned_quantity=2, returned_minor=9000))
    order("pounds", goods("1", 9000), currency="GBP")
    order("old", goods("1", 9000), days_ago=91)
    order("later", goods("1", 9000), days_ago=-1)

    records = read(club)

    assert (records.orders, records.average_order_minor) == (1, 1000)


def test_orders_a_month_are_counted_over_the_days_asked_for(club):
    order("old", days_ago=400)
    for number in range(60):
        order(str(number), days_ago=1 + number / 2)

    # A month has 365.25 / 12 days.
    assert (read(club).days, read(club).monthly_orders) == (90, 20)
    assert (read(club, days=30).days, read(club, days=30).monthly_orders) == (30, 60)


def test_a_shop_that_is_younger_than_the_period_is_counted_over_its_own_days(club):
    order("first", days_ago=9.5)
    order("second", days_ago=1)

    records = read(club)

    assert (records.days, records.orders, records.monthly_orders) == (10, 2, 6)


def test_members_orders_are_those_that_were_awarded_to_one(club):
    join("alice", club)
    order("1", who="alice")
    for reference in ("2", "3", "4"):
        order(reference, who="bob")

    records = read(club)

    assert (records.member_orders, records.member_rate) == (1, Fraction(1, 4))
    assert read(None).member_rate is None


def test_the_share_of_members_is_unknown_and_not_nothing_while_nobody_is_one(club):
    order("1", who="bob")

    assert read(club).member_rate is None


def test_a_margin_is_what_tax_and_cost_leave_where_the_cost_is_known(club):
    order("1", goods("1", 1000, tax_minor=200, cost_minor=300), goods("2", 3000))
    order("2", goods("1", 1000, tax_minor=100, cost_minor=400))

    records = read(club)

    assert records.margin_rate == Fraction(2000 - 300 - 700, 2000)
    assert records.cost_known_rate == Fraction(2000, 5000)


def test_an_unknown_cost_leaves_the_margin_unknown(club):
    order("1", goods("1", 1000))

    assert (read(club).margin_rate, read(club).cost_known_rate) == (None, 0)


def test_goods_that_cost_nothing_leave_all_of_the_sale(club):
    order("1", goods("1", 1000, cost_minor=0))

    assert (read(club).margin_rate, read(club).cost_known_rate) == (1, 1)


def test_where_tax_does_not_count_all_amounts_are_less_tax(club):
    order("1", goods("1", 1200, tax_minor=200, cost_minor=400), who="alice")
    order("2", goods("1", 600, tax_minor=100, cost_minor=200), who="alice")

    records = read(club, counts_tax=False, step_minor=1000)

    assert records.average_order_minor == 750
    assert records.margin_rate == Fraction(1500 - 600, 1500)
    assert records.lifetime_value_minor == 1500
    assert records.over_step_rate == Fraction(1, 2)
    assert read(club, counts_tax=False, step_minor=1001).over_step_rate == 0


def test_orders_over_a_step_are_counted_among_all_until_there_are_members(club):
    for reference, minor in (("1", 449), ("2", 450), ("3", 451), ("4", 100)):
        order(reference, goods("1", minor), who="bob")

    assert read(club, step_minor=450).over_step_rate == Fraction(1, 2)

    join("alice", club)
    order("5", goods("1", 900), who="alice")

    assert read(club, step_minor=450).over_step_rate == 1
    assert read(club).over_step_rate is None


def test_a_lifetime_is_all_that_known_customers_bought_so_far(club):
    order("1", goods("1", 1000), who="alice", days_ago=300)
    order("2", goods("1", 2000), who="alice")
    order("3", goods("1", 500), who="bob", days_ago=200)
    order("4", goods("1", 4000, returned_quantity=2, returned_minor=4000), who="carol")

    records = read(club)

    assert (records.customers, records.repeat_rate) == (2, Fraction(1, 2))
    assert records.lifetime_value_minor == 1750


def test_customers_who_were_merged_are_one(club):
    for number, who in enumerate(("alice", "alicia", "ally", "bob")):
        order(str(number), goods("1", 1000), who=who)
    for source, target in (("ally", "alicia"), ("alicia", "alice")):
        merge_customers(source=customer(source).id, target=customer(target).id, by=SHOP, at=NOON)

    records = read(club)

    assert (records.customers, records.repeat_rate) == (2, Fraction(1, 2))
    assert records.lifetime_value_minor == 2000


def test_reading_takes_as_many_queries_for_many_orders_as_for_none(club, django_assert_num_queries):
    with django_assert_num_queries(4):
        read(club, step_minor=450)
    join("alice", club)
    for number in range(20):
        order(
            str(number), goods("1", 1000, cost_minor=1), goods("2", 10), who="alice" if number % 2 else "bob"
        )

    with django_assert_num_queries(4):
        records = read(club, step_minor=450)

    assert (records.orders, records.member_orders) == (20, 10)


def test_the_period_begins_to_the_second(club):
    order("older", days_ago=200)
    tell("in", placed_at=NOON - timedelta(days=90))
    tell("out", placed_at=NOON - timedelta(days=90, seconds=1))

    assert read(club).orders == 1
