"""A snapshot refuses what no shop can mean, and says how to say it."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from commerce.operations import ProductSnapshot
from commerce.policies.snapshot import SnapshotError, Who
from tests.factories.commerce import PLACED_AT, line, snapshot, tender


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"sold_minor": 10.0}, "line.sold_minor"),
        ({"sold_minor": True}, "line.sold_minor"),
        ({"sold_minor": "10"}, "line.sold_minor"),
        ({"sold_minor": -1}, "line.sold_minor"),
        ({"sold_minor": 2**53 + 1}, "line.sold_minor"),
        ({"sold_minor": None}, "line.sold_minor"),
        ({"tax_minor": Decimal("1")}, "line.tax_minor"),
        ({"cost_minor": -1}, "line.cost_minor"),
        ({"quantity": 1.5}, "line.quantity"),
        ({"quantity": Decimal("NaN")}, "line.quantity"),
        ({"quantity": Decimal("Infinity")}, "line.quantity"),
        ({"quantity": Decimal("0.0001")}, "line.quantity"),
        ({"quantity": 10**9}, "line.quantity"),
        ({"quantity": -1}, "line.quantity"),
        ({"returned_quantity": True}, "line.returned_quantity"),
        ({"returned_minor": 1.0}, "line.returned_minor"),
        ({"returned_at": datetime(2026, 3, 1)}, "line.returned_at"),  # noqa: DTZ001 (a naive time is the point)
        ({"key": ""}, "line.key"),
        ({"key": 1}, "line.key"),
        ({"key": "x" * 101}, "line.key"),
        ({"name": "a\x00b"}, "line.name"),
        ({"name": "\ud800"}, "line.name"),
        ({"is_goods": "yes"}, "line.is_goods"),
    ],
)
def test_a_line_that_nobody_can_mean_is_refused_by_its_field(told, field):
    with pytest.raises(SnapshotError) as refused:
        line(**told)

    assert refused.value.field == field
    assert refused.value.fix in str(refused.value)


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"currency": "EURO"}, "currency"),
        ({"currency": "XXZ"}, "currency"),
        ({"currency": "eur"}, "currency"),
        ({"currency": None}, "currency"),
        ({"currency": ["EUR"]}, "currency"),
        ({"placed_at": datetime(2026, 3, 1)}, "placed_at"),  # noqa: DTZ001 (a naive time is the point)
        ({"placed_at": "2026-03-01"}, "placed_at"),
        ({"placed_at": None}, "placed_at"),
        ({"placed_at": datetime(9999, 12, 31, tzinfo=UTC)}, "placed_at"),
        ({"as_of": datetime(2026, 3, 1)}, "as_of"),  # noqa: DTZ001 (a naive time is the point)
        ({"as_of": -1}, "as_of"),
        ({"as_of": True}, "as_of"),
        ({"as_of": 1.5}, "as_of"),
        ({"as_of": 2**53 + 1}, "as_of"),
        ({"status": "shipped"}, "status"),
        ({"status": None}, "status"),
        ({"who": None}, "who"),
        ({"reference": ""}, "reference"),
        ({"reference": 10482}, "reference"),
        ({"channel": None}, "channel"),
        ({"refunded_minor": -5}, "refunded_minor"),
        ({"lines": None}, "lines"),
        ({"lines": [{"key": "1"}]}, "lines"),
        ({"lines": [line("1"), line("1")]}, "lines"),
        ({"tenders": [tender("points", 1), tender("points", 2)]}, "tenders"),
        ({"codes": "SPRING"}, "codes"),
        ({"codes": [""]}, "codes"),
    ],
)
def test_a_purchase_that_nobody_can_mean_is_refused_by_its_field(told, field):
    with pytest.raises(SnapshotError) as refused:
        snapshot(**told)

    assert refused.value.field == field
    assert refused.value.fix in str(refused.value)


@pytest.mark.parametrize(
    "told", [{"login": 1.5}, {"login": True}, {"email": None}, {"verified": "email"}, {"verified": {"login"}}]
)
def test_a_person_whom_nobody_can_mean_is_refused(told):
    with pytest.raises(SnapshotError, match=next(iter(told))):
        Who(**told)


@pytest.mark.parametrize("told", [{"kind": "cash"}, {"amount_minor": -1}, {"amount_minor": 1.0}])
def test_a_tender_that_nobody_can_mean_is_refused(told):
    with pytest.raises(SnapshotError, match=next(iter(told))):
        tender(**told)


@pytest.mark.parametrize(
    "told", [{"sku": ""}, {"currency": "EURO"}, {"cost_minor": 1.0}, {"stock": 2.5}, {"stock": 2**31}]
)
def test_a_product_that_nobody_can_mean_is_refused(told):
    with pytest.raises(SnapshotError, match=next(iter(told))):
        ProductSnapshot(**{"sku": "MUG", "name": "Mug", "currency": "EUR"} | told)


def test_a_refusal_names_purchase_line_value_and_fix():
    with pytest.raises(SnapshotError) as refused:
        line("7", sold_minor=12.5)

    assert str(refused.value) == (
        "Line '7': line.sold_minor is 12.5. Give a whole number of minor units, 1250 for 12.50."
    )


def test_a_refusal_never_repeats_what_may_be_a_card_number():
    with pytest.raises(SnapshotError) as refused:
        snapshot(currency="4111 1111 1111 1111")

    assert "4111" not in str(refused.value) + repr(refused.value)


def test_a_snapshot_never_changes_even_if_the_list_does_that_it_was_made_of():
    told = [line("1")]
    made = snapshot(lines=told)

    told.append(line("2"))

    assert made.lines == (line("1"),)


def test_a_snapshot_speaks_of_any_zone():
    assert snapshot(placed_at=PLACED_AT.astimezone()).placed_at == PLACED_AT
