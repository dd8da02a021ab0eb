"""Many rows in one statement, in the dialect of each database.

The rows travel as one parameter for each column (PostgreSQL: unnest) or one altogether (SQLite: json_each).
A list of VALUES with a parameter for each cell would meet PostgreSQL's limit of 65,535 parameters at a few
thousand lines, and every batch size would be a statement of its own to parse.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import connection, models

Row = Sequence[Any]


def insert_rows(
    model: type[models.Model],
    fields: Sequence[str],
    rows: Sequence[Row],
    *,
    conflict: str = "",
    returning: Sequence[str] = (),
) -> list[tuple[Any, ...]]:
    """Insert `rows`, in the order of `fields`, and return the `returning` columns in the order of `rows`.

    `conflict` is an ON CONFLICT clause. With one, rows may be missing from the answer.
    Queries: 1; 0 without rows.
    """
    if not rows:
        return []
    columns = ", ".join(_column(model, name) for name in fields)
    source, parameters = _source(model, fields, rows)
    # "WHERE true": without it SQLite takes ON CONFLICT for the condition of a join.
    sql = f"INSERT INTO {_table(model)} ({columns}) SELECT {columns} FROM {source} WHERE true {conflict}"
    if returning:
        sql += f" RETURNING {', '.join(_column(model, name) for name in returning)}"
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if returning else []


def copy_rows(model: type[models.Model], fields: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert `rows` that cannot meet others and hold no JSON: no ON CONFLICT, nothing returned.

    PostgreSQL takes them by COPY, which is more than twice as fast as `insert_rows` for purchase lines.
    Queries: 1, which COPY hides from Django's count; 0 without rows. Raises: IntegrityError.
    """
    if connection.vendor != "postgresql":
        insert_rows(model, fields, rows)
    elif rows:
        names = ", ".join(_column(model, name) for name in fields)
        with (
            connection.wrap_database_errors,
            connection.cursor() as cursor,
            cursor.cursor.copy(f"COPY {_table(model)} ({names}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)


def copy_texts(
    model: type[models.Model], field: str, texts: Sequence[str], *, same: Mapping[str, Any]
) -> None:
    """Insert rows that differ by one plain text alone, without a tab, line break or backslash in it.

    `same` are numbers, texts and moments that all rows have. PostgreSQL takes them as one block, which is
    twice as fast as row by row. Queries: 1, which COPY hides from Django's count; 0 without texts.
    Raises: IntegrityError.
    """
    fields = (*same, field)
    if connection.vendor != "postgresql":
        insert_rows(model, fields, [(*same.values(), text) for text in texts])
    elif texts:
        names = ", ".join(_column(model, name) for name in fields)
        begin = "\t".join([*map(str, same.values()), ""])
        with (
            connection.wrap_database_errors,
            connection.cursor() as cursor,
            cursor.cursor.copy(f"COPY {_table(model)} ({names}) FROM STDIN") as copy,
        ):
            copy.write(begin + f"\n{begin}".join(texts) + "\n")


def upsert_rows(
    model: type[models.Model], fields: Sequence[str], rows: Sequence[Row], *, unique: Sequence[str]
) -> None:
    """Insert `rows`, or overwrite the row that stands under the same `unique` columns.

    Queries: 1; 0 without rows.
    """
    keys = ", ".join(_column(model, name) for name in unique)
    overwritten = [_column(model, name) for name in fields if name not in unique]
    changes = ", ".join(f"{column} = excluded.{column}" for column in overwritten)
    insert_rows(model, fields, rows, conflict=f"ON CONFLICT ({keys}) DO UPDATE SET {changes}")


def update_rows(
    model: type[models.Model], fields: Sequence[str], rows: Sequence[Row], *, changes: str, guard: str = ""
) -> int:
    """Change the rows whose id stands first in `rows` and return how many there were.

    `changes` and `guard` speak of the stored row as `target` and of the given one as `source`.
    Queries: 1; 0 without rows.
    """
    if not rows:
        return 0
    source, parameters = _source(model, fields, rows)
    condition = f"target.id = source.id {guard and f'AND {guard}'}"
    sql = f"UPDATE {_table(model)} AS target SET {changes} FROM {source} WHERE {condition}"
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


def _source(model: type[models.Model], fields: Sequence[str], rows: Sequence[Row]) -> tuple[str, list[Any]]:
    columns = [_concrete(model, name) for name in fields]
    return _unnest(columns, rows) if connection.vendor == "postgresql" else _json_each(columns, rows)


def _unnest(columns: list[Any], rows: Sequence[Row]) -> tuple[str, list[Any]]:
    arrays = ", ".join(f"%s::{_array_type(column)}[]" for column in columns)
    names = ", ".join(column.column for column in columns)
    values = zip(*rows, strict=True)
    return f"unnest({arrays}) AS source({names})", [
        list(_converted(column, cells)) for column, cells in zip(columns, values, strict=True)
    ]


def _json_each(columns: list[Any], rows: Sequence[Row]) -> tuple[str, list[Any]]:
    names = ", ".join(
        f"json_extract(value, '$[{number}]') AS {column.column}" for number, column in enumerate(columns)
    )
    cells = [
        _converted(column, values) for column, values in zip(columns, zip(*rows, strict=True), strict=True)
    ]
    return f"(SELECT {names} FROM json_each(%s)) AS source", [json.dumps(list(zip(*cells, strict=True)))]


def _converted(column: Any, cells: Iterable[Any]) -> Iterable[Any]:
    convert = _converter(column)
    return cells if convert is None else [None if cell is None else convert(cell) for cell in cells]


def _converter(column: Any) -> Callable[[Any], Any] | None:
    """Return how a value of `column` is handed over; None where it goes as it is."""
    kind = column.get_internal_type()
    if kind == "JSONField":
        return json.dumps
    if kind in ("ForeignKey", "OneToOneField"):
        return _converter(column.target_field)
    if kind == "UUIDField":
        return lambda value: column.get_db_prep_value(value, connection)
    if connection.vendor == "postgresql":
        return Decimal if kind == "DecimalField" else None
    if kind == "DateTimeField":
        # The ORM stores times without a zone, in UTC; a raw aware time would be stored otherwise and
        # compare wrongly.
        return connection.ops.adapt_datetimefield_value
    return str if kind == "DecimalField" else None


def _array_type(column: Any) -> str:
    """Return the PostgreSQL type without its length.

    A cast to varchar(100) would cut off in silence what is longer.
    """
    db_type = column.rel_db_type(connection) if column.primary_key else column.db_type(connection)
    return re.sub(r"\(.*\)", "", db_type or "text").replace("varchar", "text")


def _concrete(model: type[models.Model], name: str) -> Any:
    return model._meta.get_field(name)


def _column(model: type[models.Model], name: str) -> str:
    return connection.ops.quote_name(_concrete(model, name).column)


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)
