"""A club with a plan to pay for: what the tests of paid membership are written with."""

from datetime import datetime
from itertools import count
from typing import Any

from loyalty.models import Plan
from loyalty.operations.plans.memberships import Lasting, start_membership
from loyalty.operations.plans.offers import create_plan, switch_on_plan
from tests.loyalty.shop import NOON, OPENED

PRICE = 2900
_payments = count(1)


def sell(programme, *, at: datetime = OPENED, name: str = "Plus", **terms: Any) -> Plan:
    """Put a plan on sale: 29.00 for 12 months of twice the points, with 7 days of grace."""
    plan = create_plan(
        programme_id=programme.id,
        name=name,
        terms={"price_minor": PRICE, "factor": 2, "grace_days": 7, **terms},
        at=at,
    )
    return switch_on_plan(plan_id=plan.id, at=at)


def pay(plan, member, *, at: datetime = NOON, paid_minor: int = PRICE, reference: str = "") -> Lasting:
    """Let a member pay for a plan."""
    return start_membership(
        member_id=member.id,
        plan_id=plan.id,
        paid_minor=paid_minor,
        reference=reference or f"payment {next(_payments)}",
        at=at,
    )
