"""What customers did, as rows that a measure sums up.

A purchase counts unless it was cancelled, for the day on which it was placed. Money is what the customer paid
and kept: everything on the receipt, shipping included, less what came back since, whenever that was.
"""

from typing import Any

from django.db.models import BigIntegerField, F, Q, QuerySet, Value

from commerce.models import Purchase, PurchaseLine, Return
from commerce.policies.segments import Moment, Period
from commerce.policies.snapshot import Status

ZERO, ONE = Value(0, output_field=BigIntegerField()), Value(1, output_field=BigIntegerField())


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
    """Return a row per purchase, with `placed_at`; `more` narrows them by lookups."""
    purchases = Purchase.objects.filter(purchases_within(period, moment), **more)
    return purchases.values("customer_id", "placed_at")


def money_rows(period: Period, moment: Moment, *, currency: str) -> QuerySet[Any, Any]:
    """Return rows whose `minor` sums to the money kept.

    Lines add and returns take away. Returns are rows of their own, with pro-rata amounts and refunds without
    a line already worked out, so that nothing is rounded a second time here.
    Units: minor units of `currency`.
    """
    within = purchases_within(period, moment, via="purchase__", currency=currency)
    who = F("purchase__customer_id")
    sold = PurchaseLine.objects.filter(within).values(customer_id=who, minor=F("sold_minor"))
    returned = Return.objects.filter(within).values(customer_id=who, minor=-F("amount_minor"))
    return sold.union(returned, all=True)


def order_rows(period: Period, moment: Moment, *, currency: str) -> QuerySet[Any, Any]:
    """Return rows whose `minor` sums to the money kept and whose `orders` to the number of purchases.

    One pass over all three tables; joining purchases with lines would count a purchase once per line.
    """
    within = {"via": "purchase__", "currency": currency}
    of_purchase = {"customer_id": F("purchase__customer_id"), "placed_at": F("purchase__placed_at")}
    purchases = Purchase.objects.filter(purchases_within(period, moment, currency=currency))
    lines = PurchaseLine.objects.filter(purchases_within(period, moment, **within))
    returns = Return.objects.filter(purchases_within(period, moment, **within))
    return purchases.values("customer_id", "placed_at", minor=ZERO, orders=ONE).union(
        lines.values(**of_purchase, minor=F("sold_minor"), orders=ZERO),
        returns.values(**of_purchase, minor=-F("amount_minor"), orders=ZERO),
        all=True,
    )


def line_rows(period: Period, moment: Moment, *, which: Q) -> QuerySet[Any, Any]:
    """Return a row per line that the customer still has at least a part of, with its `purchase_id`."""
    within = purchases_within(period, moment, via="purchase__")
    kept = PurchaseLine.objects.filter(within, which, quantity__gt=F("returned_quantity"))
    return kept.values("purchase_id", customer_id=F("purchase__customer_id"))
