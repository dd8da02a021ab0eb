"""Purchases as the plain values that earning works with."""

from collections import defaultdict
from collections.abc import Sequence

from commerce.models import Purchase, PurchaseLine, Tender
from loyalty.policies.awarding import Sale, SaleLine

_LINE_FIELDS = (
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


def get_sales(purchases: Sequence[Purchase]) -> dict[int, Sale]:
    """Read what was sold, returned and paid otherwise, by purchase id. Queries: 2; 0 without purchases.

    For a write, the purchases' locks come first: they protect lines and tenders.
    """
    if not purchases:
        return {}
    ids = [purchase.id for purchase in purchases]
    lines: dict[int, list[SaleLine]] = defaultdict(list)
    rows = PurchaseLine.objects.filter(purchase_id__in=ids).order_by("purchase_id", "key")
    for purchase_id, *values in rows.values_list("purchase_id", *_LINE_FIELDS):
        lines[purchase_id].append(SaleLine(*values))
    paid_otherwise: dict[int, int] = defaultdict(int)
    tenders = Tender.objects.filter(purchase_id__in=ids).exclude(kind="money").order_by("id")
    for purchase_id, amount_minor in tenders.values_list("purchase_id", "amount_minor"):
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
