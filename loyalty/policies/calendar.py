"""Dates as the programme's time zone sees them: windows, expiry days, months counted from an anchor.

Periods are half-open. "Usable until 30 November" is stored as the first instant of 1 December in the
programme's zone, so `at < usable_until` answers at every instant, also on days of 23 or 25 hours.
"""

from calendar import monthrange
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


def local_date(at: datetime, zone: ZoneInfo) -> date:
    """Name the calendar day that `at` falls on in `zone`."""
    return at.astimezone(zone).date()


@lru_cache(maxsize=4096)
def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Give the first instant of `day` in `zone`, as UTC. Kept, because many points share their days."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(ZoneInfo("UTC"))


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Give the first instant after `day` in `zone`, as UTC: the exclusive bound of that day."""
    return start_of_day(day + timedelta(days=1), zone)


@lru_cache(maxsize=4096)
def add_months(anchor: date, months: int) -> date:
    """Count months from the anchor date and stay inside the month reached.

    31 January + 1 month = 28 February, + 2 months = 31 March: counting always starts at the anchor, because
    chained months drift (31 January + 1 + 1 would end on 28 March).
    """
    index = anchor.year * 12 + anchor.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(anchor.day, monthrange(year, month + 1)[1]))


def end_of_month(day: date) -> date:
    """Name the last day of the month that `day` is in."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def next_calendar_day(day: date, month: int, day_of_month: int) -> date:
    """Find the first `month`/`day_of_month` on or after `day`; 29 February is 28 February in other years."""
    for year in (day.year, day.year + 1):
        candidate = date(year, month, min(day_of_month, monthrange(year, month)[1]))
        if candidate >= day:
            return candidate
    raise AssertionError("a calendar day comes round within a year")
