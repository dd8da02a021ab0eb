"""A shop's side of things, as small as it gets: what an order form does when it knows encore."""

import re
from dataclasses import dataclass
from datetime import datetime

from backstage import clock
from commerce.models import Purchase, PurchaseLine
from commerce.operations.sync import sync_purchase
from commerce.policies.snapshot import LineSnapshot, Snapshot, Who
from config.demo.goods import BY_SKU, Article

REFERENCE = "counter-"


@dataclass(frozen=True, slots=True)
class Order:
    """What a visitor bought at the counter."""

    purchase_id: int
    name: str
    amount_minor: int
    placed_at: datetime
    is_returned: bool


def buy(*, user_id: int, article: Article, once: str) -> int:
    """Tell encore a new purchase. `once` names the form, so that a double click buys once."""
    reference = REFERENCE + re.sub(r"[^0-9a-f-]", "", once)[:36]
    return _tell(reference, user_id, article, placed_at=clock.now(), is_returned=False)


def bring_back(*, user_id: int, purchase_id: int) -> int | None:
    """Tell encore that all goods of a purchase came back; None when it is not this visitor's."""
    line = (
        PurchaseLine.objects.select_related("purchase")
        .filter(
            purchase_id=purchase_id,
            purchase__customer__user_id=user_id,
            purchase__reference__startswith=REFERENCE,
        )
        .first()
    )
    if line is None:
        return None
    placed_at = line.purchase.placed_at
    return _tell(line.purchase.reference, user_id, BY_SKU[line.sku], placed_at=placed_at, is_returned=True)


def list_bought(*, user_id: int) -> list[Order]:
    """List the visitor's ten newest orders at the counter, newest first."""
    purchases = Purchase.objects.filter(customer__user_id=user_id, reference__startswith=REFERENCE)
    lines = PurchaseLine.objects.filter(purchase__in=purchases.order_by("-placed_at", "-id")[:10])
    rows = lines.select_related("purchase").order_by("-purchase__placed_at", "-purchase_id")
    return [
        Order(
            line.purchase_id,
            line.name,
            line.sold_minor,
            line.purchase.placed_at,
            line.returned_quantity == line.quantity,
        )
        for line in rows
    ]


def _tell(reference: str, user_id: int, article: Article, *, placed_at: datetime, is_returned: bool) -> int:
    now = clock.now()
    result = sync_purchase(
        Snapshot(
            channel="web",
            reference=reference,
            as_of=now,
            who=Who(login=user_id),
            currency="EUR",
            placed_at=placed_at,
            paid_at=placed_at,
            status="paid",
            lines=(
                LineSnapshot(
                    key="1",
                    sku=article.sku,
                    name=article.name,
                    quantity=1,
                    sold_minor=article.price_minor,
                    cost_minor=article.cost_minor,
                    brand=article.brand,
                    category_path=article.category_path,
                    returned_quantity=1 if is_returned else 0,
                ),
            ),
        ),
        at=now,
    )
    if result.purchase_id is None:
        raise ValueError(f"The purchase was refused: {result.problem}. See the list of problems.")
    return result.purchase_id
