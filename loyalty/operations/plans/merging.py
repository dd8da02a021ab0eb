"""What a merge means for what members have paid for: nothing is lost, and nothing is charged twice."""

from datetime import datetime

from backstage.policies import By
from loyalty.models import Member, PaidMembership
from loyalty.operations.plans.cancelling import cancel_held, find_going_on, keep_held
from loyalty.operations.plans.rows import end_level, keep_level
from loyalty.policies.plans.periods import Cancelling
from loyalty.queries.plans.memberships import list_held
from loyalty.queries.programmes import get_programme_rules


def carry_memberships(*, source_id: int, target_id: int, at: datetime, by: By) -> None:
    """Carry the paid memberships of a member who was merged to the one who stays; both accounts are locked.

    Where both go on, the one that lasts less long is not renewed: it keeps what was paid for, and nobody is
    charged twice.
    """
    carried = list(PaidMembership.objects.filter(member_id=source_id).order_by("id"))
    if not carried:
        return
    rules = get_programme_rules(Member.objects.values_list("programme_id", flat=True).get(id=target_id))
    going_on = [
        held
        for held in list_held(rules, member_ids=[source_id, target_id])
        if held.membership.ended_at is None and held.membership.cancelled_at is None
    ]
    for held in sorted(going_on, key=lambda held: (held.end, held.membership.id))[:-1]:
        if held.end > at:
            cancel_held(held, why=Cancelling.MERGED, at=at, by=by)
        else:
            held.membership.cancelled_at, held.membership.cancelling = at, Cancelling.MERGED.value
            held.membership.save(update_fields=["cancelled_at", "cancelling"])
    _move(carried, to_id=target_id, at=at, by=by)


def return_memberships(*, source_id: int, target_id: int, at: datetime, by: By) -> None:
    """Give a member whose merge is taken back what they, or whoever was merged into them, had begun.

    What the merge had cancelled goes on, as long as it lasts. Both accounts are locked.
    """
    begun_by = _family(source_id)
    carried = list(
        PaidMembership.objects.filter(member_id=target_id, bought_by_id__in=begun_by).order_by("id")
    )
    if not carried:
        return
    for membership in carried:
        end_level(membership, at=at, by=by)
    _move(carried, to_id=source_id, at=at, by=by)
    rules = get_programme_rules(Member.objects.values_list("programme_id", flat=True).get(id=source_id))
    for held in list_held(rules, member_ids=[source_id, target_id]):
        was_cancelled = held.membership.cancelling == Cancelling.MERGED and held.end > at
        if was_cancelled and find_going_on(held.membership) is None:
            keep_held(held, at=at, by=by)


def _move(carried: list[PaidMembership], *, to_id: int, at: datetime, by: By) -> None:
    ids = [membership.id for membership in carried]
    PaidMembership.objects.filter(id__in=ids).update(member_id=to_id)
    rules = get_programme_rules(Member.objects.values_list("programme_id", flat=True).get(id=to_id))
    keep_level(
        [held for held in list_held(rules, member_ids=[to_id]) if held.membership.id in ids], at=at, by=by
    )


def _family(member_id: int) -> set[int]:
    """Give a member and all who were merged into them, at any remove. Queries: 1 for each step of merges."""
    family, newest = {member_id}, {member_id}
    while newest:
        merged = Member.objects.filter(merged_into_id__in=newest).values_list("id", flat=True)
        newest = set(merged) - family
        family |= newest
    return family
