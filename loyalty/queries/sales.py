"""Purchases as the plain values that earning works with."""

from collections import defaultdict
from collections.abc import Sequence

from backstage.plain_sql import Columns, execute, within
from commerce.models import Purchase, PurchaseLine, Tender
from commerce.policies.purchase_head import PurchaseHead
from loyalty.policies.awarding import Sale, SaleLine

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
