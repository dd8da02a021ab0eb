"""Stores what books have drafted: entries, lots, movements, then the counters from the movements.

Nothing else in the project inserts or updates these tables. Everything happens in the caller's transaction.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from backstage.plain_sql import execute, is_postgresql, spelled
from loyalty.ledger import single_statement, statements
from loyalty.ledger.rows import Drafts, Recording, Row, entry_rows, hold_row, lot_row, new_lots
from loyalty.ledger.single_statement import EntryIds
from loyalty.ledger.statements import ENTRY, LOT, MOVEMENT
from loyalty.policies.book import LotState, MemberBook
from loyalty.policies.errors import WriteConflict
from loyalty.policies.states import State

# Rows per statement. SQLite takes 32,766 parameters in one, and the widest table has 19 columns.
ROWS_PER_STATEMENT = 1000


def write(books: Sequence[MemberBook], recording: Recording) -> EntryIds:
    """Store the entries drafted on these books; give the ids of the entries by (member id, key).

    Queries: 1 on PostgreSQL where it fits, else 5; one more for each hold that closes and each date that
    changes. Raises: WriteConflict when a row count says that something changed behind the lock.
    """
    drafts = [(book, draft) for book in books for draft in book.entries]
    if not drafts:
        return {}
    _write_dates(books)
    if is_postgresql() and single_statement.fits(drafts):
        entry_ids, lots, accounts = single_statement.store(drafts, recording)
    else:
        entry_ids, lots, accounts = _store(drafts, recording)
    _require_rows(lots, len(_moved_lots(drafts)), "lots")
    _require_rows(accounts, len({book.member_id for book, _ in drafts}), "accounts")
    _close_holds(drafts, entry_ids)
    return entry_ids


def _moved_lots(drafts: Drafts) -> set[int]:
    return {
        move.lot.id for _, draft in drafts for move in draft.moves if move.from_state is not State.ISSUANCE
    }


# -- the portable way ----------------------------------------------------------------------------------------


def _store(drafts: Drafts, recording: Recording) -> tuple[EntryIds, int, int]:
    """Store entries, lots, movements and holds; then each lot and each account once, by the net."""
    rows = entry_rows(drafts, recording)
    returned = _insert(ENTRY, statements.ENTRY_COLUMNS, rows, returning="id, member_id, key")
    entry_ids = {(member_id, key): entry_id for entry_id, member_id, key in returned}
    _insert_lots(drafts, entry_ids)
    _insert(MOVEMENT, statements.MOVEMENT_COLUMNS, _movement_rows(drafts, entry_ids))
    _insert_holds(drafts, entry_ids)
    return entry_ids, *_apply(drafts, list(entry_ids.values()))


def _insert_lots(drafts: Drafts, entry_ids: EntryIds) -> None:
    """Store new lots, and give the drafts' lots their ids."""
    lots: dict[tuple[int, int], LotState] = {}
    rows = []
    for book, draft, number, lot in new_lots(drafts):
        entry_id = entry_ids[book.member_id, draft.key]
        lots[entry_id, number] = lot
        rows.append((entry_id, *lot_row(book.member_id, number, lot)))
    columns = ("entry_id", *statements.NEW_LOT_COLUMNS)
    for lot_id, entry_id, number in _insert(LOT, columns, rows, returning="id, entry_id, number"):
        lots[entry_id, number].id = lot_id


def _movement_rows(drafts: Drafts, entry_ids: EntryIds) -> list[Row]:
    return [
        (
            book.member_id,
            entry_ids[book.member_id, draft.key],
            move.lot.id,
            move.from_state.value,
            move.to_state.value,
            move.points,
            move.effective_at,
        )
        for book, draft in drafts
        for move in draft.moves
    ]


def _insert_holds(drafts: Drafts, entry_ids: EntryIds) -> None:
    rows = []
    for book, draft in drafts:
        if draft.new_hold is not None:
            captured_by = draft.new_hold.captured_by
            *row, state, expires_at = hold_row(book.member_id, draft.new_hold)
            closed_by = entry_ids[book.member_id, captured_by.key] if captured_by else None
            state = "captured" if closed_by else state
            rows.append((*row, state, expires_at, entry_ids[book.member_id, draft.key], closed_by))
    _insert(statements.HOLD, (*statements.HOLD_COLUMNS, "entry_id", "closed_by"), rows)


def _apply(drafts: Drafts, entry_ids: list[int]) -> tuple[int, int]:
    """Bring lots and accounts up to date from the movements just stored; give the numbers of changed rows."""
    members = sorted({book.member_id for book, _ in drafts})
    member_marks, entry_marks = statements.marks(len(members)), statements.marks(len(entry_ids))
    of_movements = f"{MOVEMENT} WHERE member_id IN ({member_marks}) AND entry_id IN ({entry_marks})"
    of_entries = f"{ENTRY} WHERE id IN ({entry_marks})"
    lots = 0
    if _moved_lots(drafts):
        lots = execute(statements.apply_to_lots(of_movements), [*members, *entry_ids]).rowcount
    values = [*members, *entry_ids, *entry_ids]
    return lots, execute(statements.apply_to_accounts(of_movements, of_entries), values).rowcount


def _insert(table: str, columns: tuple[str, ...], rows: Sequence[Row], returning: str = "") -> list[Row]:
    returned: list[Row] = []
    for part in _parts(rows):
        statement = statements.insert(table, columns, len(part), returning)
        cursor = execute(statement, _adapted(chain.from_iterable(part)))
        if returning:
            returned += cursor.fetchall()
    return returned


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        yield rows[start : start + ROWS_PER_STATEMENT]


def _adapted(values: Iterable[Any]) -> list[Any]:
    """Turn moments and documents into what the database keeps: SQLite has its own spelling of a moment."""
    as_text = not is_postgresql()
    return [
        (spelled(value) if as_text else value)
        if isinstance(value, datetime)
        else json.dumps(value)
        if isinstance(value, dict)
        else value
        for value in values
    ]


# -- what changes one row at a time --------------------------------------------------------------------------


def _write_dates(books: Sequence[MemberBook]) -> None:
    for book in books:
        for lot in book.lots.values():
            if lot.dates_changed and lot.id > 0:
                dates = (lot.dated_at, lot.releases_at, lot.expires_at, lot.reprieved_until)
                changed = execute(statements.set_lot_dates(), _adapted([*dates, lot.waits_for, lot.id]))
                _require_rows(changed.rowcount, 1, "lot")


def _close_holds(drafts: Drafts, entry_ids: EntryIds) -> None:
    for book, draft in drafts:
        for hold_id, state in ((draft.captures_hold, "captured"), (draft.voids_hold, "voided")):
            if hold_id is not None:
                entry_id = entry_ids[book.member_id, draft.key]
                closed = execute(statements.close_hold(), [state, entry_id, book.member_id, hold_id])
                _require_rows(closed.rowcount, 1, "hold")


def _require_rows(changed: int, count: int, what: str) -> None:
    if changed != count:
        raise WriteConflict(f"{changed} {what} changed where {count} had to; nothing was written")
