"""Whether a plan pays: for a member who has it, and for one who thinks about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet, Sum

from commerce.models import Channel
from commerce.models.channels import ChannelKind
from commerce.policies.purchase_head import PurchaseHead
from commerce.queries.customers import list_merged
from loyalty.models import Award, Member, Programme
from loyalty.policies.awarding import Sale
from loyalty.policies.perks import PerkKind, find_perk
from loyalty.policies.plan_worth import (
    Saving,
    points_spared,
    read_delivery,
    shipping_saved,
    shipping_spared,
)
from loyalty.policies.plans.offer import YEAR_MONTHS, PlanOffer
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.tiers.scheme import LevelSource, Tier
from loyalty.queries.plans.memberships import Held
from loyalty.queries.programmes import rules_of
from loyalty.queries.sales import get_sales
from loyalty.queries.tiers.levels import get_levels

YEAR = timedelta(days=365)
# What goes out of the door in a parcel.
SENT = (ChannelKind.WEB.value, ChannelKind.PHONE.value)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a plan gave, or would have given, against what it cost, or would have cost, in [`since`, `until`).

    Units: minor units of the programme's currency; points; orders.
    """

    since: datetime
    until: datetime
    fee_minor: int
    points: int
    points_minor: int
    shipping_minor: int
    shipped: int

    @property
    def saved_minor(self) -> int:
        """All of it in money."""
        return self.points_minor + self.shipping_minor

    @property
    def pays(self) -> bool:
        """Whether it is worth at least what it costs."""
        return self.saved_minor >= self.fee_minor


@dataclass(frozen=True, slots=True)
class Order:
    """An order of a member with the facts under which it was awarded."""

    member_id: int
    frozen: Mapping[str, Any]
    head: PurchaseHead
    sale: Sale
    is_sent: bool


def prove(held: Held, *, programme: Programme, at: datetime) -> Proof:
    """Say what a paid membership has been worth to its member until a moment, against what was paid for it.

    Points count as far as they still stand, less what the member's own level would have given. Queries: at
    most 7.
    """
    rules, member = rules_of(programme), Member.objects.get(id=held.membership.member_id)
    until = min(at, held.end)
    awards = _awards(programme.id, since=held.membership.started_at, until=until).filter(
        member_id__in=_family(member)
    )
    points = awards.aggregate(points=Sum("plan_points"))["points"] or 0
    saving = Saving(points=points) + _shipping_of(rules, held, member, awards)
    return _proof(programme, saving, held.fee_minor, since=held.membership.started_at, until=until, at=at)


def prove_before(*, offer: PlanOffer, member: Member, programme: Programme, at: datetime) -> Proof:
    """Say what a plan would have been worth to a member in the last year, against its price for a year.

    Queries: at most 5.
    """
    rules = rules_of(programme)
    awards = _awards(programme.id, since=at - YEAR, until=at).filter(member_id__in=_family(member))
    saving = sum((spare(rules, offer, order) for order in read_orders(awards)), Saving())
    fee_minor = offer.fee_for(YEAR_MONTHS)
    return _proof(programme, saving, fee_minor, since=at - YEAR, until=at, at=at)


def spare(rules: ProgrammeRules, offer: PlanOffer, order: Order) -> Saving:
    """Give what a plan would have added to one order. Queries: 0."""
    placed_at = order.head.placed_at
    saving = points_spared(rules, offer, order.sale, frozen=order.frozen, placed_at=placed_at)
    rate = rules.rate_at(order.sale.currency, placed_at)
    if rate is None:
        return saving
    return saving + shipping_spared(offer, read_delivery(order.sale, rate=rate, is_sent=order.is_sent))


def read_orders(awards: QuerySet[Award, Award]) -> list[Order]:
    """Read the orders of these awards, oldest first. Queries: 3; 1 where there are none."""
    fields = [f"purchase__{name}" for name in PurchaseHead._fields]
    rows = list(
        awards.order_by("purchase__placed_at", "purchase_id").values_list("member_id", "facts", *fields)
    )
    if not rows:
        return []
    heads = [PurchaseHead(*row[2:]) for row in rows]
    sales = get_sales(heads)
    sent = set(Channel.objects.filter(kind__in=SENT).values_list("id", flat=True))
    return [
        Order(member_id, facts.get(str(member_id), {}), head, sales[head.id], head.channel_id in sent)
        for (member_id, facts, *_), head in zip(rows, heads, strict=True)
    ]


def list_year_awards(programme_id: int, *, at: datetime) -> QuerySet[Award, Award]:
    """Give the awards of members for orders of the year before a moment; none of what was cancelled."""
    return _awards(programme_id, since=at - YEAR, until=at)


def _awards(programme_id: int, *, since: datetime, until: datetime) -> QuerySet[Award, Award]:
    return Award.objects.filter(
        programme_id=programme_id,
        member__isnull=False,
        purchase__placed_at__gte=since,
        purchase__placed_at__lt=until,
    ).exclude(purchase__status="cancelled")


def _family(member: Member) -> list[int]:
    """Give the member and all who were merged into them, whose orders keep their names."""
    customers = list_merged(customer_id=member.customer_id)
    rows = Member.objects.filter(programme_id=member.programme_id, customer_id__in=customers)
    return list(rows.order_by("id").values_list("id", flat=True))


def _shipping_of(rules: ProgrammeRules, held: Held, member: Member, awards: QuerySet[Award, Award]) -> Saving:
    versions = {period.version_id: rules.plan_version(period.version_id) for period in held.periods}
    if not any(offer.shipping for offer in versions.values()):
        return Saving()
    orders = read_orders(awards)
    asked = [(member.id, order.head.placed_at) for order in orders]
    own = get_levels(rules, asked, besides=LevelSource.PLAN)
    saving = Saving()
    for order in orders:
        placed_at = order.head.placed_at
        period = next((one for one in held.periods if one.lasts_at(placed_at)), None)
        rate = rules.rate_at(order.sale.currency, placed_at)
        if period is not None and rate is not None:
            delivery = read_delivery(order.sale, rate=rate, is_sent=order.is_sent)
            if not _ships_free(own.get((member.id, placed_at)), delivery.goods_minor):
                saving += shipping_saved(versions[period.version_id], delivery)
    return saving


def _ships_free(tier: Tier | None, goods_minor: int) -> bool:
    perk = find_perk(tier.perks, PerkKind.FREE_SHIPPING.value) if tier else None
    return perk is not None and goods_minor >= (perk.number or 0)


def _proof(
    programme: Programme, saving: Saving, fee_minor: int, *, since: datetime, until: datetime, at: datetime
) -> Proof:
    return Proof(
        since=since,
        until=until,
        fee_minor=fee_minor,
        points=saving.points,
        points_minor=programme.worth_at(at).of(saving.points),
        shipping_minor=saving.shipping_minor,
        shipped=saving.shipped,
    )


def sum_by_member(pairs: Iterable[tuple[int, Saving]]) -> dict[int, Saving]:
    """Sum savings by member. Queries: 0."""
    found: dict[int, Saving] = {}
    for member_id, saving in pairs:
        found[member_id] = found.get(member_id, Saving()) + saving
    return found
