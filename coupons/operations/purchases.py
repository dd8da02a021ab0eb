"""What purchases, as the shop tells them, mean for the coupons that their orders used.

The order's row keeps the revision that it has applied, so a lost or doubled message changes nothing:

    placed, paid or fulfilled    what was reserved is used
    cancelled                    what it had is given back
    goods that came back         the budgets get their part of the discount; uses stay used
    called off no more           its places are taken again, if they are there
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction

from django.db import transaction

from backstage import clock
from backstage.plain_sql import among, execute, listed
from commerce.locks import lock_purchases
from commerce.models import Channel, Purchase, PurchaseLine
from commerce.policies.snapshot import Status
from coupons.locks import lock_counters, lock_orders
from coupons.models import CouponOrder, Redemption
from coupons.operations.counters import Changes, JustTaken, change_counters
from coupons.operations.redemption import note_returns, take_again
from coupons.operations.redemption_rows import capture_orders, standing_redemptions, void_orders
from coupons.policies.redeeming import Back
from coupons.policies.states import UseState

_ORDER, _PURCHASE, _CHANNEL = (model._meta.db_table for model in (CouponOrder, Purchase, Channel))
_PAIRS = (
    f"SELECT coupon_order.id, purchase.id FROM {_PURCHASE} AS purchase"
    f" JOIN {_CHANNEL} AS channel ON channel.id = purchase.channel_id"
    f" JOIN {_ORDER} AS coupon_order ON coupon_order.channel = channel.key"
    " AND coupon_order.reference = purchase.reference"
)


def list_purchases_to_settle(purchase_ids: Sequence[int]) -> list[int]:
    """Give those of these purchases whose order with coupons has not caught up with them. Queries: 1."""
    rows = execute(
        f"{_PAIRS} WHERE {among('purchase.id')} AND coupon_order.applied_revision < purchase.revision",
        [listed(purchase_ids)],
    ).fetchall()
    return sorted(purchase_id for _, purchase_id in rows)


def settle_orders(*, purchase_ids: Sequence[int], at: datetime | None = None) -> None:
    """Bring the orders with coupons of these purchases up to date with them.

    Opens its own transaction. Locks: purchases, orders, then codes, uses, coupons. Replay: a revision that
    has been applied is left alone. Queries: constant, but for orders that were called off and are so no more.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        purchases = lock_purchases(purchase_ids)
        rows = execute(f"{_PAIRS} WHERE {among('purchase.id')}", [listed(purchases)]).fetchall()
        purchase_of = {order_id: purchases[purchase_id] for order_id, purchase_id in rows}
        behind = [
            order
            for order in lock_orders(purchase_of)
            if order.applied_revision < purchase_of[order.id].revision
        ]
        if behind:
            _settle(behind, {order.id: purchase_of[order.id] for order in behind}, at)


def _settle(orders: Sequence[CouponOrder], purchase_of: dict[int, Purchase], at: datetime) -> None:
    called_off = [one for one in orders if purchase_of[one.id].status == Status.CANCELLED]
    placed = [one for one in orders if purchase_of[one.id].status != Status.CANCELLED]
    if voided := [one for one in placed if one.state == UseState.VOIDED]:
        _lock_counters_of(orders)
        _take_back(voided, at)
    changes = Changes()
    void_orders([one for one in called_off if one.state != UseState.VOIDED], at=at, changes=changes)
    capture_orders([one for one in placed if one.state == UseState.RESERVED], at=at)
    standing = [one for one in placed if one.state == UseState.CAPTURED]
    backs = _read_backs([purchase_of[one.id] for one in standing])
    by_order: dict[int, list[Redemption]] = defaultdict(list)
    for redemption in standing_redemptions(standing):
        by_order[redemption.order_id].append(redemption)
    for order in standing:
        note_returns(by_order[order.id], backs=backs[purchase_of[order.id].id], changes=changes)
    for order in orders:
        order.applied_revision = purchase_of[order.id].revision
    CouponOrder.objects.bulk_update(orders, ["applied_revision"])
    change_counters(changes)


def _lock_counters_of(orders: Sequence[CouponOrder]) -> None:
    """Lock all that is about to change, in the order of locks: places are taken before others are given."""
    rows = Redemption.objects.filter(order_id__in=[order.id for order in orders]).values_list(
        "code_id", "coupon_id", "customer_id"
    )
    lock_counters(
        code_ids={code_id for code_id, _, _ in rows if code_id is not None},
        uses={(coupon_id, customer_id) for _, coupon_id, customer_id in rows if customer_id is not None},
        coupon_ids={coupon_id for _, coupon_id, _ in rows},
    )


def _take_back(orders: Sequence[CouponOrder], at: datetime) -> None:
    """Take the places of orders again that are called off no more.

    Where somebody else has them by now, the order has its discount and the coupon does not count it: the
    customer has paid, and a limit is no reason to undo that. It stays void, as the record says.
    """
    for order in orders:
        try:
            with transaction.atomic():
                take_again(order, at=at)
        except JustTaken:
            order.refresh_from_db()


def _read_backs(purchases: Sequence[Purchase]) -> dict[int, dict[str, Back]]:
    """Read how much of each line has come back, by purchase and line; all lines together under "".

    Queries: 1; 0 without purchases.
    """
    backs: dict[int, dict[str, Back]] = {purchase.id: {} for purchase in purchases}
    if not purchases:
        return backs
    totals: dict[int, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    lines = PurchaseLine.objects.filter(purchase_id__in=backs).order_by("purchase_id", "key")
    for line in lines:
        sold, returned = Fraction(line.quantity), Fraction(line.returned_quantity)
        if line.returned_minor is not None and line.sold_minor:
            sold, returned = Fraction(line.sold_minor), Fraction(line.returned_minor)
        backs[line.purchase_id][line.key] = Back(returned, sold)
        if line.is_goods and sold:
            total = totals[line.purchase_id]
            total[0] += returned / sold * line.sold_minor
            total[1] += line.sold_minor
    for purchase_id, (returned, sold) in totals.items():
        if sold:
            backs[purchase_id][""] = Back(returned, sold)
    return backs
