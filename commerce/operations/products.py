"""Keep the catalog."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime

from django.db import transaction

from backstage import clock
from commerce.models import Product
from commerce.operations.rows import upsert_rows
from commerce.policies.snapshot import CURRENCIES, SnapshotError, check_minor, check_text

MOST_STOCK = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductSnapshot:
    """What the shop says about an article.

    None says unknown: a cost of 0 would make every margin look whole.
    """

    sku: str
    name: str
    currency: str
    brand: str = ""
    category_path: str = ""
    price_minor: int | None = None
    cost_minor: int | None = None
    stock: int | None = None

    def __post_init__(self) -> None:
        check_text("product.sku", self.sku, longest=100, required=True)
        check_text("product.name", self.name, longest=300)
        check_text("product.brand", self.brand, longest=200)
        check_text("product.category_path", self.category_path, longest=500)
        if self.currency not in CURRENCIES:
            raise SnapshotError(
                field="product.currency", value=self.currency, fix='Give a code such as "EUR".'
            )
        for name in ("price_minor", "cost_minor"):
            if getattr(self, name) is not None:
                check_minor(f"product.{name}", getattr(self, name))
        # A shop that sells to order has a negative stock.
        if self.stock is not None and not (type(self.stock) is int and abs(self.stock) <= MOST_STOCK):
            raise SnapshotError(field="product.stock", value=self.stock, fix="Give a whole number, or None.")


FIELDS = tuple(item.name for item in fields(ProductSnapshot))


def sync_products(products: Sequence[ProductSnapshot], *, at: datetime | None = None) -> int:
    """Bring the catalog to what the shop says about these articles; return how many were written.

    An article that is named twice is as it was named last. Purchases keep their own copies.
    Replay: harmless. Queries: 1 and the savepoint.
    """
    at = at or clock.now()
    rows = {product.sku: (*astuple(product), at) for product in products}
    with transaction.atomic():
        # In one order, so that two feeds at once wait for each other and never in a ring.
        upsert_rows(Product, (*FIELDS, "updated_at"), [rows[sku] for sku in sorted(rows)], unique=("sku",))
    return len(rows)
