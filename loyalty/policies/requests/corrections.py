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
class ReleaseEarly(Request):
    """Make points ready before their window is over, pending → available, because their programme ends.

    Those are meant that would be ready only after `late`, or wait for a fact. They keep their end.
    """

    late: datetime

    def content(self) -> tuple[object, ...]:
        return (self.late,)

    def apply(self, book: MemberBook, at: datetime) -> EntryDraft:
        """Release the lots that come too late; with them the member's debt is paid."""
        book.settle(at)
        draft = self.draft(EntryKind.RELEASE, at)
        lots = [
            lot
            for lot in book.lots.values()
            if lot.pending and (lot.releases_at is None or lot.releases_at > self.late)
        ]
        for lot in sorted(lots, key=lambda lot: lot.id):
            book.move(draft, lot, State.PENDING, State.AVAILABLE, lot.pending, at)
        book.settle_debt(draft, lots, at)
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
