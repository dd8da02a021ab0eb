"""Spending points at a checkout: reserved, then spent or given up; and what was spent may come back.

What a programme's and a member's state allow is asked here, once, when points are reserved. A reservation is
a promise: it may be spent also after the programme was paused meanwhile.
"""

from datetime import datetime

from django.db import transaction

from backstage import clock
from backstage.policies import SHOP, By
from loyalty.ledger import moves
from loyalty.ledger.posting import Posted
from loyalty.models import Entry, Member
from loyalty.policies.programme import MEMBER_ALLOWS, PROGRAMME_ALLOWS, MemberState


class CannotSpend(ValueError):
    """The state of the programme or of the member lets no points be used."""

    def __init__(self, *, member_id: int, programme_state: str, member_state: str) -> None:
        self.member_id = member_id
        self.programme_state = programme_state
        self.member_state = member_state
        super().__init__(
            f"Member {member_id} can't use points now: the programme is {programme_state}, "
            f"the member {member_state}. Sell without points."
        )


def reserve_points(
    *,
    member_id: int,
    points: int,
    key: str,
    expires_at: datetime,
    reference: str = "",
    channel_id: int | None = None,
    at: datetime | None = None,
    by: By = SHOP,
) -> Posted:
    """Reserve points for a basket, available → held; `spend_reserved` and `give_up_reserved` take its id.

    `channel_id` says where they are spent. A partner's channel needs it: what is spent there is settled with
    the partner, and what becomes of the reservation later follows it.
    Locks: the account. Replay: the same key answers with the reservation that stands, whatever has become of
    the programme since. A member who is paused in the very moment of a checkout may still spend: the state is
    read before the lock. Queries: 1 more than the ledger's. Raises: CannotSpend, NotEnoughPoints.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        check_may_spend(member_id=member_id, key=key, at=at)
        return moves.hold(
            member_id=member_id,
            points=points,
            key=key,
            expires_at=expires_at,
            reference=reference,
            channel_id=channel_id,
            at=at,
            by=by,
        )


def check_may_spend(*, member_id: int, key: str, at: datetime) -> None:
    """Refuse what the states of programme and member do not allow, but for a retry. Raises: CannotSpend."""
    member = Member.objects.select_related("programme").get(id=member_id)
    programme_state = member.programme.state_at(at)
    may_spend = PROGRAMME_ALLOWS[programme_state].spend and MEMBER_ALLOWS[MemberState(member.state)].spend
    # A retry of what was done while it was allowed is answered, not refused.
    if not may_spend and not Entry.objects.filter(member_id=member_id, key=key).exists():
        raise CannotSpend(
            member_id=member_id, programme_state=programme_state.value, member_state=member.state
        )


def spend_reserved(
    *, member_id: int, hold_id: int, key: str, at: datetime | None = None, by: By = SHOP
) -> Posted:
    """Spend reserved points for good, held → redeemed: the order stands.

    Locks: the account. Replay: the same key answers with the entry that stands. Raises: HoldUnknown,
    HoldClosed, NotEnoughPoints where it has timed out and the points are gone.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        return moves.capture(member_id=member_id, hold_id=hold_id, key=key, at=at, by=by)


def give_up_reserved(
    *, member_id: int, hold_id: int, key: str, at: datetime | None = None, by: By = SHOP
) -> Posted:
    """Give reserved points back, held → available: the basket was left, or the payment failed.

    Locks: the account. Replay: the same key answers with the entry that stands. Raises: HoldUnknown,
    HoldClosed.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        return moves.void(member_id=member_id, hold_id=hold_id, key=key, at=at, by=by)


def give_back_spent(
    *,
    member_id: int,
    capture_id: int,
    points: int,
    key: str,
    reason: str = "cancelled",
    at: datetime | None = None,
    by: By = SHOP,
) -> Posted:
    """Give spent points back to their own lots, redeemed → available: what they bought was cancelled.

    Locks: the account. Replay: the same key answers with the entry that stands. Raises: TooMuchReturned.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        return moves.reinstate(
            member_id=member_id, capture_id=capture_id, points=points, key=key, reason=reason, at=at, by=by
        )
