"""The demo shop's levels: Bronze, Silver and Gold, by what was bought in the last 12 months."""

from datetime import datetime
from decimal import Decimal

from backstage.policies import By
from loyalty.models import Programme
from loyalty.operations.tiers.schemes import save_scheme, switch_on_levels
from loyalty.policies.tiers.terms import TierPlan

TIERS = (
    TierPlan("Bronze", 10_000, Decimal(1), ({"kind": "birthday_gift", "text": {"en": "a bag of beans"}},)),
    TierPlan("Silver", 30_000, Decimal("1.25"), ({"kind": "free_shipping", "number": 4_000},)),
    TierPlan(
        "Gold",
        100_000,
        Decimal("1.5"),
        ({"kind": "free_shipping"}, {"kind": "early_access", "number": 48}, {"kind": "priority_help"}),
    ),
)


def open_levels(programme: Programme, *, opened_at: datetime, by: By) -> None:
    """Switch the levels on as the shop opens."""
    save_scheme(programme_id=programme.id, rules={}, tiers=TIERS, at=opened_at, by=by)
    switch_on_levels(programme_id=programme.id, at=opened_at, by=by)
