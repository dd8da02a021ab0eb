"""Closing the months of partners: every entry settled once, every line rounded once, nothing edited after.

The statements of one month are made together, in a handful of statements of SQL however many entries there
are: first a row for each partner, then the ledger entries that no statement has, then the lines from those,
then the sums from the lines.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min

from backstage import clock
from backstage.operations import audit
from backstage.plain_sql import among, execute, listed
from backstage.policies import SYSTEM, By, Chunk, Progress
from commerce.models import Channel
from loyalty.locks import lock_programme
from loyalty.models import (
    Partner,
    PartnerChannel,
    PartnerPrice,
    PartnerStatement,
    Programme,
    StatementEntry,
    StatementLine,
)
from loyalty.policies.errors import WriteConflict
from loyalty.policies.partners import (
    CLOSING_DELAY_DAYS,
    OF_ISSUED,
    PRICED_POINTS,
    Month,
    StatementDeed,
)
from loyalty.queries.partner_facts import unsettled
from loyalty.queries.statements import list_due_months

_STATEMENT, _LINE, _ENTRY, _PRICE, _CHANNEL = (
    model._meta.db_table for model in (PartnerStatement, StatementLine, StatementEntry, PartnerPrice, Channel)
)
_COLUMNS = "entry_id, member_id, channel_id, price_id, deed, is_late, points"
_DELAY = timedelta(days=CLOSING_DELAY_DAYS)
_OF_ISSUED = ", ".join(f"'{deed.value}'" for deed in OF_ISSUED)
_PRICE_MINOR = f"CASE WHEN s.deed IN ({_OF_ISSUED}) THEN price.issued_minor ELSE price.redeemed_minor END"


@dataclass(frozen=True, slots=True)
class Closed:
    """The statements that were made, oldest month first."""

    statement_ids: tuple[int, ...]


def close_months(
    *,
    programme_id: int,
    until: datetime,
    partner_id: int | None = None,
    at: datetime | None = None,
    by: By = SYSTEM,
) -> Closed:
    """Close every month that is over by `until` and not closed yet, oldest first; of one partner, or all.

    Replay: what is closed is left alone. Locks: the programme, so that two closings follow each other.
    Queries: 6 and, for each month, 6 more and 1 for each partner.
    """
    at = clock.now() if at is None else at
    made: list[PartnerStatement] = []
    with transaction.atomic():
        programme = lock_programme(programme_id)
        due = list_due_months(programme, until=min(until, at), partner_id=partner_id)
        for month, partners in due:
            made += _close(programme, month, partners, at, by)
    return Closed(tuple(statement.id for statement in made))


def _close(
    programme: Programme, month: Month, partners: Sequence[Partner], at: datetime, by: By
) -> list[PartnerStatement]:
    statements = PartnerStatement.objects.bulk_create(
        PartnerStatement(
            partner=partner,
            partner_name=partner.name,
            month_on=month.on,
            starts_at=month.starts_at,
            ends_at=month.ends_at,
            currency=programme.currency,
            time_zone=programme.time_zone,
            closed_at=at,
            closed_by_kind=by.kind,
            closed_by_id=by.id,
            closed_by_label=by.label,
            recorded_at=clock.real_now(),
        )
        for partner in partners
    )
    ids = [statement.id for statement in statements]
    settled = _settle(ids, {partner.id for partner in partners}, month)
    _write_lines(ids)
    _write_sums(ids)
    _check_settled(ids, settled)
    for statement in statements:
        audit.record(
            kind="partner_month_closed",
            object_kind="partnerstatement",
            object_id=statement.id,
            by=by,
            at=at,
            after={"partner": statement.partner_id, "month": month.on.isoformat()},
        )
    return statements


def _settle(statement_ids: Collection[int], partner_ids: Collection[int], month: Month) -> int:
    """Take in every entry that no statement has yet; give their number."""
    facts, values = unsettled(partner_ids=partner_ids, starts_at=month.starts_at, ends_at=month.ends_at)
    inserted = execute(
        f"INSERT INTO {_ENTRY} (statement_id, {_COLUMNS})"
        f" SELECT statement.id, {', '.join(f'fact.{name}' for name in _COLUMNS.split(', '))}"
        f" FROM ({facts}) AS fact"
        f" JOIN {_STATEMENT} AS statement ON statement.partner_id = fact.partner_id"
        f" AND {among('statement.id')}",
        [*values, listed(statement_ids)],
    )
    return int(inserted.rowcount)


def _write_lines(statement_ids: Collection[int]) -> None:
    """Sum the entries up, and round each line half up; nothing here is negative."""
    execute(
        f"INSERT INTO {_LINE} (statement_id, channel_id, channel_name, price_id, price_minor, deed, is_late,"
        " points, amount_minor, entries)"
        f" SELECT s.statement_id, s.channel_id, channel.name, s.price_id, {_PRICE_MINOR}, s.deed, s.is_late,"
        f" s.points, (2 * s.points * ({_PRICE_MINOR}) + {PRICED_POINTS}) / {2 * PRICED_POINTS}, s.entries"
        " FROM (SELECT statement_id, channel_id, price_id, deed, is_late, CAST(SUM(points) AS BIGINT) AS"
        f" points, COUNT(*) AS entries FROM {_ENTRY} WHERE {among('statement_id')}"
        " GROUP BY statement_id, channel_id, price_id, deed, is_late) AS s"
        f" JOIN {_PRICE} AS price ON price.id = s.price_id"
        f" JOIN {_CHANNEL} AS channel ON channel.id = s.channel_id",
        [listed(statement_ids)],
    )


def _write_sums(statement_ids: Collection[int]) -> None:
    """Sum the lines up; a statement without lines stays at nothing."""
    sums = {
        f"{deed.value}_{unit}": f"SUM(CASE WHEN deed = '{deed.value}' THEN {column} ELSE 0 END)"
        for deed in StatementDeed
        for unit, column in (("points", "points"), ("minor", "amount_minor"))
    }
    selected = ", ".join(f"CAST({sql} AS BIGINT) AS {name}" for name, sql in sums.items())
    balance = "net.issued_minor - net.taken_back_minor - net.redeemed_minor + net.given_back_minor"
    sets = ", ".join(f"{name} = net.{name}" for name in sums)
    execute(
        f"UPDATE {_STATEMENT} SET {sets}, balance_minor = {balance}, entries = net.entries"
        f" FROM (SELECT statement_id, {selected}, CAST(SUM(entries) AS BIGINT) AS entries FROM {_LINE}"
        f" WHERE {among('statement_id')} GROUP BY statement_id) AS net"
        f" WHERE {_STATEMENT}.id = net.statement_id",
        [listed(statement_ids)],
    )


def _check_settled(statement_ids: Collection[int], settled: int) -> None:
    """Refuse sums that leave an entry out. Raises: WriteConflict."""
    rows = execute(
        f"SELECT COALESCE(SUM(entries), 0) FROM {_STATEMENT} WHERE {among('id')}", [listed(statement_ids)]
    )
    if int(rows.fetchone()[0]) != settled:
        raise WriteConflict(f"The statements do not hold all of {settled} entries; nothing was written.")


# -- the job -------------------------------------------------------------------------------------------------


def plan_closing_months(at: datetime) -> list[Chunk]:
    """Give a chunk for each programme that has partners, whether or not a month of theirs is due."""
    first = PartnerChannel.objects.order_by().values("programme_id").annotate(first=Min("starts_at"))
    return [Chunk(row["programme_id"], row["programme_id"], 1) for row in first.order_by("programme_id")]


def work_closing_months(chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
    """Close what has been over for some days, in the runner's transaction."""
    until = at - _DELAY
    closed = close_months(programme_id=chunk.lo, until=until, at=at, by=SYSTEM)
    return Progress(done=len(closed.statement_ids))
