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
from coupons.operations.alerts import plan_watching, work_watching
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
    AuditKind(name="site_added", sentence=_("%(by)s added the coupon site %(object)s")),
    AuditKind(name="site_changed", sentence=_("%(by)s changed the coupon site %(object)s")),
    AuditKind(name="site_key_renewed", sentence=_("%(by)s gave the feed of %(object)s another address")),
    AuditKind(name="site_ended", sentence=_("%(by)s ended the coupon site %(object)s")),
    AuditKind(
        name="submission_prepared", sentence=_("%(by)s prepared a sheet for a coupon site: %(object)s")
    ),
    AuditKind(name="submission_changed", sentence=_("%(by)s changed a sheet for a coupon site: %(object)s")),
    AuditKind(name="submission_submitted", sentence=_("%(by)s sent a sheet to a coupon site: %(object)s")),
    AuditKind(name="submission_live", sentence=_("%(by)s noted that a coupon site shows %(object)s")),
    AuditKind(
        name="submission_to_withdraw",
        sentence=_("%(by)s noted that a coupon site has to take down %(object)s"),
    ),
    AuditKind(
        name="submission_withdrawn", sentence=_("%(by)s noted that a coupon site has taken down %(object)s")
    ),
    AuditKind(name="margin_floor_set", sentence=_("%(by)s set a floor of the margin")),
    AuditKind(name="margin_floor_ended", sentence=_("%(by)s ended a floor of the margin")),
    AuditKind(name="brand_agreement_noted", sentence=_("%(by)s noted an agreement about a brand")),
    AuditKind(name="brand_agreement_ended", sentence=_("%(by)s ended an agreement about a brand")),
    AuditKind(name="leaked_code_paused", sentence=_("%(by)s paused the code %(object)s, which had spread")),
    AuditKind(name="leaked_code_resumed", sentence=_("%(by)s made the code %(object)s good again")),
    AuditKind(
        name="code_alert_dismissed", sentence=_("%(by)s noted that the use of %(object)s is meant to be")
    ),
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
    Job(
        name="watch_codes",
        every=timedelta(minutes=10),
        plan=plan_watching,
        work=work_watching,
        note=_("Raises an alert where a private or a site's code is used by many unrelated customers."),
    ),
):
    jobs.register(job.name, job)

for invariant in INVARIANTS:
    invariants.register(invariant.name, invariant)
