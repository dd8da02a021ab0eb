"""The states of a point and the eight moves between them.

This table is the single source: it drives the writer, the CHECK constraints, the diagram in the docs, the
admin's labels and the tests. A move that is not listed here cannot be stored.
"""

from dataclasses import dataclass
from enum import IntEnum


class State(IntEnum):
    """Where a point is. Every issued point is in exactly one state of exactly one lot."""

    ISSUANCE = 0
    PENDING = 1
    AVAILABLE = 2
    HELD = 3
    REDEEMED = 4
    EXPIRED = 5
    REVOKED = 6


class EntryKind(IntEnum):
    """What an entry did. The first eight are the moves; the last two change a date or a home, not a state."""

    ACCRUE = 1
    RELEASE = 2
    HOLD = 3
    CAPTURE = 4
    VOID = 5
    EXPIRE = 6
    REVOKE = 7
    REINSTATE = 8
    SET_DATE = 9
    MERGE = 10


@dataclass(frozen=True)
class Move:
    """One allowed change of state, who asks for it and what the member reads."""

    kind: EntryKind
    from_states: tuple[State, ...]
    to_state: State
    asked_by: str
    member_reads: str


MOVES: dict[EntryKind, Move] = {
    move.kind: move
    for move in (
        Move(
            EntryKind.ACCRUE,
            (State.ISSUANCE,),
            State.PENDING,
            "earning, referral, goodwill, import",
            "120 points on their way",
        ),
        Move(
            EntryKind.RELEASE,
            (State.PENDING,),
            State.AVAILABLE,
            "the return window is over",
            "120 points ready",
        ),
        Move(
            EntryKind.HOLD,
            (State.AVAILABLE,),
            State.HELD,
            "checkout or reward starts",
            "500 points reserved",
        ),
        Move(
            EntryKind.CAPTURE,
            (State.HELD,),
            State.REDEEMED,
            "order or reward confirmed",
            "500 points spent",
        ),
        Move(
            EntryKind.VOID,
            (State.HELD,),
            State.AVAILABLE,
            "abandoned, timed out, declined",
            "500 points back",
        ),
        Move(
            EntryKind.EXPIRE,
            (State.AVAILABLE,),
            State.EXPIRED,
            "the lot's date has come",
            "80 points expired",
        ),
        Move(
            EntryKind.REVOKE,
            (State.PENDING, State.AVAILABLE),
            State.REVOKED,
            "return, fraud, correction, debt",
            "120 points taken back, order 10482",
        ),
        Move(
            EntryKind.REINSTATE,
            (State.REDEEMED,),
            State.AVAILABLE,
            "what they bought was cancelled",
            "500 points returned",
        ),
    )
}

ALLOWED_CHANGES: frozenset[tuple[State, State]] = frozenset(
    (from_state, move.to_state) for move in MOVES.values() for from_state in move.from_states
)

# Points of a lot are counted in these states; ISSUANCE is where they come from.
LOT_STATES: tuple[State, ...] = tuple(state for state in State if state is not State.ISSUANCE)
# A lot with points in one of these can still change by itself or by the member's deed.
OPEN_STATES: tuple[State, ...] = (State.PENDING, State.AVAILABLE, State.HELD)
