"""What happened to a member's points, told newest first, with the balance after each fact.

A row stands for one fact that changed what the member can spend or what is on its way. Three kinds of entries
are told by others: dates that were set, the capture of a reservation (its reservation then reads "points
used"), and a release in the same instant as its grant, since a gift that is ready at once is one fact.

What time has decided and no job has written yet is told as well, so that the last row always agrees with the
balance. A page ends between two moments and never inside one: rows of one moment have no order that would
survive being written down.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db.models import Case, F, Max, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from backstage import clock
from commerce.models import Purchase
from loyalty.models import Entry, EntryNote, Hold, Lot, Movement, PointsAccount
from loyalty.policies.book import EntryDraft, MemberBook
from loyalty.policies.states import MOVES, EntryKind, State
from loyalty.queries import figures, sentences
from loyalty.queries.balance import book_at, get_account

# A release folds into its grant, so up to two entries make one row.
_ENTRIES_PER_ROW = 2
_TOLD_BY_OTHERS = (EntryKind.SET_DATE, EntryKind.CAPTURE)
_SIGNS = {
    EntryKind.ACCRUE: 1,
    EntryKind.RELEASE: 1,
    EntryKind.HOLD: -1,
    EntryKind.VOID: 1,
    EntryKind.EXPIRE: -1,
    EntryKind.REVOKE: -1,
    EntryKind.REINSTATE: 1,
}


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One fact. Units: points, signed as the member sees them.

    `points` is what the sentence speaks of, `change` what it did to the balance, `balance` what could be
    spent after it, less what is owed. `on_the_way` of the points granted here are not ready yet. `entry_id`
    is None while only time has decided.
    """

    entry_id: int | None
    at: datetime
    kind: EntryKind
    reason: str
    points: int
    change: int
    balance: int
    on_the_way: int
    ready_at: datetime | None
    waits_for: str
    order: str
    sentence: str
    note: str
    let_go_points: int = 0


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Rows, newest first. `next_before` asks for the next page; None on the last."""

    rows: tuple[HistoryRow, ...]
    next_before: datetime | None


@dataclass(slots=True)
class _Fact:
    """An entry or a draft, with its movements; what both have in common."""

    entry_id: int | None
    at: datetime
    kind: EntryKind
    reason: str
    explanation: dict[str, Any]
    debt_change: int
    let_go_points: int = 0
    order: str = ""
    purchase_id: int | None = None
    note: str = ""
    is_used: bool = False
    ready_at: datetime | None = None
    moves: list[tuple[int, State, State, int]] = field(default_factory=list)
    folded: "list[_Fact]" = field(default_factory=list)

    @property
    def own_change(self) -> int:
        gone = sum(points for _, from_state, _, points in self.moves if from_state is State.AVAILABLE)
        come = sum(points for _, _, to_state, points in self.moves if to_state is State.AVAILABLE)
        return come - gone - self.debt_change

    @property
    def change(self) -> int:
        """What this fact did to what the member can spend, less what they owe."""
        return self.own_change + sum(fact.own_change for fact in self.folded)

    @property
    def points(self) -> int:
        """The points that the fact is about: those which reached the state that its kind leads to."""
        if self.kind is EntryKind.MERGE:  # moved in, moved out, or nothing but a debt
            return self._sum(to_state=State.PENDING) or -self._sum(to_state=State.REVOKED) or self.change
        sign, to_state = _SIGNS[self.kind], MOVES[self.kind].to_state
        owed = max(0, self.debt_change) if self.kind is EntryKind.REVOKE else 0
        return sign * (self._sum(to_state=to_state) + owed)

    @property
    def issued_lots(self) -> set[int]:
        return {lot_id for lot_id, from_state, _, _ in self.moves if from_state is State.ISSUANCE}

    @property
    def is_worth_a_row(self) -> bool:
        return bool(self.points or self.change or self.let_go_points)

    def _sum(self, *, to_state: State) -> int:
        return sum(points for _, _, state, points in self.moves if state is to_state)


def list_history(
    *, member_id: int, at: datetime | None = None, before: datetime | None = None, limit: int = 20
) -> HistoryPage:
    """Tell what happened to a member's points up to `at`, newest first; `before` continues a page.

    A page has `limit` rows, and more where the last ones share their moment. Queries: those of the balance,
    and at most 3, whatever the length of the history; 2 more where a single moment fills a page.
    """
    at = clock.now() if at is None else at
    return history_of(book=book_at(get_account(member_id), at), at=at, before=before, limit=limit)


def history_of(
    *, book: MemberBook, at: datetime, before: datetime | None = None, limit: int = 20
) -> HistoryPage:
    """Tell the history of a book that stands as of `at` already, as a page that shows both needs it."""
    stored, is_complete = _stored_facts(book.member_id, at, before, limit)
    drafts = [_drafted(draft) for draft in book.entries if draft.kind not in _TOLD_BY_OTHERS]
    drafts = [fact for fact in drafts if before is None or fact.at < before]
    if not is_complete:
        drafts = [fact for fact in drafts if fact.at >= stored[-1].at]
    _add_moves(book.member_id, stored)
    # What time has decided comes after what was written of the same moment, as it will when it is written.
    newest_first = sorted([*drafts[::-1], *stored], key=lambda fact: fact.at, reverse=True)
    facts = [fact for fact in _folded(newest_first) if fact.is_worth_a_row]
    shown = _whole_moments(facts, limit)
    is_last = is_complete and len(shown) == len(facts)
    next_before = None if is_last or not newest_first else (shown or newest_first)[-1].at
    balance = book.available - book.debt if before is None else _balance_before(book, before)
    return HistoryPage(tuple(_rows(book, shown, balance)), next_before)


# -- reading -------------------------------------------------------------------------------------------------


def _stored_facts(
    member_id: int, at: datetime, before: datetime | None, limit: int
) -> tuple[list[_Fact], bool]:
    """Read whole moments of entries, newest first, and say whether that was all of them."""
    entries = Entry.objects.filter(member_id=member_id, occurred_at__lte=at)
    if before is not None:
        entries = entries.filter(occurred_at__lt=before)
    rows = _with_words(entries.exclude(kind__in=_TOLD_BY_OTHERS)).order_by("-occurred_at", "-id")
    count = limit * _ENTRIES_PER_ROW + 1
    facts = [_stored(row) for row in rows[:count]]
    if len(facts) < count:
        return facts, True
    cut = facts[-1].at
    whole = [fact for fact in facts if fact.at > cut]
    if whole:
        return whole, False
    has_more = rows.filter(occurred_at__lt=cut).exists()
    return [_stored(row) for row in rows.filter(occurred_at=cut)], not has_more


_COLUMNS = ("id", "occurred_at", "kind", "reason", "explanation", "debt_change", "let_go_points")


def _with_words(entries: QuerySet[Entry]) -> QuerySet[Entry, dict[str, Any]]:
    """Add what the sentences need: order, note, whether a reservation was used, the day of readiness.

    Sub-queries by primary or unique key, because there are no foreign keys between these tables to join on;
    each only for the entries that can have an answer, since twenty rows would ask four times each.
    """
    lots = Lot.objects.filter(id=OuterRef("source_id"), source_kind="purchase")
    bought = Case(
        When(source_kind="lot", then=Subquery(lots.values("source_id"))),
        When(source_kind="purchase", then=F("source_id")),
    )
    holds = Hold.objects.filter(member_id=OuterRef("member_id"), entry_id=OuterRef("id"))
    granted = Lot.objects.filter(member_id=OuterRef("member_id"), entry_id=OuterRef("id")).order_by()
    ready = granted.values("entry_id").annotate(latest=Max("releases_at")).values("latest")
    notes = EntryNote.objects.filter(entry_id=OuterRef("id"))
    return entries.annotate(bought=bought).values(
        *_COLUMNS,
        order=Subquery(Purchase.objects.filter(id=OuterRef("bought")).values("reference")),
        note=Case(When(~Q(source_kind__in=["purchase", "lot"]), then=Subquery(notes.values("for_member")))),
        hold_state=Case(When(kind=EntryKind.HOLD, then=Subquery(holds.values("state")))),
        ready_at=Case(When(kind=EntryKind.ACCRUE, then=Subquery(ready))),
    )


def _stored(row: dict[str, Any]) -> _Fact:
    return _Fact(
        entry_id=row["id"],
        at=row["occurred_at"],
        kind=EntryKind(row["kind"]),
        reason=row["reason"],
        explanation=row["explanation"],
        debt_change=row["debt_change"],
        let_go_points=row["let_go_points"],
        order=row["order"] or "",
        note=row["note"] or "",
        is_used=row["hold_state"] == "captured",
        ready_at=row["ready_at"],
    )


def _add_moves(member_id: int, facts: Iterable[_Fact]) -> None:
    by_entry = {fact.entry_id: fact for fact in facts if fact.entry_id is not None}
    moves = Movement.objects.filter(member_id=member_id, entry_id__in=by_entry).order_by("id")
    for entry_id, lot_id, from_state, to_state, points in moves.values_list(
        "entry_id", "lot_id", "from_state", "to_state", "points"
    ):
        by_entry[entry_id].moves.append((lot_id, State(from_state), State(to_state), points))


def _drafted(draft: EntryDraft) -> _Fact:
    sources = {(move.lot.source_kind, move.lot.source_id) for move in draft.moves}
    purchase_ids = {source_id for source_kind, source_id in sources if source_kind == "purchase"}
    return _Fact(
        entry_id=None,
        at=draft.occurred_at,
        kind=draft.kind,
        reason=draft.reason,
        explanation=draft.explanation,
        debt_change=draft.debt_change,
        purchase_id=purchase_ids.pop() if len(sources) == len(purchase_ids) == 1 else None,
        moves=[(move.lot.id, move.from_state, move.to_state, move.points) for move in draft.moves],
    )


def _balance_before(book: MemberBook, before: datetime) -> int:
    """Work out the balance just before a moment: what was written until then, and what time had decided."""
    moved = Movement.objects.filter(member_id=book.member_id, effective_at__lt=before)
    owed = Entry.objects.filter(member_id=book.member_id, occurred_at__lt=before)
    sums = PointsAccount.objects.filter(member_id=book.member_id).values_list(
        _sum_of(moved.filter(to_state=State.AVAILABLE), "points"),
        _sum_of(moved.filter(from_state=State.AVAILABLE), "points"),
        _sum_of(owed, "debt_change"),
    )
    come, gone, debt = sums.get()
    drafted = sum(_drafted(draft).own_change for draft in book.entries if draft.occurred_at < before)
    return come - gone - debt + drafted


def _sum_of(rows: QuerySet[Any], column: str) -> Coalesce:
    summed = rows.order_by().values("member_id").annotate(total=Sum(column)).values("total")
    return Coalesce(Subquery(summed), Value(0))


# -- telling -------------------------------------------------------------------------------------------------


def _folded(newest_first: Iterable[_Fact]) -> Iterator[_Fact]:
    """Fold each release into the grant of the same moment, and leave the rest as it is."""
    for _, same_moment in groupby(newest_first, key=lambda fact: fact.at):
        facts = list(same_moment)
        grants = {
            lot_id: fact for fact in facts if fact.kind is EntryKind.ACCRUE for lot_id in fact.issued_lots
        }
        for fact in facts:
            grant = grants.get(fact.moves[0][0]) if fact.kind is EntryKind.RELEASE and fact.moves else None
            if grant is None:
                yield fact
            else:
                grant.folded.append(fact)


def _whole_moments(facts: Sequence[_Fact], limit: int) -> Sequence[_Fact]:
    end = min(limit, len(facts))
    while 0 < end < len(facts) and facts[end].at == facts[end - 1].at:
        end += 1
    return facts[:end]


def _rows(book: MemberBook, facts: Sequence[_Fact], balance: int) -> Iterator[HistoryRow]:
    """Turn facts into rows, from the balance after the newest of them downwards."""
    orders = _orders(facts)
    for fact in facts:
        order = fact.order or orders.get(fact.purchase_id or 0, "")
        open_lots = [book.lots[lot_id] for lot_id in fact.issued_lots if lot_id in book.lots]
        pending = [lot for lot in open_lots if lot.pending]
        yield HistoryRow(
            entry_id=fact.entry_id,
            at=fact.at,
            kind=fact.kind,
            reason=fact.reason,
            points=fact.points,
            change=fact.change,
            balance=balance,
            on_the_way=sum(lot.pending for lot in pending),
            ready_at=fact.ready_at if fact.kind is EntryKind.ACCRUE and not fact.folded else None,
            waits_for=next((lot.waits_for for lot in pending if lot.waits_for), ""),
            order=order,
            sentence=sentences.history(_told(fact, order)),
            note=fact.note,
            let_go_points=fact.let_go_points,
        )
        balance -= fact.change


def _orders(facts: Iterable[_Fact]) -> dict[int, str]:
    """Find the shop's own order numbers for what is not written yet. Queries: 1, or 0 where there is none."""
    ids = {fact.purchase_id for fact in facts if fact.purchase_id}
    return dict(Purchase.objects.filter(id__in=ids).values_list("id", "reference")) if ids else {}


def _told(fact: _Fact, order: str) -> sentences.Told:
    counted_minor = fact.explanation.get("counted_minor")
    currency = fact.explanation.get("currency")
    amount = figures.money(counted_minor, currency) if counted_minor is not None and currency else ""
    return sentences.Told(fact.kind, fact.reason, abs(fact.points), order, amount, fact.is_used)
