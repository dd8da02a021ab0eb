"""What customers still have of what they bought."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import F, Q

from commerce.models import Customer, Identity, PurchaseLine, Tender
from commerce.models.channels import Channel
from commerce.policies.cancellations import KeptLine
from commerce.policies.changes import LINE_FIELDS
from commerce.policies.identities import IdentityKind
from commerce.policies.snapshot import LineSnapshot, Status, TenderSnapshot
from commerce.queries.customers import resolve_customers

KEPT_FIELDS: Final = (
    "id", "key", "purchase_id", "purchase__reference", "purchase__customer_id", "sku", "purchase__placed_at",
    "quantity", "returned_quantity",
)  # fmt: skip


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


def list_kept_lines(
    *,
    channel: Channel,
    wanted: Mapping[int, Collection[str]],
    families: Mapping[int, int],
    until: datetime,
) -> list[KeptLine]:
    """Return the lines of the `wanted` articles, by customer, of which something is kept.

    `families` leads from everybody who was merged to the customer in `wanted`. Purchases placed after `until`
    and cancelled ones are left out.
    Queries: 1; 0 where nothing is wanted.
    """
    if not wanted:
        return []
    members: dict[int, list[int]] = defaultdict(list)
    for customer_id, root in families.items():
        members[root].append(customer_id)
    pairs = Q()
    for root, skus in wanted.items():
        pairs |= Q(purchase__customer_id__in=members[root], sku__in=sorted(skus))
    rows = (
        # The customers once more by themselves: it is the condition that an index serves.
        PurchaseLine.objects.filter(purchase__channel=channel, purchase__customer_id__in=list(families))
        .filter(pairs, purchase__placed_at__lte=until, quantity__gt=F("returned_quantity"))
        .exclude(purchase__status=Status.CANCELLED)
        .values_list(*KEPT_FIELDS)
    )
    return [
        KeptLine(line_id, key, purchase_id, reference, families[customer_id], sku, placed_at, sold - returned)
        for line_id, key, purchase_id, reference, customer_id, sku, placed_at, sold, returned in rows
    ]


def list_line_snapshots(*, purchase_ids: Iterable[int]) -> dict[int, dict[int, LineSnapshot]]:
    """Return what is stored of each purchase's lines, by the id of the line, in the words of a snapshot.

    Queries: 1; 0 without ids.
    """
    ids = sorted(set(purchase_ids))
    lines: dict[int, dict[int, LineSnapshot]] = {purchase_id: {} for purchase_id in ids}
    rows = (
        PurchaseLine.objects.filter(purchase_id__in=ids).order_by("id")
        if ids
        else PurchaseLine.objects.none()
    )
    for purchase_id, line_id, *told in rows.values_list("purchase_id", "id", *LINE_FIELDS):
        lines[purchase_id][line_id] = LineSnapshot(**dict(zip(LINE_FIELDS, told, strict=True)))
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
