"""What a purchase asks for: points granted, dated, and taken back."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple

from loyalty.policies.book import EntryDraft, LotState, MemberBook
from loyalty.policies.programme import DebtPolicy
from loyalty.policies.requests.base import Request
from loyalty.policies.states import EntryKind, State
from loyalty.policies.terms import LotDates


class Part(NamedTuple):
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
