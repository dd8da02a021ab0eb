"""Goods that come back without a purchase being named are looked for where they can have come from."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from backstage.policies import SHOP
from commerce.models import Cancellation, PurchaseLine, PurchaseProblem
from commerce.operations.cancellations import apply_cancellations
from commerce.operations.customers import merge_customers
from commerce.operations.sync import sync_purchases
from commerce.policies.cancellations import CancelledGoods
from commerce.policies.snapshot import Who
from commerce.queries.kept_goods import list_owners
from tests.factories.commerce import ChannelFactory, line, snapshot

MORNING = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def store(db):
    """A store whose till tells the time of its changes."""
    return ChannelFactory(key="store", timed=True)


def bought(reference, hour, *, by="alice", quantity=2, **told):
    """Mugs at 5.00, bought at some hour of the morning."""
    at = MORNING + timedelta(hours=hour)
    lines = told.pop("lines", (line("MUG", quantity=quantity, sold_minor=500 * quantity),))
    who = Who(external_id=by)
    return snapshot(reference, at, channel="store", who=who, placed_at=at, lines=lines, **told)


def cancelled(quantity, hour, *, by="alice", reference="C1", key="MUG"):
    return CancelledGoods(reference, key, "MUG", quantity, by, MORNING + timedelta(hours=hour))


def apply(store, *goods):
    with transaction.atomic():
        return apply_cancellations(channel=store, goods=goods, at=MORNING + timedelta(days=1))


def returned():
    rows = PurchaseLine.objects.order_by("purchase__reference").values_list(
        "purchase__reference", "returned_quantity"
    )
    return {reference: int(quantity) for reference, quantity in rows if quantity}


def test_the_newest_purchase_gives_first_and_older_ones_the_rest(store):
    sync_purchases([bought("1", 0), bought("2", 1), bought("3", 2)], at=MORNING)

    report = apply(store, cancelled(3, 5))

    assert returned() == {"2": 1, "3": 2}
    assert (report.matched, report.unmatched) == (1, 0)


def test_goods_that_were_bought_later_stay(store):
    sync_purchases([bought("1", 0), bought("2", 9)], at=MORNING)

    apply(store, cancelled(2, 5))

    assert returned() == {"1": 2}


def test_an_earlier_cancellation_finds_old_goods_past_newer_ones_of_a_later_one(store):
    sync_purchases([bought("1", 0, quantity=1), bought("2", 2, quantity=9)], at=MORNING)

    report = apply(store, cancelled(1, 1), cancelled(1, 3, reference="C2"))

    assert returned() == {"1": 1, "2": 1}
    assert report.unmatched == 0


@pytest.mark.parametrize("hour", [0, 3])
def test_nobody_gives_what_somebody_else_cancelled(store, hour):
    sync_purchases([bought("1", hour, by="bob")], at=MORNING)

    report = apply(store, cancelled(1, 5), cancelled(1, 5, by="", reference="C2"))

    assert returned() == {}
    assert (report.matched, report.unmatched) == (0, 2)
    assert set(PurchaseProblem.objects.values_list("reference", "kind")) == {
        ("C1", "unmatched_return"),
        ("C2", "unmatched_return"),
    }


def test_a_part_that_is_not_found_is_listed_with_its_number(store):
    sync_purchases([bought("1", 0)], at=MORNING)

    apply(store, cancelled(5, 5))

    assert returned() == {"1": 2}
    assert PurchaseProblem.objects.get().detail == {"sku": "MUG", "quantity": 5, "unmatched": 3}
    assert Cancellation.objects.get().matched_quantity == 2


def test_the_same_document_takes_once(store):
    sync_purchases([bought("1", 0)], at=MORNING)
    apply(store, cancelled(1, 5))

    report = apply(store, cancelled(1, 5))

    assert returned() == {"1": 1}
    assert (report.remembered, report.purchase_ids) == (1, [])


def test_several_returns_of_one_line_add_up(store):
    sync_purchases([bought("1", 0, quantity=3)], at=MORNING)

    for number in range(3):
        apply(store, cancelled(1, 5, reference=f"C{number}"))

    told = PurchaseLine.objects.get()
    assert (int(told.returned_quantity), told.returned_minor) == (3, None)
    assert told.purchase.revision == 4


def test_a_line_whose_returns_came_with_an_amount_gives_its_share_of_the_rest(store):
    lines = (line("MUG", quantity=4, sold_minor=1000, returned_quantity=1, returned_minor=100),)
    sync_purchases([bought("1", 0, lines=lines)], at=MORNING)

    apply(store, cancelled(1, 5))

    assert PurchaseLine.objects.get().returned_minor == 400


def test_who_was_merged_gives_as_well_and_keeps_the_purchase(store):
    sync_purchases([bought("1", 0, by="alice"), bought("2", 1, by="a-1")], at=MORNING)
    owners = list_owners(channel="store", external_ids=["alice", "a-1"])
    merge_customers(source=owners["alice"], target=owners["a-1"], by=SHOP, at=MORNING)

    apply(store, cancelled(4, 5, by="a-1"))

    assert returned() == {"1": 2, "2": 2}
    assert PurchaseLine.objects.get(purchase__reference="1").purchase.customer_id == owners["alice"]


def test_a_cancelled_purchase_gives_nothing_more(store):
    sync_purchases([bought("1", 0, status="cancelled")], at=MORNING)

    assert apply(store, cancelled(1, 5)).unmatched == 1


def test_a_return_of_the_same_minute_is_newer_than_its_purchase(store):
    purchase = bought("1", 0)
    sync_purchases([purchase], at=MORNING)
    apply(store, cancelled(1, 0))

    again = sync_purchases([purchase], at=MORNING)

    assert again[0].outcome == "older"
    assert returned() == {"1": 1}


def test_two_positions_under_one_key_are_a_mistake_and_take_nothing(store):
    sync_purchases([bought("1", 0)], at=MORNING)

    with pytest.raises(ValueError, match="the same key"):
        apply(store, cancelled(1, 5), cancelled(1, 5))

    assert returned() == {}
