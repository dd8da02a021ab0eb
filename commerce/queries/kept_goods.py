"""What customers still have of what they bought."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Case, DecimalField, F, Q, Sum, When, Window
from django.db.models.expressions import CombinedExpression

from commerce.models import Customer, Identity, PurchaseLine, Tender
from commerce.models.channels import Channel
from commerce.policies.cancellations import CancelledGoods, KeptLine
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
    goods: Iterable[CancelledGoods],
    owners: Mapping[str, int],
    families: Mapping[int, int],
) -> list[KeptLine]:
    """Return the lines that `goods` can have come from: of the same customer and article, the newest, still
    kept.

    `owners` leads from external ids to customers, `families` from everybody who was merged to whom it was
    into.
    Queries: 1; 0 where nobody is known.
    """
    known = [item for item in goods if item.external_id in owners]
    if not known:
        return []
    first, last = min(item.cancelled_at for item in known), max(item.cancelled_at for item in known)
    rows = (
        # The customers once more by themselves: it is the condition that an index serves.
        PurchaseLine.objects.filter(purchase__channel=channel, purchase__customer_id__in=list(families))
        .filter(_is_one_of(known, owners, families), purchase__placed_at__lte=last)
        .filter(quantity__gt=F("returned_quantity"))
        .exclude(purchase__status=Status.CANCELLED)
        .annotate(newer=_count_newer(until=first))
        .filter(newer__lt=_most_wanted(known, owners))
        .values_list(*KEPT_FIELDS)
    )
    return [
        KeptLine(line_id, key, purchase_id, reference, families[customer_id], sku, placed_at, sold - returned)
        for line_id, key, purchase_id, reference, customer_id, sku, placed_at, sold, returned in rows
    ]


def _is_one_of(goods: Iterable[CancelledGoods], owners: Mapping[str, int], families: Mapping[int, int]) -> Q:
    """Return the condition that a line is of one of these articles and of the customer who cancelled it."""
    members: dict[int, list[int]] = defaultdict(list)
    for customer_id, root in families.items():
        members[root].append(customer_id)
    wanted: dict[int, set[str]] = defaultdict(set)
    for item in goods:
        wanted[owners[item.external_id]].add(item.sku)
    condition = Q()
    for root, skus in wanted.items():
        condition |= Q(purchase__customer_id__in=members[root], sku__in=sorted(skus))
    return condition


def _most_wanted(goods: Iterable[CancelledGoods], owners: Mapping[str, int]) -> int:
    wanted: Counter[tuple[int, str]] = Counter()
    for item in goods:
        wanted[owners[item.external_id], item.sku] += item.quantity
    return max(wanted.values())


def _count_newer(*, until: datetime) -> CombinedExpression:
    """Return how much the customer keeps of newer lines with the same article, as far as all `goods` may take
    it.

    Where that is as much as anybody wants, no older line is needed. Without this bound, whoever has bought
    the same article for years would have all of it read at each cancellation. Lines of one moment are counted
    neither for nor against each other, so that no order of texts, which databases have their own ideas about,
    comes into it.
    """
    kept = Case(
        When(purchase__placed_at__lte=until, then=F("quantity") - F("returned_quantity")),
        default=0,
        output_field=DecimalField(),
    )
    same = [F("purchase__customer_id"), F("sku")]
    through = Window(Sum(kept), partition_by=same, order_by=F("purchase__placed_at").desc())
    at_once = Window(Sum(kept), partition_by=[*same, F("purchase__placed_at")])
    return through - at_once


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
