"""What customers still have of what they bought."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import connection
from django.db.models import F

from commerce.models import Customer, Identity, Purchase, PurchaseLine, Tender
from commerce.models.channels import Channel
from commerce.policies.cancellations import KeptLine
from commerce.policies.identities import IdentityKind
from commerce.policies.snapshot import LineSnapshot, Status, TenderSnapshot
from commerce.queries.customers import resolve_customers


def list_owners(*, channel: str, external_ids: Iterable[str]) -> dict[str, int]:
    """Return for each external id of a channel the customer that it leads to, merges resolved.

    Queries: 2 at most.
    """
    rows = Identity.objects.filter(
        kind=IdentityKind.EXTERNAL_ID,
        scope=channel,
        value__in=sorted(set(external_ids)),
        verified_at__isnull=False,
    ).values_list("value", "customer_id")
    owners = dict(rows)
    roots = resolve_customers(customer_ids=owners.values())
    return {value: roots[customer_id] for value, customer_id in owners.items()}


def list_families(*, customer_ids: Iterable[int]) -> dict[int, int]:
    """Return everybody who was merged into one of these customers, themselves included, with whom it was
    into.

    Queries: 1; 0 without ids.
    """
    ids = sorted(set(customer_ids))
    if not ids:
        return {}
    table = connection.ops.quote_name(Customer._meta.db_table)
    places = ", ".join(["%s"] * len(ids))
    sql = f"""
        WITH RECURSIVE family(id, root) AS (
            SELECT id, id FROM {table} WHERE id IN ({places})
            UNION ALL
            SELECT customer.id, family.root
            FROM family JOIN {table} AS customer ON customer.merged_into_id = family.id
        )
        SELECT id, root FROM family
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, ids)
        return dict(cursor.fetchall())


def list_purchases_with(
    *, channel: Channel, customer_ids: Iterable[int], skus: Iterable[str], until: datetime
) -> list[int]:
    """Return the purchases of these customers, up to and including `until`, that hold one of these articles.

    Queries: 1.
    """
    rows = Purchase.objects.filter(
        channel=channel, customer_id__in=sorted(set(customer_ids)), placed_at__lte=until
    ).filter(lines__sku__in=sorted(set(skus)), lines__quantity__gt=F("lines__returned_quantity"))
    return list(rows.exclude(status=Status.CANCELLED).order_by("id").values_list("id", flat=True).distinct())


def list_kept_lines(
    *, purchases: Mapping[int, Purchase], skus: Iterable[str], families: Mapping[int, int]
) -> list[KeptLine]:
    """Return the lines with these articles of which something is still kept. Read it under the purchases'
    locks.

    Queries: 1; 0 without purchases.
    """
    if not purchases:
        return []
    rows = PurchaseLine.objects.filter(
        purchase_id__in=sorted(purchases), sku__in=sorted(set(skus)), quantity__gt=F("returned_quantity")
    ).values_list("id", "key", "purchase_id", "sku", "quantity", "returned_quantity")
    kept = []
    for line_id, key, purchase_id, sku, quantity, returned_quantity in rows:
        purchase = purchases[purchase_id]
        owner = families.get(purchase.customer_id or 0)
        if owner is not None:  # else it was handed to somebody else before we had its lock
            left = quantity - returned_quantity
            kept.append(
                KeptLine(line_id, key, purchase_id, purchase.reference, owner, sku, purchase.placed_at, left)
            )
    return kept


def list_line_snapshots(*, purchase_ids: Iterable[int]) -> dict[int, dict[int, LineSnapshot]]:
    """Return what is stored of each purchase's lines, by the id of the line, in the words of a snapshot.

    Queries: 1; 0 without ids.
    """
    ids = sorted(set(purchase_ids))
    lines: dict[int, dict[int, LineSnapshot]] = {purchase_id: {} for purchase_id in ids}
    rows = PurchaseLine.objects.filter(purchase_id__in=ids).order_by("id") if ids else ()
    for row in rows:
        lines[row.purchase_id][row.pk] = LineSnapshot(
            key=row.key,
            sku=row.sku,
            name=row.name,
            quantity=row.quantity,
            sold_minor=row.sold_minor,
            tax_minor=row.tax_minor,
            discount_minor=row.discount_minor,
            cost_minor=row.cost_minor,
            brand=row.brand,
            category_path=row.category_path,
            returned_quantity=row.returned_quantity,
            returned_minor=row.returned_minor,
            returned_at=row.returned_at,
            is_goods=row.is_goods,
        )
    return lines


def list_tender_snapshots(*, purchase_ids: Iterable[int]) -> dict[int, list[TenderSnapshot]]:
    """Return how each purchase was paid, in the words of a snapshot.

    Queries: 1; 0 without ids.
    """
    ids = sorted(set(purchase_ids))
    tenders: dict[int, list[TenderSnapshot]] = {purchase_id: [] for purchase_id in ids}
    rows = Tender.objects.filter(purchase_id__in=ids).order_by("id") if ids else ()
    for row in rows:
        tenders[row.purchase_id].append(
            TenderSnapshot(kind=row.kind, amount_minor=row.amount_minor, reference=row.reference)
        )
    return tenders
