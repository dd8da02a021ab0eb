"""Which changes are announced, and whether there is anybody to be told."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from loyalty.models import Announcement, Member, PaidMembership, Plan, Programme
from loyalty.policies.changes.notice import has_an_audience
from loyalty.policies.changes.subjects import Subject
from loyalty.policies.programme import MemberState


def has_audience(*, programme: Programme, at: datetime) -> bool:
    """Tell whether members have to be told of a change for the worse. Queries: 1."""
    members = Member.objects.filter(
        programme=programme, state__in=(MemberState.ACTIVE, MemberState.PAUSED), merged_into__isnull=True
    )
    return has_an_audience(programme.state_at(at), has_members=members.exists())


def has_audience_in_plan(*, plan: Plan, at: datetime) -> bool:
    """Tell whether members are in a plan who have to be told that it becomes worse. Queries: 1.

    Who has cancelled may take that back.
    """
    members = PaidMembership.objects.filter(plan=plan, ended_at__isnull=True)
    return has_an_audience(plan.programme.state_at(at), has_members=members.exists())


def find_standing(
    *,
    programme_id: int,
    subject: Subject,
    product_group_id: int | None = None,
    plan_id: int | None = None,
    at: datetime,
) -> Announcement | None:
    """Find the change of one kind that is announced at `at` and does not hold yet. Queries: 1."""
    about: dict[str, Any] = {"product_group_id": product_group_id, "plan_id": plan_id}
    standing = _standing(programme_id, at).filter(subject=subject.value, **about)
    return standing.order_by("id").first()


def list_standing(*, programme_id: int, at: datetime) -> list[Announcement]:
    """Give what is announced at `at` and does not hold yet, soonest first. Queries: 1."""
    standing = _standing(programme_id, at).select_related("product_group", "plan", "programme")
    return list(standing.order_by("starts_at", "id"))


def list_standing_of(*, subject: Subject, at: datetime) -> list[Announcement]:
    """Give what is announced of one kind, in all programmes, and does not hold yet. Queries: 1."""
    rows = Announcement.objects.filter(_stands(at), subject=subject.value)
    return list(rows.select_related("product_group", "plan", "programme").order_by("starts_at", "id"))


def list_announced(*, programme_id: int, limit: int = 50) -> list[Announcement]:
    """Give everything that was ever announced, newest first. Queries: 1."""
    rows = Announcement.objects.filter(programme_id=programme_id).select_related(
        "product_group", "plan", "programme"
    )
    return list(rows.order_by("-announced_at", "-id")[:limit])


def _standing(programme_id: int, at: datetime) -> QuerySet[Announcement]:
    return Announcement.objects.filter(_stands(at), programme_id=programme_id)


def _stands(at: datetime) -> Q:
    return Q(announced_at__lte=at, starts_at__gt=at, cancelled_at__isnull=True)
