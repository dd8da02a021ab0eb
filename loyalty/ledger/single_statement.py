"""A posting in one statement, on PostgreSQL alone.

It stores what `writer` stores in four to six statements, by the same SQL for the counters. The rows travel as
JSON documents, so that the statement is the same for one entry and for a thousand and stays prepared.
Measured against the portable statements: see `docs/performance.md`.

A data-modifying statement cannot change a row that it has inserted itself, so postings in which a new lot
moves on at once, or in which one entry closes the hold of another, take the portable way.

Lots and movements are inserted in the order of the drafts, which a join would not keep by itself: ids decide
which of two equal lots is spent, or pays a debt, first.
"""

from functools import cache

from django.db.backends.utils import CursorWrapper

from backstage.plain_sql import tell_rows, told_rows
from loyalty.ledger import statements
from loyalty.ledger.rows import Drafts, Recording, entry_rows, hold_row, lot_row, new_lots
from loyalty.ledger.statements import ENTRY, HOLD, LOT, MOVEMENT
from loyalty.models import Entry, Hold, Lot, Movement
from loyalty.policies.states import State

EntryIds = dict[tuple[int, str], int]


def fits(drafts: Drafts) -> bool:
    """Tell whether one statement can store these drafts."""
    return not any(
        (move.lot.id < 0 and move.from_state is not State.ISSUANCE)
        or (draft.new_hold is not None and draft.new_hold.captured_by is not None)
        for _, draft in drafts
        for move in draft.moves
    )


def store(cursor: CursorWrapper, drafts: Drafts, recording: Recording) -> tuple[EntryIds, int, int]:
    """Store entries, lots, movements and holds, and the counters from the movements.

    Gives the ids of the entries by (member id, key), and how many lots and accounts were changed.
    """
    cursor.execute(_statement(), [*_documents(drafts, recording)])
    rows = cursor.fetchall()
    entry_ids = {(member_id, key): entry_id for entry_id, member_id, key, _, _ in rows}
    return entry_ids, rows[0][3], rows[0][4]


def _documents(drafts: Drafts, recording: Recording) -> list[str]:
    entries = [dict(zip(statements.ENTRY_COLUMNS, row, strict=True)) for row in entry_rows(drafts, recording)]
    lots = [
        dict(
            zip(statements.NEW_LOT_COLUMNS, lot_row(book.member_id, number, lot), strict=True), key=draft.key
        )
        for book, draft, number, lot in new_lots(drafts)
    ]
    movements = [
        {
            "member_id": book.member_id,
            "key": draft.key,
            "lot_id": move.lot.id if move.lot.id > 0 else None,
            "number": draft.new_lots.index(move.lot) if move.lot.id < 0 else None,
            "from_state": move.from_state.value,
            "to_state": move.to_state.value,
            "points": move.points,
            "effective_at": move.effective_at,
            "place": place,
        }
        for place, (book, draft, move) in enumerate(
            (book, draft, move) for book, draft in drafts for move in draft.moves
        )
    ]
    holds = [
        dict(
            zip(statements.HOLD_COLUMNS, hold_row(book.member_id, draft.new_hold), strict=True), key=draft.key
        )
        for book, draft in drafts
        if draft.new_hold is not None
    ]
    return [tell_rows(rows) for rows in (entries, lots, movements, holds)]


@cache
def _statement() -> str:
    lot_columns, hold_columns = ", ".join(statements.NEW_LOT_COLUMNS), ", ".join(statements.HOLD_COLUMNS)
    return f"""
WITH entry AS (
    INSERT INTO {ENTRY} ({", ".join(statements.ENTRY_COLUMNS)})
    SELECT {", ".join(statements.ENTRY_COLUMNS)} FROM {told_rows(Entry, statements.ENTRY_COLUMNS)}
    RETURNING id, member_id, key, kind, debt_change, qualifying_at, occurred_at
), new_lot AS (
    INSERT INTO {LOT} (entry_id, {lot_columns})
    SELECT entry.id, {_of("told", statements.NEW_LOT_COLUMNS)}
    FROM {told_rows(Lot, statements.NEW_LOT_COLUMNS, "key text")} JOIN entry USING (member_id, key)
    ORDER BY entry.id, told.number
    RETURNING id, entry_id, number
), moved AS (
    INSERT INTO {MOVEMENT} ({", ".join(statements.MOVEMENT_COLUMNS)})
    SELECT told.member_id, entry.id, COALESCE(told.lot_id, new_lot.id), told.from_state, told.to_state,
        told.points, told.effective_at
    FROM {told_rows(Movement, _MOVE_COLUMNS, "key text", "number smallint", "place integer")}
    JOIN entry USING (member_id, key)
    LEFT JOIN new_lot ON new_lot.entry_id = entry.id AND new_lot.number = told.number
    ORDER BY told.place
    RETURNING member_id, lot_id, from_state, to_state, points
), hold AS (
    INSERT INTO {HOLD} (entry_id, {hold_columns})
    SELECT entry.id, {_of("told", statements.HOLD_COLUMNS)}
    FROM {told_rows(Hold, statements.HOLD_COLUMNS, "key text")} JOIN entry USING (member_id, key)
), changed_lot AS (
    {statements.apply_to_lots("moved WHERE true")} RETURNING 1
), changed_account AS (
    {statements.apply_to_accounts("moved WHERE true", "entry WHERE true")} RETURNING 1
)
SELECT id, member_id, key, (SELECT COUNT(*) FROM changed_lot), (SELECT COUNT(*) FROM changed_account)
FROM entry
"""


_MOVE_COLUMNS = ("member_id", "lot_id", "from_state", "to_state", "points", "effective_at")


def _of(alias: str, columns: tuple[str, ...]) -> str:
    return ", ".join(f"{alias}.{column}" for column in columns)
