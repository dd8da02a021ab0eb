"""Points that a person gives or takes by hand, as plain values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

# What a number keeps exactly in JSON, wherever that is read.
MOST_POINTS = 2**53


class Deed(StrEnum):
    """Which way the points go."""

    GIVE = "give"
    TAKE = "take"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What a person wants to do to a member's points, and what is said about it.

    `key` makes a double click one deed. `expires_at` is for points that are given; None means never. The
    member reads `message`, staff alone reads `note`. Raises: ValueError for no points or without a reason.
    """

    deed: Deed
    member_id: int
    points: int
    key: str
    reason: str
    expires_at: datetime | None = None
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
