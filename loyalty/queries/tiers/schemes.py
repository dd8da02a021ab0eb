"""The versions of a programme's levels, as they are stored."""

from loyalty.models import TierScheme
from loyalty.policies.tiers.scheme import Scheme
from loyalty.policies.tiers.terms import TierPlan
from loyalty.queries.programmes import scheme_of, tier_of


def find_draft(programme_id: int) -> TierScheme | None:
    """Find the draft of a programme's levels. Queries: 1."""
    return TierScheme.objects.filter(programme_id=programme_id, starts_at=None).first()


def find_running(programme_id: int) -> TierScheme | None:
    """Find the version that is switched on. Queries: 1."""
    return TierScheme.objects.filter(programme_id=programme_id, starts_at__isnull=False, ends_at=None).first()


def list_plans(scheme: TierScheme) -> list[TierPlan]:
    """Give the levels of a version as an owner would ask for them, from the lowest up. Queries: 1."""
    return [
        TierPlan(tier.name, tier.threshold, tier.factor, tuple(tier.perks), tier.level_id)
        for tier in scheme.tiers.order_by("threshold")
    ]


def get_scheme(scheme: TierScheme) -> Scheme:
    """Give a stored version as the value that rules work with. Queries: 1."""
    return scheme_of(scheme, tuple(tier_of(tier) for tier in scheme.tiers.order_by("threshold")))
