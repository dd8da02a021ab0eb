"""Paid memberships as operations lock, read and store them, and the refusals that they share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backstage.operations import audit
from backstage.policies import By
from loyalty.locks import lock_accounts
from loyalty.models import MembershipPeriod, PaidMembership
from loyalty.operations.tiers.grants import GrantUnknown, end_granted_tier, grant_tier
from loyalty.policies.errors import WriteConflict
from loyalty.policies.plans.periods import PlanEnd
from loyalty.policies.tiers.scheme import LevelSource
from loyalty.queries.holders import resolve_holders
from loyalty.queries.plans.memberships import Held, get_held


class MembershipOver(ValueError):
    """A paid membership is over, or will not go on; only a new one can be started."""

    def __init__(self, *, membership_id: int, why: str) -> None:
        self.membership_id, self.why = membership_id, why
        super().__init__(
            f"Paid membership {membership_id} can't go on: it is {why}. Start a new one with "
            "start_membership."
        )


class MembershipCancelled(ValueError):
    """A paid membership was cancelled; the cancellation has to be taken back first."""

    def __init__(self, *, membership_id: int) -> None:
        self.membership_id = membership_id
        super().__init__(
            f"Paid membership {membership_id} was cancelled. Take that back with keep_membership before it "
            "is paid for again."
        )


@dataclass(frozen=True, slots=True)
class Lasting:
    """What a payment or a trial has led to: paid until `ends_at`, with benefits until `perks_end_at`.

    `is_replay`: it had been told before, and this is what became of it.
    """

    membership_id: int
    starts_at: datetime
    ends_at: datetime
    perks_end_at: datetime
    is_replay: bool = False


def lasting(row: MembershipPeriod, *, is_replay: bool = False) -> Lasting:
    """Give what a stored period says."""
    return Lasting(row.membership_id, row.starts_at, row.ends_at, row.perks_end_at, is_replay)


def lock_member(member_id: int) -> int:
    """Lock the account of the member that merges lead to. Raises: WriteConflict after a merge meanwhile."""
    holder_id = resolve_holders(member_ids=[member_id], known=[])[member_id].id
    lock_accounts([holder_id])
    if resolve_holders(member_ids=[holder_id], known=[])[holder_id].id != holder_id:
        raise WriteConflict(f"Member {member_id} was merged meanwhile. Try again.")
    return holder_id


def lock_membership(membership_id: int) -> Held:
    """Lock the account that a paid membership belongs to, and read it behind the lock.

    Raises: PaidMembership.DoesNotExist; WriteConflict where a merge came between.
    """
    member_id = PaidMembership.objects.values_list("member_id", flat=True).get(id=membership_id)
    lock_accounts([member_id])
    held = get_held(membership_id)
    if held.membership.member_id != member_id:
        raise WriteConflict(f"Paid membership {membership_id} was carried to another member. Try again.")
    return held


def move_perks_end(held: Held, *, perks_end_at: datetime) -> None:
    """Move the end of the newest period's benefits. Raises: WriteConflict."""
    changed = MembershipPeriod.objects.filter(
        membership_id=held.membership.id, number=len(held.periods), perks_end_at=held.last.perks_end_at
    ).update(perks_end_at=perks_end_at)
    if changed != 1:
        raise WriteConflict(f"paid membership {held.membership.id} was changed by somebody else")


def write_down_ends(held: Sequence[Held]) -> None:
    """Write down that time, or a refund, has ended paid memberships. Queries: 1; 0 for none."""
    for one in held:
        one.membership.ended_at, one.membership.end_reason = one.end, _why_ended(one).value
    PaidMembership.objects.bulk_update([one.membership for one in held], ["ended_at", "end_reason"])


def _why_ended(held: Held) -> PlanEnd:
    if held.is_refunded:
        return PlanEnd.REFUNDED
    return PlanEnd.LAPSED if held.membership.cancelled_at is None else PlanEnd.CANCELLED


def keep_level(held: Sequence[Held], *, at: datetime, by: By) -> None:
    """Give members the level that their plan brings, as long as it lasts, or end it; the account is locked.

    The version of the newest payment says which level.
    """
    for one in held:
        key, ends_at = level_key(one.membership.id), one.end
        if one.offer.level_id is not None and ends_at > at:
            grant_tier(
                member_id=one.membership.member_id,
                level_id=one.offer.level_id,
                source=LevelSource.PLAN,
                source_key=key,
                ends_at=ends_at,
                at=at,
                by=by,
            )
        else:
            end_level(one.membership, at=at, by=by)


def end_level(membership: PaidMembership, *, at: datetime, by: By) -> None:
    """End the level that a plan brought, if it brought one."""
    try:
        end_granted_tier(
            member_id=membership.member_id,
            source=LevelSource.PLAN,
            source_key=level_key(membership.id),
            at=at,
            by=by,
        )
    except GrantUnknown:  # a plan without a level, or one that ended by its own date
        return


def level_key(membership_id: int) -> str:
    """Name where a level comes from."""
    return f"plan:{membership_id}"


def record(held: Held, *, kind: str, at: datetime, by: By, **after: object) -> None:
    """Write a deed into the log, with the member that it was done for."""
    audit.record(
        kind=kind,
        object_kind="member",
        object_id=held.membership.member_id,
        by=by,
        at=at,
        after={"paid_membership": held.membership.id, "plan": held.membership.plan_id, **after},
    )
