"""Which days count towards a level, and how long it lasts; all in whole local days.

A level reached on a day lasts 12 months, through the same day of the next year, and is tested at the end of
it by what was counted after the day on which it was reached. So no purchase carries a level for two years.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from loyalty.policies.calendar import add_months, end_of_day, local_date, start_of_day
from loyalty.policies.tiers.scheme import Scheme, Window

WINDOW_MONTHS = 12
# Where a window has no beginning, no purchase is older than this.
THE_BEGINNING = start_of_day(date(1970, 1, 1), ZoneInfo("UTC"))


@dataclass(frozen=True, slots=True)
class Span:
    """The time in which purchases count: [`starts_at`, `ends_at`)."""

    starts_at: datetime
    ends_at: datetime


def span_of(window: Window, day: date, zone: ZoneInfo, *, through: date | None = None) -> Span:
    """Give the time that counts on a day; with `through`, up to the end of that later day of grace."""
    ends_at = end_of_day(through or day, zone)
    if window is Window.LIFETIME:
        return Span(THE_BEGINNING, ends_at)
    if window is Window.CALENDAR:
        return Span(start_of_day(day.replace(month=1, day=1), zone), ends_at)
    return Span(end_of_day(add_months(day, -WINDOW_MONTHS), zone), ends_at)


def span_at(scheme: Scheme, at: datetime, zone: ZoneInfo) -> Span:
    """Give the time that counts at a moment."""
    return span_of(scheme.window, local_date(at, zone), zone)


def next_test(window: Window, day: date) -> date | None:
    """Say on which day a level is tested that was reached, kept or fallen to on `day`; None is never.

    Levels by the calendar year last to the end of the next year.
    """
    if window is Window.LIFETIME:
        return None
    if window is Window.CALENDAR:
        return date(day.year + 1, 12, 31)
    return add_months(day, WINDOW_MONTHS)


def last_day(scheme: Scheme, tests_on: date) -> date:
    """Give the last day of grace: the last on which a purchase may save a level that is tested on a day."""
    return tests_on + timedelta(days=scheme.grace_days)


def span_of_test(scheme: Scheme, tests_on: date, zone: ZoneInfo) -> Span:
    """Give the time that counts for the test of a day; what is bought in grace counts for it."""
    return span_of(scheme.window, tests_on, zone, through=last_day(scheme, tests_on))
