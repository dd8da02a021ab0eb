"""What "on that day" means, at the ends of months, in leap years and when the clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.policies.calendar import (
    add_months,
    end_of_day,
    end_of_month,
    local_date,
    next_calendar_day,
    start_of_day,
)

BERLIN, NEW_YORK, AUCKLAND = (
    ZoneInfo("Europe/Berlin"),
    ZoneInfo("America/New_York"),
    ZoneInfo("Pacific/Auckland"),
)
INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("anchor", "months", "reached"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 31), 2, date(2026, 3, 31)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2026, 12, 31), 1, date(2027, 1, 31)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 5, 15), 0, date(2026, 5, 15)),
    ],
)
def test_months_are_counted_from_the_anchor_and_stay_inside_the_month(anchor, months, reached):
    assert add_months(anchor, months) == reached


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 240))
def test_counting_months_never_skips_a_month(anchor, months):
    reached = add_months(anchor, months)

    assert (reached.year * 12 + reached.month) - (anchor.year * 12 + anchor.month) == months
    assert reached.day == min(anchor.day, end_of_month(reached).day)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (BERLIN, date(2026, 3, 29), 23),
        (BERLIN, date(2026, 10, 25), 25),
        (BERLIN, date(2026, 6, 1), 24),
        (NEW_YORK, date(2026, 3, 8), 23),
        (NEW_YORK, date(2026, 11, 1), 25),
        (AUCKLAND, date(2026, 4, 5), 25),
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(zone, day, hours):
    assert end_of_day(day, zone) - start_of_day(day, zone) == timedelta(hours=hours)


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, AUCKLAND])
@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25), date(2024, 2, 29)])
def test_a_day_holds_its_first_instant_and_not_its_end(zone, day):
    start, end = start_of_day(day, zone), end_of_day(day, zone)

    assert [local_date(moment, zone) for moment in (start, end - INSTANT)] == [day, day]
    assert local_date(start - INSTANT, zone) == day - timedelta(days=1)
    assert local_date(end, zone) == day + timedelta(days=1)


def test_one_instant_is_two_dates_in_two_zones():
    moment = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)

    assert [local_date(moment, zone) for zone in (NEW_YORK, BERLIN)] == [date(2026, 3, 3), date(2026, 3, 4)]


@pytest.mark.parametrize(
    ("day", "month", "day_of_month", "found"),
    [
        (date(2026, 12, 31), 12, 31, date(2026, 12, 31)),
        (date(2027, 1, 1), 12, 31, date(2027, 12, 31)),
        (date(2026, 1, 1), 2, 29, date(2026, 2, 28)),
        (date(2028, 1, 1), 2, 29, date(2028, 2, 29)),
        (date(2026, 3, 1), 2, 29, date(2027, 2, 28)),
        (date(2026, 5, 1), 4, 31, date(2027, 4, 30)),
    ],
)
def test_a_calendar_day_is_found_on_or_after(day, month, day_of_month, found):
    assert next_calendar_day(day, month, day_of_month) == found
