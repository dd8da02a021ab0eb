"""A posting in one statement, on PostgreSQL alone.

It stores what `writer` stores in four to six statements, by the same SQL for the counters. The rows travel as
one array for each column, so that the statement is the same for one entry and for a thousand and stays
prepared.
Measured against the portable statements: see `docs/performance.md`.

A data-modifying statement cannot change a row that it has inserted itself, so postings in which a new lot
moves on at once, or in which one entry closes the hold of another, take the portable way.

Lots and movements are inserted in the order of the drafts, which a join would not keep by itself: ids decide
which of two equal lots is spent, or pays a debt, first.
"""

from functools import cache

from backstage.plain_sql import Row, Told, among, execute, listed
from loyalty.ledger import statements
from loyalty.ledger.rows import Drafts, Recording, entry_rows, hold_row, lot_row
from loyalty.ledger.statements import ACCOUNT, ENTRY, HOLD, LOT, MOVEMENT
from loyalty.models import Entry, Hold, Lot, Movement
from loyalty.policies.states import State

EntryIds = dict[tuple[int, str], int]

# Planning so many steps costs more than the round trips of one or two entries.
WORTH_IT = 3


def fits(drafts: Drafts) -> bool:
    """Tell whether one statement can store these drafts, and is worth it."""
    return len(drafts) >= WORTH_IT and not any(
        (move.lot.id < 0 and move.from_state is not State.ISSUANCE)
        or (draft.new_hold is not None and draft.new_hold.captured_by is not None)
        for _, draft in drafts
        for move in draft.moves
    )


def store(drafts: Drafts, recording: Recording) -> tuple[EntryIds, int, int]:
    """Store entries, lots, movements and holds, and the counters from the movements.

    Gives the ids of the entries by (member id, key), and how many lots and accounts were changed.
    """
    members = {book.member_id for book, _ in drafts}
    rows = execute(_statement(), [*_parameters(drafts, recording), listed(members)]).fetchall()
    entry_ids = {(member_id, key): entry_id for entry_id, member_id, key, _, _ in rows}
    return entry_ids, rows[0][3], rows[0][4]


def _parameters(drafts: Drafts, recording: Recording) -> list[str]:
    """Give the rows as parameters. They refer to each other by their place, because their ids come later."""
    entries = [(*row, place) for place, row in enumerate(entry_rows(drafts, recording))]
    lots: list[Row] = []
    movements: list[Row] = []
    holds: list[Row] = []
    for place, (book, draft) in enumerate(drafts):
        lot_places: dict[int, int] = {}
        for number, lot in enumerate(draft.new_lots):
            lot_places[lot.id] = len(lots)
            lots.append((*lot_row(book.member_id, number, lot), len(lots), place))
        for move in draft.moves:
            lot_id, lot_place = move.lot.id, lot_places.get(move.lot.id)
            movements.append(
                (
                    book.member_id,
                    move.from_state.value,
                    move.to_state.value,
                    move.points,
                    move.effective_at,
                    lot_id if lot_place is None else None,
                    len(movements),
                    place,
                    lot_place,
                )
            )
        if draft.new_hold is not None:
            holds.append((*hold_row(book.member_id, draft.new_hold), place))
    return [
        *_ENTRIES.tell_many(entries),
        *_LOTS.tell_many(lots),
        *_MOVEMENTS.tell_many(movements),
        *_HOLDS.tell_many(holds),
    ]


_MOVE_COLUMNS = ("member_id", "from_state", "to_state", "points", "effective_at")
_ENTRIES = Told(Entry, statements.ENTRY_COLUMNS, "place")
_LOTS = Told(Lot, statements.NEW_LOT_COLUMNS, "place", "entry_place")
_MOVEMENTS = Told(Movement, (*_MOVE_COLUMNS, "lot_id"), "place", "entry_place", "lot_place")
_HOLDS = Told(Hold, statements.HOLD_COLUMNS, "entry_place")


@cache
def _statement() -> str:
    entry_columns, lot_columns, hold_columns = (
        ", ".join(columns)
        for columns in (statements.ENTRY_COLUMNS, statements.NEW_LOT_COLUMNS, statements.HOLD_COLUMNS)
    )
    # Ids are drawn before the rows are inserted: joins over more than one column of what is told look like
    # single rows to the planner, which then loops over all pairs. The members are told once more, so that few
    # of them are found by the index.
    return f"""
WITH new_entry AS MATERIALIZED (
    SELECT nextval({statements.sequence(ENTRY)}) AS id, told.*
    FROM {_ENTRIES.many()}
), entry AS (
    INSERT INTO {ENTRY} (id, {entry_columns}) SELECT id, {entry_columns} FROM new_entry
    RETURNING id, member_id, key, kind, debt_change, qualifying_at, occurred_at
), new_lot AS MATERIALIZED (
    SELECT nextval({statements.sequence(LOT)}) AS id, new_entry.id AS entry_id, told.*
    FROM {_LOTS.many()}
    JOIN new_entry ON new_entry.place = told.entry_place ORDER BY told.place
), lot AS (
    INSERT INTO {LOT} (id, entry_id, {lot_columns}) SELECT id, entry_id, {lot_columns} FROM new_lot
), moved AS (
    INSERT INTO {MOVEMENT} (entry_id, lot_id, {", ".join(_MOVE_COLUMNS)})
    SELECT new_entry.id, COALESCE(told.lot_id, new_lot.id), {_of("told", _MOVE_COLUMNS)}
    FROM {_MOVEMENTS.many()}
    JOIN new_entry ON new_entry.place = told.entry_place
    LEFT JOIN new_lot ON new_lot.place = told.lot_place ORDER BY told.place
    RETURNING member_id, lot_id, from_state, to_state, points
), hold AS (
    INSERT INTO {HOLD} (entry_id, {hold_columns})
    SELECT new_entry.id, {_of("told", statements.HOLD_COLUMNS)}
    FROM {_HOLDS.many()}
    JOIN new_entry ON new_entry.place = told.entry_place
), changed_lot AS (
    {statements.apply_to_lots("moved WHERE true")} RETURNING 1
), changed_account AS (
    {statements.apply_to_accounts("moved WHERE true", "entry WHERE true")}
    AND {among(f"{ACCOUNT}.member_id")} RETURNING 1
)
SELECT id, member_id, key, (SELECT COUNT(*) FROM changed_lot), (SELECT COUNT(*) FROM changed_account)
FROM entry
"""


def _of(alias: str, columns: tuple[str, ...]) -> str:
    return ", ".join(f"{alias}.{column}" for column in columns)
