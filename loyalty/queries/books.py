"""Members' books, loaded from the tables: under locks for a write, without for a reading."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import connection

from backstage.plain_sql import Columns, among, execute, listed, within
from loyalty.models import Hold, Lot, LotTerms, Member, Movement, PointsAccount, Programme
from loyalty.models.ledger import HoldState as HoldStates
from loyalty.policies.book import Account, HoldState, LotState, MemberBook, allocation_key
from loyalty.policies.states import State
from loyalty.policies.terms import Clock, ExpiryKind, Terms

_LOT = Columns(
    Lot,
    "id",
    "earned_at",
    "pending",
    "available",
    "held",
    "redeemed",
    "expired",
    "revoked",
    "dated_at",
    "releases_at",
    "expires_at",
    "reprieved_until",
    "lapse_months",
    "waits_for",
    "stands_in_at",
    "terms_id",
    "source_kind",
    "source_id",
    "twin_of",
    "member_id",
)
_HOLD = Columns(Hold, "member_id", "entry_id", "points", "expires_at", "reference")
_PART = Columns(Movement, "member_id", "entry_id", "lot_id", "points")
_BOOKS = (
    "SELECT member.id, programme.time_zone, programme.reprieve_days, member.merged_into_id,"
    f" EXISTS (SELECT 1 FROM {LotTerms._meta.db_table} AS terms WHERE terms.programme_id = programme.id"
    f" AND terms.expiry_kind = '{ExpiryKind.INACTIVITY.value}') FROM {Member._meta.db_table} AS member"
    f" JOIN {Programme._meta.db_table} AS programme ON programme.id = member.programme_id"
)

# A spend takes points from two or three lots; whoever needs more loads the whole book.
FIRST_LOTS = 64


def load_books(
    accounts: Iterable[Account | PointsAccount], *, with_lots: bool = True
) -> dict[int, MemberBook]:
    """Load the books of these accounts: what is open, and what their programmes say about dates.

    `with_lots=False` leaves out lots and holds for members whose requests do not look at them; a member with
    lots that end by inactivity gets them all the same. Queries: 1 without lots; 3 to 5 with.
    """
    by_member = {account.member_id: account for account in accounts}
    books = _empty_books(by_member)
    load = {book.member_id: book for book in books.values() if with_lots or book.has_lapsing_lots}
    if load:
        _add_lots(load)
        _add_holds({member_id: book for member_id, book in load.items() if by_member[member_id].held})
    return books


def load_book(account: PointsAccount) -> MemberBook:
    """Load one whole book for a reading. Queries: 1 where the account came with its member; 3 with holds.

    A write uses `load_books`, which reads member and programme again, behind the account's lock.
    """
    member, programme = account.member, account.member.programme
    book = MemberBook(
        member.id,
        ZoneInfo(programme.time_zone),
        debt=account.debt,
        active_at=account.active_at,
        reprieve_days=programme.reprieve_days,
        merged_into=member.merged_into_id,
    )
    _add_lots({member.id: book})
    _add_holds({member.id: book} if account.held else {})
    return book


def load_first_lots(account: Account, at: datetime) -> MemberBook:
    """Load a book for taking points: what is due by `at`, and the first lots in allocation order.

    The index has the lots in this order, so there are only so many to read, even where all end on one day. A
    member with lots that end by inactivity gets the whole book, because their order is worked out.

    Queries: 3; 2 more with reservations that timed out, 1 more with lots that wait for a fact.
    """
    (book,) = _empty_books({account.member_id: account}).values()
    books = {book.member_id: book}
    if book.has_lapsing_lots:
        _add_lots(books)
        _add_holds(books if account.held else {})
        return book
    moment = connection.ops.adapt_datetimefield_value(at)
    due = _LOT.read(
        "WHERE member_id = %s AND pending > 0"
        " AND (releases_at <= %s OR (waits_for <> '' AND stands_in_at <= %s))",
        [book.member_id, moment, moment],
    )
    first = _LOT.read(
        "WHERE member_id = %s AND available > 0"
        f" ORDER BY expires_at NULLS LAST, earned_at, id LIMIT {FIRST_LOTS}",
        [book.member_id],
    )
    for *values, _ in (*due, *first):
        lot = LotState(*values)
        book.lots[lot.id] = lot
    if len(first) == FIRST_LOTS:
        last = book.lots[first[-1][0]]
        book.slice_end = allocation_key(last.expires_at, last)
    add_terms([book])
    _add_holds(books if account.held else {}, until=at)
    return book


def _empty_books(accounts: Mapping[int, Account | PointsAccount]) -> dict[int, MemberBook]:
    of_these, value = within("member.id", accounts)
    rows = execute(f"{_BOOKS} WHERE {of_these}", [value]).fetchall()
    return {
        member_id: MemberBook(
            member_id,
            ZoneInfo(time_zone),
            debt=accounts[member_id].debt,
            active_at=accounts[member_id].active_at,
            has_lapsing_lots=bool(has_lapsing_lots),
            reprieve_days=reprieve_days,
            merged_into=merged_into,
        )
        for member_id, time_zone, reprieve_days, merged_into, has_lapsing_lots in rows
    }


def _add_lots(books: dict[int, MemberBook]) -> None:
    """Add the lots that have points pending or available; two halves, because each state has its own
    index. One member is asked for by an equality: a list of one is planned anew each time, which takes longer
    than reading the lots.
    """
    mine, members = among("member_id"), listed(books)
    if len(books) == 1:
        mine, (members,) = "member_id = %s", books
    rows = _LOT.read(
        f"WHERE {mine} AND pending > 0"
        f" UNION ALL SELECT {_LOT.sql} FROM {_LOT.table} WHERE {mine} AND available > 0 AND pending = 0",
        [members, members],
    )
    for *values, member_id in rows:
        lot = LotState(*values)
        books[member_id].lots[lot.id] = lot
    add_terms(books.values())


def add_terms(books: Collection[MemberBook]) -> None:
    """Give the books the terms of those lots whose dates are still to be worked out."""
    wanted = {lot.terms_id for book in books for lot in book.lots.values() if lot.terms_id and lot.waits_for}
    if wanted:
        terms = load_terms(wanted)
        for book in books:
            book.terms = terms


def load_terms(terms_ids: Collection[int]) -> dict[int, Terms]:
    """Read versions of window and expiry as plain values. Queries: 1."""
    return {row.id: terms_of(row) for row in LotTerms.objects.filter(id__in=terms_ids)}


def terms_of(row: LotTerms) -> Terms:
    """Turn a stored version into the value that policies work with."""
    return Terms(
        id=row.id,
        window_days=row.window_days,
        clock=Clock(row.clock),
        missing_fact_days=row.missing_fact_days,
        expiry_kind=ExpiryKind(row.expiry_kind),
        expiry_months=row.expiry_months,
        expiry_at_month_end=row.expiry_at_month_end,
        expiry_month=row.expiry_month,
        expiry_day=row.expiry_day,
    )


def load_lots(lot_ids: Collection[int]) -> dict[int, LotState]:
    """Read lots by id, closed ones too. Queries: 1; 0 without ids."""
    if not lot_ids:
        return {}
    rows = _LOT.read(f"WHERE {among('id')}", [listed(lot_ids)])
    return {lot_id: LotState(lot_id, *values) for lot_id, *values, _ in rows}


def _add_holds(books: dict[int, MemberBook], *, until: datetime | None = None) -> None:
    """Add the open reservations, and those lots of theirs that have nothing left but what is held.

    With `until`, only those which have timed out by then.
    """
    if not books:
        return
    timed_out = "" if until is None else " AND expires_at <= %s"
    rows = _HOLD.read(
        f"WHERE {among('member_id')} AND state = '{HoldStates.OPEN.value}'{timed_out}",
        [listed(books), *([connection.ops.adapt_datetimefield_value(until)] if timed_out else [])],
    )
    for member_id, entry_id, points, expires_at, reference in rows:
        books[member_id].holds[entry_id] = HoldState(entry_id, points, expires_at, [], reference)
    parts = _PART.read(
        f"WHERE {among('member_id')} AND {among('entry_id')} AND to_state = {State.HELD.value}",
        [listed(books), listed({entry_id for book in books.values() for entry_id in book.holds})],
    )
    held_only = load_lots(
        {lot_id for member_id, _, lot_id, _ in parts}
        - {lot_id for book in books.values() for lot_id in book.lots}
    )
    for member_id, entry_id, lot_id, points in parts:
        books[member_id].holds[entry_id].parts.append((lot_id, points))
        if lot_id in held_only:
            books[member_id].lots[lot_id] = held_only[lot_id]
