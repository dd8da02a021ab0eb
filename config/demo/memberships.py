"""Kaffe Plus, the demo shop's paid membership: what it is, who is in it, and how the counter sells it."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from backstage import clock
from backstage.policies import By
from loyalty.models import Member, Plan, Programme
from loyalty.operations.plans.cancelling import cancel_membership
from loyalty.operations.plans.memberships import (
    Lasting,
    MembershipRuns,
    PlanNotSold,
    TrialUsed,
    renew_membership,
    start_membership,
    start_trial,
)
from loyalty.operations.plans.offers import create_plan, switch_on_plan
from loyalty.operations.plans.rows import MembershipCancelled, MembershipOver
from loyalty.queries.plans.memberships import in_force, list_held
from loyalty.queries.plans.words import say_benefits, say_price
from loyalty.queries.programmes import rules_of

PRICE_MINOR = 900
TEXTS = {
    "en": "For those who come often",
    "pl": "Dla tych, którzy przychodzą często",
    "nb": "For deg som kommer ofte",
}
REFUSALS = (MembershipCancelled, MembershipOver, MembershipRuns, PlanNotSold, TrialUsed)


@dataclass(frozen=True, slots=True)
class ForSale:
    """A plan as it stands on the counter."""

    plan_id: int
    name: str
    price: str
    benefits: str


def open_plan(programme: Programme, *, at: datetime, by: By) -> Plan:
    """Put Kaffe Plus on sale: twice the points, free shipping from 15.00 on, two weeks of trial."""
    plan = create_plan(
        programme_id=programme.pk,
        name="Kaffe Plus",
        public_text=TEXTS,
        terms={
            "price_minor": PRICE_MINOR,
            "months": 12,
            "grace_days": 7,
            "trial_days": 14,
            "factor": Decimal(2),
            "perks": [{"kind": "free_shipping", "number": 1500}, {"kind": "early_access", "number": 24}],
            "shipping_minor": 490,
            "free_for_all_minor": 5000,
        },
        at=at,
        by=by,
    )
    return switch_on_plan(plan_id=plan.pk, at=at, by=by)


def join_some(member: Member, *, on_day: int, at: datetime, by: By) -> None:
    """Let a member buy the plan, or try it, as the day of the month decides; some think better of it."""
    plan = Plan.objects.get(programme_id=member.programme_id, name="Kaffe Plus")
    with suppress(*REFUSALS):
        if on_day % 3 == 0:
            start_trial(member_id=member.pk, plan_id=plan.pk, at=at, by=by)
            return
        paid = start_membership(
            member_id=member.pk,
            plan_id=plan.pk,
            paid_minor=PRICE_MINOR,
            reference=f"till-{member.pk}-{at:%Y%m%d}",
            at=at,
            by=by,
        )
        if on_day % 5 == 0:
            cancel_membership(membership_id=paid.membership_id, at=at, by=by)


def list_for_sale(programme: Programme) -> list[ForSale]:
    """Give what stands on the counter now."""
    offers = rules_of(programme).plans_on_sale(clock.now())
    currency = programme.currency
    return [
        ForSale(
            offer.plan_id, offer.name, say_price(offer, currency), ", ".join(say_benefits(offer, currency))
        )
        for offer in offers
    ]


def pay_at_counter(*, user_id: int, plan_id: int, once: str) -> Lasting | None:
    """Take the price and tell encore, as a shop's checkout would; None where there is nothing to pay for.

    `once` names the form, so that a double click pays once.
    """
    member = Member.objects.filter(customer__user_id=user_id, programme__plans=plan_id).first()
    if member is None:
        return None
    rules, at = rules_of(member.programme), clock.now()
    offer = rules.plan_at(plan_id, at)
    if offer is None:
        return None
    paid_minor, reference = offer.price_minor, f"counter-{once}"[:100]
    held = in_force(list_held(rules, member_ids=[member.pk]), at)
    try:
        if held is not None:
            return renew_membership(
                membership_id=held.membership.pk, paid_minor=paid_minor, reference=reference, at=at
            )
        return start_membership(
            member_id=member.pk, plan_id=plan_id, paid_minor=paid_minor, reference=reference, at=at
        )
    except REFUSALS:
        return None
