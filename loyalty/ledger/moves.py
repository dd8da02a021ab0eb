"""The moves that other code asks for, one function each.

Each runs inside the caller's transaction and tells `post` one request. What the database knows and a request
cannot (a hold that is closed, what a capture took) is looked up here, under the account's lock.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from backstage.policies import By
from loyalty.ledger import hold_at_once
from loyalty.ledger.posting import Posted, post
from loyalty.locks import lock_accounts
from loyalty.models import Entry, Hold, Movement
from loyalty.models.ledger import HoldState
from loyalty.policies.errors import HoldUnknown
from loyalty.policies.requests import (
    PLAIN_HOLD,
    Accrue,
    Capture,
    ClosedHold,
    Forfeit,
    Part,
    PlaceHold,
    Reinstate,
    Request,
    Spent,
    TakeBack,
    VoidHold,
)
from loyalty.policies.states import EntryKind, State
from loyalty.policies.terms import LotDates
from loyalty.queries.books import load_lots


@dataclass(frozen=True, slots=True)
class HoldToClose:
    """A hold that is to be closed among others: whose, which, under which key and reason."""

    member_id: int
    hold_id: int
    key: str
    reason: str


def give(
    *,
    member_id: int,
    points: int,
    key: str,
    reason: str,
    expires_at: datetime | None,
    lapse_months: int | None = None,
    counts_for_level: bool = False,
    at: datetime,
    by: By,
) -> Posted:
    """Grant points that wait for nothing, issuance → pending, ready from `at` on.

    With `lapse_months` they end after so many months without activity. Replay: the same key and points answer
    with the entry that stands. Locks: the account.
    """
    part = Part(points, LotDates(at, expires_at, "", None), lapse_months=lapse_months)
    request = Accrue(
        member_id=member_id,
        key=key,
        reason=reason,
        parts=(part,),
        earned_at=at,
        source_kind="gift",
        qualifying_points=points if counts_for_level else 0,
    )
    return post([request], at=at, by=by)[0]


def take_back(
    *,
    member_id: int,
    points: int,
    key: str,
    reason: str,
    counts_for_level: bool = False,
    at: datetime,
    by: By,
) -> Posted:
    """Take points away by a correction, available → revoked.

    Raises: NotEnoughPoints with both numbers; a correction never makes a debt. Locks: the account.
    """
    request = TakeBack(
        member_id=member_id, key=key, reason=reason, points=points, counts_for_level=counts_for_level
    )
    return post([request], at=at, by=by)[0]


def hold(
    *,
    member_id: int,
    points: int,
    key: str,
    expires_at: datetime,
    reference: str = "",
    reason: str = PLAIN_HOLD,
    channel_id: int | None = None,
    explanation: dict[str, Any] | None = None,
    at: datetime,
    by: By,
) -> Posted:
    """Reserve points, available → held. The hold's id is the entry's.

    `channel_id` says where they are to be spent; what becomes of the hold follows it. Raises: NotEnoughPoints
    with both numbers. Replay: the same key answers with the hold that stands. Queries: 1 on PostgreSQL where
    nothing is due, the first lots have enough, and there is no channel, reason or explanation to store.
    """
    request = PlaceHold(
        member_id=member_id,
        key=key,
        reason=reason,
        points=points,
        expires_at=expires_at,
        reference=reference,
        channel_id=channel_id,
        explanation=explanation or {},
    )
    placed = hold_at_once.place(request, at=at, by=by) if hold_at_once.fits(request) else None
    return placed or post([request], at=at, by=by)[0]


def capture(
    *,
    member_id: int,
    hold_id: int,
    key: str,
    reason: str = "capture",
    channel_id: int | None = None,
    at: datetime,
    by: By,
) -> Posted:
    """Spend the points of a hold, held → redeemed, in the hold's channel where none is named.

    A hold that has timed out is voided and the same amount taken again, if it is still there.
    Raises: HoldUnknown, HoldClosed, NotEnoughPoints.
    """
    lock_accounts([member_id])
    closed, held_in = _look_at_hold(member_id, hold_id)
    request = Capture(
        member_id=member_id,
        key=key,
        reason=reason,
        hold_id=hold_id,
        closed=closed,
        channel_id=held_in if channel_id is None else channel_id,
    )
    return post([request], at=at, by=by)[0]


def void(*, member_id: int, hold_id: int, key: str, reason: str = "voided", at: datetime, by: By) -> Posted:
    """Give up a hold, held → available; points whose date has passed meanwhile expire in the same posting.

    Raises: HoldUnknown, HoldClosed.
    """
    lock_accounts([member_id])
    closed, channel_id = _look_at_hold(member_id, hold_id)
    request = VoidHold(
        member_id=member_id,
        key=key,
        reason=reason,
        hold_id=hold_id,
        closed=closed,
        channel_id=channel_id,
    )
    return post([request], at=at, by=by)[0]


def close_holds(
    *, captures: Collection[HoldToClose], voids: Collection[HoldToClose], at: datetime, by: By
) -> None:
    """Spend the points of some open holds and give those of others back, all or none, in one posting.

    Only of holds that are open and have not timed out: `list_open_holds` tells, under the accounts' locks.
    Replay: a known key changes nothing. Queries: constant.
    """
    requests: list[Request] = [
        Capture(member_id=one.member_id, key=one.key, reason=one.reason, hold_id=one.hold_id)
        for one in captures
    ]
    requests += [
        VoidHold(member_id=one.member_id, key=one.key, reason=one.reason, hold_id=one.hold_id)
        for one in voids
    ]
    post(requests, at=at, by=by)


def list_open_holds(*, holds: Mapping[int, int], at: datetime) -> set[int]:
    """Give those of these holds, with their members, that are open at `at`. Locks: the accounts."""
    lock_accounts(holds.values())
    rows = Hold.objects.filter(
        entry_id__in=holds, member_id__in=set(holds.values()), state=HoldState.OPEN, expires_at__gt=at
    )
    return set(rows.values_list("entry_id", flat=True))


def reinstate(
    *, member_id: int, capture_id: int, points: int, key: str, reason: str, at: datetime, by: By
) -> Posted:
    """Give back points that a capture spent, redeemed → available, to their own lots.

    Raises: TooMuchReturned when more would come back than was spent. Locks: the account.
    """
    lock_accounts([member_id])
    spent = _spent(member_id, capture_id)
    spent_in = Entry.objects.filter(member_id=member_id, id=capture_id).values_list("channel_id", flat=True)
    request = Reinstate(
        member_id=member_id,
        key=key,
        reason=reason,
        points=points,
        capture_id=capture_id,
        captured_points=_captured_points(member_id, capture_id),
        spent=spent,
        channel_id=spent_in.first(),
    )
    return post([request], at=at, by=by)[0]


def forfeit(*, member_id: int, key: str, reason: str, at: datetime, by: By) -> Posted:
    """End all of a member's points by entries: pending → revoked, available → expired, holds voided first."""
    return post([Forfeit(member_id=member_id, key=key, reason=reason)], at=at, by=by)[0]


def _look_at_hold(member_id: int, hold_id: int) -> tuple[ClosedHold | None, int | None]:
    """Give what is known of a hold that is not open, and the channel that it was made for."""
    channel = Entry.objects.filter(id=OuterRef("entry_id")).values("channel_id")
    holds = Hold.objects.filter(member_id=member_id, entry_id=hold_id)
    hold = holds.annotate(channel_id=Subquery(channel)).first()
    if hold is None:
        raise HoldUnknown(hold_id=hold_id)
    if hold.closed_by is None:
        return None, hold.channel_id
    # A hold that timed out may be captured all the same, once: the points are then taken again.
    if Entry.objects.filter(member_id=member_id, corrects=hold_id, kind=EntryKind.CAPTURE).exists():
        closed = ClosedHold(hold.entry_id, hold.points, "captured", False, hold.reference)
    else:
        timed_out = Entry.objects.filter(id=hold.closed_by, reason="timed_out").exists()
        closed = ClosedHold(hold.entry_id, hold.points, hold.state, timed_out, hold.reference)
    return closed, hold.channel_id


def _captured_points(member_id: int, capture_id: int) -> int:
    movements = Movement.objects.filter(member_id=member_id, entry_id=capture_id, to_state=State.REDEEMED)
    return sum(movements.values_list("points", flat=True))


def _spent(member_id: int, capture_id: int) -> tuple[Spent, ...]:
    """Find what a capture took from which lots, less what earlier reinstatements gave back."""
    left: Counter[int] = Counter()
    corrections = Entry.objects.filter(member_id=member_id, corrects=capture_id).values_list("id", flat=True)
    movements = Movement.objects.filter(member_id=member_id, entry_id__in=[capture_id, *corrections])
    for lot_id, from_state, to_state, points in movements.values_list(
        "lot_id", "from_state", "to_state", "points"
    ):
        if to_state == State.REDEEMED:
            left[lot_id] += points
        elif from_state == State.REDEEMED:
            left[lot_id] -= points
    lots = load_lots([lot_id for lot_id, points in left.items() if points])
    return tuple(Spent(lot, left[lot.id]) for lot in lots.values())
