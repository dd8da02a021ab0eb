"""Row `partner-month`: one month of twenty partners is closed."""

import time
from datetime import timedelta

from django.db import connection

from backstage.clock import now
from benchmarks import references
from benchmarks.databases import Copies
from benchmarks.measuring import Figure, NotMeasured, Size
from benchmarks.shop import Shop, settle_statistics
from commerce.operations.channels import open_channel
from loyalty.models import PartnerStatement, Programme
from loyalty.operations.partners import open_partner
from loyalty.operations.statements import close_months
from loyalty.policies.partners import month_of

PARTNERS = 20
# What each line of a statement is made of, and nothing else: neither kept nor rounded.
AGGREGATE = (
    "SELECT e.channel_id, e.kind, SUM(m.points), COUNT(DISTINCT e.id) FROM encore_loyalty_entry e"
    " JOIN encore_loyalty_movement m ON m.member_id = e.member_id AND m.entry_id = e.id"
    " WHERE e.occurred_at >= %s AND e.occurred_at < %s AND e.kind IN (1, 4, 7, 8)"
    " GROUP BY e.channel_id, e.kind"
)


def partner_month(copies: Copies, shop: Shop, size: Size) -> Figure:
    """Close a month of purchases at twenty partners, beside one aggregate that only sums it up."""
    count = min(size.rows(200_000, 20_000), shop.purchases)
    month = month_of(now().date(), Programme.objects.get().zone)
    with copies.fresh(copies.base):
        first = _open_partners()
        with connection.cursor() as cursor:
            told = references.award(f"id <= {count}")
            cursor.execute(told.replace("'purchase', id, 1,", f"'purchase', id, {first} + id % {PARTNERS},"))
        settle_statistics()
        aggregate = min(_timed(month.starts_at, month.ends_at) for _ in range(3))
        started = time.perf_counter()
        close_months(
            programme_id=Programme.objects.get().pk, until=month.ends_at, at=month.ends_at + timedelta(days=1)
        )
        spent = time.perf_counter() - started
        settled = sum(PartnerStatement.objects.values_list("entries", flat=True))
        if settled != count:
            raise NotMeasured(f"the statements have {settled} of {count} entries")
    note = f"{count:,} entries of {PARTNERS} partners in {spent:.2f} s; the aggregate takes {aggregate:.2f} s"
    return Figure(spent / aggregate, spent, aggregate, "s", note)


def _open_partners() -> int:
    """Take in the partners, each with a channel; give the first channel's id."""
    programme = Programme.objects.get()
    ids = []
    for number in range(PARTNERS):
        channel = open_channel(
            key=f"p{number}", name=f"P{number}", kind="partner", time_zone="UTC", currency="EUR"
        )
        ids.append(channel.pk)
        open_partner(
            programme_id=programme.pk,
            key=f"p{number}",
            name=f"P{number}",
            starts_on=now().date().replace(day=1),
            issued_minor=500,
            redeemed_minor=400,
            channel_ids=[channel.pk],
        )
    return min(ids)


def _timed(*period: object) -> float:
    with connection.cursor() as cursor:
        started = time.perf_counter()
        cursor.execute(AGGREGATE, list(period))
        cursor.fetchall()
        return time.perf_counter() - started
