"""What coupons puts into the doors of the apps below it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from backstage.policies import By
from backstage.registry import (
    ApprovalKind,
    AuditKind,
    Job,
    approval_kinds,
    audit_kinds,
    invariants,
    jobs,
)
from commerce.registry import (
    CustomerMergeReaction,
    PurchaseReaction,
    customer_merges,
    purchase_reactions,
)
from coupons.operations import tries, upkeep
from coupons.operations.alerts import plan_watching, work_watching
from coupons.operations.code_making import plan_making, work_making
from coupons.operations.coupon_requests import apply_start
from coupons.operations.gift_cards import due
from coupons.operations.gift_cards.requests import apply_request
from coupons.operations.merges import merge_uses, unmerge_uses
from coupons.operations.purchases import list_purchases_to_settle, settle_orders
from coupons.queries import gift_card_laws
from coupons.queries.gift_card_limits import APPROVAL_KIND as GIFT_CARD_KIND
from coupons.queries.gift_card_limits import describe_request, find_request_facts
from coupons.queries.laws import INVARIANTS
from coupons.queries.second_look import APPROVAL_KIND as START_KIND
from coupons.queries.second_look import describe_start, find_start


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
    AuditKind(name="coupon_taken_back", sentence=_("%(by)s took back what was just done with %(object)s")),
    AuditKind(name="coupon_discarded", sentence=_("%(by)s threw %(object)s away")),
    AuditKind(name="coupon_code_set", sentence=_("%(by)s gave %(object)s another code")),
    AuditKind(name="coupon_code_added", sentence=_("%(by)s gave %(object)s one more code")),
    AuditKind(name="coupon_code_voided", sentence=_("%(by)s made a code of %(object)s void")),
    AuditKind(name="codes_guessed", sentence=_("Somebody guesses codes: %(object)s has to wait")),
    AuditKind(name="gift_card_issued", sentence=_("%(by)s issued %(object)s")),
    AuditKind(name="gift_card_activated", sentence=_("%(by)s let %(object)s be used")),
    AuditKind(name="gift_card_paused", sentence=_("%(by)s paused %(object)s")),
    AuditKind(name="gift_card_resumed", sentence=_("%(by)s let %(object)s be used again")),
    AuditKind(name="gift_card_extended", sentence=_("%(by)s let %(object)s be used longer")),
    AuditKind(name="gift_card_voided", sentence=_("%(by)s made %(object)s void")),
    AuditKind(name="gift_card_refunded", sentence=_("%(by)s gave money back to %(object)s")),
    AuditKind(name="gift_card_code_renewed", sentence=_("%(by)s gave %(object)s a new code")),
    AuditKind(
        name="gift_card_limit_set",
        sentence=_("%(by)s set up to how much staff may do with gift cards alone"),
    ),
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
    AuditKind(name="batch_requested", sentence=_("%(by)s asked for a batch of codes: %(object)s")),
    AuditKind(name="batch_topped_up", sentence=_("%(by)s asked for more codes of %(object)s")),
    AuditKind(name="batch_paused", sentence=_("%(by)s paused the codes of %(object)s")),
    AuditKind(name="batch_resumed", sentence=_("%(by)s let the codes of %(object)s go on")),
    AuditKind(name="batch_voided", sentence=_("%(by)s made the codes of %(object)s void")),
    AuditKind(name="codes_exported", sentence=_("%(by)s took out the codes of %(object)s")),
    AuditKind(name="batch_code_bound", sentence=_("%(by)s bound the code %(object)s to a customer")),
    AuditKind(name="batch_code_ended", sentence=_("%(by)s gave the code %(object)s an end of its own")),
    AuditKind(name="batch_code_voided", sentence=_("%(by)s made the code %(object)s void")),
):
    audit_kinds.register(kind.name, kind)


def _do_with_gift_card(payload: Mapping[str, Any], at: datetime, by: By) -> None:
    apply_request(payload=payload, at=at, by=by)


approval_kinds.register(
    GIFT_CARD_KIND,
    ApprovalKind(
        name=GIFT_CARD_KIND,
        describe=describe_request,
        apply=_do_with_gift_card,
        template="encore/coupons/admin/approval_gift_card.html",
        find=find_request_facts,
        private=frozenset({"reason"}),
    ),
)


def _start_coupon(payload: Mapping[str, Any], at: datetime, by: By) -> None:
    apply_start(payload=payload, at=at, by=by)


approval_kinds.register(
    START_KIND,
    ApprovalKind(
        name=START_KIND,
        describe=describe_start,
        apply=_start_coupon,
        template="encore/coupons/admin/approval_coupon.html",
        find=find_start,
    ),
)

for job in (
    Job(
        name="void_stale_gift_card_holds",
        every=timedelta(minutes=5),
        plan=due.plan_stale_holds,
        work=due.work_stale_holds,
        note=_("Gives money back to gift cards whose reservation has timed out."),
    ),
    Job(
        name="expire_gift_cards",
        every=timedelta(hours=1),
        plan=due.plan_expiry,
        work=due.work_expiry,
        note=_("Writes off what is left on gift cards whose time is over."),
    ),
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
    Job(
        name="make_codes",
        every=timedelta(minutes=1),
        plan=plan_making,
        work=work_making,
        note=_("Makes the codes that batches lack."),
    ),
):
    jobs.register(job.name, job)

for invariant in (*INVARIANTS, *gift_card_laws.INVARIANTS):
    invariants.register(invariant.name, invariant)
