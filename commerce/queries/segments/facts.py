"""What customers did, as rows that a measure sums up.

A purchase counts unless it was cancelled, for the day on which it was placed. Money is what the customer paid
and kept: everything on the receipt, shipping included, less what came back since, whenever that was.

Rows are summed up per customer here already, although the measure does it again for whoever was merged:
PostgreSQL shares this first sum among its workers, the second it cannot.
"""

from typing import Any

from django.db.models import BigIntegerField, Count, F, Max, Q, QuerySet, Sum, Value

from commerce.models import Purchase, PurchaseLine, Return
from commerce.policies.segments import Moment, Period
from commerce.policies.snapshot import Status

BUYER = F("purchase__customer_id")
NOTHING = Value(0, output_field=BigIntegerField())


def purchases_within(period: Period, moment: Moment, *, via: str = "", currency: str = "") -> Q:
    """Return the test of a purchase that counts; `via` leads to it from another table ("purchase__")."""
    test = Q(**{f"{via}placed_at__lt": period.ends_at(moment), f"{via}customer__isnull": False})
    starts_at = period.starts_at(moment)
    if starts_at is not None:
        test &= Q(**{f"{via}placed_at__gte": starts_at})
    if currency:
        test &= Q(**{f"{via}currency": currency})
    return test & ~Q(**{f"{via}status": Status.CANCELLED.value})


def purchase_rows(period: Period, moment: Moment, **more: Any) -> QuerySet[Any, Any]:
    """Return a row per customer: how many `orders`, and when the last was; `more` narrows by lookups."""
    purchases = Purchase.objects.filter(purchases_within(period, moment), **more)
    return purchases.values("customer_id").annotate(orders=Count("pk"), last_at=Max("placed_at"))


def money_rows(period: Period, moment: Moment, *, currency: str) -> QuerySet[Any, Any]:
    """Return rows whose `minor` sums to the money kept.

    Lines add and returns take away. Returns are rows of their own, with pro-rata amounts and refunds without
    a line already worked out, so that nothing is rounded a second time here.
    Units: minor units of `currency`.
    """
    within = purchases_within(period, moment, via="purchase__", currency=currency)
    sold = PurchaseLine.objects.filter(within).values(customer_id=BUYER)
    returned = Return.objects.filter(within).values(customer_id=BUYER)
    return sold.annotate(minor=Sum("sold_minor")).union(
        returned.annotate(minor=-Sum("amount_minor")), all=True
    )


def order_rows(period: Period, moment: Moment, *, currency: str) -> QuerySet[Any, Any]:
    """Return rows whose `minor` sums to the money kept and whose `orders` to the number of purchases.

    Beside each other and not joined, which would count a purchase once per line.
    """
    purchases = Purchase.objects.filter(purchases_within(period, moment, currency=currency))
    within = purchases_within(period, moment, via="purchase__", currency=currency)
    lines = PurchaseLine.objects.filter(within).values(customer_id=BUYER)
    returns = Return.objects.filter(within).values(customer_id=BUYER)
    last_at = Max("purchase__placed_at")
    counted = purchases.values("customer_id").annotate(
        last_at=Max("placed_at"), minor=NOTHING, orders=Count("pk")
    )
    return counted.union(
        lines.annotate(last_at=last_at, minor=Sum("sold_minor"), orders=NOTHING),
        returns.annotate(last_at=last_at, minor=-Sum("amount_minor"), orders=NOTHING),
        all=True,
    )


def line_rows(period: Period, moment: Moment, *, which: Q) -> QuerySet[Any, Any]:
    """Return a row per line that the customer still has at least a part of, with its `purchase_id`."""
    within = purchases_within(period, moment, via="purchase__")
    kept = PurchaseLine.objects.filter(within, which, quantity__gt=F("returned_quantity"))
    return kept.values("purchase_id", customer_id=BUYER)
