"""The one balance. Header, page, mail, till, API and admin call `get_balance`."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum

from backstage import clock
from backstage.transactions import read_snapshot
from loyalty.models import Entry, Hold, Member, Movement, PointsAccount
from loyalty.policies.book import HoldState, LotState, MemberBook
from loyalty.policies.outside import REFERENCE
from loyalty.policies.states import LOT_STATES, OPEN_STATES, State
from loyalty.queries.books import add_terms, load_book, load_lots


@dataclass(frozen=True, slots=True)
class Upcoming:
    """Points on their way and the moment they become ready; None while payment or delivery is waited for."""

    points: int
    at: datetime | None
    waits_for: str = ""


@dataclass(frozen=True, slots=True)
class Expiring:
    """Ready points that can be used before `until` (exclusive)."""

    points: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Balance:
    """What a member has at a moment. Units: points; `worth_minor` in minor units of `currency`.

    `available` is spendable at that moment and never includes what is on the way or reserved. Of what is
    `held`, `exchanging` is on its way to another programme. `debt` is owed by the member and filled by the
    next points.
    """

    member_id: int
    at: datetime
    available: int
    pending: int
    held: int
    debt: int
    worth_minor: int
    currency: str
    time_zone: str
    on_the_way: tuple[Upcoming, ...] = ()
    expiring: tuple[Expiring, ...] = ()
    exchanging: int = 0


def get_balance(*, member_id: int, at: datetime | None = None) -> Balance:
    """Say what a member has at `at`, past, present or future; by default now.

    Time: what time has decided by then counts, whether or not a job has written it down yet. For a past
    moment the movements up to it are replayed. All is read from one state of the database, or points that
    were reserved between two reads would be in neither; inside a transaction, from that transaction's.
    Queries: 2 for now and the future, up to 6 with reservations or points that wait for a fact; outside a
    transaction, what it takes to open and close a snapshot.
    Raises: PointsAccount.DoesNotExist for a member without an account.
    """
    at = clock.now() if at is None else at
    with read_snapshot():
        account = get_account(member_id)
        book = book_at(account, at)
    return read_balance(book, account.member, at)


def accounts_to_read() -> QuerySet[Any]:
    """Give accounts with what `book_at` asks of one: member, programme, moment of the newest entry."""
    newest = Entry.objects.filter(member_id=OuterRef("member_id")).order_by("-occurred_at", "-id")
    return PointsAccount.objects.select_related("member__programme").annotate(
        newest_entry_at=Subquery(newest.values("occurred_at")[:1])
    )


def get_account(member_id: int) -> PointsAccount:
    """Give one account to read a balance from. Queries: 1. Raises: PointsAccount.DoesNotExist."""
    account: PointsAccount = accounts_to_read().get(member_id=member_id)
    return account


def book_at(account: Any, at: datetime) -> MemberBook:
    """Load a member's book as it stands at `at`, with what time has decided by then; nothing is written.

    The account is one of `accounts_to_read`. Where it has moved since `at`, the past is replayed.
    """
    book = load_book(account)
    if account.newest_entry_at is not None and account.newest_entry_at > at:
        book = _book_in_the_past(account, book, at)
    book.settle(at)
    return book


def _book_in_the_past(account: PointsAccount, today: MemberBook, at: datetime) -> MemberBook:
    """Replay the movements that were effective by `at` into a book of their own."""
    counters: dict[int, dict[State, int]] = defaultdict(lambda: dict.fromkeys(State, 0))
    sums = Movement.objects.filter(member_id=account.member_id, effective_at__lte=at).order_by()
    for lot_id, from_state, to_state, points in sums.values_list("lot_id", "from_state", "to_state").annotate(
        Sum("points")
    ):
        counters[lot_id][State(from_state)] -= points
        counters[lot_id][State(to_state)] += points
    book = MemberBook(
        account.member_id, today.zone, reprieve_days=today.reprieve_days, active_at=account.active_at
    )
    for lot_id, lot in load_lots(counters.keys()).items():
        _set_counters(lot, counters[lot_id])
        if any(getattr(lot, state.name.lower()) for state in OPEN_STATES):
            book.lots[lot_id] = lot
    add_terms([book])
    _add_past_holds(book, at)
    book.debt = _debt_at(account.member_id, at)
    return book


def _set_counters(lot: LotState, counters: dict[State, int]) -> None:
    for state in LOT_STATES:
        setattr(lot, state.name.lower(), counters[state])


def _add_past_holds(book: MemberBook, at: datetime) -> None:
    """Add the reservations that were made by `at` and closed later, or never. Queries: 2."""
    parts: dict[int, list[tuple[int, int]]] = defaultdict(list)
    closers: set[int] = set()
    movements = Movement.objects.filter(member_id=book.member_id, effective_at__lte=at)
    for entry_id, lot_id, to_state, points in movements.filter(
        Q(from_state=State.HELD) | Q(to_state=State.HELD)
    ).values_list("entry_id", "lot_id", "to_state", "points"):
        if to_state == State.HELD:
            parts[entry_id].append((lot_id, points))
        else:
            closers.add(entry_id)
    for hold in Hold.objects.filter(member_id=book.member_id, entry_id__in=parts):
        if hold.closed_by not in closers:
            book.holds[hold.entry_id] = HoldState(
                hold.entry_id, hold.points, hold.expires_at, parts[hold.entry_id], hold.reference
            )


def _debt_at(member_id: int, at: datetime) -> int:
    entries = Entry.objects.filter(member_id=member_id, occurred_at__lte=at)
    return entries.aggregate(debt=Sum("debt_change"))["debt"] or 0


def read_balance(book: MemberBook, member: Member, at: datetime) -> Balance:
    """Read the balance off a book that stands as of `at` already; its programme must be at hand. Queries:
    0.
    """
    programme = member.programme
    return Balance(
        member_id=book.member_id,
        at=at,
        available=book.available,
        pending=book.pending,
        held=book.held,
        debt=book.debt,
        worth_minor=programme.worth_at(at).of(book.available),
        currency=programme.currency,
        time_zone=programme.time_zone,
        on_the_way=_on_the_way(book),
        expiring=_expiring(book),
        exchanging=sum(hold.points for hold in book.holds.values() if hold.reference.startswith(REFERENCE)),
    )


def _on_the_way(book: MemberBook) -> tuple[Upcoming, ...]:
    points: dict[tuple[datetime | None, str], int] = defaultdict(int)
    for lot in book.lots.values():
        if lot.pending:
            points[lot.releases_at, lot.waits_for] += lot.pending
    order = sorted(points, key=lambda key: (key[0] is None, key[0].timestamp() if key[0] else 0.0, key[1]))
    return tuple(Upcoming(points[moment, waits_for], moment, waits_for) for moment, waits_for in order)


def _expiring(book: MemberBook) -> tuple[Expiring, ...]:
    points: dict[datetime, int] = defaultdict(int)
    for lot in book.lots.values():
        ends_at = book.usable_until(lot)
        if lot.available and ends_at is not None:
            points[ends_at] += lot.available
    return tuple(Expiring(points[ends_at], ends_at) for ends_at in sorted(points))
