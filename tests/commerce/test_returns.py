"""What came back is told as a sum, and kept as a sum and as steps."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from commerce.models import Purchase, PurchaseLine, PurchaseProblem, Return
from commerce.operations import sync_purchases
from commerce.policies.returns import returned_minor
from tests.factories.commerce import line, snapshot

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
BACK_AT = AT - timedelta(days=1)


def sync(*snapshots):
    return [(result.outcome.value, result.problem) for result in sync_purchases(snapshots, at=AT)]


def steps():
    return list(
        Return.objects.order_by("revision", "line_key").values_list("line_key", "quantity", "amount_minor")
    )


@pytest.mark.parametrize(
    ("sold", "quantity", "returned", "amount"),
    [
        (1000, 2, 1, 500),
        (1000, 3, 1, 333),
        (1000, 3, 2, 667),
        (1000, 3, 3, 1000),
        (5, 2, 1, 3),
        (0, 2, 1, 0),
        (7, 0, 0, 0),
    ],
)
def test_a_quantity_without_an_amount_counts_pro_rata(sold, quantity, returned, amount):
    assert (
        returned_minor(sold_minor=sold, quantity=quantity, returned_quantity=returned, returned_minor=None)
        == amount
    )


def test_a_weighed_quantity_counts_pro_rata():
    half = returned_minor(
        sold_minor=499, quantity=Decimal("0.250"), returned_quantity=Decimal("0.125"), returned_minor=None
    )

    assert half == 250


def test_an_amount_decides_over_a_quantity():
    assert returned_minor(sold_minor=1000, quantity=2, returned_quantity=2, returned_minor=400) == 400


def test_many_small_returns_are_kept_as_steps_that_sum_to_what_is_told(web):
    for as_of, returned in enumerate([0, 1, 2, 3], start=1):
        sync(snapshot(as_of=as_of, lines=[line(quantity=3, returned_quantity=returned, returned_at=BACK_AT)]))

    assert steps() == [("1", 1, 333), ("1", 1, 334), ("1", 1, 333)]
    assert PurchaseLine.objects.get().returned_quantity == 3
    assert set(Return.objects.values_list("returned_at", flat=True)) == {BACK_AT}


def test_a_return_that_is_undone_is_a_step_back(web):
    sync(snapshot(as_of=1, lines=[line(returned_quantity=2)]), snapshot(as_of=2))

    assert steps() == [("1", 2, 1000), ("1", -2, -1000)]
    assert PurchaseLine.objects.get().returned_quantity == 0


def test_a_price_corrected_after_a_return_moves_what_came_back_with_it(web):
    sync(snapshot(as_of=1, lines=[line(returned_quantity=1)]))

    sync(snapshot(as_of=2, lines=[line(sold_minor=800, returned_quantity=1)]))

    assert steps() == [("1", 1, 500), ("1", 0, -100)]


def test_removing_a_line_takes_its_return_back(web):
    sync(snapshot(as_of=1, lines=[line("1"), line("2", returned_quantity=1)]), snapshot(as_of=2))

    assert steps() == [("2", 1, 500), ("2", -1, -500)]


def test_money_given_back_without_a_line_is_a_step_without_a_line(web):
    sync(snapshot(as_of=1, refunded_minor=300), snapshot(as_of=2, refunded_minor=700))

    assert Purchase.objects.get().refunded_minor == 700
    assert steps() == [("", 0, 300), ("", 0, 400)]


@pytest.mark.parametrize(
    ("told", "detail"),
    [
        (
            {"lines": [line(returned_quantity=3)]},
            {"line": "1", "sold_minor": 1000, "returned_minor": 1500},
        ),
        (
            {"lines": [line(returned_minor=1001)]},
            {"line": "1", "sold_minor": 1000, "returned_minor": 1001},
        ),
        (
            {"lines": [line(returned_minor=600)], "refunded_minor": 401},
            {"sold_minor": 1000, "returned_minor": 600, "refunded_minor": 401},
        ),
        (
            {"lines": [], "refunded_minor": 1},
            {"sold_minor": 0, "returned_minor": 0, "refunded_minor": 1},
        ),
    ],
)
def test_more_back_than_sold_is_refused_and_listed(web, told, detail):
    sync(snapshot(as_of=1))

    outcome = sync(snapshot(as_of=2, **told))

    assert outcome == [("refused", "over_return")]
    assert (Purchase.objects.get().revision, steps()) == (1, [])
    assert PurchaseProblem.objects.get().detail == detail


def test_all_that_was_sold_may_come_back(web):
    sync(snapshot(as_of=1))

    outcome = sync(snapshot(as_of=2, lines=[line(returned_minor=600)], refunded_minor=400))

    assert outcome == [("changed", "")]
    assert steps() == [("", 0, 400), ("1", 0, 600)]
