"""The SQL that stores points, in the dialect that PostgreSQL and SQLite share.

Movements come first; the counters of lots and accounts are then changed *from those movements*, so that a
counter can not say anything else than the history does. Each table is written once per posting.
"""

from functools import cache, lru_cache

from backstage.plain_sql import among
from loyalty.models import Entry, Hold, Lot, Movement, PointsAccount
from loyalty.policies.states import LOT_STATES, EntryKind, State

ENTRY = Entry._meta.db_table
LOT = Lot._meta.db_table
MOVEMENT = Movement._meta.db_table
ACCOUNT = PointsAccount._meta.db_table
HOLD = Hold._meta.db_table

ENTRY_COLUMNS = (
    "member_id",
    "kind",
    "key",
    "fingerprint",
    "source_kind",
    "source_id",
    "corrects",
    "channel_id",
    "by_kind",
    "by_id",
    "reason",
    "explanation",
    "debt_change",
    "let_go_points",
    "qualifying_change",
    "qualifying_at",
    "occurred_at",
    "recorded_at",
    "batch",
)
# The counters that a new lot does not have yet are left to the database's own zero.
NEW_LOT_COLUMNS = (
    "member_id",
    "number",
    "terms_id",
    "source_kind",
    "source_id",
    "issued",
    "pending",
    "earned_at",
    "dated_at",
    "releases_at",
    "expires_at",
    "reprieved_until",
    "lapse_months",
    "waits_for",
    "stands_in_at",
    "twin_of",
)
HOLD_COLUMNS = ("member_id", "points", "reference", "state", "expires_at")
MOVEMENT_COLUMNS = ("member_id", "entry_id", "lot_id", "from_state", "to_state", "points", "effective_at")

COUNTERS = {state: state.name.lower() for state in LOT_STATES}


@cache
def marks(count: int) -> str:
    """Give `count` placeholders."""
    return ", ".join(["%s"] * count)


@lru_cache(maxsize=64)
def insert(table: str, columns: tuple[str, ...], rows: int, returning: str = "") -> str:
    """Write the statement that inserts `rows` rows at once."""
    values = ", ".join([f"({marks(len(columns))})"] * rows)
    tail = f" RETURNING {returning}" if returning else ""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {values}{tail}"


def _change(state: State, *, issuance: bool) -> str:
    """Say what a movement brings into `state` or takes out of it."""
    brought = f"to_state = {state.value}" + ("" if issuance else f" AND from_state <> {State.ISSUANCE.value}")
    return f"CASE WHEN {brought} THEN points WHEN from_state = {state.value} THEN -points ELSE 0 END"


@lru_cache(maxsize=64)
def apply_to_lots(movements: str) -> str:
    """Change the counters of lots by `movements`, a table or subquery with its WHERE.

    Points that were issued by these movements are in the new lot's row already, because the CHECK
    `issued = sum of the states` holds at every instant.
    """
    nets = ", ".join(f"SUM({_change(state, issuance=False)}) AS {COUNTERS[state]}" for state in LOT_STATES)
    sets = ", ".join(f"{column} = {LOT}.{column} + net.{column}" for column in COUNTERS.values())
    return (
        f"UPDATE {LOT} SET {sets} FROM ("
        f"SELECT lot_id, {nets} FROM {movements} AND from_state <> {State.ISSUANCE.value}"
        f" GROUP BY lot_id) AS net WHERE {LOT}.id = net.lot_id"
    )


@lru_cache(maxsize=64)
def apply_to_accounts(movements: str, entries: str) -> str:
    """Change the accounts by the movements, and by the debts and deeds that the entries note.

    Both are a table or subquery with its WHERE. One sum over both, because a join of two sums looks like one
    row to PostgreSQL, which then computes the second for each row of the first.
    """
    columns = COUNTERS.values()
    sets = ", ".join(f"{column} = {ACCOUNT}.{column} + net.{column}" for column in (*columns, "debt"))
    sums = ", ".join(f"SUM({column}) AS {column}" for column in (*columns, "debt"))
    changes = ", ".join(f"{_change(state, issuance=True)} AS {COUNTERS[state]}" for state in LOT_STATES)
    nothing = ", ".join("0" for _ in columns)
    deeds = f"{EntryKind.HOLD.value}, {EntryKind.CAPTURE.value}"
    return (
        f"UPDATE {ACCOUNT} SET {sets},"
        f" active_at = CASE WHEN net.active_at IS NULL OR {ACCOUNT}.active_at >= net.active_at"
        f" THEN {ACCOUNT}.active_at ELSE net.active_at END"
        f" FROM (SELECT member_id, MAX(active_at) AS active_at, {sums} FROM ("
        f"SELECT member_id, {changes}, 0 AS debt, NULL AS active_at FROM {movements} UNION ALL"
        f" SELECT member_id, {nothing}, debt_change, CASE WHEN kind = {EntryKind.ACCRUE.value}"
        f" THEN qualifying_at WHEN kind IN ({deeds}) THEN occurred_at END FROM {entries}"
        f") AS changes GROUP BY member_id) AS net WHERE {ACCOUNT}.member_id = net.member_id"
    )


def due_entries(*, columns: str, moment: str, key: str, due: str) -> str:
    """Insert an entry for each lot that is due and whose member is among those locked."""
    return (
        f"INSERT INTO {ENTRY} ({columns})"
        f" SELECT lot.member_id, %s, {key}, 'lot', lot.id, %s, %s, 'time', {moment}, %s, %s"
        f" FROM {LOT} AS lot WHERE {due} AND {among('lot.member_id')}"
    )


def due_movements(counter: str, entries: str) -> str:
    """Insert the movement of each of these entries: all points that its lot has in the state it leaves."""
    return (
        f"INSERT INTO {MOVEMENT} ({', '.join(MOVEMENT_COLUMNS)})"
        f" SELECT entry.member_id, entry.id, lot.id, %s, %s, lot.{counter}, entry.occurred_at"
        f" FROM (SELECT * FROM {entries}) AS entry JOIN {LOT} AS lot ON lot.id = entry.source_id"
    )


def due_at_once(*, columns: str, moment: str, key: str, due: str, counter: str) -> str:
    """Write a move down for all lots that are due, in one statement, on PostgreSQL alone.

    Statements that read what the one before has written are planned without any statistics of it. This one
    carries the due lots along. Gives the numbers of entries, of their members, of changed lots and accounts.
    """
    return f"""
WITH due AS MATERIALIZED (
    SELECT nextval({sequence(ENTRY)}) AS entry_id, lot.id AS lot_id, lot.member_id, lot.{counter} AS points,
        {key} AS key, {moment} AS moment
    FROM {LOT} AS lot WHERE {due} AND {among("lot.member_id")}
), entry AS (
    INSERT INTO {ENTRY} (id, {columns})
    SELECT entry_id, member_id, %s, key, 'lot', lot_id, %s, %s, 'time', moment, %s, %s FROM due
    RETURNING member_id, kind, debt_change, qualifying_at, occurred_at
), moved AS (
    INSERT INTO {MOVEMENT} ({", ".join(MOVEMENT_COLUMNS)})
    SELECT member_id, entry_id, lot_id, %s, %s, points, moment FROM due
    RETURNING member_id, lot_id, from_state, to_state, points
), changed_lot AS (
    {apply_to_lots("moved WHERE true")} RETURNING 1
), changed_account AS (
    {apply_to_accounts("moved WHERE true", "entry WHERE true")} RETURNING 1
)
SELECT (SELECT COUNT(*) FROM entry), (SELECT COUNT(DISTINCT member_id) FROM entry),
    (SELECT COUNT(*) FROM changed_lot), (SELECT COUNT(*) FROM changed_account)
"""


def sequence(table: str) -> str:
    """Look up, once per statement, the sequence of a table: for ids that are drawn before their rows."""
    return f"(SELECT pg_get_serial_sequence('{table}', 'id')::regclass)"


def close_hold() -> str:
    """Close one reservation, if it is still open; the row count says whether it was."""
    return (
        f"UPDATE {HOLD} SET state = %s, closed_by = %s"
        " WHERE member_id = %s AND entry_id = %s AND state = 'open'"
    )


def set_lot_dates() -> str:
    """Write the dates of one lot that a fact or a reprieve has set."""
    return (
        f"UPDATE {LOT} SET dated_at = %s, releases_at = %s, expires_at = %s, reprieved_until = %s,"
        " waits_for = %s WHERE id = %s"
    )
