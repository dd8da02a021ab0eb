"""Spending in two steps: points are reserved, then spent or given up; and what was spent may come back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from loyalty.policies.book import EntryDraft, HoldDraft, HoldState, LotState, MemberBook
from loyalty.policies.errors import HoldClosed, HoldUnknown, TooMuchReturned
from loyalty.policies.requests.base import Request, require_points
from loyalty.policies.states import EntryKind, State
from loyalty.policies.terms import reprieve_moment

# The reason of a hold that has no other.
PLAIN_HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceHold(Request):
    """Reserve points for a basket or reward, available → held, in allocation order."""

    takes_first_lots: ClassVar[bool] = True

    points: int
    expires_at: datetime
    reference: str = ""

    def content(self) -> tuple[object, ...]:
        told: tuple[object, ...] = (self.points, self.reference)
        return told if self.channel_id is None else (*told, self.channel_id)

    def apply(self, book: MemberBook, at: datetime) -> EntryDraft:
        """Hold exactly the points asked for. Raises: NotEnoughPoints."""
        book.settle(at)
        lots = require_points(book, self.points)
        draft = self.draft(EntryKind.HOLD, at)
        book.take(draft, lots, State.AVAILABLE, State.HELD, self.points, at)
        draft.new_hold = HoldDraft(self.points, self.expires_at, self.reference)
        book.entries.append(draft)
        book.touch(at)
        return draft


@dataclass(frozen=True, slots=True)
class ClosedHold:
    """A reservation that is no longer open, and whether it was time that closed it."""

    entry_id: int
    points: int
    state: str
    timed_out: bool
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture(Request):
    """Spend held points for good, held → redeemed.

    A reservation that has timed out is voided first and the same amount is taken again if it is still there;
    otherwise the refusal carries both numbers. `closed` is what the database knows of a hold that is not
    open.
    """

    hold_id: int
    closed: ClosedHold | None = None

    def content(self) -> tuple[object, ...]:
        return (self.hold_id,)

    def apply(self, book: MemberBook, at: datetime) -> EntryDraft:
        """Redeem the hold's points. Raises: HoldUnknown, HoldClosed, NotEnoughPoints."""
        hold = book.holds.get(self.hold_id)
        book.settle(at)
        if self.hold_id in book.holds:
            hold = book.holds.pop(self.hold_id)
            draft = self.draft(EntryKind.CAPTURE, at, corrects=self.hold_id, captures_hold=self.hold_id)
            _capture(book, draft, hold.parts, at)
        else:
            draft = self._hold_again(book, self._timed_out(hold), at)
        book.entries.append(draft)
        book.touch(at)
        return draft

    def _timed_out(self, hold: HoldState | None) -> ClosedHold:
        if hold is not None:
            return ClosedHold(hold.entry_id, hold.points, "voided", True, hold.reference)
        if self.closed is None:
            raise HoldUnknown(hold_id=self.hold_id)
        if not self.closed.timed_out:
            raise HoldClosed(hold_id=self.hold_id, state=self.closed.state)
        return self.closed

    def _hold_again(self, book: MemberBook, hold: ClosedHold, at: datetime) -> EntryDraft:
        lots = require_points(book, hold.points)
        again = EntryDraft(
            EntryKind.HOLD,
            f"hold-again:{self.hold_id}",
            at,
            "hold_again",
            corrects=self.hold_id,
            channel_id=self.channel_id,
        )
        book.take(again, lots, State.AVAILABLE, State.HELD, hold.points, at)
        draft = self.draft(EntryKind.CAPTURE, at, corrects=self.hold_id)
        again.new_hold = HoldDraft(hold.points, at, hold.reference, captured_by=draft)
        _capture(book, draft, [(move.lot.id, move.points) for move in again.moves], at)
        book.entries.append(again)
        return draft


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidHold(Request):
    """Give up a reservation, held → available. What time has already given back stays given back."""

    hold_id: int
    closed: ClosedHold | None = None

    def content(self) -> tuple[object, ...]:
        return (self.hold_id,)

    def apply(self, book: MemberBook, at: datetime) -> EntryDraft:
        """Release the hold's points. Raises: HoldUnknown, HoldClosed."""
        was_open = self.hold_id in book.holds
        book.settle(at)
        if self.hold_id not in book.holds:
            if not was_open and self.closed is None:
                raise HoldUnknown(hold_id=self.hold_id)
            raise HoldClosed(hold_id=self.hold_id, state=self.closed.state if self.closed else "voided")
        draft = book.void(book.holds[self.hold_id], at, key=self.key, reason=self.reason)
        draft.fingerprint, draft.channel_id = self.fingerprint, self.channel_id
        return draft


@dataclass(frozen=True, slots=True)
class Spent:
    """Points of one lot that a capture took, less what has come back since."""

    lot: LotState
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reinstate(Request):
    """Give spent points back to their own lots, redeemed → available, latest-ending lots first.

    A lot whose date has passed meanwhile gets the programme's reprieve, never a fresh period.
    """

    points: int
    capture_id: int
    captured_points: int = 0
    spent: tuple[Spent, ...] = ()

    def content(self) -> tuple[object, ...]:
        return (self.points, self.capture_id)

    def apply(self, book: MemberBook, at: datetime) -> EntryDraft:
        """Return the points asked for. Raises: TooMuchReturned."""
        left = sum(spent.points for spent in self.spent)
        if self.points > left:
            raise TooMuchReturned(
                asked_points=self.points,
                captured_points=self.captured_points,
                returned_points=self.captured_points - left,
            )
        for spent in self.spent:
            book.lots.setdefault(spent.lot.id, spent.lot)
        book.settle(at)
        draft = self.draft(EntryKind.REINSTATE, at, corrects=self.capture_id)
        lots = self._return_points(book, draft, at)
        book.settle_debt(draft, lots, at)
        book.entries.append(draft)
        return draft

    def _return_points(self, book: MemberBook, draft: EntryDraft, at: datetime) -> list[LotState]:
        spendable = {spent.lot.id: spent.points for spent in self.spent}
        latest_first = book.in_allocation_order(book.lots[lot_id] for lot_id in spendable)[::-1]
        rest, touched = self.points, []
        for lot in latest_first:
            points = min(rest, spendable[lot.id])
            if points:
                book.move(draft, lot, State.REDEEMED, State.AVAILABLE, points, at)
                _reprieve(book, lot, at)
                touched.append(lot)
                rest -= points
        return touched


def _capture(book: MemberBook, draft: EntryDraft, parts: Sequence[tuple[int, int]], at: datetime) -> None:
    for lot_id, points in parts:
        book.move(draft, book.lots[lot_id], State.HELD, State.REDEEMED, points, at)


def _reprieve(book: MemberBook, lot: LotState, at: datetime) -> None:
    ends_at = book.usable_until(lot)
    if ends_at is not None and ends_at <= at:
        lot.reprieved_until = reprieve_moment(book.reprieve_days, at, book.zone)
        lot.dates_changed = True
