"""Points that a person gives or takes by hand, as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

# What a number keeps exactly in JSON, wherever that is read.
MOST_POINTS = 2**53


class Deed(StrEnum):
    """Which way the points go."""

    GIVE = "give"
    TAKE = "take"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What a person wants to do to a member's points, and what is said about it.

    `key` makes a double click one deed. Points that are given end at `expires_at`, or after `lapse_months`
    without activity; without either, never. The member reads `message`, staff alone reads `note`.
    Raises: ValueError for no points or without a reason.
    """

    deed: Deed
    member_id: int
    points: int
    key: str
    reason: str
    expires_at: datetime | None = None
    lapse_months: int | None = None
    counts_for_level: bool = False
    message: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if (
            not isinstance(self.points, int)
            or isinstance(self.points, bool)
            or not 0 < self.points <= MOST_POINTS
        ):
            raise ValueError(f"{self.points!r} is no number of points. Give a whole number above zero.")
        if not self.reason:
            raise ValueError("Points given or taken by hand need a reason. Choose one.")

    def as_payload(self) -> dict[str, Any]:
        """Give it as JSON knows it, to be kept until somebody approves it."""
        expires_at = self.expires_at.isoformat() if self.expires_at else None
        return {**asdict(self), "deed": self.deed.value, "expires_at": expires_at}


def read_adjustment(payload: Mapping[str, Any]) -> Adjustment:
    """Read what `as_payload` gave, and leave alone what was added to it."""
    told = {field.name: payload[field.name] for field in fields(Adjustment)}
    expires_at = told["expires_at"] and datetime.fromisoformat(told["expires_at"])
    return Adjustment(**{**told, "deed": Deed(told["deed"]), "expires_at": expires_at})


@dataclass(frozen=True, slots=True)
class Limit:
    """How many points a person gives and takes by hand without a second look; None means without a limit."""

    points_per_act: int | None = None
    points_per_day: int | None = None

    def allows(self, points: int, *, counted_points: int) -> bool:
        """Tell whether so many points stay within it, after so many on the same day."""
        fits_act = self.points_per_act is None or points <= self.points_per_act
        fits_day = self.points_per_day is None or counted_points + points <= self.points_per_day
        return fits_act and fits_day


NO_LIMIT = Limit()


def most_generous(limits: Sequence[Limit]) -> Limit:
    """Combine the limits of somebody with several roles: what one of them allows is allowed."""
    return Limit(
        _largest([limit.points_per_act for limit in limits]),
        _largest([limit.points_per_day for limit in limits]),
    )


def _largest(bounds: Sequence[int | None]) -> int | None:
    known = [bound for bound in bounds if bound is not None]
    return max(known) if len(known) == len(bounds) and known else None
