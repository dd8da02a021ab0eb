"""Every row lock of commerce.

The global order is purchases by ascending id, then customers by ascending id, then whatever upper apps lock.
Marks of changed purchases come last, and the one that forgets them waits for nobody.
Each kind is locked in one statement, because two statements would let two transactions hold what the other
wants. The lock is FOR NO KEY UPDATE: a plain FOR UPDATE would also stop whoever inserts a row that refers to
the locked one.

A channel's and a segment's row is locked only to change it, by transactions that lock nothing else.
"""

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import F, Q

from backstage.plain_sql import Columns, among, for_update, listed, within
from backstage.transactions import require_transaction
from commerce.models import ChangedPurchase, Channel, Customer, Purchase, Segment, Sweep
from commerce.policies.purchase_head import PurchaseHead

_PURCHASE = Columns(Purchase)
_HEAD = Columns(Purchase, *PurchaseHead._fields)


def lock_purchases(ids: Iterable[int]) -> dict[int, Purchase]:
    """Lock these purchases until the transaction ends and return them by id, as they stand now.

    Lines, tenders and returns are protected by this lock: read them after it.
    Locks: purchases, ascending. Queries: 1.
    """
    require_transaction()
    rows = _PURCHASE.load(f"WHERE {among('id')} ORDER BY id {for_update()}", [listed(set(ids))])
    return {purchase.pk: purchase for purchase in rows}


def lock_purchase_heads(ids: Iterable[int]) -> list[PurchaseHead]:
    """Lock these purchases like `lock_purchases`; return them by ascending id, without what is seldom asked.

    Locks: purchases, ascending. Queries: 1.
    """
    require_transaction()
    wanted, value = within("id", set(ids))
    rows = _HEAD.read(f"WHERE {wanted} ORDER BY id {for_update()}", [value])
    return [PurchaseHead(*row) for row in rows]


def lock_referenced_purchases(references: Iterable[tuple[int, str]]) -> list[Purchase]:
    """Lock the purchases that exist under pairs of channel id and reference; return them as they stand now.

    Locks: purchases, ascending. Queries: 1; 0 without references.
    """
    require_transaction()
    by_channel: dict[int, set[str]] = defaultdict(set)
    for channel_id, reference in references:
        by_channel[channel_id].add(reference)
    if not by_channel:
        return []
    wanted = Q()
    for channel_id, names in sorted(by_channel.items()):
        wanted |= Q(channel_id=channel_id, reference__in=sorted(names))
    # Not by the bare id: on a table that was never analyzed, as in the middle of a first import, PostgreSQL
    # would walk the whole primary key to save itself the sorting of some hundred rows.
    return list(Purchase.objects.filter(wanted).order_by(F("id") + 0).select_for_update(no_key=True))


def lock_customers(ids: Iterable[int]) -> dict[int, Customer]:
    """Lock these customers until the transaction ends and return them by id, as they stand now.

    Locks: customers, ascending. Queries: 1.
    """
    require_transaction()
    rows = Customer.objects.filter(id__in=sorted(set(ids))).order_by("id").select_for_update(no_key=True)
    return {customer.pk: customer for customer in rows}


def lock_channel(channel_id: int) -> Channel:
    """Lock one channel, so that two changes of it follow each other. Raises: Channel.DoesNotExist."""
    return Channel.objects.select_for_update(no_key=True).get(id=channel_id)


def lock_segment(segment_id: int) -> Segment:
    """Lock one segment, so that two changes of it follow each other. Raises: Segment.DoesNotExist."""
    return Segment.objects.select_for_update(no_key=True).get(id=segment_id)


def lock_changed_purchases(purchase_ids: Iterable[int]) -> set[int]:
    """Lock the marks of these purchases, except those that somebody else is writing; give their purchases.

    Queries: 1.
    """
    require_transaction()
    marks = ChangedPurchase.objects.filter(purchase_id__in=sorted(set(purchase_ids))).order_by("purchase_id")
    return set(marks.select_for_update(skip_locked=True, no_key=True).values_list("purchase_id", flat=True))


def lock_sweep() -> Sweep:
    """Lock the place that the sweep has come to. Queries: 1."""
    require_transaction()
    return Sweep.objects.select_for_update(no_key=True).get(id=Sweep.ONLY)
