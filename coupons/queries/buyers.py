"""Who buys: through every merge, with what they had before."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db.models import IntegerField, QuerySet, Value

from backstage.plain_sql import among, execute, listed
from commerce.models import Channel, Customer, Purchase, Segment
from commerce.policies.segments import SegmentError
from commerce.policies.snapshot import Status
from commerce.queries.segments import find_customers, read_segment
from coupons.models import CouponUse
from coupons.policies.offer import Buyer

_CUSTOMER, _PURCHASE, _CHANNEL = (model._meta.db_table for model in (Customer, Purchase, Channel))
# Up to the survivor, then down to everybody who was merged into them.
_FAMILY = f"""
WITH RECURSIVE path(id, next_id) AS (
    SELECT id, merged_into_id FROM {_CUSTOMER} WHERE id = %s
    UNION ALL
    SELECT customer.id, customer.merged_into_id
    FROM path JOIN {_CUSTOMER} AS customer ON customer.id = path.next_id
), family(id, steps) AS (
    SELECT id, 0 FROM path WHERE next_id IS NULL
    UNION ALL
    SELECT customer.id, family.steps + 1
    FROM family JOIN {_CUSTOMER} AS customer ON customer.merged_into_id = family.id
)
SELECT id FROM family ORDER BY steps, id
"""


def read_buyer(
    *,
    customer_id: int | None,
    coupon_ids: Collection[int],
    segment_ids: Collection[int],
    stale: Mapping[int, Mapping[int | None, int]],
    at: datetime,
    channel: str = "",
    reference: str = "",
) -> Buyer:
    """Read what conditions ask of a customer; `stale` are uses that have timed out, by coupon and customer.

    An order of this channel and reference does not count as bought before: it is the one that asks.
    Queries: 0 for nobody; else 2, and 2 more where segments are asked. Raises: Customer.DoesNotExist.
    """
    if customer_id is None:
        return Buyer()
    family = [row[0] for row in execute(_FAMILY, [customer_id]).fetchall()]
    if not family:
        raise Customer.DoesNotExist(f"There is no customer with the id {customer_id}.")
    rows = execute(
        f"SELECT coupon_id, used_count FROM {CouponUse._meta.db_table}"
        f" WHERE customer_id = %s AND {among('coupon_id')}"
        f" UNION ALL SELECT 0, COUNT(*) FROM (SELECT 1 AS one FROM {_PURCHASE} AS purchase"
        f" WHERE {among('purchase.customer_id')} AND purchase.status <> %s AND NOT (purchase.reference = %s"
        f" AND purchase.channel_id IN (SELECT id FROM {_CHANNEL} WHERE key = %s)) LIMIT 1) AS bought",
        [
            family[0],
            listed(coupon_ids),
            listed(family),
            Status.CANCELLED.value,
            reference,
            channel,
        ],
    ).fetchall()
    counts = dict(rows)
    has_bought = counts.pop(0) > 0
    for coupon_id, by_customer in stale.items():
        if coupon_id in counts:
            counts[coupon_id] -= sum(by_customer.get(one, 0) for one in family)
    return Buyer(
        customer_id=family[0],
        family=frozenset(family),
        has_bought=has_bought,
        segment_ids=segments_of(family[0], segment_ids, at) if segment_ids else frozenset(),
        uses=counts,
    )


def segments_of(customer_id: int, segment_ids: Collection[int], at: datetime) -> frozenset[int]:
    """Tell which of these segments a customer is in. One that cannot be read any more has nobody in it.

    Queries: 2.
    """
    parts: list[QuerySet[Customer, int]] = []
    for segment in Segment.objects.filter(id__in=segment_ids).order_by("id"):
        try:
            definition = read_segment(conditions=segment.conditions, allow_missing=True)
        except SegmentError:
            continue
        chosen = find_customers(definition=definition, at=at).filter(pk=customer_id)
        parts.append(chosen.values_list(Value(segment.id, IntegerField()), flat=True))
    return frozenset(_union(parts)) if parts else frozenset()


def _union(parts: Sequence[QuerySet[Customer, int]]) -> list[int]:
    first, *rest = parts
    return list(first.union(*rest, all=True) if rest else first)
