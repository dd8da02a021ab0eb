"""Invitations: the life of a list, and how one invitation stands at a moment."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from loyalty.policies.calendar import end_of_day, local_date

# Where the place of a name is in what an owner writes. It is replaced, and nothing else is.
NAME = "{name}"


class ListState(StrEnum):
    """The life of a list of invitations; what was switched on is never edited, only ended."""

    DRAFT = "draft"
    ON = "on"
    PAUSED = "paused"
    ENDED = "ended"


class Standing(StrEnum):
    """How one invitation stands; only an open one lets somebody in."""

    OPEN = "open"
    WAITING = "waiting"
    USED = "used"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What decides how an invitation stands. `guests_left`: so many others may still join with its link."""

    state: ListState
    sent_at: datetime | None
    expires_at: datetime | None
    is_joined: bool
    is_withdrawn: bool
    guests_left: int = 0


def standing_at(facts: Facts, at: datetime, *, is_guest: bool = False) -> Standing:
    """Say how an invitation stands for whom it was made for, or for a guest to whom it was passed on.

    What became of it comes before what became of its list: whoever has joined reads that, also after its end.
    """
    if facts.is_withdrawn:
        return Standing.WITHDRAWN
    if facts.guests_left < 1 if is_guest else facts.is_joined:
        return Standing.USED
    if facts.sent_at is None or facts.expires_at is None or at < facts.sent_at:
        return Standing.WAITING
    if facts.state is ListState.ENDED:
        return Standing.ENDED
    if at >= facts.expires_at:
        return Standing.EXPIRED
    return Standing.OPEN if facts.state is ListState.ON else Standing.PAUSED


def expires_after(sent_at: datetime, valid_days: int, zone: ZoneInfo) -> datetime:
    """Give the first moment at which an invitation is too late: so many whole local days after its own."""
    last = local_date(sent_at, zone).toordinal() + valid_days
    return end_of_day(local_date(sent_at, zone).fromordinal(last), zone)


def address(text: str, name: str) -> str:
    """Put a name where the owner wants it; without one, its place goes with the comma or space beside it.

    >>> address("Dear {name}, come in", "")
    'Dear, come in'
    >>> address("{name}, come in", "")
    'Come in'
    """
    if name or NAME not in text:
        return text.replace(NAME, name)
    rest = text.replace(f" {NAME}", "").removeprefix(NAME).lstrip(" ,!").replace(NAME, "")
    return rest[:1].upper() + rest[1:]
