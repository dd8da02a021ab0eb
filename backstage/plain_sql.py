"""Plain SQL for the hot paths, where the ORM takes longer to write a statement than the database to run it.

Rows still come back as what the model's fields say, on both databases: SQLite keeps moments as text and
decimals as floats, PostgreSQL gives documents as text.
"""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import FORMAT_QMARK_REGEX, SQLiteCursorWrapper

AnyModel = TypeVar("AnyModel", bound=models.Model)
Convert = Callable[[Any], Any]
Row = tuple[Any, ...]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# One cursor for each session with a database, beside the session it belongs to: making one for every
# statement costs as much as a short statement does.
_cursors: WeakKeyDictionary[BaseDatabaseWrapper, tuple[Any, Any]] = WeakKeyDictionary()


def execute(statement: str, values: Sequence[Any] = ()) -> Any:
    """Run one statement; give the cursor to take its rows from before the next statement runs."""
    database = connections[DEFAULT_DB_ALIAS]
    if not database.in_atomic_block or database.connection is None:
        database.close_if_health_check_failed()
        database.ensure_connection()
    session, cursor = _cursors.get(database, (None, None))
    if session is not database.connection:
        cursor = _new_cursor(database)
        _cursors[database] = (database.connection, cursor)
    if database.execute_wrappers or database.queries_logged:
        wrap = database.make_debug_cursor if database.queries_logged else database.make_cursor
        wrapped = wrap(cursor)
        wrapped.execute(statement, values)
        return wrapped
    # With nobody watching, what Django's own cursor does around the driver's, and no more.
    database.validate_no_broken_transaction()
    with database.wrap_database_errors:
        cursor.execute(statement, values)
    return cursor


@cache
def is_postgresql() -> bool:
    """Tell which of the two databases the project runs on.

    The answer is kept, because a process has one database and asking the connection takes longer than putting
    a statement together.
    """
    return connection.vendor == "postgresql"


@cache
def _zone() -> tzinfo:
    return connection.timezone or UTC


def _new_cursor(database: BaseDatabaseWrapper) -> Any:
    with database.wrap_database_errors:
        if database.vendor == "sqlite":
            return database.connection.cursor(factory=_CachingCursor)
        return database.create_cursor()


class _CachingCursor(SQLiteCursorWrapper):
    """Keeps how a statement reads with SQLite's marks: finding them takes as long as running it."""

    def convert_query(self, query: str, *, param_names: Iterable[str] | None = None) -> str:
        if param_names is not None:
            return super().convert_query(query, param_names=param_names)
        return _with_question_marks(query)


@lru_cache(maxsize=256)
def _with_question_marks(statement: str) -> str:
    return FORMAT_QMARK_REGEX.sub("?", statement).replace("%%", "%")


class Columns(Generic[AnyModel]):
    """Columns of one table, all of them unless some are named, to be read by plain SQL."""

    def __init__(self, model: type[AnyModel], *names: str) -> None:
        self.model = model
        self.table = model._meta.db_table
        fields = {field.attname: field for field in model._meta.concrete_fields}
        self.names = names or tuple(fields)
        self.fields = [fields[name] for name in self.names]

    @property
    def sql(self) -> str:
        """The columns as a SELECT names them."""
        return self._sql()

    def of(self, alias: str) -> str:
        """Name the columns of a table that the statement calls otherwise."""
        return self._sql(alias)

    @cache  # noqa: B019 (the instances live as long as the process)
    def _sql(self, alias: str = "") -> str:
        columns = [(field, f"{alias or self.table}.{field.column}") for field in self.fields]
        if not is_postgresql():
            return ", ".join(column for _, column in columns)
        return ", ".join(_microseconds(column) if _is_moment(field) else column for field, column in columns)

    def read(self, tail: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run `SELECT these columns FROM this table` with the rest of the statement; give the rows."""
        return self.convert(execute(f"SELECT {self.sql} FROM {self.table} {tail}", values).fetchall())

    def load(self, tail: str, values: Sequence[Any] = ()) -> list[AnyModel]:
        """Read like `read`, but give instances of the model."""
        from_db, alias = self.model.from_db, connection.alias
        return [from_db(alias, self.names, row) for row in self.read(tail, values)]

    def convert(self, rows: list[Row], *, start: int = 0) -> list[Row]:
        """Turn what the database gave into what the fields say. Columns around these are left as they are.

        `start` is the place of the first of these columns in the rows.
        """
        converters = self._converters()
        if not rows or not converters:
            return rows
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        moment = _moment if is_postgresql() else _naive_reader(_zone())
        for number, converter in converters:
            place, convert = start + number, converter or moment
            columns[place] = [None if value is None else convert(value) for value in columns[place]]
        return list(zip(*columns, strict=True))

    @cache  # noqa: B019 (the instances live as long as the process)
    def _converters(self) -> list[tuple[int, Convert | None]]:
        found: list[tuple[int, Convert | None]] = []
        for number, field in enumerate(self.fields):
            if _is_moment(field):
                found.append((number, None))
                continue
            column = field.get_col(self.table)
            for convert in connection.ops.get_db_converters(column) + column.get_db_converters(connection):
                found.append((number, _bound(convert, column, field)))
        return found


def _is_moment(field: Any) -> bool:
    return field.get_internal_type() == "DateTimeField"


def _microseconds(column: str) -> str:
    """Read a moment as a number on PostgreSQL: its text takes Django thirty times as long to understand."""
    return f"(EXTRACT(EPOCH FROM {column}) * 1000000)::bigint"


def _moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


def _naive_reader(zone: tzinfo) -> Convert:
    """Read what SQLite keeps without a zone; a bare column comes as a moment, a computed one as text."""

    def read(value: Any) -> datetime:
        moment: datetime = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.replace(tzinfo=zone)

    return read


def _bound(convert: Callable[..., Any], column: Any, field: Any) -> Convert:
    def bound(value: Any) -> Any:
        return convert(value, column, connection)

    # The same few quantities come again and again, and SQLite keeps them as floats.
    return lru_cache(maxsize=1024)(bound) if isinstance(field, models.DecimalField) else bound


def among(column: str) -> str:
    """Compare a column with a list that is one parameter: the statement is the same for any length."""
    if is_postgresql():
        return f"{column} = ANY(%s)"
    return f"{column} IN (SELECT value FROM json_each(%s))"


def listed(values: Collection[Any]) -> Any:
    """Give a list as the parameter that `among` takes; ids in ascending order."""
    return sorted(values) if is_postgresql() else str(sorted(values))


def within(column: str, ids: Collection[int]) -> tuple[str, Any]:
    """Compare a column with these ids; give the condition and its one parameter.

    A single id is compared as such: what one purchase takes is the shop's daily bread, and both databases
    find one row sooner than a list of one.
    """
    if len(ids) == 1:
        return f"{column} = %s", next(iter(ids))
    return among(column), listed(ids)


class Told(Generic[AnyModel]):
    """Rows that a statement is told as parameters and reads as the table `told`.

    One array for each column on PostgreSQL, one JSON list on SQLite: the statement is the same for two rows
    and for a thousand, so it stays prepared; a single row is told value by value. Columns have the types of
    the model's own; `more` adds whole numbers beside them.
    """

    def __init__(self, model: type[AnyModel], columns: Sequence[str], *more: str) -> None:
        by_column = {field.column: field for field in model._meta.concrete_fields}
        self.names = (*columns, *more)
        self.fields: list[Any] = [by_column.get(name) for name in self.names]

    def tell(self, rows: Sequence[Row]) -> tuple[str, list[Any]]:
        """Give the table, for a FROM, and the parameters that it takes."""
        if len(rows) == 1:
            return self._one(), self._values(rows[0])
        return self.many(), self.tell_many(rows)

    @cache  # noqa: B019 (the instances live as long as the process)
    def _one(self) -> str:
        if is_postgresql():
            marks = [f"%s::{_type(field)}" for field in self.fields]
        else:
            marks = ["%s"] * len(self.fields)
        values = ", ".join(f"{mark} AS {name}" for mark, name in zip(marks, self.names, strict=True))
        return f"(SELECT {values}) AS told"

    def _values(self, row: Row) -> list[Any]:
        return [
            value if adapt is None or value is None else adapt(value)
            for value, adapt in zip(row, self._adapters(), strict=True)
        ]

    @cache  # noqa: B019 (the instances live as long as the process)
    def _adapters(self) -> list[Convert | None]:
        kinds = ["" if field is None else field.get_internal_type() for field in self.fields]
        spell = None if is_postgresql() else spelled
        return [{"JSONField": json.dumps, "DateTimeField": spell}.get(kind) for kind in kinds]

    @cache  # noqa: B019 (the instances live as long as the process)
    def many(self) -> str:
        """Give the table for any number of rows."""
        if is_postgresql():
            arrays = ", ".join(f"%s::{_type(field)}[]" for field in self.fields)
            return f"unnest({arrays}) AS told({', '.join(self.names)})"
        values = ", ".join(
            f"json_extract(value, '$[{number}]') AS {name}" for number, name in enumerate(self.names)
        )
        return f"(SELECT {values} FROM json_each(%s)) AS told"

    def tell_many(self, rows: Sequence[Row]) -> list[str]:
        """Give rows as the parameters that `many` takes."""
        if not is_postgresql():
            return [_as_json(rows)]
        columns = zip(*rows, strict=True) if rows else [()] * len(self.names)
        return [_array(cells, write) for cells, write in zip(columns, self._writers(), strict=True)]

    @cache  # noqa: B019 (the instances live as long as the process)
    def _writers(self) -> list[Convert]:
        return [_writer(field) for field in self.fields]


def _array(cells: Iterable[Any], write: Convert) -> str:
    return "{" + ",".join(["NULL" if cell is None else write(cell) for cell in cells]) + "}"


def _type(field: Any) -> str:
    # Without its length: a cast to varchar(100) would cut off in silence what is longer.
    return "bigint" if field is None else str(field.db_type(connection)).partition("(")[0]


def _writer(field: Any) -> Convert:
    """Say how PostgreSQL reads a value of this field within the text of an array."""
    kind = field.get_internal_type() if field is not None else "BigIntegerField"
    if kind == "DateTimeField":
        return datetime.isoformat
    if kind == "JSONField":
        return lambda value: _quoted(json.dumps(value))
    return _quoted if kind in ("CharField", "TextField") else str


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def spelled(moment: datetime) -> str:
    """Spell a moment as SQLite keeps it: without its zone, which is the connection's."""
    return str(moment.astimezone(_zone()).replace(tzinfo=None))


_as_json = json.JSONEncoder(default=spelled).encode


def for_update() -> str:
    """End a statement so that it locks its rows, without stopping inserts that refer to them.

    SQLite needs none: a transaction that writes is alone there.
    """
    return "FOR NO KEY UPDATE" if is_postgresql() else ""


def refresh_statistics() -> None:
    """Tell PostgreSQL how large our tables have become; SQLite plans without.

    A table that a bulk load has just filled still counts as empty until autovacuum comes by, and the plans
    made for an empty table take minutes on a full one. Queries: 1.
    """
    if not is_postgresql():
        return
    metas = [model._meta for model in apps.get_models()]
    ours = sorted(meta.db_table for meta in metas if meta.app_label.startswith("encore_"))
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(map(connection.ops.quote_name, ours))}")
