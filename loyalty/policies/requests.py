"""What may be asked of the ledger: one class a deed, each told to a member's book.

A request says what makes it the same request (`key` and `content`), whether it needs the book's open lots,
and how it changes the book. It knows no database: `loyalty.ledger` loads the book, finds replays, and writes.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, ClassVar

from loyalty.policies.book import EntryDraft, HoldDraft, HoldState, LotState, MemberBook
from loyalty.policies.errors import HoldClosed, HoldUnknown, NotEnoughPoints, TooMuchReturned
from loyalty.policies.programme import DebtPolicy
from loyalty.policies.states import EntryKind, State
from loyalty.policies.terms import LotDates, reprieve_moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(ABC):
    """One deed asked of one member's account."""

    needs_lots: ClassVar[bool] = True

    member_id: int
    key: str
    reason: str
    channel_id: int | None = None
    explanation: dict[str, Any] = field(default_factory=dict)

    @abstractmethod
    def content(self) -> tuple[object, ...]:
        """Give what a repetition of this request must have in common with it."""

    @abstractmethod
    def apply(self, book: MemberBook, at: datetime) -> EntryDraft:
        """Draft the entries of this deed on the book. Raises: LedgerRefusal, before anything is drafted."""

    @property
    def fingerprint(self) -> str:
        """Condense the content, so that a key that is used again for something else is noticed."""
        said = repr((type(self).__name__, self.content())).encode()
        return blake2b(said, digest_size=16).hexdigest()

    def draft(self, kind: EntryKind, at: datetime, **fields: Any) -> EntryDraft:
        """Begin the entry of this request."""
        return EntryDraft(
            kind,
            self.key,
            at,
            self.reason,
            fingerprint=self.fingerprint,
            channel_id=self.channel_id,
            explanation=self.explanation,
            **fields,
        )


@dataclass(frozen=True, slots=True)
class Part:
    """Points that share their dates: one lot of an accrual."""

    points: int
    dates: LotDates
    terms_id: int | None = None
    lapse_months: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accrue(Request):
    """Grant points, issuance → pending: one lot per part.

    It needs no open lots, because nothing that is there changes; only under expiry by inactivity must the
    past be written down first, since the new points move the end of the old ones.
    """

    needs_lots: ClassVar[bool] = False

    parts: tuple[Part, ...]
    earned_at: datetime
    source_kind: str
    source_id: int | None = None
    qualifying_points: int = 0

    def content(self) -> tuple[object, ...]:
        return (self.source_kind, self.source_id, [(part.points, part.terms_id) for part in self.parts])

    def apply(self, book: MemberBook, at: datetime) -> EntryDraft:
        """Issue one pending lot per part."""
        if book.has_lapsing_lots:
            book.settle(at)
        draft = self.draft(
            EntryKind.ACCRUE,
            at,
            source_kind=self.source_kind,
            source_id=self.source_id,
            qualifying_change=self.qualifying_points,
            qualifying_at=self.earned_at,
        )
        for part in self.parts:
            book.issue(draft, self._lot(part, at, -1 - len(book.lots)), at)
        book.entries.append(draft)
        book.touch(self.earned_at)
        return draft

    def _lot(self, part: Part, at: datetime, new_id: int) -> LotState:
        dates = part.dates
        return LotState(
            id=new_id,
            earned_at=self.earned_at,
            pending=part.points,
            dated_at=None if dates.waits_for else at,
            releases_at=dates.releases_at,
            expires_at=dates.expires_at,
            waits_for=dates.waits_for,
            stands_in_at=dates.stands_in_at,
            lapse_months=part.lapse_months,
            terms_id=part.terms_id,
            source_kind=self.source_kind,
            source_id=self.source_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClawBack(Request):
    """Take back what a purchase no longer stands for, pending or available → revoked.

    From that purchase's lots first (the returned line's window before its others; pending before available),
    then from the member's other available lots in allocation order. Other purchases' pending points and held
    points are not touched. What is left is debt, or let go, as the programme says.
    """

    parts: tuple[tuple[int | None, int], ...]
    purchase_id: int
    policy: DebtPolicy
    qualifying_at: datetime

    def content(self) -> tuple[object, ...]:
        return (self.purchase_id, self.parts)

    def apply(self, book: MemberBook, at: datetime) -> EntryDraft:
        """Revoke part by part; turn the rest into debt or let it go."""
        book.settle(at)
        points = sum(points for _, points in self.parts)
        draft = self.draft(
            EntryKind.REVOKE,
            at,
            source_kind="purchase",
            source_id=self.purchase_id,
            qualifying_change=-points,
            qualifying_at=self.qualifying_at,
        )
        rest = sum(self._take_own(book, draft, terms_id, part, at) for terms_id, part in self.parts)
        others = book.in_allocation_order(book.lots.values())
        rest = book.take(draft, others, State.AVAILABLE, State.REVOKED, rest, at) if rest else 0
        if self.policy is DebtPolicy.DEBT:
            draft.debt_change, book.debt = rest, book.debt + rest
        else:
            draft.let_go_points = rest
        book.entries.append(draft)
        return draft

    def _take_own(
        self, book: MemberBook, draft: EntryDraft, terms_id: int | None, points: int, at: datetime
    ) -> int:
        own = book.in_allocation_order(
            lot
            for lot in book.lots.values()
            if (lot.source_kind, lot.source_id) == ("purchase", self.purchase_id)
        )
        for same_window in (True, False):
            lots = [lot for lot in own if (lot.terms_id == terms_id) is same_window]
            for state in (State.PENDING, State.AVAILABLE):
                points = book.take(draft, lots, state, State.REVOKED, points, at) if points else 0
        return points


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBack(Request):
    """Take points away by a person's correction, available → revoked, in allocation order; never below
    zero.
    """

    points: int
    counts_for_level: bool = False

    def content(self) -> tuple[object, ...]:
        return (self.points, self.counts_for_level)

    def apply(self, book: MemberBook, at: datetime) -> EntryDraft:
        """Revoke exactly the points asked for. Raises: NotEnoughPoints."""
        book.settle(at)
        _require(book, self.points)
        change = -self.points if self.counts_for_level else 0
        draft = self.draft(
            EntryKind.REVOKE, at, qualifying_change=change, qualifying_at=at if change else None
        )
        lots = book.in_allocation_order(book.lots.values())
        book.take(draft, lots, State.AVAILABLE, State.REVOKED, self.points, at)
        book.entries.append(draft)
        return draft


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceHold(Request):
    """Reserve points for a basket or reward, available → held, in allocation order."""

    points: int
    expires_at: datetime
    reference: str = ""

    def content(self) -> tuple[object, ...]:
        return (self.points, self.reference)

    def apply(self, book: MemberBook, at: datetime) -> EntryDraft:
        """Hold exactly the points asked for. Raises: NotEnoughPoints."""
        book.settle(at)
        _require(book, self.points)
        draft = self.draft(EntryKind.HOLD, at)
        _hold(book, draft, self.points, at)
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
        _require(book, hold.points)
        again = EntryDraft(
            EntryKind.HOLD, f"hold-again:{self.hold_id}", at, "hold_again", corrects=self.hold_id
        )
        _hold(book, again, hold.points, at)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DatePurchase(Request):
    """Set the dates of a purchase's lots whose payment or delivery has now happened."""

    purchase_id: int
    waits_for: str
    fact_at: datetime

    def content(self) -> tuple[object, ...]:
        return (self.purchase_id, self.waits_for)

    def apply(self, book: MemberBook, at: datetime) -> EntryDraft:
        """Date each waiting lot of the purchase; the entry itself moves nothing."""
        book.settle(at)
        lots = [
            lot
            for lot in book.lots.values()
            if (lot.source_kind, lot.source_id, lot.waits_for)
            == ("purchase", self.purchase_id, self.waits_for)
        ]
        draft = self.draft(EntryKind.SET_DATE, at, source_kind="purchase", source_id=self.purchase_id)
        book.set_dates(lots, fact=self.fact_at, at=at)
        book.entries.append(draft)
        return draft


def _require(book: MemberBook, points: int) -> None:
    if points > book.available:
        raise NotEnoughPoints(asked_points=points, available_points=book.available)


def _hold(book: MemberBook, draft: EntryDraft, points: int, at: datetime) -> None:
    lots = book.in_allocation_order(book.lots.values())
    book.take(draft, lots, State.AVAILABLE, State.HELD, points, at)


def _capture(book: MemberBook, draft: EntryDraft, parts: Sequence[tuple[int, int]], at: datetime) -> None:
    for lot_id, points in parts:
        book.move(draft, book.lots[lot_id], State.HELD, State.REDEEMED, points, at)


def _reprieve(book: MemberBook, lot: LotState, at: datetime) -> None:
    ends_at = book.usable_until(lot)
    if ends_at is not None and ends_at <= at:
        lot.reprieved_until = reprieve_moment(book.reprieve_days, at, book.zone)
        lot.dates_changed = True
