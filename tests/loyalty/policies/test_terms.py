"""When points of a lot become ready, and until when they can be used."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from loyalty.policies.terms import (
    Clock,
    ExpiryKind,
    LotDates,
    LotEnd,
    PurchaseClock,
    Terms,
    expiry_moment,
    lapse_moment,
    lot_dates,
    lot_end,
    release_moment,
    reprieve_moment,
)

BERLIN = ZoneInfo("Europe/Berlin")


def terms(**changes) -> Terms:
    """14 days to return from the order on; then 12 months."""
    usual = {
        "id": 1,
        "window_days": 14,
        "clock": Clock.ORDER,
        "missing_fact_days": 90,
        "expiry_kind": ExpiryKind.AFTER_RELEASE,
        "expiry_months": 12,
        "expiry_at_month_end": False,
        "expiry_month": 12,
        "expiry_day": 31,
    }
    return Terms(**usual | changes)


def berlin(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=BERLIN).astimezone(UTC)


def test_a_window_ends_as_its_last_day_begins_across_a_change_of_the_clocks():
    ordered = berlin(2026, 3, 20, 18, 30)

    assert release_moment(terms(), ordered, BERLIN) == berlin(2026, 4, 3)


def test_without_a_window_points_are_ready_at_the_order():
    ordered = berlin(2026, 3, 20, 18, 30)

    assert release_moment(terms(window_days=0), ordered, BERLIN) == ordered


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, berlin(2027, 3, 4)),
        ({"expiry_at_month_end": True}, berlin(2027, 4, 1)),
        ({"expiry_kind": ExpiryKind.CALENDAR_DAY}, berlin(2028, 1, 1)),
        ({"expiry_kind": ExpiryKind.CALENDAR_DAY, "expiry_months": 0}, berlin(2027, 1, 1)),
        ({"expiry_kind": ExpiryKind.NEVER}, None),
        ({"expiry_kind": ExpiryKind.INACTIVITY}, None),
    ],
)
def test_points_can_be_used_until_the_day_named_is_over(changes, end):
    assert expiry_moment(terms(**changes), berlin(2026, 3, 3), BERLIN) == end


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, LotEnd(expires_at=berlin(2027, 3, 4))),
        ({"expiry_kind": ExpiryKind.NEVER}, LotEnd()),
        ({"expiry_kind": ExpiryKind.INACTIVITY, "expiry_months": 6}, LotEnd(lapse_months=6)),
    ],
)
def test_a_lot_ends_in_the_way_that_its_terms_have(changes, end):
    assert lot_end(terms(**changes), berlin(2026, 3, 3), BERLIN) == end


def test_points_released_on_the_29th_of_february_end_on_the_28th():
    assert expiry_moment(terms(), berlin(2024, 2, 29), BERLIN) == berlin(2025, 3, 1)


def test_points_lapse_as_the_day_ends_that_is_months_after_the_last_deed():
    assert lapse_moment(1, berlin(2026, 1, 31, 23, 59), BERLIN) == berlin(2026, 3, 1)


def test_a_reprieve_lasts_until_its_last_day_is_over():
    assert reprieve_moment(14, berlin(2026, 3, 20, 23, 59), BERLIN) == berlin(2026, 4, 4)


ORDERED = berlin(2026, 3, 3, 12)
WAITING = terms(clock=Clock.DELIVERY, window_days=3, missing_fact_days=5)


def test_a_lot_waits_for_the_fact_that_its_window_starts_with():
    dates = lot_dates(WAITING, PurchaseClock(ORDERED), BERLIN, at=ORDERED)

    assert dates == LotDates(None, None, "delivery", berlin(2026, 3, 8))


def test_a_lot_whose_fact_is_known_has_its_dates():
    delivered = PurchaseClock(ORDERED, delivered_at=berlin(2026, 3, 5, 9))

    assert lot_dates(WAITING, delivered, BERLIN, at=ORDERED) == LotDates(
        berlin(2026, 3, 8), berlin(2027, 3, 9), "", None
    )


def test_a_lot_that_is_earned_after_the_order_date_stood_in_waits_for_nothing():
    stands_in = berlin(2026, 3, 8)

    before, then = (
        lot_dates(WAITING, PurchaseClock(ORDERED), BERLIN, at=at)
        for at in (stands_in - timedelta(microseconds=1), stands_in)
    )

    assert before.waits_for == "delivery"
    assert then == LotDates(berlin(2026, 3, 11), berlin(2027, 3, 12), "", None)
