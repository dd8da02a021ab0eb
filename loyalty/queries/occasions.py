"""What is true of orders when they are first seen: what campaigns ask about them, for all orders at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from commerce.models import Purchase, Segment
from commerce.policies.snapshot import Status
from commerce.queries.kept_goods import list_families
from commerce.queries.segments import find_customers, read_segment
from loyalty.policies.campaigns import Campaign, Occasion
from loyalty.policies.rules import ProgrammeRules


@dataclass(frozen=True, slots=True)
class Order:
    """An order as far as campaigns ask about it; `customer_id` is the one that merges lead to."""

    purchase_id: int
    customer_id: int
    channel: str
    placed_at: datetime
    tier_id: int | None = None


def get_occasions(rules: ProgrammeRules, orders: Sequence[Order], *, at: datetime) -> dict[int, Occasion]:
    """Give the occasion of each order by its purchase id.

    Orders that no campaign ran for have none. Segments are asked as of `at`, the order included. Queries: 0
    without campaigns; else 2 where order numbers are asked about, and 1 for each segment plus 1.
    """
    running = {order.purchase_id: rules.campaigns_at(order.placed_at) for order in orders}
    concerned = [order for order in orders if running[order.purchase_id]]
    if not concerned:
        return {}
    campaigns = [campaign for found in running.values() for campaign in found]
    numbers = _order_numbers(concerned) if _asks_about_numbers(campaigns) else {}
    segments = _segments_of({order.customer_id for order in concerned}, _segment_ids(campaigns), at)
    return {
        order.purchase_id: Occasion(
            order.placed_at.astimezone(rules.zone),
            order.channel,
            order.tier_id,
            segments.get(order.customer_id, frozenset()),
            numbers.get(order.purchase_id),
        )
        for order in concerned
    }


def _asks_about_numbers(campaigns: Iterable[Campaign]) -> bool:
    return any(campaign.audience.order_numbers for campaign in campaigns)


def _segment_ids(campaigns: Iterable[Campaign]) -> set[int]:
    return {segment_id for campaign in campaigns for segment_id in campaign.audience.segment_ids}


def _order_numbers(orders: Sequence[Order]) -> dict[int, int]:
    """Number each order among those of its customer, by time; what was cancelled is not counted."""
    families = list_families(customer_ids={order.customer_id for order in orders})
    placed: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    rows = Purchase.objects.filter(customer_id__in=families).exclude(status=Status.CANCELLED)
    for customer_id, placed_at, purchase_id in rows.order_by("placed_at", "id").values_list(
        "customer_id", "placed_at", "id"
    ):
        placed[families[customer_id]].append((placed_at, purchase_id))
    return {
        order.purchase_id: 1
        + sum(before < (order.placed_at, order.purchase_id) for before in placed[order.customer_id])
        for order in orders
    }


def _segments_of(customer_ids: set[int], segment_ids: set[int], at: datetime) -> Mapping[int, frozenset[int]]:
    """Say which of these segments each customer is in. A segment that is gone has nobody in it."""
    found: dict[int, set[int]] = defaultdict(set)
    for segment in Segment.objects.filter(id__in=segment_ids).order_by("id") if segment_ids else ():
        definition = read_segment(conditions=segment.conditions, allow_missing=True)
        inside = find_customers(definition=definition, at=at).filter(id__in=customer_ids)
        for customer_id in inside.values_list("id", flat=True):
            found[customer_id].add(segment.id)
    return {customer_id: frozenset(ids) for customer_id, ids in found.items()}
