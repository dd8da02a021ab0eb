"""The business clock: the only one that decides what is due, pending, expired or running.

Leases, job runs and whatever else guards against a crash use `real_now()`: a clock that somebody can move is
no use there.
"""

from datetime import UTC, datetime, timedelta

from django.db.models import F

from backstage.conf import DEMO_CLOCK
from backstage.models import ClockOffset


class ClockError(ValueError):
    """The business clock was asked to do what it never does."""


def real_now() -> datetime:
    """Return the machine's time."""
    return datetime.now(UTC)


def now() -> datetime:
    """Return the business time: the machine's, plus the offset of a demo.

    Queries: 0; 1 in a demo.
    """
    return real_now() + offset() if DEMO_CLOCK.get() else real_now()


def offset() -> timedelta:
    """Return how far the demo has moved the clock."""
    seconds = ClockOffset.objects.filter(pk=ClockOffset.ONLY).values_list("seconds", flat=True).first()
    return timedelta(seconds=seconds or 0)


def advance(*, by: timedelta) -> datetime:
    """Move the business clock forward and return its new time. There is no way back: points have moved since.

    Time: whole seconds.
    Raises: ClockError outside a demo, and for anything shorter than a second.
    """
    if not DEMO_CLOCK.get():
        raise ClockError(
            "The clock moves in a demo only. Set ENCORE['DEMO_CLOCK'] = True in a project made for it."
        )
    seconds = by // timedelta(seconds=1)
    if seconds < 1:
        raise ClockError(f"The clock moves forward only, by whole seconds. You asked for {by}.")
    ClockOffset.objects.get_or_create(pk=ClockOffset.ONLY)
    ClockOffset.objects.filter(pk=ClockOffset.ONLY).update(seconds=F("seconds") + seconds)
    return now()
