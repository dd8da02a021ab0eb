"""Orders with coupons and their redemptions, as operations store them and change where they stand."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from commerce.policies.basket import Basket
from commerce.queries.customers import resolve_customers
from coupons.models import CouponOrder, Redemption
from coupons.operations.counters import Changes
from coupons.policies.states import STANDING_USES, UseState


def fingerprint_of(basket: Basket, *, codes: Iterable[str], customer_id: int | None) -> str:
    """Give what tells one order from another one under the same number: goods, codes and who buys."""
    told = [
        basket.channel,
        basket.currency,
        basket.shipping_minor,
        [[line.key, line.sku, line.amount_minor, str(line.quantity)] for line in basket.lines],
        [[reduction.source, reduction.amount_minor] for reduction in basket.reductions],
        sorted(codes),
        customer_id,
    ]
    return hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()


def standing_redemptions(orders: Sequence[CouponOrder]) -> list[Redemption]:
    """Give what these locked orders have reserved or used. Queries: 1; 0 without orders."""
    if not orders:
        return []
    rows = Redemption.objects.filter(order_id__in=[order.id for order in orders], state__in=STANDING_USES)
    return list(rows.order_by("id"))


def void_orders(orders: Sequence[CouponOrder], *, at: datetime, changes: Changes) -> int:
    """Give back what these locked orders have, and note what the counters are to fall by.

    Gives the number of orders. Queries: 4; 0 without orders.
    """
    redemptions = standing_redemptions(orders)
    survivors = resolve_customers(customer_ids={one.customer_id for one in redemptions if one.customer_id})
    for redemption in redemptions:
        changes.give_back(
            coupon_id=redemption.coupon_id,
            amount_minor=redemption.amount_minor - redemption.returned_minor,
            code_id=redemption.code_id,
            # Uses are counted for whoever the customer was merged into meanwhile.
            customer_id=survivors.get(redemption.customer_id) if redemption.customer_id else None,
        )
    if orders:
        ids = [order.id for order in orders]
        standing = Redemption.objects.filter(order_id__in=ids, state__in=STANDING_USES)
        standing.update(state=UseState.VOIDED.value)
        CouponOrder.objects.filter(id__in=ids).update(state=UseState.VOIDED.value, voided_at=at)
    for order in orders:
        order.state, order.voided_at = UseState.VOIDED.value, at
    return len(orders)


def capture_orders(orders: Sequence[CouponOrder], *, at: datetime) -> int:
    """Note that what these locked orders have reserved is used now. Queries: 2; 0 without orders."""
    ids = [order.id for order in orders]
    if ids:
        Redemption.objects.filter(order_id__in=ids, state=UseState.RESERVED).update(
            state=UseState.CAPTURED.value
        )
        CouponOrder.objects.filter(id__in=ids).update(
            state=UseState.CAPTURED.value, captured_at=at, expires_at=None
        )
    for order in orders:
        order.state, order.captured_at = UseState.CAPTURED.value, at
    return len(ids)
