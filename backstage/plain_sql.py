"""Plain SQL for the hot paths, where the ORM takes longer to write a statement than the database to run it.

Rows still come back as what the model's fields say, on both databases: SQLite keeps moments as text and
decimals as floats, PostgreSQL gives documents as text.
"""

import json
from collections.abc import Callable, Collection
from functools import cache
from typing import Any, Generic, TypeVar

from django.apps import apps
from django.db import connection, models

AnyModel = TypeVar("AnyModel", bound=models.Model)
Convert = Callable[[Any], Any]


class Columns(Generic[AnyModel]):
    """Columns of one table, all of them unless some are named, to be read by plain SQL."""

    def __init__(self, model: type[AnyModel], *names: str) -> None:
        self.model = model
        self.table = model._meta.db_table
        fields = {field.attname: field for field in model._meta.concrete_fields}
        self.names = names or tuple(fields)
        self.fields = [fields[name] for name in self.names]
        self.sql = ", ".join(f"{self.table}.{field.column}" for field in self.fields)

    def read(self, tail: str, values: Collection[Any] = ()) -> list[tuple[Any, ...]]:
        """Run `SELECT these columns FROM this table` with the rest of the statement; give the rows."""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {self.sql} FROM {self.table} {tail}", list(values))
            return self.convert(cursor.fetchall())

    def load(self, tail: str, values: Collection[Any] = ()) -> list[AnyModel]:
        """Read like `read`, but give instances of the model."""
        from_db, alias = self.model.from_db, connection.alias
        return [from_db(alias, self.names, row) for row in self.read(tail, values)]

    def convert(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Turn what the database gave into what the fields say. Columns after these are left as they are."""
        converters = self._converters(connection.vendor)
        if not converters:
            return rows
        changed = [list(row) for row in rows]
        for number, convert in converters:
            for row in changed:
                row[number] = convert(row[number])
        return [tuple(row) for row in changed]

    @cache  # noqa: B019 (the instances live as long as the process)
    def _converters(self, vendor: str) -> list[tuple[int, Convert]]:
        found = []
        for number, field in enumerate(self.fields):
            column = field.get_col(self.table)
            for convert in connection.ops.get_db_converters(column) + column.get_db_converters(connection):
                found.append((number, _bound(convert, column)))
        return found


def _bound(convert: Callable[..., Any], column: Any) -> Convert:
    return lambda value: convert(value, column, connection)


def among(column: str) -> str:
    """Compare a column with a list that is one parameter: the statement is the same for any length."""
    if connection.vendor == "postgresql":
        return f"{column} = ANY(%s)"
    return f"{column} IN (SELECT value FROM json_each(%s))"


def listed(values: Collection[Any]) -> Any:
    """Give a list as the parameter that `among` takes; ids in ascending order."""
    return sorted(values) if connection.vendor == "postgresql" else json.dumps(sorted(values))


def told_rows(model: type[models.Model], columns: Collection[str], *more: str) -> str:
    """Read a JSON list of objects, one parameter, as the table `told`; see `tell_rows`.

    Columns have the types of the model's own; `more` adds others as PostgreSQL declares them. The statement
    is the same for one row and for a thousand, so it stays prepared.
    """
    if connection.vendor != "postgresql":
        names = [*columns, *(declared.split()[0] for declared in more)]
        values = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in names)
        return f"(SELECT {values} FROM json_each(%s)) AS told"
    by_column = {field.column: field for field in model._meta.concrete_fields}
    types = [f"{column} {by_column[column].db_type(connection)}" for column in columns]
    return f"json_to_recordset(%s::json) AS told({', '.join([*types, *more])})"


def tell_rows(rows: Collection[dict[str, Any]]) -> str:
    """Give rows as the parameter that `told_rows` takes."""
    adapt = connection.ops.adapt_datetimefield_value
    return json.dumps(rows, default=lambda moment: str(adapt(moment)))


def for_update() -> str:
    """End a statement so that it locks its rows, without stopping inserts that refer to them.

    SQLite needs none: a transaction that writes is alone there.
    """
    return "FOR NO KEY UPDATE" if connection.vendor == "postgresql" else ""


def refresh_statistics() -> None:
    """Tell PostgreSQL how large our tables have become; SQLite plans without.

    A table that a bulk load has just filled still counts as empty until autovacuum comes by, and the plans
    made for an empty table take minutes on a full one. Queries: 1.
    """
    if connection.vendor != "postgresql":
        return
    metas = [model._meta for model in apps.get_models()]
    ours = sorted(meta.db_table for meta in metas if meta.app_label.startswith("encore_"))
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(map(connection.ops.quote_name, ours))}")
