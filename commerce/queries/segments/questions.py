"""Questions about a segment: how many are in it, who, and why one customer is not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField, ExpressionWrapper, F, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.translation import gettext as _

from commerce.models import Customer
from commerce.policies.segments import Clause, Definition, Group, Match, Moment, parse_definition
from commerce.queries.segments.compiler import ClauseSql, SegmentSql, Sql, compile_segment, glue
from commerce.registry import Found, segment_conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one condition says of a customer. `passes` is None where the condition's app is gone."""

    path: str
    sentence: str
    passes: bool | None
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNot:
    """Whether a customer is in a segment, and what each condition says.

    `customer_id` is the survivor of merges. An erased customer is in no segment, and nothing is told.
    """

    customer_id: int
    passes: bool
    is_erased: bool
    answers: list[Answer]


def read_segment(*, conditions: object, allow_missing: bool = False) -> Definition:
    """Read the definition of a segment, in the shop's time zone where it names none.

    `allow_missing` is for what is stored already: a condition whose app is gone then matches nobody.
    Raises: SegmentError, naming every field that is wrong.
    """
    return parse_definition(
        conditions,
        known=dict(segment_conditions.items()),
        default_zone=timezone.get_default_timezone_name(),
        allow_missing=allow_missing,
    )


def describe_segment(*, definition: Definition) -> str:
    """Return the segment in words."""
    return _describe_group(definition.group)


def count_segment(*, definition: Definition, at: datetime) -> int:
    """Return how many customers are in the segment.

    Queries: 1.
    """
    connection = _connection()
    segment = compile_segment(definition, at=at, connection=connection)
    return int(_fetch(segment.select(Sql("COUNT(*)"), where=segment.matching), connection)[0][0])


def list_segment(*, definition: Definition, at: datetime, limit: int, after_id: int = 0) -> list[Customer]:
    """Return up to `limit` customers of the segment by ascending id, those above `after_id`.

    Queries: 1.
    """
    chosen = find_customers(definition=definition, at=at).filter(pk__gt=after_id)
    return list(chosen.order_by("pk")[:limit])


def find_customers(*, definition: Definition, at: datetime) -> QuerySet[Customer, Customer]:
    """Return the segment as a query of customers, for whoever narrows it further."""
    connection = _connection()
    chosen = select_segment(definition=definition, at=at)
    inside = RawSQL(chosen.text, chosen.params)  # noqa: S611 (names of our own; values are parameters)
    return Customer.objects.using(connection.alias).filter(pk__in=inside)


def select_segment(*, definition: Definition, at: datetime) -> Sql:
    """Return the statement that selects the `id` of whoever is in, for a larger statement to read from."""
    segment = compile_segment(definition, at=at, connection=_connection())
    return segment.select(Sql("customer.id"), where=segment.matching)


def why_not(*, definition: Definition, customer_id: int, at: datetime) -> WhyNot:
    """Tell for each condition whether the customer meets it, and what would be needed.

    Asked of the survivor where the customer was merged.
    Queries: 2.
    Raises: Customer.DoesNotExist.
    """
    connection = _connection()
    segment = compile_segment(definition, at=at, connection=connection)
    statement = _select_one(segment, customer_id=customer_id)
    rows = _fetch(statement, connection)
    if not rows:
        raise Customer.DoesNotExist(f"There is no customer with the id {customer_id}.")
    survivor_id, passes, *values = rows[0]
    customer = Customer.objects.using(connection.alias).get(pk=survivor_id)
    if customer.erased_at is not None:
        return WhyNot(customer_id=survivor_id, passes=False, is_erased=True, answers=[])
    answers = []
    for compiled in segment.clauses:
        test, *columns = (values.pop(0) for _each in range(1 + len(compiled.columns)))
        found = Found(customer, _read(compiled, columns, connection))
        answers.append(_answer(compiled.clause, test, found, Moment(at, definition.zone)))
    return WhyNot(customer_id=survivor_id, passes=bool(passes), is_erased=False, answers=answers)


def _select_one(segment: SegmentSql, *, customer_id: int) -> Sql:
    """Return the statement for one row: survivor, verdict, then each condition's test and columns."""
    columns = [Sql("customer.id"), segment.matching]
    for index, clause in enumerate(segment.clauses):
        columns.append(clause.test)
        columns.extend(Sql(f"m{index}.{column}") for column in clause.columns)
    survivor = Sql(
        "customer.id = COALESCE((SELECT family.root_id FROM family WHERE family.id = %s), %s)",
        (customer_id, customer_id),
    )
    return segment.select(glue(", ", columns), where=survivor)


def _answer(clause: Clause, passes: Any, found: Found, moment: Moment) -> Answer:
    if clause.is_known:
        told = segment_conditions.get(clause.condition).tell(clause.values, found, moment)
    else:
        told = _("this condition belongs to an app that is not installed; it matches nobody")
    return Answer(
        path=clause.path,
        sentence=_describe_clause(clause),
        passes=None if passes is None else bool(passes),
        told=told,
    )


def _read(compiled: ClauseSql, columns: Sequence[Any], connection: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return the columns by name, as Python knows them.

    A statement of our own passes by Django's converters: SQLite gives times as texts, PostgreSQL sums of
    whole numbers as decimals.
    """
    read = dict(zip(compiled.columns, columns, strict=True))
    for name, value in read.items():
        if name in compiled.times:
            read[name] = _read_time(value, connection)
        elif isinstance(value, Decimal):
            read[name] = int(value)
    return read


def _read_time(value: Any, connection: BaseDatabaseWrapper) -> Any:
    expression = ExpressionWrapper(F("at"), output_field=DateTimeField())
    for convert in connection.ops.get_db_converters(expression):
        value = convert(value, expression, connection)
    return value


def _describe_group(group: Group) -> str:
    parts = [
        _describe_clause(part) if isinstance(part, Clause) else f"({_describe_group(part)})"
        for part in group.parts
    ]
    joined = "; ".join(parts)
    if group.is_negated:
        sentence = _("not all of: %(parts)s") if group.match == Match.ALL else _("none of: %(parts)s")
    elif len(parts) == 1:
        return joined
    else:
        sentence = _("all of: %(parts)s") if group.match == Match.ALL else _("any of: %(parts)s")
    return sentence % {"parts": joined}


def _describe_clause(clause: Clause) -> str:
    if clause.is_known:
        sentence = segment_conditions.get(clause.condition).say(clause.values)
    else:
        sentence = _("the unknown condition %(name)s") % {"name": clause.condition}
    return _("not: %(sentence)s") % {"sentence": sentence} if clause.is_negated else sentence


def _connection() -> BaseDatabaseWrapper:
    return connections[router.db_for_read(Customer)]


def _fetch(statement: Sql, connection: BaseDatabaseWrapper) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        return cursor.fetchall()
