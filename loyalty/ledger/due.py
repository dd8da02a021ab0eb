"""Writes down for everyone what time has decided, in sets and in chunks of members.

A chunk is a range of member ids. Its accounts are locked first, by ascending id; then entries are inserted
from the lots that are due, movements from those entries, and lots and accounts are changed from those
movements. Members whose case is not plain go through their books instead, by the rule of every other write:
those with debt (what becomes available pays it first) and those with lots that wait for a fact or end by
inactivity.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from backstage.plain_sql import among, listed
from backstage.policies import SYSTEM, Chunk, Progress
from backstage.transactions import require_transaction
from loyalty.ledger import statements
from loyalty.ledger.posting import settle
from loyalty.ledger.statements import ACCOUNT, ENTRY, HOLD, LOT, MOVEMENT
from loyalty.locks import lock_due_accounts
from loyalty.models import LotTerms
from loyalty.policies.calendar import add_months
from loyalty.policies.errors import WriteConflict
from loyalty.policies.states import EntryKind, State
from loyalty.policies.terms import ExpiryKind

# Lots per chunk. On SQLite a chunk is the longest time that the shop's other writes wait.
LOTS_PER_CHUNK = {"postgresql": 5_000, "sqlite": 1_000}

Condition = tuple[str, list[Any]]

ENTRY_COLUMNS = (
    "member_id, kind, key, source_kind, source_id, by_kind, by_id, reason, occurred_at, recorded_at, batch"
)


@dataclass(frozen=True)
class DueMove:
    """One move that time decides for lots, as SQL over `lot` and `account`.

    `due` gives the condition of lots that are due at a moment; `moment` when that was, never before their
    dates were known; `key` what makes a second entry for the same fact impossible; `by_book` the condition of
    lots whose members need their books besides those with debt.
    """

    kind: EntryKind
    from_state: State
    to_state: State
    due: Callable[[Any], Condition]
    moment: str
    key: str
    by_book: Callable[[datetime], Condition]


_USABLE_UNTIL = (
    "(CASE WHEN lot.reprieved_until > lot.expires_at THEN lot.reprieved_until ELSE lot.expires_at END)"
)


def _release_due(at: Any) -> Condition:
    return "lot.pending > 0 AND lot.releases_at <= %s", [at]


def _release_by_book(at: datetime) -> Condition:
    return "lot.pending > 0 AND lot.waits_for <> '' AND lot.stands_in_at <= %s", [_adapt(at)]


def _expire_due(at: Any) -> Condition:
    return f"lot.available > 0 AND lot.expires_at <= %s AND {_USABLE_UNTIL} <= %s", [at, at]


def _expire_by_book(at: datetime) -> Condition:
    """Choose members whose last deed may be long enough ago; their books decide to the day.

    The margin covers zones and months of unequal length, because SQL has no months that both databases share.
    """
    months = LotTerms.objects.filter(expiry_kind=ExpiryKind.INACTIVITY.value).values_list(
        "expiry_months", flat=True
    )
    cases = [
        ("(lot.lapse_months = %s AND account.active_at <= %s)", [number, _adapt(_months_before(at, number))])
        for number in sorted(set(months))
    ]
    if not cases:
        return "1 = 0", []
    either = " OR ".join(sql for sql, _ in cases)
    return f"lot.available > 0 AND ({either})", [value for _, values in cases for value in values]


def _months_before(at: datetime, months: int) -> datetime:
    day = add_months(at.date(), -months) + timedelta(days=3)
    return at.replace(year=day.year, month=day.month, day=day.day)


RELEASE = DueMove(
    EntryKind.RELEASE,
    State.PENDING,
    State.AVAILABLE,
    due=_release_due,
    moment="(CASE WHEN lot.dated_at > lot.releases_at THEN lot.dated_at ELSE lot.releases_at END)",
    key="'release:' || lot.id",
    by_book=_release_by_book,
)
EXPIRE = DueMove(
    EntryKind.EXPIRE,
    State.AVAILABLE,
    State.EXPIRED,
    due=_expire_due,
    moment=f"(CASE WHEN lot.dated_at > {_USABLE_UNTIL} THEN lot.dated_at ELSE {_USABLE_UNTIL} END)",
    key="'expire:' || lot.id || ':' || lot.expired",
    by_book=_expire_by_book,
)


def plan(move: DueMove, at: datetime) -> list[Chunk]:
    """Cut the members who have lots due at or before `at` into ranges of about as many lots each.
    Queries: 1.
    """
    due, due_values = move.due(_adapt(at))
    by_book, by_book_values = move.by_book(at)
    return _cut(
        f"SELECT lot.member_id FROM {LOT} AS lot WHERE {due} UNION ALL SELECT lot.member_id FROM {LOT} AS lot"
        f" JOIN {ACCOUNT} AS account ON account.member_id = lot.member_id WHERE {by_book}",
        [*due_values, *by_book_values],
    )


def plan_stale_holds(at: datetime) -> list[Chunk]:
    """Cut the members who have reservations that timed out by `at` into ranges. Queries: 1."""
    return _cut(f"SELECT member_id FROM {HOLD} WHERE state = 'open' AND expires_at <= %s", [_adapt(at)])


def _cut(members: str, values: list[Any]) -> list[Chunk]:
    size = LOTS_PER_CHUNK[connection.vendor]
    # PostgreSQL sums integers to a numeric, and a numeric divides without rounding: each member a chunk.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT MIN(member_id), MAX(member_id), SUM(lots) FROM (SELECT member_id, lots,"
            f" CAST(SUM(lots) OVER (ORDER BY member_id) - lots AS BIGINT) / {size} AS chunk FROM ("
            f"SELECT member_id, COUNT(*) AS lots FROM ({members}) AS due GROUP BY member_id"
            ") AS counted) AS cut GROUP BY chunk ORDER BY MIN(member_id)",
            values,
        )
        return [Chunk(lo, hi, int(lots)) for lo, hi, lots in cursor.fetchall()]


def work(move: DueMove, chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
    """Write down this move for the members of one chunk, in the caller's transaction.

    Locks: the accounts of the range that have something due, ascending. Replay: what is written is no longer
    due. Queries: 9 for the plain members, and those of `settle` for the rest.
    """
    require_transaction()
    moved = _move_plain(move, chunk, at, chunk_id)
    with connection.cursor() as cursor:
        rest = _members_by_book(cursor, move, chunk, at)
    written = settle(rest, at=at, by=SYSTEM, batch=chunk_id) if rest else 0
    return Progress(done=moved + written)


def work_stale_holds(chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
    """Void the timed-out reservations of the members of one chunk, with all else that time has decided for
    them.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT member_id FROM {HOLD} WHERE state = 'open' AND expires_at <= %s"
            " AND member_id BETWEEN %s AND %s",
            [_adapt(at), chunk.lo, chunk.hi],
        )
        members = [member_id for (member_id,) in cursor.fetchall()]
    return Progress(done=settle(members, at=at, by=SYSTEM, batch=chunk_id) if members else 0)


def _move_plain(move: DueMove, chunk: Chunk, at: datetime, chunk_id: int) -> int:
    """Write this move down in sets for the locked members without debt; give the number of lots."""
    due, values = move.due(_adapt(at))
    members = lock_due_accounts(chunk.lo, chunk.hi, due, values)
    if not members:
        return 0
    store = _store_at_once if connection.vendor == "postgresql" else _store
    facts = [move.kind.value, SYSTEM.kind, SYSTEM.id, _adapt(timezone.now()), chunk_id]
    with connection.cursor() as cursor:
        return store(cursor, move, facts, due, [*values, listed(members)])


def _store_at_once(
    cursor: CursorWrapper, move: DueMove, facts: list[Any], due: str, due_values: list[Any]
) -> int:
    """Store it in one statement, on PostgreSQL alone."""
    states = [move.from_state.value, move.to_state.value]
    statement = statements.due_at_once(
        columns=ENTRY_COLUMNS, moment=move.moment, key=move.key, due=due, counter=move.from_state.name.lower()
    )
    cursor.execute(statement, [*due_values, *facts, *states])
    entries, members, lots, accounts = cursor.fetchone()
    _require(lots, entries, "lots")
    _require(accounts, members, "accounts")
    return int(entries)


def _store(cursor: CursorWrapper, move: DueMove, facts: list[Any], due: str, due_values: list[Any]) -> int:
    """Store it in the dialect that both databases share: entries, movements, then the counters.

    What has just been written is what came after the newest row of before, of members whose accounts are
    locked: nobody else can have written there meanwhile.
    """
    members, mine = due_values[-1], among("member_id")
    new_entries = f"{ENTRY} WHERE id > %s AND {mine}", [_newest(cursor, ENTRY), members]
    new_movements = f"{MOVEMENT} WHERE id > %s AND {mine}", [_newest(cursor, MOVEMENT), members]
    cursor.execute(
        statements.due_entries(columns=ENTRY_COLUMNS, moment=move.moment, key=move.key, due=due),
        [*facts, *due_values],
    )
    entries = cursor.rowcount
    if not entries:
        return 0
    cursor.execute(
        statements.due_movements(move.from_state.name.lower(), new_entries[0]),
        [move.from_state.value, move.to_state.value, *new_entries[1]],
    )
    _require(cursor.rowcount, entries, "movements")
    _apply(cursor, new_entries, new_movements, lots=entries)
    return entries


def _apply(cursor: CursorWrapper, new_entries: Condition, new_movements: Condition, *, lots: int) -> None:
    """Change lots and accounts from the movements just written."""
    entries, entry_values = new_entries
    movements, movement_values = new_movements
    cursor.execute(statements.apply_to_lots(movements), movement_values)
    _require(cursor.rowcount, lots, "lots")
    # Not as many as were locked: who waited for a lock may find that another worker has done it meanwhile.
    cursor.execute(f"SELECT COUNT(DISTINCT member_id) FROM {entries}", entry_values)
    (accounts,) = cursor.fetchone()
    cursor.execute(statements.apply_to_accounts(movements, entries), [*movement_values, *entry_values])
    _require(cursor.rowcount, accounts, "accounts")


def _members_by_book(cursor: CursorWrapper, move: DueMove, chunk: Chunk, at: datetime) -> list[int]:
    due, due_values = move.due(_adapt(at))
    by_book, by_book_values = move.by_book(at)
    cursor.execute(
        f"SELECT DISTINCT lot.member_id FROM {LOT} AS lot JOIN {ACCOUNT} AS account"
        f" ON account.member_id = lot.member_id WHERE lot.member_id BETWEEN %s AND %s"
        f" AND ((account.debt > 0 AND {due}) OR ({by_book}))",
        [chunk.lo, chunk.hi, *due_values, *by_book_values],
    )
    return [member_id for (member_id,) in cursor.fetchall()]


def _newest(cursor: CursorWrapper, table: str) -> int:
    cursor.execute(f"SELECT COALESCE(MAX(id), 0) FROM {table}")
    return int(cursor.fetchone()[0])


def _require(changed: int, count: int, what: str) -> None:
    if changed != count:
        raise WriteConflict(f"{changed} {what} changed where {count} had to; nothing was written")


def _adapt(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def job(
    move: DueMove,
) -> tuple[Callable[[datetime], Sequence[Chunk]], Callable[[Chunk, datetime, int], Progress]]:
    """Give the plan and the work of one move as a job takes them."""
    return (lambda at: plan(move, at)), (lambda chunk, at, chunk_id: work(move, chunk, at, chunk_id))
