"""What partner shops owe for points, and which months are settled when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from loyalty.policies.calendar import add_months, local_date, start_of_day

# Prices are for so many points, because a single point costs less than the smallest coin.
PRICED_POINTS = 1000
MOST_PRICE_MINOR = 1_000_000_000
# The job waits so long after a month, so that what happened in it and was told late is still within it.
CLOSING_DELAY_DAYS = 3


class StatementDeed(StrEnum):
    """What happened to points at a partner's channel."""

    ISSUED = "issued"
    TAKEN_BACK = "taken_back"
    REDEEMED = "redeemed"
    GIVEN_BACK = "given_back"


# What the partner pays for counts up, what the partner is paid for counts down.
SIGNS = {
    StatementDeed.ISSUED: 1,
    StatementDeed.TAKEN_BACK: -1,
    StatementDeed.REDEEMED: -1,
    StatementDeed.GIVEN_BACK: 1,
}
# The two that are settled at the price of points issued; the others at that of points redeemed.
OF_ISSUED = (StatementDeed.ISSUED, StatementDeed.TAKEN_BACK)


def amount_minor(points: int, price_minor: int) -> int:
    """Give what so many points come to at a price for 1,000, rounded half up. Units: minor units.

    >>> [amount_minor(points, 5) for points in (99, 100, 300, 1000)]
    [0, 1, 2, 5]
    """
    return (2 * points * price_minor + PRICED_POINTS) // (2 * PRICED_POINTS)


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month as the programme's time zone sees it: [starts_at, ends_at). `on` is its first day."""

    on: date
    starts_at: datetime
    ends_at: datetime


def month_of(day: date, zone: ZoneInfo) -> Month:
    """Give the month that a local day is in."""
    first = day.replace(day=1)
    return Month(first, start_of_day(first, zone), start_of_day(add_months(first, 1), zone))


def months_from(first_at: datetime, until: datetime, zone: ZoneInfo) -> Iterator[Month]:
    """Go through the months from the one that `first_at` is in, as far as they are over by `until`."""
    month = month_of(local_date(first_at, zone), zone)
    while month.ends_at <= until:
        yield month
        month = month_of(add_months(month.on, 1), zone)
