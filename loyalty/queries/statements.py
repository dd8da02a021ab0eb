"""Questions about partners' months: which are due, what an open one comes to, what a closed one says."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Min

from backstage.plain_sql import execute
from backstage.policies.spreadsheets import safe_cell
from commerce.models import Channel
from loyalty.models import Partner, PartnerPrice, PartnerStatement, Programme, StatementLine
from loyalty.policies.calendar import local_date
from loyalty.policies.partners import (
    OF_ISSUED,
    SIGNS,
    Month,
    StatementDeed,
    amount_minor,
    month_of,
    months_from,
)
from loyalty.queries.partner_facts import unsettled

CSV_COLUMNS = (
    "partner",
    "month",
    "channel",
    "what",
    "earlier_month",
    "entries",
    "points",
    "per_1000_minor",
    "amount_minor",
    "currency",
)


@dataclass(frozen=True, slots=True)
class Line:
    """Points of one kind at one channel under one price. Units: points; minor units."""

    channel_name: str
    deed: StatementDeed
    is_late: bool
    points: int
    price_minor: int
    amount_minor: int
    entries: int

    @property
    def signed_minor(self) -> int:
        """What the line adds to what the partner owes."""
        return SIGNS[self.deed] * self.amount_minor


@dataclass(frozen=True, slots=True)
class OpenMonth:
    """What a month that is not closed comes to so far."""

    month: Month
    lines: tuple[Line, ...]

    @property
    def balance_minor(self) -> int:
        """What the partner owes for it so far; negative where the partner is owed."""
        return sum(line.signed_minor for line in self.lines)

    def points(self, deed: StatementDeed) -> int:
        """Count the points of one kind."""
        return sum(line.points for line in self.lines if line.deed is deed)


def list_due_months(
    programme: Programme, *, until: datetime, partner_id: int | None = None
) -> list[tuple[Month, list[Partner]]]:
    """Give every month that is over by `until`, oldest first, with the partners that it is not closed for.

    A partner's months begin with its first channel. After its end a month is due only if something of before
    has come late. Queries: 2, and 1 more where a partner has ended.
    """
    partners = Partner.objects.filter(programme=programme).annotate(first_at=Min("channels__starts_at"))
    if partner_id is not None:
        partners = partners.filter(id=partner_id)
    rows = list(partners.filter(first_at__isnull=False).order_by("id"))
    closed = set(PartnerStatement.objects.filter(partner__in=rows).values_list("partner_id", "month_on"))
    late = _with_unsettled([row for row in rows if row.ended_at and row.ended_at < until], until)
    by_month: dict[Month, list[Partner]] = {}
    for row in rows:
        over = list(months_from(row.first_at, until, programme.zone))
        due = [month for month in over if row.ended_at is None or row.ended_at > month.starts_at]
        due = [month for month in due if (row.id, month.on) not in closed]
        if not due and row.id in late:  # the last month of all takes what came since
            due = [month for month in over[-1:] if (row.id, month.on) not in closed]
        for month in due:
            by_month.setdefault(month, []).append(row)
    return sorted(by_month.items(), key=lambda pair: pair[0].on)


def _with_unsettled(partners: Sequence[Partner], until: datetime) -> set[int]:
    if not partners:
        return set()
    facts, values = unsettled(
        partner_ids={partner.id for partner in partners}, starts_at=until, ends_at=until
    )
    found = execute(f"SELECT DISTINCT partner_id FROM ({facts}) AS fact", values)
    return {partner_id for (partner_id,) in found.fetchall()}


def read_open_month(partner: Partner, *, at: datetime) -> OpenMonth:
    """Work out what is not settled yet, up to now: the month of `at`, and whatever came late.

    Queries: 3. Nothing is written.
    """
    zone = partner.programme.zone
    month = month_of(local_date(at, zone), zone)
    facts, values = unsettled(partner_ids=[partner.id], starts_at=month.starts_at, ends_at=month.ends_at)
    rows = execute(
        "SELECT channel_id, price_id, deed, is_late, CAST(SUM(points) AS BIGINT), COUNT(*)"
        f" FROM ({facts}) AS fact GROUP BY channel_id, price_id, deed, is_late",
        values,
    ).fetchall()
    channels = dict(Channel.objects.filter(id__in={row[0] for row in rows}).values_list("id", "name"))
    prices = PartnerPrice.objects.in_bulk({row[1] for row in rows})
    lines = []
    for channel_id, price_id, deed, is_late, points, entries in rows:
        what, price = StatementDeed(deed), prices[price_id]
        minor = price.issued_minor if what in OF_ISSUED else price.redeemed_minor
        amount = amount_minor(points, minor)
        lines.append(Line(channels[channel_id], what, bool(is_late), points, minor, amount, entries))
    return OpenMonth(month, tuple(sorted(lines, key=_place)))


def list_lines(statement: PartnerStatement) -> list[Line]:
    """Give the lines of a statement in the order in which they are read. Queries: 1."""
    lines = [
        Line(
            row.channel_name,
            StatementDeed(row.deed),
            row.is_late,
            row.points,
            row.price_minor,
            row.amount_minor,
            row.entries,
        )
        for row in StatementLine.objects.filter(statement=statement).order_by("price_id")
    ]
    return sorted(lines, key=_place)


def _place(line: Line) -> tuple[Any, ...]:
    order = list(StatementDeed)
    return (line.channel_name, order.index(line.deed), line.is_late, line.price_minor)


def write_csv(statement: PartnerStatement) -> bytes:
    """Write a statement as a file for a spreadsheet: the same bytes whenever it is asked for. Queries: 1."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows([safe_cell(cell) for cell in row] for row in _rows(statement))
    return text.getvalue().encode("utf-8-sig")


def _rows(statement: PartnerStatement) -> Iterator[list[str | int]]:
    head: list[str | int] = [statement.partner_name, f"{statement.month_on:%Y-%m}"]
    for line in list_lines(statement):
        late = "yes" if line.is_late else "no"
        numbers = [line.entries, line.points, line.price_minor, line.signed_minor]
        yield [*head, line.channel_name, line.deed.value, late, *numbers, statement.currency]
    yield [*head, "", "balance", "", statement.entries, "", "", statement.balance_minor, statement.currency]


def list_recent_statements(partner_id: int, count: int = 12) -> list[PartnerStatement]:
    """Give the newest statements of a partner, oldest first. Queries: 1."""
    rows = PartnerStatement.objects.filter(partner_id=partner_id).order_by("-month_on")[:count]
    return list(rows)[::-1]


def find_closable(partner: Partner, *, at: datetime) -> list[date]:
    """Give the first days of the months of one partner that could be closed now. Queries: 2 or 3."""
    due = list_due_months(partner.programme, until=at, partner_id=partner.id)
    return [month.on for month, _partners in due]
