"""What each state of a programme and of a member allows, in one table each."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ProgrammeState(StrEnum):
    """The life of a programme, in the order in which a shop lives it."""

    DRAFT = "draft"
    STAFF_ONLY = "staff_only"
    LIVE = "live"
    PAUSED = "paused"
    CLOSING = "closing"
    CLOSED = "closed"


@dataclass(frozen=True)
class Allows:
    """What may happen while a programme or a member is in a state.

    `staff_only`: by staff alone. Staff is whoever may sign in to the admin; who joined then, is.
    """

    join: bool
    earn: bool
    spend: bool
    see: bool
    staff_only: bool = False


PROGRAMME_ALLOWS: dict[ProgrammeState, Allows] = {
    ProgrammeState.DRAFT: Allows(join=False, earn=False, spend=False, see=False),
    ProgrammeState.STAFF_ONLY: Allows(join=True, earn=True, spend=True, see=True, staff_only=True),
    ProgrammeState.LIVE: Allows(join=True, earn=True, spend=True, see=True),
    ProgrammeState.PAUSED: Allows(join=False, earn=False, spend=False, see=True),
    ProgrammeState.CLOSING: Allows(join=False, earn=False, spend=True, see=True),
    ProgrammeState.CLOSED: Allows(join=False, earn=False, spend=False, see=True),
}

# From each state, where the owner may go next. It is time that closes a programme, on the day that members
# were told, and a closed one stays closed.
PROGRAMME_STEPS: dict[ProgrammeState, tuple[ProgrammeState, ...]] = {
    ProgrammeState.DRAFT: (ProgrammeState.STAFF_ONLY, ProgrammeState.LIVE),
    ProgrammeState.STAFF_ONLY: (ProgrammeState.DRAFT, ProgrammeState.LIVE),
    ProgrammeState.LIVE: (ProgrammeState.PAUSED, ProgrammeState.CLOSING),
    ProgrammeState.PAUSED: (ProgrammeState.LIVE, ProgrammeState.CLOSING),
    ProgrammeState.CLOSING: (ProgrammeState.LIVE,),
    ProgrammeState.CLOSED: (),
}


def state_at(state: ProgrammeState, closes_at: datetime | None, at: datetime) -> ProgrammeState:
    """Give the state that time has made of the one last written down."""
    if state is ProgrammeState.CLOSING and closes_at is not None and closes_at <= at:
        return ProgrammeState.CLOSED
    return state


class MemberState(StrEnum):
    """Where a member stands with the programme."""

    ACTIVE = "active"
    PAUSED = "paused"
    LEFT = "left"
    ERASED = "erased"


MEMBER_ALLOWS: dict[MemberState, Allows] = {
    MemberState.ACTIVE: Allows(join=False, earn=True, spend=True, see=True),
    MemberState.PAUSED: Allows(join=False, earn=False, spend=False, see=True),
    MemberState.LEFT: Allows(join=True, earn=False, spend=False, see=True),
    MemberState.ERASED: Allows(join=False, earn=False, spend=False, see=False),
}


# How long leaving can be undone; then the points end by entries.
UNDO_LEAVING_DAYS = 14


class Enrolment(StrEnum):
    """How customers become members."""

    AUTOMATIC = "automatic"
    ON_REQUEST = "on_request"


class Admission(StrEnum):
    """Whom the programme lets in."""

    OPEN = "open"
    BY_INVITATION = "by_invitation"


class DebtPolicy(StrEnum):
    """What happens when points are taken back that the member has already spent."""

    DEBT = "debt"
    LET_GO = "let_go"
    FROM_REFUND = "from_refund"
