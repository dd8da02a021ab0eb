"""What coupons puts into the doors of the apps below it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from backstage.registry import AuditKind, Job, audit_kinds, invariants, jobs
from commerce.registry import (
    CustomerMergeReaction,
    PurchaseReaction,
    customer_merges,
    purchase_reactions,
)
from coupons.operations import tries, upkeep
from coupons.operations.merges import merge_uses, unmerge_uses
from coupons.operations.purchases import list_purchases_to_settle, settle_orders
from coupons.queries.laws import INVARIANTS


def _settle(purchase_ids: Sequence[int], at: datetime) -> None:
    settle_orders(purchase_ids=purchase_ids, at=at)


purchase_reactions.register(
    "coupons.orders",
    PurchaseReaction(name="coupons.orders", list_due=list_purchases_to_settle, settle=_settle),
)

customer_merges.register(
    "coupons.uses",
    CustomerMergeReaction(name="coupons.uses", on_merge=merge_uses, on_unmerge=unmerge_uses),
)

for kind in (
    AuditKind(name="coupon_drafted", sentence=_("%(by)s drafted %(object)s")),
    AuditKind(name="coupon_changed", sentence=_("%(by)s changed %(object)s")),
    AuditKind(name="coupon_switched_on", sentence=_("%(by)s switched %(object)s on")),
    AuditKind(name="coupon_paused", sentence=_("%(by)s paused %(object)s")),
    AuditKind(name="coupon_ended", sentence=_("%(by)s ended %(object)s")),
    AuditKind(name="coupon_discarded", sentence=_("%(by)s threw %(object)s away")),
    AuditKind(name="coupon_code_set", sentence=_("%(by)s gave %(object)s another code")),
    AuditKind(name="coupon_code_added", sentence=_("%(by)s gave %(object)s one more code")),
    AuditKind(name="coupon_code_voided", sentence=_("%(by)s made a code of %(object)s void")),
    AuditKind(name="codes_guessed", sentence=_("Somebody guesses codes: %(object)s has to wait")),
):
    audit_kinds.register(kind.name, kind)

for job in (
    Job(
        name="void_stale_redemptions",
        every=timedelta(minutes=5),
        plan=upkeep.plan_voiding,
        work=upkeep.work_voiding,
        note=_("Gives places of coupons back whose reservation has timed out."),
    ),
    Job(
        name="forget_code_tries",
        every=timedelta(days=1),
        plan=tries.plan_forgetting,
        work=tries.work_forgetting,
        note=_("Forgets who tried codes, a day after it stopped to matter."),
    ),
):
    jobs.register(job.name, job)

for invariant in INVARIANTS:
    invariants.register(invariant.name, invariant)
