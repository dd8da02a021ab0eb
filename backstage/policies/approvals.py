"""When a change that needs a second look may go ahead."""

from datetime import datetime, timedelta
from enum import StrEnum


class ChangeRefusedError(ValueError):
    """An approved change cannot be made any more; the message says why. Nothing is decided then."""


class ApprovalState(StrEnum):
    """Where a request for approval stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    CANCELLED = "cancelled"


def earliest_decision(
    *, requested_at: datetime, delay: timedelta, others_can_decide: bool
) -> datetime | None:
    """Return the moment from which the requester may approve alone; None while somebody else can.

    A shop run by one person cannot ask a second one. The delay is what is left of the second look: time to
    notice a mistake, or somebody else at the keyboard.
    """
    return None if others_can_decide else requested_at + delay
