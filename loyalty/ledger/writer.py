"""Stores what books have drafted: entries, lots, movements, then the counters from the movements.

Nothing else in the project inserts or updates these tables. Everything happens in the caller's transaction.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from django.db import connection
from django.db.backends.utils import CursorWrapper

from backstage.policies import By
from loyalty.ledger import statements
from loyalty.policies.book import EntryDraft, LotState, MemberBook
from loyalty.policies.states import State

# Rows per statement. SQLite takes 32,766 parameters in one, and the widest table has 22 columns.
ROWS_PER_STATEMENT = 1000


Drafts: TypeAlias = "Sequence[tuple[MemberBook, EntryDraft]]"
EntryIds: TypeAlias = "dict[tuple[int, str], int]"
Adapt: TypeAlias = "Callable[[Any], Any]"


class WriteConflict(Exception):
    """A guarded write changed another number of rows than it had to; the transaction must roll back."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Who writes, when, and for which job chunk."""

    by: By
    recorded_at: datetime
    batch: int | None = None


def write(books: Sequence[MemberBook], recording: Recording) -> dict[tuple[int, str], int]:
    """Store the entries drafted on these books; give the ids of the entries by (member id, key).

    Queries: 5, and one more for each hold or date that changes. Raises: WriteConflict when a row count says
    that something changed behind the lock.
    """
    drafts = [(book, draft) for book in books for draft in book.entries]
    if not drafts:
        return {}
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        entry_ids = _insert_entries(cursor, drafts, recording, adapt)
        _insert_lots(cursor, drafts, entry_ids, adapt)
        _insert_movements(cursor, drafts, entry_ids, adapt)
        _write_dates(cursor, books, adapt)
        _apply(cursor, drafts, list(entry_ids.values()))
        _write_holds(cursor, drafts, entry_ids, adapt)
    return entry_ids


def _insert_entries(cursor: CursorWrapper, drafts: Drafts, recording: Recording, adapt: Adapt) -> EntryIds:
    rows = [_entry_row(book.member_id, draft, recording, adapt) for book, draft in drafts]
    returned = _insert(
        cursor, statements.ENTRY, statements.ENTRY_COLUMNS, rows, returning="id, member_id, key"
    )
    return {(member_id, key): entry_id for entry_id, member_id, key in returned}


def _entry_row(member_id: int, draft: EntryDraft, recording: Recording, adapt: Adapt) -> tuple[Any, ...]:
    return (
        member_id,
        draft.kind.value,
        draft.key,
        draft.fingerprint,
        draft.source_kind,
        draft.source_id,
        draft.corrects,
        draft.channel_id,
        recording.by.kind,
        recording.by.id,
        draft.reason,
        json.dumps(draft.explanation),
        draft.debt_change,
        draft.let_go_points,
        draft.qualifying_change,
        adapt(draft.qualifying_at),
        adapt(draft.occurred_at),
        adapt(recording.recorded_at),
        recording.batch,
    )


def _insert_lots(cursor: CursorWrapper, drafts: Drafts, entry_ids: EntryIds, adapt: Adapt) -> None:
    """Store new lots with all their points pending, and give the drafts' lots their ids."""
    lots: dict[tuple[int, int], LotState] = {}
    rows = []
    for book, draft in drafts:
        entry_id = entry_ids[book.member_id, draft.key]
        for number, lot in enumerate(draft.new_lots):
            lots[entry_id, number] = lot
            rows.append(_lot_row(book.member_id, entry_id, number, lot, adapt))
    if rows:
        returned = _insert(
            cursor, statements.LOT, statements.LOT_COLUMNS, rows, returning="id, entry_id, number"
        )
        for lot_id, entry_id, number in returned:
            lots[entry_id, number].id = lot_id


def _lot_row(member_id: int, entry_id: int, number: int, lot: LotState, adapt: Adapt) -> tuple[Any, ...]:
    return (
        member_id,
        entry_id,
        number,
        lot.terms_id,
        lot.source_kind,
        lot.source_id,
        lot.issued,
        lot.issued,
        adapt(lot.earned_at),
        adapt(lot.dated_at),
        adapt(lot.releases_at),
        adapt(lot.expires_at),
        adapt(lot.reprieved_until),
        lot.lapse_months,
        lot.waits_for,
        adapt(lot.stands_in_at),
        lot.twin_of,
        0,
        0,
        0,
        0,
        0,
    )


def _insert_movements(cursor: CursorWrapper, drafts: Drafts, entry_ids: EntryIds, adapt: Adapt) -> None:
    rows = [
        (
            book.member_id,
            entry_ids[book.member_id, draft.key],
            move.lot.id,
            move.from_state.value,
            move.to_state.value,
            move.points,
            adapt(move.effective_at),
        )
        for book, draft in drafts
        for move in draft.moves
    ]
    if rows:
        _insert(cursor, statements.MOVEMENT, statements.MOVEMENT_COLUMNS, rows)


def _write_dates(cursor: CursorWrapper, books: Sequence[MemberBook], adapt: Adapt) -> None:
    for book in books:
        for lot in book.lots.values():
            if lot.dates_changed:
                dates = (lot.dated_at, lot.releases_at, lot.expires_at, lot.reprieved_until)
                cursor.execute(statements.set_lot_dates(), [*map(adapt, dates), lot.waits_for, lot.id])
                _require_rows(cursor, 1, "lot")


def _apply(cursor: CursorWrapper, drafts: Drafts, entry_ids: list[int]) -> None:
    """Bring lots and accounts up to date from the movements just stored, each row once, by the net."""
    members = sorted({book.member_id for book, _ in drafts})
    lots = {
        move.lot.id for _, draft in drafts for move in draft.moves if move.from_state is not State.ISSUANCE
    }
    member_marks, entry_marks = statements.marks(len(members)), statements.marks(len(entry_ids))
    of_movements = f"member_id IN ({member_marks}) AND entry_id IN ({entry_marks})"
    of_entries = f"id IN ({entry_marks})"
    if lots:
        cursor.execute(statements.apply_to_lots(of_movements), [*members, *entry_ids])
        _require_rows(cursor, len(lots), "lots")
    cursor.execute(statements.apply_to_accounts(of_movements, of_entries), [*entry_ids, *members, *entry_ids])
    _require_rows(cursor, len(members), "accounts")


def _write_holds(cursor: CursorWrapper, drafts: Drafts, entry_ids: EntryIds, adapt: Adapt) -> None:
    for book, draft in drafts:
        entry_id = entry_ids[book.member_id, draft.key]
        if draft.new_hold is not None:
            captured_by = draft.new_hold.captured_by
            closed_by = entry_ids[book.member_id, captured_by.key] if captured_by else None
            row = (
                book.member_id,
                entry_id,
                draft.new_hold.points,
                draft.new_hold.reference,
                "captured" if closed_by else "open",
                adapt(draft.new_hold.expires_at),
                closed_by,
            )
            _insert(cursor, statements.HOLD, statements.HOLD_COLUMNS, [row])
        for hold_id, state in ((draft.captures_hold, "captured"), (draft.voids_hold, "voided")):
            if hold_id is not None:
                cursor.execute(statements.close_hold(), [state, entry_id, book.member_id, hold_id])
                _require_rows(cursor, 1, "hold")


def _insert(
    cursor: CursorWrapper,
    table: str,
    columns: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    returning: str = "",
) -> list[tuple[Any, ...]]:
    returned: list[tuple[Any, ...]] = []
    for part in _parts(rows):
        cursor.execute(
            statements.insert(table, columns, len(part), returning), [value for row in part for value in row]
        )
        if returning:
            returned += cursor.fetchall()
    return returned


def _parts(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        yield rows[start : start + ROWS_PER_STATEMENT]


def _require_rows(cursor: CursorWrapper, count: int, what: str) -> None:
    if cursor.rowcount != count:
        raise WriteConflict(f"{cursor.rowcount} {what} changed where {count} had to; nothing was written")
