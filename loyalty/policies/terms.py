"""When points of a lot become ready and until when they can be used."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from loyalty.policies.calendar import (
    add_months,
    end_of_day,
    end_of_month,
    local_date,
    next_calendar_day,
    start_of_day,
)


class Clock(StrEnum):
    """The fact at which the return window starts."""

    ORDER = "order"
    PAYMENT = "payment"
    DELIVERY = "delivery"


class ExpiryKind(StrEnum):
    """What decides the end of a lot."""

    AFTER_RELEASE = "after_release"
    CALENDAR_DAY = "calendar_day"
    INACTIVITY = "inactivity"
    NEVER = "never"


@dataclass(frozen=True)
class Terms:
    """The window and expiry that a lot is issued under; frozen with the lot, whatever the owner changes
    later.

    Units: `window_days` and `missing_fact_days` in local calendar days, `expiry_months` in calendar months.
    """

    id: int
    window_days: int
    clock: Clock
    missing_fact_days: int
    expiry_kind: ExpiryKind
    expiry_months: int
    expiry_at_month_end: bool
    expiry_month: int
    expiry_day: int


class PurchaseClock(NamedTuple):
    """The three moments of a purchase that a window can start at."""

    placed_at: datetime
    paid_at: datetime | None = None
    delivered_at: datetime | None = None

    def fact(self, clock: Clock) -> datetime | None:
        """Give the moment that `clock` waits for, or None while it has not happened."""
        if clock is Clock.ORDER:
            return self.placed_at
        return self.paid_at if clock is Clock.PAYMENT else self.delivered_at


class LotDates(NamedTuple):
    """The dates of a new lot. `waits_for` names the fact that is still to come; its dates are then unset."""

    releases_at: datetime | None
    expires_at: datetime | None
    waits_for: str
    stands_in_at: datetime | None


@dataclass(frozen=True)
class LotEnd:
    """Until when a lot can be used: a moment, or so many months without activity; with neither, for good."""

    expires_at: datetime | None = None
    lapse_months: int | None = None


def lot_dates(terms: Terms, clock: PurchaseClock, zone: ZoneInfo, *, at: datetime) -> LotDates:
    """Work out the dates of a lot that a purchase earns at `at`.

    A fact that has not happened leaves both dates unset; `stands_in_at` is the moment from which the order
    date plus `missing_fact_days` takes its place, so that points never wait forever. A lot that is earned
    after that moment has nothing to wait for: its dates are known from the start.
    """
    fact = clock.fact(terms.clock)
    if fact is None:
        fact = start_of_day(local_date(clock.placed_at, zone) + timedelta(days=terms.missing_fact_days), zone)
        if at < fact:
            return LotDates(None, None, terms.clock.value, fact)
    releases_at = release_moment(terms, fact, zone)
    return LotDates(releases_at, expiry_moment(terms, releases_at, zone), "", None)


def release_moment(terms: Terms, fact: datetime, zone: ZoneInfo) -> datetime:
    """Say when points become ready: as the local day `window_days` after the fact begins.

    Whole local days, not multiples of 24 hours: "ready on 21 November" is then true all of that day, also
    across a change of the clocks. Without a window they are ready at the fact itself.
    """
    if terms.window_days == 0:
        return fact
    return start_of_day(local_date(fact, zone) + timedelta(days=terms.window_days), zone)


@lru_cache(maxsize=4096)
def expiry_moment(terms: Terms, releases_at: datetime, zone: ZoneInfo) -> datetime | None:
    """Say until when a lot released at `releases_at` can be used, or None for "never" and for inactivity.

    Under expiry by inactivity the date moves with the member's activity and is kept on the account.
    """
    if terms.expiry_kind in (ExpiryKind.NEVER, ExpiryKind.INACTIVITY):
        return None
    last_day = add_months(local_date(releases_at, zone), terms.expiry_months)
    if terms.expiry_kind is ExpiryKind.CALENDAR_DAY:
        last_day = next_calendar_day(last_day, terms.expiry_month, terms.expiry_day)
    elif terms.expiry_at_month_end:
        last_day = end_of_month(last_day)
    return end_of_day(last_day, zone)


def lot_end(terms: Terms, releases_at: datetime, zone: ZoneInfo) -> LotEnd:
    """Say how a lot ends that is released at `releases_at`, whichever way the terms have."""
    if terms.expiry_kind is ExpiryKind.INACTIVITY:
        return LotEnd(lapse_months=terms.expiry_months)
    return LotEnd(expiry_moment(terms, releases_at, zone))


def lapse_moment(months: int, active_at: datetime, zone: ZoneInfo) -> datetime:
    """Say when points lapse for want of activity: the end of the local day `months` after the last deed."""
    return end_of_day(add_months(local_date(active_at, zone), months), zone)


def reprieve_moment(days: int, at: datetime, zone: ZoneInfo) -> datetime:
    """Say until when points that came back after their date can be used: the end of the day `days` from
    now.
    """
    return end_of_day(local_date(at, zone) + timedelta(days=days), zone)
