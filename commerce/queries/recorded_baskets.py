"""The baskets of orders that were placed, for whoever wants to know what a rule would do to them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from commerce.models import Product, Purchase, PurchaseLine
from commerce.policies.basket import SHIPPING, Basket, BasketLine
from commerce.policies.recorded_baskets import (
    RecordedBasket,
    RecordedBaskets,
    count_alike,
    find_typical,
)
from commerce.policies.snapshot import Status

# The newest orders of so many days, and at most so many.
RECENT_DAYS = 90
MOST_ORDERS = 2_000
MOST_BASKETS = 200


class _Order(NamedTuple):
    id: int
    channel: str
    currency: str
    placed_at: datetime
    codes: list[str]


class _Article(NamedTuple):
    cost_minor: int | None
    currency: str
    stock: int | None


def get_recorded_baskets(
    at: datetime, *, currency: str = "", channels: Iterable[str] = (), limit: int = MOST_BASKETS
) -> RecordedBaskets:
    """Give the most common baskets of the last 90 days, before coupons, and a typical one.

    Without a currency, of the one that most orders are in; without channels, of all. What an order's codes
    took off is put back; what the shop had reduced by itself stays reduced. Where a line has no cost of its
    own, the article's counts.
    Units: minor units. Queries: 3.
    """
    orders = _list_orders(at, currency, sorted(set(channels)))
    lines = _list_lines(orders)
    articles = _list_articles(lines)
    found = [_basket_of(order, lines.get(order.id, ()), articles) for order in orders]
    alike = count_alike(one for one in found if one.goods)
    since = min((order.placed_at for order in orders), default=at)
    return RecordedBaskets(
        baskets=alike[:limit],
        typical=find_typical(alike),
        orders=len(orders),
        days=max(1, -(-(at - since) // timedelta(days=1))),
        is_sample=len(orders) == MOST_ORDERS,
    )


def _list_orders(at: datetime, currency: str, channels: Sequence[str]) -> list[_Order]:
    rows = Purchase.objects.filter(placed_at__gte=at - timedelta(days=RECENT_DAYS), placed_at__lt=at)
    rows = rows.exclude(status=Status.CANCELLED)
    if currency:
        rows = rows.filter(currency=currency)
    if channels:
        rows = rows.filter(channel__key__in=channels)
    newest = rows.order_by("-placed_at", "-id")
    told = newest.values_list("id", "channel__key", "currency", "placed_at", "codes")[:MOST_ORDERS]
    orders = [_Order(*row) for row in told]
    if currency or not orders:
        return orders
    ((usual, _count),) = Counter(order.currency for order in orders).most_common(1)
    return [order for order in orders if order.currency == usual]


def _list_lines(orders: Sequence[_Order]) -> Mapping[int, list[PurchaseLine]]:
    found: dict[int, list[PurchaseLine]] = defaultdict(list)
    rows = PurchaseLine.objects.filter(purchase_id__in=[order.id for order in orders], quantity__gt=0)
    for line in rows.order_by("purchase_id", "key"):
        found[line.purchase_id].append(line)
    return found


def _list_articles(lines: Mapping[int, Sequence[PurchaseLine]]) -> dict[str, _Article]:
    skus = {line.sku for some in lines.values() for line in some if line.sku}
    rows = Product.objects.filter(sku__in=skus).values_list("sku", "cost_minor", "currency", "stock")
    return {sku: _Article(cost, currency, stock) for sku, cost, currency, stock in rows}


def _basket_of(
    order: _Order, lines: Sequence[PurchaseLine], articles: Mapping[str, _Article]
) -> RecordedBasket:
    postage = [line for line in lines if line.key == SHIPPING]
    goods = [line for line in lines if line.key != SHIPPING]
    return RecordedBasket(
        Basket(
            channel=order.channel,
            currency=order.currency,
            lines=tuple(_line_of(order, line, articles.get(line.sku)) for line in goods),
            shipping_minor=sum(_full(order, line) for line in postage),
        ),
        1,
        {line.key: line.name or line.sku for line in goods},
    )


def _full(order: _Order, line: PurchaseLine) -> int:
    """Give what a line cost before codes."""
    return line.sold_minor + (line.discount_minor if order.codes else 0)


def _line_of(order: _Order, line: PurchaseLine, article: _Article | None) -> BasketLine:
    told: dict[str, Any] = {"cost_minor": line.cost_minor, "stock": None}
    if article is not None:
        told["stock"] = article.stock
        if line.cost_minor is None and article.cost_minor is not None and article.currency == order.currency:
            told["cost_minor"] = int(article.cost_minor * line.quantity)
    return BasketLine(
        key=line.key,
        amount_minor=_full(order, line),
        quantity=line.quantity,
        sku=line.sku,
        brand=line.brand,
        category_path=line.category_path,
        is_goods=line.is_goods,
        is_reduced=bool(line.discount_minor) and not order.codes,
        tax_minor=line.tax_minor * _full(order, line) // (line.sold_minor or 1),
        **told,
    )
