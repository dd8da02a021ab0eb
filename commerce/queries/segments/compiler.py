"""Turn a segment into one SQL statement.

Every condition becomes a table of its own in a WITH, one row per customer who has anything to do with it, and
the customers are joined to all of them:

    WITH RECURSIVE family AS (whoever was merged, and the survivor),
        m0 AS (what the first condition measures, summed up per survivor),
        m1 AS (…)
    SELECT … FROM customer LEFT JOIN m0 … LEFT JOIN m1 … WHERE survivor AND not erased AND (the tests)

A join and no `id IN (SELECT …)`: within OR and NOT, PostgreSQL runs such a subquery once per customer as soon
as its result outgrows a sort buffer, which is at some hundred thousand customers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import QuerySet

from commerce.models import Customer
from commerce.policies.segments import Clause, Definition, Group, Match, Moment
from commerce.registry import Bound, Measure, segment_conditions

CUSTOMERS: Final = f'"{Customer._meta.db_table}"'

# Downwards from the survivors, over any number of merges. A circle has no survivor and is never entered.
# IS NOT NULL goes without saying, except to PostgreSQL: it takes every row for one whose foreign key points
# somewhere, expects twenty million merges among 200,000 customers, and plans for them.
FAMILY: Final = f"""family(id, root_id) AS (
    SELECT child.id, child.merged_into_id
    FROM {CUSTOMERS} AS child JOIN {CUSTOMERS} AS survivor ON survivor.id = child.merged_into_id
    WHERE child.merged_into_id IS NOT NULL AND survivor.merged_into_id IS NULL
    UNION ALL
    SELECT child.id, family.root_id
    FROM {CUSTOMERS} AS child JOIN family ON child.merged_into_id = family.id
    WHERE child.merged_into_id IS NOT NULL
)"""

# Each id is there once already. The GROUP BY tells PostgreSQL so; else it expects many survivors for every
# customer and sorts all purchase lines, where it can hash a few merges.
SURVIVORS: Final = "(SELECT id, MIN(root_id) AS root_id FROM family GROUP BY id)"


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of a statement with the values for its placeholders."""

    text: str
    params: tuple[Any, ...] = ()


def glue(separator: str, pieces: Iterable[Sql]) -> Sql:
    """Join pieces, their values in the same order."""
    listed = list(pieces)
    return Sql(
        separator.join(piece.text for piece in listed),
        tuple(value for piece in listed for value in piece.params),
    )


@dataclass(frozen=True, slots=True)
class ClauseSql:
    """One condition, compiled. `test` is TRUE or FALSE for everybody, NULL if the condition is not known."""

    clause: Clause
    table: Sql | None
    test: Sql
    columns: Sequence[str] = ()
    times: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SegmentSql:
    """A segment, compiled: the parts that every question about it is put together from."""

    head: Sql
    joins: str
    test: Sql
    clauses: Sequence[ClauseSql]

    def select(self, columns: Sql, *, where: Sql, tail: Sql | None = None) -> Sql:
        """Return the statement that selects `columns` of the customers, who are called `customer` in it."""
        return glue(
            " ",
            [
                self.head,
                Sql("SELECT"),
                columns,
                Sql(f"FROM {CUSTOMERS} AS customer{self.joins} WHERE"),
                where,
                tail or Sql(""),
            ],
        )

    @property
    def matching(self) -> Sql:
        """The test of who is in the segment: never whoever was merged into another, never the erased."""
        standing = Sql("customer.merged_into_id IS NULL AND customer.erased_at IS NULL AND")
        return glue(" ", [standing, self.test])


def compile_segment(definition: Definition, *, at: datetime, connection: BaseDatabaseWrapper) -> SegmentSql:
    """Compile the segment for one database."""
    moment = Moment(at, definition.zone)
    clauses = [
        _compile_clause(clause, name=f"m{index}", moment=moment, connection=connection)
        for index, clause in enumerate(definition.list_clauses())
    ]
    tables = [clause.table for clause in clauses if clause.table is not None]
    return SegmentSql(
        head=glue("", [Sql("WITH RECURSIVE "), glue(",\n", [Sql(FAMILY), *tables])]),
        joins="".join(
            f" LEFT JOIN m{index} ON m{index}.customer_id = customer.id"
            for index, clause in enumerate(clauses)
            if clause.table is not None
        ),
        test=_compile_group(definition.group, {clause.clause.path: clause.test for clause in clauses}),
        clauses=clauses,
    )


def _compile_clause(
    clause: Clause, *, name: str, moment: Moment, connection: BaseDatabaseWrapper
) -> ClauseSql:
    if not clause.is_known:
        # Neither the condition nor its opposite is known to hold. NULL says so through AND, OR and NOT; FALSE
        # would become "everybody" under a NOT.
        return ClauseSql(clause, table=None, test=Sql("NULL"))
    measure = segment_conditions.get(clause.condition).measure(clause.values, moment)
    bounds = [_compile_bound(bound, name=name, connection=connection) for bound in measure.bounds]
    test = glue(" AND ", bounds or [Sql(f"{name}.customer_id IS NOT NULL")])
    # A bound on a column that is NULL is NULL, and its opposite as well. Who has no such row does not pass.
    test = Sql(f"COALESCE({test.text}, FALSE)", test.params)
    return ClauseSql(
        clause,
        table=compile_measure(measure, name=name, connection=connection),
        test=Sql(f"NOT {test.text}", test.params) if clause.is_negated else test,
        columns=[*measure.totals, *measure.ranks],
        times=measure.times,
    )


def compile_measure(measure: Measure, *, name: str, connection: BaseDatabaseWrapper) -> Sql:
    """Return one measure as a table of that name for a WITH that has `FAMILY`, a row for each survivor."""
    rows = compile_rows(measure.rows, connection=connection)
    who, family = "fact.customer_id", ""
    if measure.follows_merges:
        who = "COALESCE(family.root_id, fact.customer_id)"
        family = f" LEFT JOIN {SURVIVORS} AS family ON family.id = fact.customer_id"
    totals = _list_columns(measure.totals)
    text = f"SELECT {who} AS customer_id{totals} FROM ({rows.text}) AS fact{family} GROUP BY {who}"
    if measure.only_where or measure.ranks:
        where = f" WHERE {measure.only_where}" if measure.only_where else ""
        text = f"SELECT total.*{_list_columns(measure.ranks)} FROM ({text}) AS total{where}"
    return Sql(f"{name} AS (\n{text}\n)", rows.params)


def compile_rows(rows: QuerySet[Any, Any], *, connection: BaseDatabaseWrapper) -> Sql:
    """Return the SQL of a query that is never run by itself."""
    # A query that cannot match (`.none()`) would raise instead of compiling; here it is a table without rows.
    compiler = rows.query.get_compiler(connection=connection, elide_empty=False)
    text, params = compiler.as_sql()
    return Sql(text, tuple(params))


def _list_columns(columns: Mapping[str, str]) -> str:
    return "".join(f", {sql} AS {name}" for name, sql in columns.items())


def _compile_bound(bound: Bound, *, name: str, connection: BaseDatabaseWrapper) -> Sql:
    column = f"{name}.{bound.column}"
    if bound.missing is not None:
        column = f"COALESCE({column}, {bound.missing})"
    if bound.operator == "in":
        return Sql(f"{column} IN ({', '.join(['%s'] * len(bound.value))})", tuple(bound.value))
    value = bound.value
    if isinstance(value, datetime):
        value = connection.ops.adapt_datetimefield_value(value)
    return Sql(f"{column} {bound.operator} %s", (value,))


def _compile_group(group: Group, tests: Mapping[str, Sql]) -> Sql:
    parts = [
        tests[part.path] if isinstance(part, Clause) else _compile_group(part, tests) for part in group.parts
    ]
    joined = glue(" AND " if group.match == Match.ALL else " OR ", parts)
    return Sql(f"{'NOT ' if group.is_negated else ''}({joined.text})", joined.params)
