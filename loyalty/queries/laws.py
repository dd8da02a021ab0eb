"""What a law of the books is: one SELECT that returns the rows which break it, nothing when all is well.

The first column is the id, the others are the numbers that the law's sentence needs. The SELECTs are in the
dialect that PostgreSQL and SQLite share, and use nothing of the code that writes the ledger, so that a fault
there cannot hide behind itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection

from backstage import clock
from backstage.policies import Finding
from backstage.registry import Invariant
from loyalty.models import Movement
from loyalty.policies.states import LOT_STATES, MOVES, EntryKind, State

# One finding for each row, up to here: a bad change may break every row, and a page is enough to see it.
MOST_FINDINGS = 100

COUNTERS = {state: state.name.lower() for state in LOT_STATES}


@dataclass(frozen=True, slots=True)
class Law:
    """One question to the books. `broken` selects an id and the numbers that `detail` has gaps for.

    `late_after` makes it a law of liveness: `broken` then takes one parameter, the moment that long ago.
    """

    name: str
    question: str
    broken: str
    detail: str
    late_after: timedelta | None = None

    @property
    def full_name(self) -> str:
        """The name among the invariants of all apps."""
        return f"ledger.{self.name}"

    def invariant(self) -> Invariant:
        """Put the law into the form of the door."""
        return Invariant(
            name=self.full_name,
            question=self.question,
            find=self.find,
            liveness=self.late_after is not None,
        )

    def find(self) -> list[Finding]:
        """Return the rows that break the law, lowest ids first. Queries: 1."""
        with connection.cursor() as cursor:
            cursor.execute(f"{self.broken} ORDER BY 1 LIMIT {MOST_FINDINGS}", self._parameters())
            columns = [column[0] for column in cursor.description]
            rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        return [Finding(self.full_name, [row[columns[0]]], self.detail % row) for row in rows]

    def _parameters(self) -> Sequence[Any]:
        if self.late_after is None:
            return []
        return [connection.ops.adapt_datetimefield_value(clock.now() - self.late_after)]


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
