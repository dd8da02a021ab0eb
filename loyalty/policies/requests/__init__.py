"""What may be asked of the ledger: one class a deed, each told to a member's book.

A request says what makes it the same request (`key` and `content`), whether it needs the book's open lots,
and how it changes the book. It knows no database: `loyalty.ledger` loads the book, finds replays, and writes.
"""

from loyalty.policies.requests.base import Request
from loyalty.policies.requests.corrections import Forfeit, ReleaseEarly, TakeBack
from loyalty.policies.requests.holds import (
    PLAIN_HOLD,
    Capture,
    ClosedHold,
    PlaceHold,
    Reinstate,
    Spent,
    VoidHold,
)
from loyalty.policies.requests.purchases import Accrue, ClawBack, DatePurchase, Part

__all__ = [
    "PLAIN_HOLD",
    "Accrue",
    "Capture",
    "ClawBack",
    "ClosedHold",
    "DatePurchase",
    "Forfeit",
    "Part",
    "PlaceHold",
    "Reinstate",
    "ReleaseEarly",
    "Request",
    "Spent",
    "TakeBack",
    "VoidHold",
]
