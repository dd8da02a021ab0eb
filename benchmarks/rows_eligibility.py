"""Rows `eligibility` and `portrait`: who is among the best, beside the plain aggregate that it takes."""

import time
from datetime import timedelta
from zoneinfo import ZoneInfo

from django.db import connection

from backstage.clock import now
from backstage.operations.jobs import run_job
from benchmarks.databases import Copies
from benchmarks.measuring import Figure, NotMeasured, Size, timed
from benchmarks.shop import settle_statistics
from commerce.operations.segments import save_segment
from commerce.policies.segments import Period
from commerce.queries.portrait import get_portrait
from commerce.queries.revenue_curve import get_revenue_curve
from commerce.queries.segments import count_segment, read_segment
from loyalty.models import Invitation, Member
from loyalty.operations.invitation_lists import create_invitation_list, switch_on_invitation_list

REPEATS = 5
PURCHASES_EACH = 2
PERCENT = 6
BEST = {
    "conditions": [
        {
            "condition": "top_revenue",
            "with": {
                "percent": str(PERCENT),
                "currency": "EUR",
                "period": {"last": 12, "unit": "months"},
            },
        }
    ]
}
# What nobody can do without who wants to know what customers brought in a year.
AGGREGATE = """
SELECT COUNT(*) FROM (
    SELECT purchase.customer_id, SUM(line.sold_minor) AS spent
    FROM encore_commerce_purchase AS purchase
    JOIN encore_commerce_purchaseline AS line ON line.purchase_id = purchase.id
    WHERE purchase.placed_at >= %s AND purchase.placed_at < %s AND purchase.currency = 'EUR'
        AND purchase.status <> 'cancelled' AND purchase.customer_id IS NOT NULL
    GROUP BY purchase.customer_id
) AS total WHERE spent > 0
"""


def eligibility(copies: Copies, size: Size) -> tuple[Figure, Figure, Figure]:
    """Time the segment, the inviting, and curve with portrait, over a shop with very many customers."""
    with copies.fresh(copies.base):
        customers = _fill(size.rows(1_000_000, 50_000))
        at = now()
        plain = timed([lambda: _aggregate(at)], REPEATS)
        definition = read_segment(conditions=BEST)
        segment = timed([lambda: count_segment(definition=definition, at=at)], REPEATS)
        describe = timed([lambda: _describe(at)], 3)
        chosen, inviting = _invite(at)
    note = f"{customers:,} customers"
    return (
        Figure(segment / plain, segment * 1000, plain * 1000, "ms", note),
        Figure(
            inviting / plain,
            inviting * 1000,
            plain * 1000,
            "ms",
            f"{chosen:,} invited, {chosen / inviting:,.0f} a second",
        ),
        Figure(describe / plain, describe * 1000, plain * 1000, "ms", note),
    )


def _aggregate(at) -> None:
    with connection.cursor() as cursor:
        cursor.execute(AGGREGATE, [at - timedelta(days=365), at])
        cursor.fetchall()


def _describe(at) -> None:
    asked = {"currency": "EUR", "period": Period(count=12, unit="months"), "zone": ZoneInfo("UTC"), "at": at}
    get_revenue_curve(**asked)
    get_portrait(percent=PERCENT, **asked)


def _invite(at) -> tuple[int, float]:
    """Choose and invite everybody in the segment, by the job; give how many and how long it took."""
    segment = save_segment(key="best", name="Best", conditions=BEST, at=at)
    drafted = create_invitation_list(
        programme_id=1, fields={"name": "Best", "segment_id": segment.pk, "is_living": True}, at=at
    )
    switch_on_invitation_list(list_id=drafted.pk, at=at)
    started = time.perf_counter()
    run_job(name="send_invitations", at=at)
    spent = time.perf_counter() - started
    sent = Invitation.objects.filter(sent_at=at).count()
    if not sent or Member.objects.filter(customer__in=Invitation.objects.values("customer_id")).exists():
        raise NotMeasured("the job invited nobody, or members")
    return sent, spent


def _fill(customers: int) -> int:
    """Add customers who are no members, with two orders each; one in fifty spends ten times as much."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(MAX(id), 0) FROM encore_commerce_customer")
        (first,) = cursor.fetchone()
        cursor.execute("SELECT COALESCE(MAX(id), 0) FROM encore_commerce_purchase")
        (purchase,) = cursor.fetchone()
        cursor.execute(
            "INSERT INTO encore_commerce_customer"
            " (name, language, place, country, birth_date, attributes, tags, created_at)"
            " SELECT '', '', 'Town ' || n %% 40, 'NO', DATE '1950-01-01' + (n %% 20000)::int, '{}', '[]',"
            " now()"
            " FROM generate_series(1, %s) AS series(n)",
            [customers],
        )
        cursor.execute(
            "INSERT INTO encore_commerce_purchase (channel_id, reference, customer_id, currency, placed_at,"
            " status, as_of, fingerprint, revision, refunded_minor, codes, changed_at, first_synced_at)"
            " SELECT 1, 'E' || n, %s + 1 + (n - 1) %% %s, 'EUR', now() - (n %% 360) * interval '1 day',"
            " 'placed', 1, 'e' || n, 1, 0, '[]', now(), now() FROM generate_series(1, %s) AS series(n)",
            [first, customers, customers * PURCHASES_EACH],
        )
        cursor.execute(
            "INSERT INTO encore_commerce_purchaseline (purchase_id, key, sku, name, brand, category_path,"
            " quantity, sold_minor, tax_minor, discount_minor, returned_quantity, is_goods)"
            " SELECT id, '1', 'S' || id %% 1000, 'A mug', 'Brand ' || id %% 20, 'kitchen/' || id %% 50, 1,"
            " CASE WHEN customer_id %% 50 = 0 THEN 20000 ELSE 1000 END + id %% 997, 0, 0, 0, true"
            " FROM encore_commerce_purchase WHERE id > %s",
            [purchase],
        )
    settle_statistics()
    return customers
