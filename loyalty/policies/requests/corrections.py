"""What people ask for outside purchases: points taken away, and the end of a membership."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from loyalty.policies.book import EntryDraft, MemberBook
from loyalty.policies.requests.base import Request, require_points
from loyalty.policies.states import EntryKind, State


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBack(Request):
    """Take points away by a person's correction, available → revoked, in allocation order; never below
    zero.
    """

    takes_first_lots: ClassVar[bool] = True

    points: int
    counts_for_level: bool = False

    def content(self) -> tuple[object, ...]:
        return (self.points, self.counts_for_level)

    def apply(self, book: MemberBook, at: datetime) -> EntryDraft:
        """Revoke exactly the points asked for. Raises: NotEnoughPoints."""
        book.settle(at)
        lots = require_points(book, self.points)
        change = -self.points if self.counts_for_level else 0
        draft = self.draft(
            EntryKind.REVOKE, at, qualifying_change=change, qualifying_at=at if change else None
        )
        book.take(draft, lots, State.AVAILABLE, State.REVOKED, self.points, at)
        book.entries.append(draft)
        return draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Forfeit(Request):
    """End all points of a member who has left or of a programme that has closed.

    Available → expired and pending → revoked; open reservations are voided first.
    """

    def content(self) -> tuple[object, ...]:
        return ()

    def apply(self, book: MemberBook, at: datetime) -> EntryDraft:
        """Let nothing remain that could be spent."""
        book.settle(at)
        for hold in list(book.holds.values()):
            book.void(hold, at, key=f"void:{hold.entry_id}", reason=self.reason)
        draft = self.draft(EntryKind.REVOKE, at)
        book.take(draft, list(book.lots.values()), State.PENDING, State.REVOKED, book.pending, at)
        book.entries.append(draft)
        book.expire_all(at, reason=self.reason)
        return draft
