"""Codes that spread: private and site-bound ones that many unrelated customers used in a short time."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from commerce.queries.customers import resolve_customers
from coupons.models import CodeAlert, Redemption
from coupons.policies.sites import Spread, is_leak
from coupons.policies.states import STANDING_USES, CodeKind, CodeState

# What is usual is read from so many days before; a code that is newer has been used less.
USUAL_DAYS = 28


@dataclass(frozen=True, slots=True)
class Leak:
    """A code that spreads, and since when its customers were counted."""

    code_id: int
    since: datetime
    spread: Spread


def list_leaks(
    at: datetime,
    *,
    hours: int,
    customers: int,
    times_usual: int,
    code_ids: tuple[int, int] | None = None,
) -> list[Leak]:
    """Find the codes that spread at a moment and have no open alert, by ascending id.

    Merged customers are one; an order of nobody known is somebody of their own. What was settled before is
    not counted again. Codes that anybody may have (the shared one of a public coupon) and codes that only
    one customer can use cannot leak. `code_ids` is a range. Queries: 1; 4 where a code was used by enough.
    """
    window = timedelta(hours=hours)
    rows = _uses(at - window, at, code_ids)
    # A row for each code, whoever used it: only what many used is looked at one by one.
    busy = rows.values("code_id").annotate(uses=Count("id")).filter(uses__gte=customers)
    ids = list(busy.order_by("code_id").values_list("code_id", flat=True))
    if not ids:
        return []
    settled = _settled(ids)
    start = {code_id: max(at - window, settled.get(code_id, at - window)) for code_id in ids}
    counted = _count(_uses(at - window, at, None).filter(code_id__in=ids), start)
    # What is usual, from the days before the window, for a window of this length.
    before = _uses(at - window - timedelta(days=USUAL_DAYS), at - window, None).filter(code_id__in=ids)
    past = _count(before, {})
    leaks = []
    for code_id in ids:
        usual = -(-past.get(code_id, 0) * hours // (USUAL_DAYS * 24))
        spread = Spread(customers=counted.get(code_id, 0), usual=usual)
        if is_leak(spread, customers=customers, times_usual=times_usual):
            leaks.append(Leak(code_id, start[code_id], spread))
    return leaks


def _uses(
    since: datetime, until: datetime, code_ids: tuple[int, int] | None
) -> QuerySet[Redemption, Redemption]:
    private = Q(code__kind=CodeKind.SITE) | Q(code__kind=CodeKind.SHARED, coupon__is_public=False)
    rows = Redemption.objects.filter(
        private,
        used_at__gt=since,
        used_at__lte=until,
        state__in=STANDING_USES,
        code__state=CodeState.READY,
        code__customer__isnull=True,
    ).exclude(code__in=CodeAlert.objects.filter(settled_at__isnull=True).values("code_id"))
    return rows if code_ids is None else rows.filter(code__id__range=code_ids)


def _settled(code_ids: Collection[int]) -> dict[int, datetime]:
    """Give when the last alert about each code was settled."""
    rows = CodeAlert.objects.filter(code_id__in=code_ids, settled_at__isnull=False).order_by("settled_at")
    return {code_id: at for code_id, at in rows.values_list("code_id", "settled_at") if at is not None}


def _count(rows: QuerySet[Redemption, Redemption], start: dict[int, datetime]) -> dict[int, int]:
    """Count the unrelated customers of each code, from a moment of its own on where it has one."""
    found = list(rows.values_list("code_id", "customer_id", "used_at", "id"))
    roots = resolve_customers(customer_ids={customer for _, customer, _, _ in found if customer})
    who: dict[int, set[object]] = defaultdict(set)
    for code_id, customer_id, used_at, redemption_id in found:
        if code_id is not None and used_at >= start.get(code_id, used_at):
            who[code_id].add(roots[customer_id] if customer_id else ("nobody", redemption_id))
    return {code_id: len(customers) for code_id, customers in who.items()}


def count_uses(code_ids: Iterable[int], *, since: datetime | None = None) -> dict[int, tuple[int, int]]:
    """Count how often codes were used, and how much that took off in minor units. Queries: 1; 0 without."""
    ids = sorted(set(code_ids))
    if not ids:
        return {}
    rows = Redemption.objects.filter(code_id__in=ids, state__in=STANDING_USES)
    if since is not None:
        rows = rows.filter(used_at__gte=since)
    sums = rows.values("code_id").annotate(
        uses=Count("id"), off=Sum("amount_minor"), back=Sum("returned_minor")
    )
    return {
        code_id: (uses, off - back)
        for code_id, uses, off, back in sums.values_list("code_id", "uses", "off", "back")
        if code_id is not None
    }


def count_by_day(code_id: int, first: date) -> dict[date, int]:
    """Count the orders with a code on each day from one on, in the active time zone. Queries: 1."""
    rows = Redemption.objects.filter(code_id=code_id, state__in=STANDING_USES)
    days = rows.annotate(day=TruncDate("used_at")).filter(day__gte=first)
    return dict(days.values("day").annotate(count=Count("id")).values_list("day", "count"))
