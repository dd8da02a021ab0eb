"""What a shop's own purchases say about the assumptions of a forecast.

A purchase counts unless it was cancelled or everything came back. Its amount is the goods on it that were
kept: shipping and fees earn nothing and are left out, discounts are taken off already.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil
from typing import Any, Final

from django.db import connection
from django.db.models import (
    BigIntegerField,
    Count,
    Exists,
    F,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce

from commerce.models import Purchase, PurchaseLine, Return
from commerce.policies.snapshot import Status
from commerce.queries.segments.compiler import FAMILY, SURVIVORS, compile_rows
from loyalty.models import Award
from loyalty.policies.forecast import nearest

DAY: Final = timedelta(days=1)
DAYS_A_MONTH: Final = Fraction(1461, 48)  # of a year of 365.25 days
NOTHING: Final = Value(0, output_field=BigIntegerField())


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopRecords:
    """What the purchases of the last days say, and what customers have done since the first one.

    None is "not known", never 0. Units: minor units; shares from 0 to 1.

    `days` is the period asked for, or the shop's whole past where that is shorter. `margin_rate` is what is
    left of a sale after tax and the purchase price of the goods, over those lines whose cost is known;
    `cost_known_rate` says for how much of the sales that is. `member_rate` is the share of orders that were
    awarded to a member, `over_step_rate` the share of them that reach the step (of all orders, while there
    are no members).

    `lifetime_value_minor` is what all known customers have bought and kept so far, divided by their number: a
    floor, because most of them are not gone. `repeat_rate` is the share of them who bought twice or more.
    """

    days: int
    orders: int
    member_orders: int
    average_order_minor: int | None
    monthly_orders: int
    member_rate: Fraction | None
    margin_rate: Fraction | None
    cost_known_rate: Fraction
    over_step_rate: Fraction | None
    customers: int
    repeat_rate: Fraction | None
    lifetime_value_minor: int | None


@dataclass(frozen=True, slots=True)
class _Goods:
    """Sums of goods as sold. The last three are of the lines whose cost is known."""

    sold: int
    tax: int
    known_sold: int
    known_tax: int
    known_cost: int


def get_shop_records(
    *,
    currency: str,
    programme_id: int | None,
    at: datetime,
    days: int,
    counts_tax: bool = True,
    step_minor: int | None = None,
) -> ShopRecords:
    """Read what a forecast can know from the purchases in one currency.

    Without `counts_tax` all amounts are less tax, in the proportion in which all goods bore it. Returns take
    their money off the purchase that they belong to, whenever that was.
    Time: the `days` before `at`, to the second. Queries: 4.
    """
    all_orders = _orders(currency, at)
    first_at = all_orders.aggregate(first_at=Min("placed_at"))["first_at"]
    days = days if first_at is None else min(days, max(1, ceil((at - first_at) / DAY)))
    orders = all_orders.filter(placed_at__gte=at - days * DAY)
    goods = _sum_goods(orders)
    counted = Fraction(goods.sold - goods.tax, goods.sold) if goods.sold and not counts_tax else Fraction(1)
    step = None if step_minor is None else ceil(step_minor / counted) if counted else None
    seen = _sum_orders(orders, programme_id, step)
    customers, repeaters, bought_minor = _sum_customers(all_orders)
    of_whom = "member_" if seen["member_orders"] else ""
    return ShopRecords(
        days=days,
        orders=seen["orders"],
        member_orders=seen["member_orders"],
        average_order_minor=_nearest_or_none(_share(seen["minor"] * counted, seen["orders"])),
        monthly_orders=nearest(seen["orders"] * DAYS_A_MONTH / days),
        member_rate=_share(seen["member_orders"], seen["orders"]) if seen["member_orders"] else None,
        margin_rate=_margin(goods, counts_tax=counts_tax),
        cost_known_rate=_share(goods.known_sold, goods.sold) or Fraction(0),
        over_step_rate=None if step is None else _share(seen[f"{of_whom}over"], seen[f"{of_whom}orders"]),
        customers=customers,
        repeat_rate=_share(repeaters, customers),
        lifetime_value_minor=_nearest_or_none(_share(bought_minor * counted, customers)),
    )


def _orders(currency: str, at: datetime) -> QuerySet[Any, Any]:
    known = Purchase.objects.filter(currency=currency, placed_at__lte=at)
    return known.exclude(status=Status.CANCELLED.value)


def _with_kept(orders: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    """Add what was kept of the goods, and leave out the orders of which nothing was."""
    sold = PurchaseLine.objects.filter(purchase_id=OuterRef("pk"), is_goods=True).order_by()
    fees = PurchaseLine.objects.filter(
        purchase_id=OuterRef("purchase_id"), key=OuterRef("line_key"), is_goods=False
    )
    returned = Return.objects.filter(~Exists(fees), purchase_id=OuterRef("pk")).order_by()
    kept = _sum_per_order(sold, "sold_minor") - _sum_per_order(returned, "amount_minor")
    return orders.annotate(kept=kept).filter(kept__gt=0)


def _sum_per_order(rows: QuerySet[Any, Any], column: str) -> Coalesce:
    total = rows.values("purchase_id").annotate(total=Sum(column)).values("total")
    return Coalesce(Subquery(total, output_field=BigIntegerField()), NOTHING)


def _sum_goods(orders: QuerySet[Any, Any]) -> _Goods:
    # A line that the shop removed keeps its cost and has no quantity any more.
    lines = PurchaseLine.objects.filter(purchase__in=orders, is_goods=True, quantity__gt=0)
    has_cost = Q(cost_minor__isnull=False)
    sums = lines.aggregate(
        sold=Sum("sold_minor"),
        tax=Sum("tax_minor"),
        known_sold=Sum("sold_minor", filter=has_cost),
        known_tax=Sum("tax_minor", filter=has_cost),
        known_cost=Sum("cost_minor"),
    )
    return _Goods(**{name: int(value or 0) for name, value in sums.items()})


def _sum_orders(orders: QuerySet[Any, Any], programme_id: int | None, step: int | None) -> dict[str, int]:
    by_member = Award.objects.filter(
        programme_id__in=[] if programme_id is None else [programme_id],
        purchase_id=OuterRef("pk"),
        member__isnull=False,
    )
    is_member, is_over = Q(is_member=True), Q(kept__gte=0 if step is None else step)
    sums = (
        _with_kept(orders)
        .annotate(is_member=Exists(by_member))
        .aggregate(
            orders=Count("pk"),
            minor=Sum("kept"),
            over=Count("pk", filter=is_over),
            member_orders=Count("pk", filter=is_member),
            member_over=Count("pk", filter=is_member & is_over),
        )
    )
    return {name: int(value or 0) for name, value in sums.items()}


def _sum_customers(orders: QuerySet[Any, Any]) -> tuple[int, int, int]:
    """Count the known customers and those who bought twice, and sum up what they kept.

    Whoever was merged counts as one with the survivor.
    """
    bought = _with_kept(orders.filter(customer__isnull=False)).annotate(buyer_id=F("customer_id"))
    rows = compile_rows(bought.order_by().values("buyer_id", "kept"), connection=connection)
    sql = f"""
        WITH RECURSIVE {FAMILY}
        SELECT COUNT(*), SUM(CASE WHEN orders > 1 THEN 1 ELSE 0 END), SUM(minor)
        FROM (
            SELECT COUNT(*) AS orders, SUM(fact.kept) AS minor
            FROM ({rows.text}) AS fact LEFT JOIN {SURVIVORS} AS family ON family.id = fact.buyer_id
            GROUP BY COALESCE(family.root_id, fact.buyer_id)
        ) AS customer
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, rows.params)
        customers, repeaters, minor = cursor.fetchone()
    return int(customers), int(repeaters or 0), int(minor or 0)


def _margin(goods: _Goods, *, counts_tax: bool) -> Fraction | None:
    left = goods.known_sold - goods.known_tax - goods.known_cost
    return _share(left, goods.known_sold if counts_tax else goods.known_sold - goods.known_tax)


def _share(part: int | Fraction, whole: int) -> Fraction | None:
    return Fraction(part) / whole if whole > 0 else None


def _nearest_or_none(value: Fraction | None) -> int | None:
    return None if value is None else nearest(value)
