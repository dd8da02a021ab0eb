"""What the merge of two customers means for their memberships."""

from datetime import datetime

from django.utils.translation import ngettext

from backstage.policies import By
from commerce.operations.changed import mark_changed
from commerce.registry import MergeRefusedError
from loyalty.ledger import merging
from loyalty.models import Award, Member
from loyalty.operations.campaign_uses import recount_uses
from loyalty.operations.members import insert_members
from loyalty.operations.plans.merging import carry_memberships, return_memberships
from loyalty.operations.tiers.merging import merge_levels, unmerge_levels
from loyalty.policies.errors import OpenHolds
from loyalty.queries.sentences import counted


def merge_memberships(*, source_id: int, target_id: int, at: datetime, by: By) -> None:
    """Merge the source customer's membership in each programme into the target's, in the caller's
    transaction.

    Where only the source is a member, the target becomes one first: nobody loses points by being merged.
    Raises: MergeRefusedError while points are reserved.
    """
    for member in Member.objects.filter(customer_id=source_id, merged_into__isnull=True).order_by("id"):
        target = insert_members(
            programme_id=member.programme_id,
            joined_at={target_id: member.joined_at},
            by_request=member.joined_by_request,
        )[target_id]
        try:
            merging.merge(source_id=member.id, target_id=target.id, at=at, by=by)
        except OpenHolds as refusal:
            raise MergeRefusedError(str(refusal)) from refusal
        merge_levels(programme_id=member.programme_id, source_id=member.id, target_id=target.id, at=at)
        carry_memberships(source_id=member.id, target_id=target.id, at=at, by=by)
        recount_uses(member_ids=[member.id, target.id])


def unmerge_memberships(*, source_id: int, target_id: int, at: datetime, by: By) -> list[str]:
    """Take the memberships apart again; say in the reader's language what a person has to decide.

    Purchases that were awarded to the target meanwhile become due again and follow their customer.
    """
    sentences = []
    merged = Member.objects.filter(customer_id=source_id, merged_into__customer_id=target_id)
    for member_id, into_id, programme_id in merged.order_by("id").values_list(
        "id", "merged_into__id", "programme_id"
    ):
        rest = merging.unmerge(source_id=member_id, target_id=into_id, at=at, by=by)
        unmerge_levels(programme_id=programme_id, source_id=member_id, target_id=into_id, at=at)
        return_memberships(source_id=member_id, target_id=into_id, at=at, by=by)
        recount_uses(member_ids=[member_id, into_id])
        awards = Award.objects.filter(member_id=into_id, purchase__customer_id=source_id)
        mark_changed(purchase_ids=awards.values_list("purchase_id", flat=True), at=at)
        awards.update(applied_revision=0)
        sentences += _sentences(rest)
    return sentences


def _sentences(rest: merging.Separated) -> list[str]:
    sentences = []
    if rest.spent_points:
        spent = ngettext(
            "%(n)s point of the merged account was spent or reserved meanwhile and stays with the other "
            "customer. Give or take points by hand if that is not right.",
            "%(n)s points of the merged account were spent or reserved meanwhile and stay with the other "
            "customer. Give or take points by hand if that is not right.",
            rest.spent_points,
        )
        sentences.append(counted(spent, rest.spent_points))
    if rest.debt_points:
        debt = ngettext(
            "A debt of %(n)s point moved with the merge and stays with the other customer. Give or take "
            "points by hand if that is not right.",
            "A debt of %(n)s points moved with the merge and stays with the other customer. Give or take "
            "points by hand if that is not right.",
            rest.debt_points,
        )
        sentences.append(counted(debt, rest.debt_points))
    return sentences
