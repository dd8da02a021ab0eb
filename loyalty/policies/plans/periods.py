"""How long a payment lasts: whole local days, months from the anchor, and grace as a part of the period.

A period is paid for in [`starts_at`, `ends_at`), and its benefits hold until `perks_end_at`, which is later
by the days of grace. Whether somebody is in a plan is asked of that moment alone: so a job that runs late
changes nothing, and a payment that comes late leaves no gap. The next payment, a cancellation or a refund
moves it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from loyalty.policies.calendar import add_months, end_of_day, local_date

_INSTANT = timedelta(microseconds=1)


class PeriodKind(StrEnum):
    """What a period stands on."""

    TRIAL = "trial"
    PAID = "paid"


class PlanEnd(StrEnum):
    """Why a paid membership is over."""

    LAPSED = "lapsed"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


class Cancelling(StrEnum):
    """Why a paid membership will not be renewed: somebody asked, or a merge left two of them."""

    ASKED = "asked"
    MERGED = "merged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """One stretch of a paid membership. Units: minor units of the programme's currency; months paid for."""

    kind: PeriodKind
    version_id: int
    starts_at: datetime
    ends_at: datetime
    perks_end_at: datetime
    months: int = 0
    paid_minor: int = 0
    refunded_minor: int = 0

    def lasts_at(self, at: datetime) -> bool:
        """Tell whether its benefits hold at a moment."""
        return self.starts_at <= at < self.perks_end_at


def trial_end(at: datetime, days: int, zone: ZoneInfo) -> datetime:
    """Give the end of a trial that begins at a moment: so many days later, at the end of the local day."""
    return end_of_day(local_date(at, zone) + timedelta(days=days), zone)


def paid_end(anchor: date, months: int, zone: ZoneInfo) -> datetime:
    """Give the end of what is paid for so many months from the anchor: 31 January and 1 is 28 February."""
    return end_of_day(add_months(anchor, months), zone)


def anchor_after(ends_at: datetime, zone: ZoneInfo) -> date:
    """Give the day that months are counted from where a payment begins as something else ends."""
    return local_date(ends_at - _INSTANT, zone)


def with_grace(ends_at: datetime, days: int, zone: ZoneInfo) -> datetime:
    """Give the end of grace: so many local days after the end of what was paid for."""
    return end_of_day(local_date(ends_at - _INSTANT, zone) + timedelta(days=days), zone)


def spread_refund(paid: Sequence[int], total: int) -> list[int]:
    """Spread a refund over payments, oldest first as given; the newest payment is given back first.

    Units: minor units; `total` is at most the sum of the payments.
    """
    left, parts = total, []
    for amount in reversed(paid):
        parts.append(min(amount, left))
        left -= parts[-1]
    return parts[::-1]
