"""What a coupon has done: how often it was used, what it took off, and what was kept of those orders."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import TruncDate

from commerce.models import Purchase, PurchaseLine
from coupons.models import Coupon, Redemption
from coupons.policies.states import STANDING_USES

USE_DAYS = 28
# The newest orders whose margin is told: enough to tell by, and the same time for any coupon.
MOST_ORDERS = 500


@dataclass(frozen=True, slots=True)
class Use:
    """The use of one coupon. Units: minor units of its currency.

    `off_minor` is what it took off, without what came back with goods. `kept_minor` of `sold_minor` was left
    after tax and cost of the newest orders with it whose costs are all known, `known` of `looked_at` orders.
    """

    uses: int
    customers: int
    off_minor: int
    by_day: dict[date, int]
    looked_at: int
    known: int
    sold_minor: int
    kept_minor: int


def get_use(coupon: Coupon, at: datetime) -> Use:
    """Tell what a coupon has done until now. Queries: 4."""
    rows = Redemption.objects.filter(coupon=coupon, state__in=STANDING_USES)
    sums = rows.aggregate(
        uses=Count("id"),
        customers=Count("customer", distinct=True),
        off=Sum("amount_minor"),
        back=Sum("returned_minor"),
    )
    zone = ZoneInfo(coupon.time_zone)
    days = rows.filter(used_at__gt=at - timedelta(days=USE_DAYS)).annotate(
        day=TruncDate("used_at", tzinfo=zone)
    )
    by_day = days.values("day").annotate(count=Count("id")).values_list("day", "count")
    sold, kept, known, looked_at = _margin(coupon)
    return Use(
        uses=sums["uses"],
        customers=sums["customers"],
        off_minor=(sums["off"] or 0) - (sums["back"] or 0),
        by_day=dict(by_day),
        looked_at=looked_at,
        known=known,
        sold_minor=sold,
        kept_minor=kept,
    )


def _margin(coupon: Coupon) -> tuple[int, int, int, int]:
    """Give what the newest orders with a coupon brought and kept, of how many, and how many there were."""
    same = Purchase.objects.filter(
        channel__key=OuterRef("order__channel"), reference=OuterRef("order__reference")
    )
    rows = Redemption.objects.filter(coupon=coupon, state__in=STANDING_USES).order_by("-used_at", "-id")
    newest = rows.annotate(purchase=Subquery(same.values("id")[:1])).values_list("purchase", flat=True)
    ids = [purchase_id for purchase_id in newest[:MOST_ORDERS] if purchase_id is not None]
    lines = PurchaseLine.objects.filter(purchase_id__in=ids, is_goods=True, quantity__gt=0)
    sums = lines.values("purchase").annotate(
        sold=Sum("sold_minor"),
        cost=Sum(F("cost_minor") + F("tax_minor")),
        unknown=Count("id", filter=Q(cost_minor__isnull=True)),
    )
    counted: Counter[str] = Counter()
    for _, sold, cost, unknown in sums.values_list("purchase", "sold", "cost", "unknown"):
        counted["looked_at"] += 1
        if not unknown:
            counted.update(sold=sold, kept=sold - cost, known=1)
    return counted["sold"], counted["kept"], counted["known"], counted["looked_at"]
