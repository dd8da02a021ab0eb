"""What members have towards a level, for one or for a range of them: one statement, nothing kept.

Purchases count through their awards, which have decided once whose they are and whether they count at all.
Orders of whoever was merged count for the member that merges lead to. The rule that this statement is held
to is `loyalty.policies.tiers.counting`.
"""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

from django.db import connection

from backstage.plain_sql import Told, execute, is_postgresql
from commerce.models import Purchase, PurchaseLine, Return, Tender
from loyalty.models import Award, Entry, Member, TierHolding
from loyalty.policies.calendar import local_date
from loyalty.policies.eligibility import NoPoints
from loyalty.policies.programme import MemberState
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.tiers.periods import Span, span_at, span_of
from loyalty.policies.tiers.scheme import LevelSource, Metric, Scheme, Window

# Members, each with the time that counts for them.
_WHO = Told(TierHolding, ("member_id", "begins_at", "ends_at"))
_AWARD, _PURCHASE, _LINE, _RETURN, _TENDER, _ENTRY, _MEMBER, _HOLDING = (
    model._meta.db_table
    for model in (Award, Purchase, PurchaseLine, Return, Tender, Entry, Member, TierHolding)
)
# An award without points still stands for a purchase that counts, where it was too small for any or had
# nothing in it that earns.
_COUNTED = f"award.reason IN ('', '{NoPoints.NOTHING_COUNTS.value}', '{NoPoints.TOO_SMALL.value}')"

# Whom others were merged into. IS NOT NULL goes without saying, except to PostgreSQL, which would expect a
# merge for every member.
_ROOTS = f"SELECT merged_into_id FROM {_MEMBER} WHERE merged_into_id IS NOT NULL"


def get_totals(rules: ProgrammeRules, scheme: Scheme, spans: Mapping[int, Span]) -> dict[int, int]:
    """Sum what counts for each of these members within their own time. Queries: 1; 0 for nobody.

    Units: as the scheme measures.
    """
    if not spans:
        return {}
    told, values = _WHO.tell([(member_id, span.starts_at, span.ends_at) for member_id, span in spans.items()])
    statement = f"{_who_is_told(told)} {_total(scheme.metric)}"
    found = execute(statement, [*values, *_total_values(rules, scheme)]).fetchall()
    return {**dict.fromkeys(spans, 0), **{root: int(amount) for root, amount in found}}


def list_to_change(
    rules: ProgrammeRules, scheme: Scheme, *, lo: int, hi: int, today: date, at: datetime
) -> list[int]:
    """Give the members of a range, ascending, whose test is over or whose total earns more than they have.

    Those in their days of grace are among them, and those whom others were merged into: their sums are not
    made here, where a range of members is one range of each index. Queries: 1.
    """
    totals, values = _range_totals(rules, scheme, lo, hi, at)
    statement = f"""
        {totals}
        SELECT member.id FROM {_MEMBER} AS member
        LEFT JOIN total ON total.member_id = member.id
        LEFT JOIN {_HOLDING} AS held
            ON held.member_id = member.id AND held.source = '{LevelSource.EARNED.value}'
            AND held.ends_at IS NULL
        WHERE member.id BETWEEN %s AND %s AND member.programme_id = %s AND member.merged_into_id IS NULL
            AND member.state <> '{MemberState.ERASED.value}'
            AND (held.tests_on < %s OR {_rank_of_total(scheme)} > {_rank_of_held(scheme)}
                OR member.id IN ({_ROOTS}))
        ORDER BY member.id
    """
    values += [lo, hi, rules.id, connection.ops.adapt_datefield_value(today)]
    return [member_id for (member_id,) in execute(statement, values).fetchall()]


def list_counted(rules: ProgrammeRules, scheme: Scheme, member_id: int, span: Span) -> tuple[str, list[Any]]:
    """Give the statement that lists what counts for one member within a time, one row for each purchase.

    The columns are `id`, `placed_at` (of level points `qualifying_at`) and `amount`. Queries: 0.
    """
    told, values = _WHO.tell([(member_id, span.starts_at, span.ends_at)])
    amount = "1" if scheme.metric is Metric.ORDERS else _money()
    listed = f"SELECT id, placed_at, {amount} AS amount FROM ({_kept_by_purchase(False)}) AS kept"
    if scheme.metric is Metric.POINTS:
        listed = f"SELECT entry.id, entry.qualifying_at, entry.qualifying_change AS amount {_level_points()}"
    return f"{_who_is_told(told)} {listed}", [*values, *_total_values(rules, scheme)]


def count_by_rank(
    rules: ProgrammeRules, scheme: Scheme, *, lo: int, hi: int, at: datetime
) -> dict[int, tuple[int, int]]:
    """Count the members of a range by what their totals earn, with the points of their last 12 months.

    0 is no level. Queries: 1.
    """
    totals, values = _range_totals(rules, scheme, lo, hi, at)
    since = span_of(Window.ROLLING, local_date(at, rules.zone), rules.zone).starts_at
    statement = f"""
        {totals},
        earned(member_id, points) AS (
            SELECT who.root, SUM(award.standing_points) FROM who
            JOIN {_AWARD} AS award ON award.member_id = who.member_id AND award.programme_id = %s
            JOIN {_PURCHASE} AS purchase ON purchase.id = award.purchase_id AND purchase.placed_at >= %s
            GROUP BY who.root
        )
        SELECT {_rank_of_total(scheme)} AS reached, COUNT(*), SUM(COALESCE(earned.points, 0))
        FROM {_MEMBER} AS member
        LEFT JOIN total ON total.member_id = member.id
        LEFT JOIN earned ON earned.member_id = member.id
        WHERE member.id BETWEEN %s AND %s AND member.programme_id = %s AND member.merged_into_id IS NULL
            AND member.state <> '{MemberState.ERASED.value}'
        GROUP BY reached
    """
    values += [rules.id, connection.ops.adapt_datetimefield_value(since), lo, hi, rules.id]
    return {rank: (count, int(points)) for rank, count, points in execute(statement, values).fetchall()}


def _range_totals(
    rules: ProgrammeRules, scheme: Scheme, lo: int, hi: int, at: datetime
) -> tuple[str, list[Any]]:
    """Begin a statement with `who` is in a range and the `total` of each, as of a moment."""
    span = span_at(scheme, at, rules.zone)
    starts_at, ends_at = (
        connection.ops.adapt_datetimefield_value(one) for one in (span.starts_at, span.ends_at)
    )
    statement = f"""WITH who(member_id, root, begins_at, ends_at) AS (
            SELECT id, id, {_moment()}, {_moment()} FROM {_MEMBER}
            WHERE id BETWEEN %s AND %s AND programme_id = %s AND merged_into_id IS NULL
        ),
        total(member_id, amount) AS ({_total(scheme.metric, of_range=True)})"""
    values = [starts_at, ends_at, lo, hi, rules.id, *_total_values(rules, scheme), lo, hi]
    return statement, values


def _who_is_told(told: str) -> str:
    """Begin a statement with the members that it is told, and downwards whoever was merged into them."""
    return f"""WITH RECURSIVE who(member_id, root, begins_at, ends_at) AS (
            SELECT member_id, member_id, begins_at, ends_at FROM {told}
            UNION ALL
            SELECT child.id, who.root, who.begins_at, who.ends_at
            FROM who JOIN {_MEMBER} AS child ON child.merged_into_id = who.member_id
        )"""


def _moment() -> str:
    return "%s::timestamptz" if is_postgresql() else "%s"


def _total(metric: Metric, *, of_range: bool = False) -> str:
    """Sum by `root` what counts of `who(member_id, root, begins_at, ends_at)`; that may be a range of ids."""
    if metric is Metric.POINTS:
        points = _level_points() + (" AND entry.member_id BETWEEN %s AND %s" if of_range else "")
        return f"SELECT who.root, SUM(entry.qualifying_change) AS amount {points} GROUP BY who.root"
    amount = "COUNT(*)" if metric is Metric.ORDERS else f"SUM({_money()})"
    return f"SELECT root, {amount} AS amount FROM ({_kept_by_purchase(of_range)}) AS kept GROUP BY root"


def _level_points() -> str:
    """Level points stand with the member that merges lead to: a merge moves them by entries."""
    return (
        f"FROM who JOIN {_ENTRY} AS entry ON entry.member_id = who.member_id"
        " WHERE entry.qualifying_change <> 0 AND entry.qualifying_at >= who.begins_at"
        " AND entry.qualifying_at < who.ends_at"
    )


def _total_values(rules: ProgrammeRules, scheme: Scheme) -> list[Any]:
    return [] if scheme.metric is Metric.POINTS else [rules.currency, rules.id]


@cache
def _kept_by_purchase(of_range: bool) -> str:
    """Give each purchase that counts once, with what was sold, kept and paid otherwise, if anything is kept.

    Lines, returns and tenders are each summed up by themselves: joined, each of them would be counted as
    often as there are others, and PostgreSQL would read these tables whole for a handful of members.
    Materialized, because every sum would else be made anew wherever it is named.
    """
    sums = ", ".join(
        f"(SELECT COALESCE(SUM({amount}), 0) FROM {table} AS part WHERE part.purchase_id = purchase.id{only})"
        f" AS {name}"
        for name, table, amount, only in (
            ("sold", _LINE, "part.sold_minor", ""),
            ("returned", _RETURN, "part.amount_minor", ""),
            ("otherwise", _TENDER, "part.amount_minor", " AND part.kind <> 'money'"),
        )
    )
    return (
        "WITH bought AS MATERIALIZED (SELECT who.root, purchase.id, purchase.placed_at,"
        f" CASE WHEN purchase.currency = %s THEN NULL ELSE {_rate()} END AS rate, {sums}"
        f" FROM who JOIN {_AWARD} AS award ON award.member_id = who.member_id"
        f" JOIN {_PURCHASE} AS purchase ON purchase.id = award.purchase_id"
        f" WHERE award.programme_id = %s AND {_COUNTED} AND purchase.status <> 'cancelled'"
        " AND purchase.placed_at >= who.begins_at AND purchase.placed_at < who.ends_at"
        f"{' AND award.member_id BETWEEN %s AND %s' if of_range else ''})"
        " SELECT root, id, placed_at, rate, sold, sold - returned AS kept, otherwise"
        " FROM bought WHERE sold > returned"
    )


def _rate() -> str:
    """Read the rate that was frozen for the member whom the award names: a fraction, as text."""
    if is_postgresql():
        return "award.facts -> CAST(award.member_id AS text) ->> 'rate'"
    return "json_extract(award.facts, '$.\"' || award.member_id || '\".rate')"


def _money() -> str:
    """Compute `Bought.money_minor`: nearly always all that is kept, so the long sum is for the few others."""
    money = "(CASE WHEN otherwise > sold THEN 0 ELSE sold - otherwise END)"
    if is_postgresql():
        over, under = "split_part(rate, '/', 1)", "COALESCE(NULLIF(split_part(rate, '/', 2), ''), '1')"
        share = f"div(kept::numeric * {money}, sold)"
        foreign = f"div(kept::numeric * {money} * {over}::numeric, sold::numeric * {under}::numeric)"
    else:
        slash = "instr(rate || '/1', '/')"
        over = f"CAST(substr(rate || '/1', 1, {slash} - 1) AS INTEGER)"
        under = f"CAST(substr(rate || '/1', {slash} + 1) AS INTEGER)"
        share = f"kept * {money} / sold"
        foreign = f"kept * {money} * {over} / (sold * {under})"
    return f"CASE WHEN rate IS NOT NULL THEN {foreign} WHEN otherwise > 0 THEN {share} ELSE kept END"


def _rank_of_total(scheme: Scheme) -> str:
    cases = " ".join(
        f"WHEN total.amount >= {tier.threshold} THEN {scheme.rank(tier.level_id)}"
        for tier in reversed(scheme.tiers)
    )
    return f"(CASE {cases} ELSE 0 END)"


def _rank_of_held(scheme: Scheme) -> str:
    cases = " ".join(f"WHEN {tier.level_id} THEN {scheme.rank(tier.level_id)}" for tier in scheme.tiers)
    return f"(CASE held.level_id {cases} ELSE 0 END)"
