"""Which paid memberships are due: for the shop to charge, and for the job to write down."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, QuerySet

from backstage import clock
from loyalty.models import MembershipPeriod, PaidMembership
from loyalty.policies.plans.periods import PeriodKind
from loyalty.policies.programme import MemberState
from loyalty.queries.plans.memberships import Held, held_from
from loyalty.queries.programmes import get_programme_rules


@dataclass(frozen=True, slots=True)
class DueRenewal:
    """A payment that the shop may ask for. Units: minor units of the programme's currency.

    Paid for until `ends_at`; in grace until `perks_end_at`, after which only a new start is possible.
    """

    membership_id: int
    member_id: int
    customer_id: int
    plan_id: int
    plan: str
    price_minor: int
    currency: str
    ends_at: datetime
    perks_end_at: datetime
    is_after_trial: bool


def list_due_renewals(
    *, programme_id: int, before: timedelta = timedelta(0), at: datetime | None = None
) -> list[DueRenewal]:
    """Give the payments that are due at a moment, or will be in `before` from then, the soonest first.

    Who has cancelled, was refunded, has left, or is in a plan that is not renewed is left out; so is whoever
    has paid already. The price is that of the version that is sold now. Queries: at most 12.
    """
    at = clock.now() if at is None else at
    rules = get_programme_rules(programme_id)
    if not rules.has_plans or not rules.earns_at(at):
        return []
    due = []
    for held in held_from(rules, _rows_that_go_on(programme_id, at)):
        offer, last = rules.plan_at(held.membership.plan_id, at), held.last
        if offer is None or not held.is_renewed or not last.lasts_at(at) or last.ends_at > at + before:
            continue
        membership = held.membership
        due.append(
            DueRenewal(
                membership_id=membership.id,
                member_id=membership.member_id,
                customer_id=membership.member.customer_id,
                plan_id=offer.plan_id,
                plan=offer.name,
                price_minor=offer.price_minor,
                currency=rules.currency,
                ends_at=last.ends_at,
                perks_end_at=last.perks_end_at,
                is_after_trial=last.kind is PeriodKind.TRIAL,
            )
        )
    return sorted(due, key=lambda one: (one.ends_at, one.membership_id))


def memberships_over(at: datetime) -> QuerySet[PaidMembership, PaidMembership]:
    """Give those whose benefits have all ended by a moment, and of which nothing is written down yet."""
    lasting = MembershipPeriod.objects.filter(
        membership_id=OuterRef("id"), perks_end_at__gt=at, starts_at__lt=F("perks_end_at")
    )
    return PaidMembership.objects.filter(~Exists(lasting), ended_at__isnull=True)


def _rows_that_go_on(programme_id: int, at: datetime) -> Iterable[MembershipPeriod]:
    lasting = MembershipPeriod.objects.filter(membership_id=OuterRef("membership_id"), perks_end_at__gt=at)
    rows = MembershipPeriod.objects.filter(
        Exists(lasting),
        programme_id=programme_id,
        membership__ended_at__isnull=True,
        membership__cancelled_at__isnull=True,
        membership__member__state=MemberState.ACTIVE.value,
    )
    return rows.select_related("membership__plan", "membership__member").order_by(
        F("membership_id").asc(), "number"
    )


def needs_attention(held: Held, at: datetime) -> bool:
    """Tell whether a paid membership is in its days of grace: it wants to be paid for soon."""
    return held.is_renewed and held.last.ends_at <= at < held.last.perks_end_at
