"""A shop with three levels: Bronze from 100.00, Silver from 300.00, Gold from 1,000.00 on."""

from decimal import Decimal
from typing import Any

from loyalty.models import Member, Programme, TierHolding, TierScheme
from loyalty.operations.tiers.schemes import save_scheme, switch_on_levels
from loyalty.operations.tiers.upkeep import (
    plan_requalifying,
    plan_warning,
    work_requalifying,
    work_warning,
)
from loyalty.policies.tiers.terms import TierPlan
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.tiers.levels import find_level
from tests.loyalty.shop import OPENED

THREE = (
    TierPlan("Bronze", 10_000),
    TierPlan("Silver", 30_000, Decimal("1.25")),
    TierPlan("Gold", 100_000, Decimal("1.50")),
)


def switch_on(
    programme: Programme, *tiers: TierPlan, at: Any = OPENED, save_at: Any = None, **settings: Any
) -> TierScheme:
    """Draft levels, the three above unless others are told, and switch them on."""
    save_scheme(programme_id=programme.id, rules=settings, tiers=tiers or THREE, at=save_at or at)
    return switch_on_levels(programme_id=programme.id, at=at)


def level(member: Member, at: Any) -> str | None:
    """Name the level that a member had at a moment."""
    tier = find_level(get_programme_rules(member.programme_id), member_id=member.id, at=at)
    return tier.name if tier else None


def level_ids(scheme: TierScheme) -> dict[str, int]:
    return dict(scheme.tiers.order_by("threshold").values_list("name", "level_id"))


def requalify(at: Any) -> int:
    """Run the daily job as of a moment; give how many levels changed."""
    return sum(work_requalifying(chunk, at, 1).done for chunk in plan_requalifying(at))


def warn(at: Any) -> int:
    """Run the job that warns as of a moment; give how many were told."""
    return sum(work_warning(chunk, at, 1).done for chunk in plan_warning(at))


def history(member: Member) -> list[tuple[str, str, str]]:
    """Give a member's earned levels, oldest first: which, why it began, why it ended."""
    names = dict(TierScheme.objects.order_by("id").values_list("tiers__level_id", "tiers__name"))
    rows = TierHolding.objects.filter(member=member).order_by("begins_at", "id")
    return [(names[row.level_id], row.begin_reason, row.end_reason) for row in rows]
