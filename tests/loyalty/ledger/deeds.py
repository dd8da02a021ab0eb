"""Deeds on members' points, in one line each: what tests of the ledger are written with.

Every deed is a transaction of its own and has a key of its own, unless one is given.
"""

from datetime import UTC, datetime, timedelta
from itertools import count

from django.db import transaction

from backstage.policies import SYSTEM
from loyalty.ledger import moves, posting
from loyalty.models import Lot, Member, Movement
from loyalty.policies.programme import DebtPolicy
from loyalty.policies.requests import Accrue, ClawBack, Part, Request
from loyalty.policies.terms import LotDates
from loyalty.queries import get_balance

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
_numbers = count(1)


def day(number: float) -> datetime:
    """So many days after noon of 3 March 2026."""
    return NOON + timedelta(days=number)


def _key() -> str:
    return f"test:{next(_numbers)}"


@transaction.atomic
def send(*requests: Request, at: datetime) -> list[posting.Posted]:
    return posting.post(requests, at=at, by=SYSTEM)


def earning(
    member: Member,
    points: int,
    *,
    at: datetime = NOON,
    ready_at: datetime | None = None,
    ends_at: datetime | None = None,
    purchase: int | None = None,
    key: str = "",
) -> Accrue:
    """The request to grant points, ready at once unless said otherwise, as a gift or of a purchase."""
    part = Part(points, LotDates(ready_at or at, ends_at, "", None))
    return Accrue(
        member_id=member.id,
        key=key or _key(),
        reason="purchase" if purchase else "gift",
        parts=(part,),
        earned_at=at,
        source_kind="purchase" if purchase else "gift",
        source_id=purchase,
    )


def returning(
    member: Member,
    points: int,
    *,
    purchase: int = 1,
    at: datetime = NOON,
    policy: DebtPolicy = DebtPolicy.DEBT,
) -> ClawBack:
    """The request to take back points of a purchase."""
    return ClawBack(
        member_id=member.id,
        key=_key(),
        reason="returned",
        parts=((None, points),),
        purchase_id=purchase,
        policy=policy,
        qualifying_at=at,
    )


def earn(member: Member, points: int, *, at: datetime = NOON, **facts: object) -> Lot:
    """Grant points and give their lot."""
    (posted,) = send(earning(member, points, at=at, **facts), at=at)
    return Lot.objects.get(entry_id=posted.entry_id)


def return_points(member: Member, points: int, *, at: datetime, **facts: object) -> posting.Posted:
    (posted,) = send(returning(member, points, at=at, **facts), at=at)
    return posted


@transaction.atomic
def give(
    member: Member, points: int, *, at: datetime = NOON, ends_at: datetime | None = None
) -> posting.Posted:
    return moves.give(
        member_id=member.id, points=points, key=_key(), reason="gift", expires_at=ends_at, at=at, by=SYSTEM
    )


@transaction.atomic
def take_back(member: Member, points: int, *, at: datetime) -> posting.Posted:
    return moves.take_back(
        member_id=member.id, points=points, key=_key(), reason="correction", at=at, by=SYSTEM
    )


@transaction.atomic
def hold(member: Member, points: int, *, at: datetime, until: datetime | None = None, key: str = "") -> int:
    """Reserve points, for an hour unless said otherwise, and give the reservation's id."""
    until = until or at + timedelta(hours=1)
    posted = moves.hold(
        member_id=member.id, points=points, key=key or _key(), expires_at=until, at=at, by=SYSTEM
    )
    return posted.entry_id


@transaction.atomic
def capture(member: Member, hold_id: int, *, at: datetime, key: str = "") -> posting.Posted:
    return moves.capture(member_id=member.id, hold_id=hold_id, key=key or _key(), at=at, by=SYSTEM)


@transaction.atomic
def void(member: Member, hold_id: int, *, at: datetime) -> posting.Posted:
    return moves.void(member_id=member.id, hold_id=hold_id, key=_key(), at=at, by=SYSTEM)


@transaction.atomic
def reinstate(member: Member, capture_id: int, points: int, *, at: datetime) -> posting.Posted:
    return moves.reinstate(
        member_id=member.id,
        capture_id=capture_id,
        points=points,
        key=_key(),
        reason="order_cancelled",
        at=at,
        by=SYSTEM,
    )


@transaction.atomic
def settle(*members: Member, at: datetime) -> int:
    """Write down what time has decided."""
    return posting.settle([member.id for member in members], at=at, by=SYSTEM)


def points_of(member: Member, at: datetime) -> dict[str, int]:
    """What is not zero of a member's balance at a moment."""
    balance = get_balance(member_id=member.id, at=at)
    counts = {name: getattr(balance, name) for name in ("available", "pending", "held", "debt")}
    return {name: points for name, points in counts.items() if points}


def history(member: Member) -> list[tuple[str, str, int, datetime]]:
    """Every movement of a member, oldest first: from, to, points, when."""
    movements = Movement.objects.filter(member=member).order_by("effective_at", "id")
    return [
        (row.get_from_state_display(), row.get_to_state_display(), row.points, row.effective_at)
        for row in movements
    ]
