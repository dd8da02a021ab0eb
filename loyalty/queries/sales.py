"""Purchases as the plain values that earning works with."""

from collections import defaultdict
from collections.abc import Sequence

from backstage.plain_sql import Columns, among, listed
from commerce.models import Purchase, PurchaseLine, Tender
from loyalty.policies.awarding import Sale, SaleLine

_LINE = Columns(
    PurchaseLine,
    "purchase_id",
    "key",
    "sku",
    "brand",
    "category_path",
    "quantity",
    "sold_minor",
    "tax_minor",
    "returned_quantity",
    "returned_minor",
    "is_goods",
)
_TENDER = Columns(Tender, "purchase_id", "amount_minor")


def get_sales(purchases: Sequence[Purchase]) -> dict[int, Sale]:
    """Read what was sold, returned and paid otherwise, by purchase id. Queries: 2; 0 without purchases.

    For a write, the purchases' locks come first: they protect lines and tenders.
    """
    if not purchases:
        return {}
    ids = [purchase.id for purchase in purchases]
    lines: dict[int, list[SaleLine]] = defaultdict(list)
    of_purchases = f"WHERE {among('purchase_id')}"
    for purchase_id, *values in _LINE.read(f"{of_purchases} ORDER BY purchase_id, key", [listed(ids)]):
        lines[purchase_id].append(SaleLine(*values))
    paid_otherwise: dict[int, int] = defaultdict(int)
    for purchase_id, amount_minor in _TENDER.read(f"{of_purchases} AND kind <> 'money'", [listed(ids)]):
        paid_otherwise[purchase_id] += amount_minor
    return {
        purchase.id: Sale(
            purchase.currency,
            tuple(lines[purchase.id]),
            paid_otherwise[purchase.id],
            purchase.refunded_minor,
            purchase.status == "cancelled",
        )
        for purchase in purchases
    }
