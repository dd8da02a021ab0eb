"""Purchases as the plain values that earning works with."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from backstage.plain_sql import Columns, execute, within
from commerce.models import Channel, Purchase, PurchaseLine, Tender
from commerce.policies.purchase_head import PurchaseHead
from loyalty.policies.awarding import Sale, SaleLine
from loyalty.policies.rules import ProgrammeRules
from loyalty.queries.programmes import fed_by

# What is being thought about is tried on the newest orders of so many days, and on at most so many.
RECENT_DAYS = 90
MOST_RECENT = 2_000
_LINE = Columns(PurchaseLine, "purchase_id", *SaleLine._fields)


def get_sales(purchases: Sequence[Purchase | PurchaseHead]) -> dict[int, Sale]:
    """Read what was sold, returned and paid otherwise, by purchase id. Queries: 1; 0 without purchases.

    For a write, the purchases' locks come first: they protect lines and tenders.
    """
    if not purchases:
        return {}
    ids = [purchase.id for purchase in purchases]
    paid, value = within("purchase_id", ids)
    sold, _ = within("line.purchase_id", ids)
    rows = execute(
        f"SELECT {_LINE.of('line')}, paid.otherwise_minor FROM {_LINE.table} AS line"
        " LEFT JOIN (SELECT purchase_id, CAST(SUM(amount_minor) AS bigint) AS otherwise_minor"
        f" FROM {Tender._meta.db_table} WHERE {paid} AND kind <> 'money'"
        " GROUP BY purchase_id) AS paid ON paid.purchase_id = line.purchase_id"
        f" WHERE {sold} ORDER BY line.purchase_id, line.key",
        [value, value],
    ).fetchall()
    lines: dict[int, list[SaleLine]] = defaultdict(list)
    paid_otherwise: dict[int, int] = {}
    for purchase_id, *values, otherwise_minor in _LINE.convert(rows):
        lines[purchase_id].append(SaleLine(*values))
        if otherwise_minor:
            paid_otherwise[purchase_id] = otherwise_minor
    return {
        purchase.id: Sale(
            purchase.currency,
            tuple(lines.get(purchase.id, ())),
            # Without a line there is nothing to be paid.
            paid_otherwise.get(purchase.id, 0),
            purchase.refunded_minor,
            purchase.status == "cancelled",
        )
        for purchase in purchases
    }


def list_recent(*, rules: ProgrammeRules, at: datetime) -> list[PurchaseHead]:
    """Give the newest orders of known customers that count for a programme, oldest first. Queries: 2."""
    channels = [row.id for row in Channel.objects.order_by("id") if fed_by([rules], row.programmes)]
    rows = Purchase.objects.filter(
        placed_at__gte=at - timedelta(days=RECENT_DAYS),
        placed_at__lt=at,
        channel_id__in=channels,
        customer__isnull=False,
    ).exclude(status="cancelled")
    newest = rows.order_by("-placed_at", "-id").values_list(*PurchaseHead._fields)[:MOST_RECENT]
    return [PurchaseHead(*row) for row in newest][::-1]


def count_days(heads: Sequence[PurchaseHead], *, at: datetime) -> int:
    """Count the days that these orders, oldest first, stand for; one that has begun is a whole one.
    Queries: 0.
    """
    since = heads[0].placed_at if heads else at
    return max(1, -(-(at - since) // timedelta(days=1)))
