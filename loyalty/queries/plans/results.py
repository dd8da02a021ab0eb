"""What a plan has come to: who is in it, what was paid, and what it gave."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, Sum

from loyalty.models import Award, MembershipPeriod, PaidMembership, Plan
from loyalty.policies.plans.periods import PlanEnd


@dataclass(frozen=True, slots=True)
class PlanResults:
    """Where a plan stands. Units: members; minor units of the programme's currency; points.

    `members` are in it now, `cancelled` of them will not be renewed. `lapsed` and `refunded` are over.
    """

    members: int
    trying: int
    cancelled: int
    lapsed: int
    refunded: int
    fees_minor: int
    points: int


def get_results(plan: Plan, *, at: datetime) -> PlanResults:
    """Count what a plan has come to. Queries: 5, whatever the number of members."""
    lasting = MembershipPeriod.objects.filter(
        membership_id=OuterRef("id"), starts_at__lte=at, perks_end_at__gt=at
    )
    of_plan = PaidMembership.objects.filter(plan=plan)
    now = of_plan.filter(Exists(lasting)).aggregate(
        members=Count("id"), cancelled=Count("id", filter=Q(cancelled_at__isnull=False))
    )
    trying = of_plan.filter(Exists(lasting.filter(kind="trial"))).count()
    ended = dict(
        of_plan.exclude(end_reason="")
        .order_by("end_reason")
        .values_list("end_reason")
        .annotate(number=Count("id"))
    )
    paid = MembershipPeriod.objects.filter(membership__plan=plan).aggregate(
        paid=Sum("paid_minor"), refunded=Sum("refunded_minor")
    )
    in_plan = MembershipPeriod.objects.filter(
        Q(membership__member_id=OuterRef("member_id")) | Q(membership__bought_by_id=OuterRef("member_id")),
        membership__plan=plan,
        starts_at__lte=OuterRef("purchase__placed_at"),
        perks_end_at__gt=OuterRef("purchase__placed_at"),
    )
    awards = Award.objects.filter(Exists(in_plan), programme_id=plan.programme_id, plan_points__gt=0)
    return PlanResults(
        members=now["members"],
        trying=trying,
        cancelled=now["cancelled"],
        lapsed=ended.get(PlanEnd.LAPSED.value, 0) + ended.get(PlanEnd.CANCELLED.value, 0),
        refunded=ended.get(PlanEnd.REFUNDED.value, 0),
        fees_minor=(paid["paid"] or 0) - (paid["refunded"] or 0),
        points=awards.aggregate(points=Sum("plan_points"))["points"] or 0,
    )
