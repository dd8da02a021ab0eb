"""Where one member stands with the levels: what they have, what they lack for the next, what to keep it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from django.db import connection

from backstage.plain_sql import Columns, execute
from commerce.models import Purchase
from loyalty.models import Entry, TierHolding
from loyalty.policies.calendar import end_of_day
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.tiers.periods import THE_BEGINNING, Span, last_day, span_at, span_of_test
from loyalty.policies.tiers.scheme import LevelSource, Metric, Scheme, Tier, Turn, Window
from loyalty.policies.tiers.standing import Held
from loyalty.policies.tiers.versions import dated, known_until, scheme_of_test
from loyalty.queries.tiers.sums import get_totals, list_counted

# No test looks further back: two years, and the longest grace.
FURTHEST = timedelta(days=2 * 366 + 180)
_HELD = Columns(TierHolding)
_MOMENTS: dict[Metric, Columns[Any]] = {
    Metric.POINTS: Columns(Entry, "qualifying_at"),
    Metric.SPEND: Columns(Purchase, "placed_at"),
    Metric.ORDERS: Columns(Purchase, "placed_at"),
}


@dataclass(frozen=True, slots=True)
class Course:
    """A member's way through the levels. Units: as the scheme measures.

    `total` counts towards `next`, of which `missing` is missing. An earned level still lacks `keeps_missing`
    for its test, 0 where it is safe, None where it is never tested; it lasts until `lasts_until`, and
    is lost at `loses_at` if nothing is bought. What was given, or is no level any more by a version that is
    announced, ends at `lasts_until`, or never. The test is decided, and `keeps_missing` measured, by
    `tested_by`, which may be announced too.
    """

    at: datetime
    scheme: Scheme
    tier: Tier | None
    next: Tier | None
    total: int
    source: LevelSource = LevelSource.EARNED
    lasts_until: datetime | None = None
    loses_at: datetime | None = None
    keeps_missing: int | None = None
    tested_by: Scheme | None = None

    @property
    def missing(self) -> int:
        """What is missing to the next level; 0 where there is none."""
        return max(0, self.next.threshold - self.total) if self.next else 0

    @property
    def is_in_grace(self) -> bool:
        """Whether its last day is over and only the days of grace are left."""
        return self.lasts_until is not None and self.loses_at is not None and self.lasts_until <= self.at


def find_course(rules: ProgrammeRules, *, member_id: int, at: datetime) -> Course | None:
    """Say where a member stands; None while levels are off. Queries: 1; 0 while they are off, and 1 more
    where something else will count by the day of the test.
    """
    scheme = rules.scheme_at(at)
    if scheme is None:
        return None
    since = THE_BEGINNING if scheme.window is Window.LIFETIME else at - FURTHEST
    span = Span(since, end_of_day(at.astimezone(rules.zone).date(), rules.zone))
    held, counted = _read(rules, scheme, member_id, span)
    lasting = [row for row in held if row.begins_at <= at and (row.ends_at is None or at < row.ends_at)]
    best = max(lasting, key=lambda row: (scheme.rank(row.level_id), row.source == "earned"), default=None)
    tier = scheme.find(best.level_id) if best else None
    total = _sum(counted, span_at(scheme, at, rules.zone))
    course = Course(at, scheme, tier, scheme.above(tier.level_id if tier else None), total)
    if best is None or tier is None:
        return course
    return _with_end(rules, course, best, counted)


def _with_end(
    rules: ProgrammeRules,
    course: Course,
    held: TierHolding,
    counted: Iterable[tuple[datetime, int]],
) -> Course:
    """Add until when the level lasts and what would keep it."""
    known = known_until(rules.schemes, course.scheme, held.level_id)
    tests_on = _find_test(rules, course.scheme, held)
    tested_at = end_of_day(tests_on, rules.zone) if tests_on else None
    ends = [moment for moment in (known, tested_at or held.ends_at) if moment is not None]
    course = replace(course, source=LevelSource(held.source), lasts_until=min(ends, default=None))
    if tests_on is None or course.lasts_until != tested_at:
        return course
    scheme = scheme_of_test(rules.schemes, tests_on, rules.zone) or course.scheme
    tier = scheme.find(held.level_id)
    if tier is None or scheme.window is Window.LIFETIME:
        return replace(course, lasts_until=known)
    span = span_of_test(scheme, tests_on, rules.zone)
    if scheme.metric is course.scheme.metric:
        enough = _sum(counted, span)
    else:
        enough = get_totals(rules, scheme, {held.member_id: span})[held.member_id]
    return replace(
        course,
        loses_at=end_of_day(last_day(scheme, tests_on), rules.zone),
        keeps_missing=max(0, tier.threshold - enough),
        tested_by=scheme,
    )


def _find_test(rules: ProgrammeRules, scheme: Scheme, held: TierHolding) -> date | None:
    """Find the day on which an earned level is tested, also where it is one of a version that is announced.

    While nothing that was reached is lost, a day of before has no meaning.
    """
    if held.source != LevelSource.EARNED:
        return None
    tests_on = None if scheme.window is Window.LIFETIME else held.tests_on
    later = (one for one in rules.schemes if one.starts_at >= scheme.starts_at)
    governs = next((one for one in later if one.window is not Window.LIFETIME), scheme)
    earned = Held(held.level_id, held.begins_at, Turn(held.begin_reason), tests_on)
    return dated(rules.schemes, governs, earned, rules.zone).tests_on


def _sum(counted: Iterable[tuple[datetime, int]], span: Span) -> int:
    return sum(amount for moment, amount in counted if span.starts_at <= moment < span.ends_at)


def _read(
    rules: ProgrammeRules, scheme: Scheme, member_id: int, span: Span
) -> tuple[list[TierHolding], list[tuple[datetime, int]]]:
    """Read what a member holds and what counts for them, side by side in one statement.

    Each row of the one stands beside each of the other: a member holds one or two, and both are told apart
    again here.
    """
    counting, values = list_counted(rules, scheme, member_id, span)
    moment = _MOMENTS[scheme.metric]
    rows = execute(
        f"SELECT {_columns(scheme.metric)}, part.amount, part.id FROM (SELECT 1 AS one) AS single"
        f" LEFT JOIN {_HELD.table} AS held"
        " ON held.member_id = %s AND (held.ends_at IS NULL OR held.ends_at > %s)"
        f" LEFT JOIN ({counting}) AS part ON 1 = 1",
        [member_id, connection.ops.adapt_datetimefield_value(span.ends_at - timedelta(days=1)), *values],
    ).fetchall()
    width = len(_HELD.names)
    rows = moment.convert(_HELD.convert(rows), start=width)
    held = {row[0]: TierHolding.from_db(None, _HELD.names, row[:width]) for row in rows if row[0]}
    counted = {row[-1]: (row[width], int(row[-2])) for row in rows if row[-1]}
    return list(held.values()), list(counted.values())


@cache
def _columns(metric: Metric) -> str:
    return f"{_HELD.of('held')}, {_MOMENTS[metric].of('part')}"
