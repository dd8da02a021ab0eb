"""A web shop that tells encore its orders: what tests from purchase to points are written with."""

from datetime import UTC, datetime, timedelta
from typing import Any

from commerce.models import Customer, Identity
from commerce.operations.channels import open_channel
from commerce.operations.sync import sync_purchase
from commerce.policies.snapshot import LineSnapshot, Snapshot, TenderSnapshot, Who
from loyalty.models import Award, Member, Programme
from loyalty.operations.awards import settle_awards
from loyalty.operations.members import enrol
from loyalty.operations.programme import create_programme
from loyalty.queries import get_balance

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
OPENED = NOON - timedelta(days=400)


def day(number: float) -> datetime:
    """So many days after noon of 3 March 2026."""
    return NOON + timedelta(days=number)


def open_shop(**settings: Any) -> Programme:
    """A web channel and a live club: 10 points for 1.00, 14 days to return, 12 months to use.

    Its rules may change at once, unless `notice_days` says otherwise.
    """
    open_channel(key="web", name="Web", time_zone="Europe/Oslo", currency="EUR", at=OPENED)
    parts = {name: settings.pop(name) for name in ("rule", "terms") if name in settings}
    return create_programme(
        key="club",
        name="Club",
        currency="EUR",
        time_zone="Europe/Oslo",
        live_from=OPENED,
        settings={"notice_days": 0, **settings},
        rule={"points": 10, "per_minor": 100, **parts.get("rule", {})},
        terms={"window_days": 14, "expiry_at_month_end": False, **parts.get("terms", {})},
        at=OPENED,
    )


def goods(key: str = "1", sold_minor: int = 1000, **facts: Any) -> LineSnapshot:
    """One line of goods."""
    return LineSnapshot(key=key, sku=f"A{key}", name="Goods", quantity=2, sold_minor=sold_minor, **facts)


def gift_card(amount_minor: int) -> TenderSnapshot:
    return TenderSnapshot(kind="gift_card", amount_minor=amount_minor)


def tell(
    reference: str = "1001",
    *lines: LineSnapshot,
    who: str = "alice",
    at: datetime = NOON,
    placed_at: datetime = NOON,
    **facts: Any,
) -> int:
    """Tell encore an order as it stands now, and let the club catch up with it; give the purchase's id."""
    told = Snapshot(
        channel="web",
        reference=reference,
        as_of=at,
        who=Who(external_id=who),
        currency=facts.pop("currency", "EUR"),
        placed_at=placed_at,
        lines=lines or (goods(),),
        **facts,
    )
    purchase_id = sync_purchase(told, at=at).purchase_id
    assert purchase_id is not None
    settle_awards(purchase_ids=[purchase_id], at=at)
    return purchase_id


def customer(name: str) -> Customer:
    return Identity.objects.get(kind="external_id", value=name).customer


def join(name: str, programme: Programme, *, at: datetime = OPENED, **facts: Any) -> Member:
    """Make a customer whom the shop knows by this name a member."""
    if not Identity.objects.filter(kind="external_id", value=name).exists():
        stranger = Customer.objects.create(name=name, created_at=at)
        Identity.objects.create(
            customer=stranger, kind="external_id", scope="web", value=name, verified_at=at, created_at=at
        )
    enrolled = enrol(customer_id=customer(name).id, programme_id=programme.id, at=at, **facts)
    if enrolled.purchase_ids:
        settle_awards(purchase_ids=enrolled.purchase_ids, at=at)
    return Member.objects.get(id=enrolled.member_id)


def points(member: Member, at: datetime = NOON) -> tuple[int, int, int]:
    """Give what a member has available, pending, and owes."""
    balance = get_balance(member_id=member.id, at=at)
    return balance.available, balance.pending, balance.debt


def award(purchase_id: int) -> Award:
    return Award.objects.get(purchase_id=purchase_id)
