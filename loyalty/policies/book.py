"""One member's open points as plain values, and the moves between their states.

The book is the ledger's arithmetic without a database: a writer loads it under the account's lock, asks for
moves, and stores the entries that the book has drafted. Reading a balance loads the same book and asks it
what time has decided. So there is one rule for both, and jobs that are late change nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from loyalty.policies.states import EntryKind, State
from loyalty.policies.terms import Terms, expiry_moment, lapse_moment, release_moment


@dataclass(slots=True)
class LotState:
    """A lot as it stands, dates included. A negative id is a lot that the writer has yet to store."""

    id: int
    earned_at: datetime
    pending: int = 0
    available: int = 0
    held: int = 0
    redeemed: int = 0
    expired: int = 0
    revoked: int = 0
    dated_at: datetime | None = None
    releases_at: datetime | None = None
    expires_at: datetime | None = None
    reprieved_until: datetime | None = None
    lapse_months: int | None = None
    waits_for: str = ""
    stands_in_at: datetime | None = None
    terms_id: int | None = None
    source_kind: str = ""
    source_id: int | None = None
    twin_of: int | None = None
    dates_changed: bool = False

    @property
    def issued(self) -> int:
        """All points ever granted with this lot."""
        return self.pending + self.available + self.held + self.redeemed + self.expired + self.revoked

    def change(self, from_state: State, to_state: State, points: int) -> None:
        """Take `points` from one counter to another; a counter can never go below zero."""
        left = getattr(self, from_state.name.lower()) - points
        if points <= 0 or left < 0:
            raise AssertionError(f"lot {self.id} has no {points} points to take from {from_state.name}")
        setattr(self, from_state.name.lower(), left)
        setattr(self, to_state.name.lower(), getattr(self, to_state.name.lower()) + points)


@dataclass(slots=True)
class HoldState:
    """An open reservation and the lots that it holds points of."""

    entry_id: int
    points: int
    expires_at: datetime
    parts: list[tuple[int, int]]
    reference: str = ""


@dataclass(slots=True)
class MoveDraft:
    """Points of one lot that change state with an entry."""

    lot: LotState
    from_state: State
    to_state: State
    points: int
    effective_at: datetime


@dataclass(slots=True)
class HoldDraft:
    """A reservation to store with its entry."""

    points: int
    expires_at: datetime
    reference: str
    captured_by: "EntryDraft | None" = None


@dataclass(slots=True)
class EntryDraft:
    """An entry to store: the fact, its movements and the rows that come with it."""

    kind: EntryKind
    key: str
    occurred_at: datetime
    reason: str
    fingerprint: str = ""
    source_kind: str = ""
    source_id: int | None = None
    corrects: int | None = None
    channel_id: int | None = None
    explanation: dict[str, Any] = field(default_factory=dict)
    debt_change: int = 0
    let_go_points: int = 0
    qualifying_change: int = 0
    qualifying_at: datetime | None = None
    moves: list[MoveDraft] = field(default_factory=list)
    new_lots: list[LotState] = field(default_factory=list)
    new_hold: HoldDraft | None = None
    captures_hold: int | None = None
    voids_hold: int | None = None

    def points_to(self, state: State) -> int:
        """Count the points that this entry brings into `state`."""
        return sum(move.points for move in self.moves if move.to_state is state)


class Account(NamedTuple):
    """What a book asks of the account that its member's points are kept on. Units: points."""

    member_id: int
    held: int
    debt: int
    active_at: datetime | None


class SliceTooShort(Exception):
    """The lots that were loaded may not be all that have to be looked at; load the whole book."""


AllocationKey = tuple[bool, float, datetime, int]

# What happens first when two things are due at the same instant.
_SET_DATE, _VOID, _RELEASE, _EXPIRE = range(4)


@dataclass(slots=True)
class MemberBook:
    """The open lots and holds of one member, and the entries drafted so far.

    Loaded under the account's lock for a write, without one for a reading. `terms` are needed only for lots
    that wait for a fact. With a `slice_end`, lots with points available are loaded only up to that place in
    the allocation order.
    """

    member_id: int
    zone: ZoneInfo
    lots: dict[int, LotState] = field(default_factory=dict)
    holds: dict[int, HoldState] = field(default_factory=dict)
    debt: int = 0
    active_at: datetime | None = None
    has_lapsing_lots: bool = False
    reprieve_days: int = 14
    merged_into: int | None = None
    terms: dict[int, Terms] = field(default_factory=dict)
    entries: list[EntryDraft] = field(default_factory=list)
    slice_end: AllocationKey | None = None

    # -- what stands -----------------------------------------------------------------------------------------

    @property
    def available(self) -> int:
        """Points ready to be spent."""
        return sum(lot.available for lot in self.lots.values())

    @property
    def pending(self) -> int:
        """Points on their way."""
        return sum(lot.pending for lot in self.lots.values())

    @property
    def held(self) -> int:
        """Points reserved."""
        return sum(lot.held for lot in self.lots.values())

    def usable_until(self, lot: LotState) -> datetime | None:
        """Give the exclusive end of a lot's use, or None for never: the later of its date and its
        reprieve.
        """
        ends_at = lot.expires_at if lot.lapse_months is None else self._lapses_at(lot.lapse_months)
        if ends_at is None or lot.reprieved_until is None:
            return ends_at
        return max(ends_at, lot.reprieved_until)

    def _lapses_at(self, months: int) -> datetime | None:
        return lapse_moment(months, self.active_at, self.zone) if self.active_at is not None else None

    def in_allocation_order(self, lots: Iterable[LotState]) -> list[LotState]:
        """Sort lots as points are spent: soonest end first, never-ending last, then oldest, then id."""
        return sorted(lots, key=self._allocation_key)

    def spendable(self, points: int) -> list[LotState]:
        """Sort the lots that these points can be taken from.

        Raises: SliceTooShort when lots that were not loaded may be needed. Those lie behind the slice's end,
        because their dates do and a reprieve only moves them on.
        """
        lots = self.in_allocation_order(lot for lot in self.lots.values() if lot.available)
        if self.slice_end is not None:
            lots = [lot for lot in lots if self._allocation_key(lot) <= self.slice_end]
            if sum(lot.available for lot in lots) < points:
                raise SliceTooShort
        return lots

    def _allocation_key(self, lot: LotState) -> AllocationKey:
        return allocation_key(self.usable_until(lot), lot)

    # -- what time has decided -------------------------------------------------------------------------------

    def settle(self, at: datetime) -> None:
        """Write down what time has decided by `at`: stand-in dates, timed-out holds, releases, expiries.

        In time order and, at one instant, in that order, so that the result is the same however late it is
        asked for.
        """
        due = list(self._due_events(at))
        heapify(due)
        while due:
            moment, rank, event_id = heappop(due)
            if rank == _SET_DATE:
                self._stand_in(self.lots[event_id], moment)
                self._push_release(due, self.lots[event_id], at)
            elif rank == _VOID:
                for lot in self._void(
                    self.holds[event_id], moment, key=f"void:{event_id}", reason="timed_out"
                ):
                    self._push_expiry(due, lot, moment, at)
            elif rank == _RELEASE:
                self._release(self.lots[event_id], moment)
                self._push_expiry(due, self.lots[event_id], moment, at)
            elif self.lots[event_id].available:
                self._expire(self.lots[event_id], moment, reason="time")

    def _due_events(self, at: datetime) -> Iterable[tuple[datetime, int, int]]:
        due: list[tuple[datetime, int, int]] = []
        # A lot of this very posting has no number yet that an entry's key could carry. Its turn comes with
        # the next settlement, at the same moment as now.
        for lot in (lot for lot in self.lots.values() if lot.id > 0):
            if lot.waits_for and lot.pending and lot.stands_in_at is not None and lot.stands_in_at <= at:
                due.append((lot.stands_in_at, _SET_DATE, lot.id))
            self._push_release(due, lot, at)
            self._push_expiry(due, lot, self._released_at(lot), at)
        due.extend(
            (hold.expires_at, _VOID, hold.entry_id) for hold in self.holds.values() if hold.expires_at <= at
        )
        return due

    @staticmethod
    def _released_at(lot: LotState) -> datetime | None:
        """Give the moment at which a lot's points become ready: never before its dates were known."""
        return lot.releases_at and max(lot.releases_at, lot.dated_at or lot.releases_at)

    def _push_release(self, due: list[tuple[datetime, int, int]], lot: LotState, at: datetime) -> None:
        moment = self._released_at(lot) if lot.pending else None
        if moment is not None and moment <= at:
            heappush(due, (moment, _RELEASE, lot.id))

    def _push_expiry(
        self, due: list[tuple[datetime, int, int]], lot: LotState, not_before: datetime | None, at: datetime
    ) -> None:
        ends_at = self.usable_until(lot) if lot.available else None
        if ends_at is None:
            return
        moment = max(ends_at, not_before or ends_at)
        if moment <= at:
            heappush(due, (moment, _EXPIRE, lot.id))

    def _stand_in(self, lot: LotState, moment: datetime) -> None:
        draft = EntryDraft(
            EntryKind.SET_DATE, f"date:{lot.id}", moment, "stand_in", source_kind="lot", source_id=lot.id
        )
        self._set_dates(lot, fact=moment, known_at=moment)
        self.entries.append(draft)

    def _set_dates(self, lot: LotState, *, fact: datetime, known_at: datetime) -> None:
        terms = self.terms[lot.terms_id or 0]
        lot.releases_at = release_moment(terms, fact, self.zone)
        lot.expires_at = expiry_moment(terms, lot.releases_at, self.zone)
        lot.dated_at, lot.waits_for, lot.dates_changed = known_at, "", True

    def _release(self, lot: LotState, moment: datetime) -> None:
        draft = EntryDraft(
            EntryKind.RELEASE, f"release:{lot.id}", moment, "time", source_kind="lot", source_id=lot.id
        )
        self.move(draft, lot, State.PENDING, State.AVAILABLE, lot.pending, moment)
        self.settle_debt(draft, [lot], moment)
        self.entries.append(draft)

    def _void(self, hold: HoldState, moment: datetime, *, key: str, reason: str) -> list[LotState]:
        draft = EntryDraft(
            EntryKind.VOID, key, moment, reason, corrects=hold.entry_id, voids_hold=hold.entry_id
        )
        lots = [self.lots[lot_id] for lot_id, _ in hold.parts]
        for lot_id, points in hold.parts:
            self.move(draft, self.lots[lot_id], State.HELD, State.AVAILABLE, points, moment)
        self.settle_debt(draft, lots, moment)
        self.entries.append(draft)
        del self.holds[hold.entry_id]
        return lots

    def _expire(self, lot: LotState, moment: datetime, *, reason: str) -> EntryDraft:
        draft = EntryDraft(
            EntryKind.EXPIRE,
            f"expire:{lot.id}:{lot.expired}",
            moment,
            reason,
            source_kind="lot",
            source_id=lot.id,
        )
        self.move(draft, lot, State.AVAILABLE, State.EXPIRED, lot.available, moment)
        self.entries.append(draft)
        return draft

    # -- the pieces that requests are made of ----------------------------------------------------------------

    def move(
        self, draft: EntryDraft, lot: LotState, from_state: State, to_state: State, points: int, at: datetime
    ) -> None:
        """Change the lot and note the movement on the draft."""
        lot.change(from_state, to_state, points)
        draft.moves.append(MoveDraft(lot, from_state, to_state, points, at))

    def issue(self, draft: EntryDraft, lot: LotState, at: datetime) -> None:
        """Add a new lot whose points are all pending, with the movement that issues them."""
        self.lots[lot.id] = lot
        draft.new_lots.append(lot)
        draft.moves.append(MoveDraft(lot, State.ISSUANCE, State.PENDING, lot.pending, at))

    def settle_debt(self, draft: EntryDraft, lots: Sequence[LotState], at: datetime) -> None:
        """Pay debt with points that have just become available, in the order given, in the same entry."""
        for lot in sorted(lots, key=lambda lot: lot.id):
            points = min(self.debt, lot.available)
            if points:
                self.move(draft, lot, State.AVAILABLE, State.REVOKED, points, at)
                draft.debt_change -= points
                self.debt -= points

    def take(
        self,
        draft: EntryDraft,
        lots: Sequence[LotState],
        from_state: State,
        to_state: State,
        points: int,
        at: datetime,
    ) -> int:
        """Take up to `points` out of the lots in the order given; give back what could not be taken."""
        for lot in lots:
            taken = min(points, getattr(lot, from_state.name.lower()))
            if taken:
                self.move(draft, lot, from_state, to_state, taken, at)
                points -= taken
            if not points:
                break
        return points

    def void(self, hold: HoldState, at: datetime, *, key: str, reason: str) -> EntryDraft:
        """Give held points back; those whose date has passed meanwhile expire in the same posting, and now.

        Not at their date, as `settle` would have it: they were still held then.
        """
        lots = self._void(hold, at, key=key, reason=reason)
        draft = self.entries[-1]
        for lot in lots:
            ends_at = self.usable_until(lot)
            if lot.available and ends_at is not None and ends_at <= at:
                self._expire(lot, at, reason="time")
        return draft

    def set_dates(self, lots: Sequence[LotState], *, fact: datetime, at: datetime) -> None:
        """Set the dates of lots whose fact has come, once, by an entry each."""
        for lot in lots:
            self._set_dates(lot, fact=fact, known_at=at)
            self.entries.append(
                EntryDraft(
                    EntryKind.SET_DATE, f"date:{lot.id}", at, "fact", source_kind="lot", source_id=lot.id
                )
            )

    def expire_all(self, at: datetime, *, reason: str) -> None:
        """Let every available point expire now, whatever its date: the member has left or the programme
        closed.
        """
        for lot in self.in_allocation_order(self.lots.values()):
            if lot.available:
                self._expire(lot, at, reason=reason)

    def touch(self, at: datetime) -> None:
        """Note a deed of the member; where points end by inactivity it moves their end."""
        if self.active_at is None or self.active_at < at:
            self.active_at = at


def allocation_key(ends_at: datetime | None, lot: LotState) -> AllocationKey:
    """Give a lot's place among the lots to be spent, if this is when its use ends."""
    return (ends_at is None, ends_at.timestamp() if ends_at else 0.0, lot.earned_at, lot.id)
