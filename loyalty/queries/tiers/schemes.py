"""The versions of a programme's levels, as they are stored."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Case, F, Q, QuerySet, When

from backstage import clock
from loyalty.models import Tier, TierScheme
from loyalty.policies.perks import Perk, read_perks
from loyalty.policies.tiers.scheme import Scheme
from loyalty.policies.tiers.terms import TierPlan
from loyalty.queries.programmes import scheme_of, tier_of


def find_draft(programme_id: int) -> TierScheme | None:
    """Find the draft of a programme's levels. Queries: 1."""
    return TierScheme.objects.filter(programme_id=programme_id, starts_at=None).first()


def find_running(programme_id: int, *, at: datetime) -> TierScheme | None:
    """Find the version that is switched on at a moment. Queries: 1."""
    begun = TierScheme.objects.filter(programme_id=programme_id, starts_at__lte=at)
    return begun.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at)).first()


def levels_begun(programme_id: int, at: datetime) -> QuerySet[Tier, Tier]:
    """Give the levels that are on or were, version by version; what is only announced can be called off."""
    return Tier.objects.filter(scheme__programme_id=programme_id, scheme__starts_at__lte=at).exclude(
        scheme__ends_at=F("scheme__starts_at")
    )


def list_level_choices(programme_id: int, *, at: datetime) -> list[tuple[str, str]]:
    """Give the levels that are on, and those that were, by id and name; from the lowest up. Queries: 1."""
    rows = levels_begun(programme_id, at)
    newest = dict(rows.order_by("scheme__starts_at", "threshold").values_list("level_id", "name"))
    return [(str(level_id), name) for level_id, name in newest.items()]


def name_levels(level_ids: Collection[int], *, at: datetime | None = None) -> dict[int, str]:
    """Name levels as the last version does that has begun; one that never has, as its newest one does.

    Queries: 1; 0 without ids.
    """
    if not level_ids:
        return {}
    at = clock.now() if at is None else at
    has_begun = Q(scheme__starts_at__lte=at) & ~Q(scheme__ends_at=F("scheme__starts_at"))
    begun_last = Case(When(has_begun, then=1), default=0), "scheme__starts_at", "scheme_id"
    rows = Tier.objects.filter(level_id__in=level_ids).order_by(*begun_last)
    return dict(rows.values_list("level_id", "name"))


def newest_perks(level_ids: Collection[int]) -> dict[int, tuple[Perk, ...]]:
    """Give what levels bring by their newest version, drafts included. Queries: 1; 0 without ids."""
    if not level_ids:
        return {}
    rows = Tier.objects.filter(level_id__in=level_ids).order_by("scheme_id")
    return {level_id: read_perks(perks) for level_id, perks in rows.values_list("level_id", "perks")}


def list_plans(scheme: TierScheme) -> list[TierPlan]:
    """Give the levels of a version as an owner would ask for them, from the lowest up. Queries: 1."""
    return [
        TierPlan(tier.name, tier.threshold, tier.factor, tuple(tier.perks), tier.level_id)
        for tier in scheme.tiers.order_by("threshold")
    ]


def get_scheme(scheme: TierScheme) -> Scheme:
    """Give a stored version as the value that rules work with. Queries: 1."""
    return scheme_of(scheme, tuple(tier_of(tier) for tier in scheme.tiers.order_by("threshold")))
