"""The parts of SQL that the laws of points share.

They use nothing of the code that writes the ledger, so that a fault there cannot hide behind itself.
"""

from collections.abc import Iterable

from loyalty.models import Movement
from loyalty.policies.states import LOT_STATES, MOVES, EntryKind, State

COUNTERS = {state: state.name.lower() for state in LOT_STATES}


def counters(written: str) -> list[str]:
    """Write one thing for each counter of a lot or account, `{}` being its name."""
    return [written.format(name) for name in COUNTERS.values()]


def total(row: str) -> str:
    """Sum the counters of a row; a missing row has none."""
    return " + ".join(counters(f"COALESCE({row}.{{}}, 0)"))


def is_negative(row: str) -> str:
    """Ask whether any counter of a row is below zero."""
    return " OR ".join(counters(f"{row}.{{}} < 0"))


def differ(left: str, right: str) -> str:
    """Ask whether any counter of two rows differs; a missing right one counts as nothing."""
    return " OR ".join(counters(f"{left}.{{0}} <> COALESCE({right}.{{0}}, 0)"))


def replayed(key: str) -> str:
    """Replay all movements into counters, by `key`."""
    nets = (
        f"SUM(CASE WHEN to_state = {state.value} THEN points"
        f" WHEN from_state = {state.value} THEN -points ELSE 0 END) AS {name}"
        for state, name in COUNTERS.items()
    )
    return f"SELECT {key}, {', '.join(nets)} FROM {Movement._meta.db_table} GROUP BY {key}"


def allowed_moves(kinds: Iterable[EntryKind]) -> str:
    """Ask whether a movement `m` is one that its entry `e` may make."""
    return " OR ".join(
        f"(e.kind = {kind.value} AND m.from_state = {from_state.value} AND m.to_state = {to_state.value})"
        for kind in kinds
        for from_state, to_state in sorted(_changes(kind))
    )


def _changes(kind: EntryKind) -> set[tuple[State, State]]:
    if kind is EntryKind.SET_DATE:
        return set()
    if kind is EntryKind.MERGE:
        return {
            change
            for part in (EntryKind.ACCRUE, EntryKind.RELEASE, EntryKind.REVOKE)
            for change in _changes(part)
        }
    move = MOVES[kind]
    changes = {(from_state, move.to_state) for from_state in move.from_states}
    if move.to_state is State.AVAILABLE:  # what becomes available pays the debt in the same entry
        changes.add((State.AVAILABLE, State.REVOKED))
    return changes
