"""What the database itself refuses: changes of append-only tables. Also what PostgreSQL alone has.

A migration says `AppendOnly("encore_loyalty.Movement")`, and that is the one definition: the triggers of
every table named so are compared with the database's catalogue after each `migrate` and made again where
they are missing. SQLite rebuilds a table whenever a column changes and drops its triggers without a word, so
the migration alone would not do.

The triggers only raise. Whatever they would compute, the code that writes the ledger computes better.

A migration that says `StoredFunction("loyalty.ledger.hold_at_once.FUNCTION")` names a function the same way:
its one definition is in the code, and the one in the database is made again where it differs.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import DeleteModel, RenameModel, RunSQL
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.transaction import atomic
from django.utils.module_loading import import_string

FUNCTION = "encore_refuse_change"
REFUSAL = "append-only: a row is never changed or deleted; write a new one that corrects it"

# (name's end, what it refuses) per vendor. SQLite has neither TRUNCATE nor one trigger for two events.
EVENTS = {
    "postgresql": (("no_change", "UPDATE OR DELETE"), ("no_truncate", "TRUNCATE")),
    "sqlite": (("no_update", "UPDATE"), ("no_delete", "DELETE")),
}


class AppendOnly(Operation):
    """From here on the table of `model` ("app_label.Model") only grows."""

    reversible = True
    reduces_to_sql = True

    def __init__(self, model: str) -> None:
        self.model = model

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Leave the models as they are: the refusal is the database's alone."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Create the triggers."""
        table = to_state.apps.get_model(self.model)._meta.db_table
        for statement in create_statements(schema_editor.connection.vendor, table):
            schema_editor.execute(statement, params=None)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Drop the triggers."""
        table = from_state.apps.get_model(self.model)._meta.db_table
        for statement in drop_statements(schema_editor.connection.vendor, table):
            schema_editor.execute(statement, params=None)

    def describe(self) -> str:
        """Say it in `showmigrations` and `sqlmigrate`."""
        return f"Make {self.model} append-only"


class PostgresOnly(RunSQL):
    """SQL for what only PostgreSQL has (BRIN, fillfactor); SQLite goes without."""

    def __init__(self, sql: str, reverse: str) -> None:
        super().__init__(sql=sql, reverse_sql=reverse)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        """Return what a squashed migration writes down."""
        return self.__class__.__name__, [], {"sql": self.sql, "reverse": self.reverse_sql}

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, *states: Any
    ) -> None:
        """Run the statements, on PostgreSQL."""
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, *states)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, *states: Any
    ) -> None:
        """Run what takes them back, on PostgreSQL."""
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, *states)


@dataclass(frozen=True, slots=True)
class Function:
    """A function in PL/pgSQL. `arguments` and `settings` ("name=value") are written as the catalogue gives
    them back.
    """

    name: str
    arguments: str
    settings: tuple[str, ...]
    body: str


class StoredFunction(Operation):
    """From here on PostgreSQL has the `Function` that a dotted path names; SQLite goes without."""

    reversible = True
    reduces_to_sql = True

    def __init__(self, definition: str) -> None:
        self.definition = definition

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Leave the models as they are: the function is the database's alone."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, *states: Any
    ) -> None:
        """Create the function, on PostgreSQL."""
        if schema_editor.connection.vendor == "postgresql":
            for statement in function_statements(import_string(self.definition)):
                schema_editor.execute(statement, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, *states: Any
    ) -> None:
        """Drop the function, on PostgreSQL."""
        if schema_editor.connection.vendor == "postgresql":
            drop, _create = function_statements(import_string(self.definition))
            schema_editor.execute(drop, params=None)

    def describe(self) -> str:
        """Say it in `showmigrations` and `sqlmigrate`."""
        return f"Store the function {self.definition}"


@cache
def append_only_models() -> tuple[str, ...]:
    """Return "app_label.modelname" of every append-only model, read from the migrations of all installed
    apps.

    Renamed models stay append-only; deleted ones are forgotten.
    """
    models: set[str] = set()
    for app_label, operation in _operations():
        _follow(operation, app_label, models)
    return tuple(sorted(models))


@cache
def stored_functions() -> tuple[Function, ...]:
    """Return the definition of every stored function, read from the migrations of all installed apps."""
    paths = {operation.definition for _, operation in _operations() if isinstance(operation, StoredFunction)}
    return tuple(import_string(path) for path in sorted(paths))


def _operations() -> Iterator[tuple[str, Operation]]:
    """Go through what all migrations do, in their order; what two plans share comes twice."""
    graph = MigrationLoader(None).graph
    for leaf in sorted(graph.leaf_nodes()):
        for app_label, name in graph.forwards_plan(leaf):
            for operation in graph.nodes[app_label, name].operations:
                yield app_label, operation


def _follow(operation: Operation, app_label: str, models: set[str]) -> None:
    """Apply one operation to the set. A node shared by two plans is followed twice, which changes nothing."""
    if isinstance(operation, AppendOnly):
        models.add(operation.model.lower())
    elif isinstance(operation, RenameModel):
        old, new = f"{app_label}.{operation.old_name_lower}", f"{app_label}.{operation.new_name_lower}"
        if old in models:
            models.remove(old)
            models.add(new)
    elif isinstance(operation, DeleteModel):
        models.discard(f"{app_label}.{operation.name_lower}")


def append_only_tables() -> list[str]:
    """Return the tables of the append-only models."""
    return [apps.get_model(model)._meta.db_table for model in append_only_models()]


def trigger_names(vendor: str, table: str) -> list[str]:
    """Return the triggers that `table` must have."""
    return [f"{table}_{end}" for end, _event in EVENTS[vendor]]


def create_statements(vendor: str, table: str) -> list[str]:
    """Return the statements that make `table` append-only. Running them twice is harmless."""
    if vendor == "sqlite":
        return [
            f'CREATE TRIGGER IF NOT EXISTS "{table}_{end}" BEFORE {event} ON "{table}" '
            f"BEGIN SELECT RAISE(ABORT, '{table} is {REFUSAL}'); END"
            for end, event in EVENTS[vendor]
        ]
    function = (
        f"CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '% is {REFUSAL}', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"
    )
    # A row trigger, not a statement trigger: an UPDATE that meets no row changes no history.
    each = {"UPDATE OR DELETE": "ROW", "TRUNCATE": "STATEMENT"}
    return [
        function,
        *(
            f'CREATE OR REPLACE TRIGGER "{table}_{end}" BEFORE {event} ON "{table}" '
            f"FOR EACH {each[event]} EXECUTE FUNCTION {FUNCTION}()"
            for end, event in EVENTS[vendor]
        ),
    ]


def drop_statements(vendor: str, table: str) -> list[str]:
    """Return the statements that let `table` be changed again."""
    on_table = f' ON "{table}"' if vendor == "postgresql" else ""
    return [f'DROP TRIGGER IF EXISTS "{name}"{on_table}' for name in trigger_names(vendor, table)]


def missing_triggers(*, using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Return the triggers that should stand and do not, or that somebody has disabled.

    Queries: 1.
    """
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
            if connection.vendor == "postgresql"
            else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        )
        standing = {name for (name,) in cursor.fetchall()}
    wanted = [name for table in append_only_tables() for name in trigger_names(connection.vendor, table)]
    return [name for name in wanted if name not in standing]


def ensure_triggers(*, using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Make every missing trigger of the tables that exist; return the names of those that were missing."""
    connection = connections[using]
    missing = set(missing_triggers(using=using))
    tables = set(connection.introspection.table_names()) if missing else set()
    for table in append_only_tables():
        if table in tables and missing & set(trigger_names(connection.vendor, table)):
            _execute(connection, drop_statements(connection.vendor, table))
            _execute(connection, create_statements(connection.vendor, table))
    return sorted(missing)


def function_statements(function: Function) -> tuple[str, str]:
    """Return the statements that drop a function, whatever its arguments were, and that create it."""
    settings = "".join(f" SET {setting}" for setting in function.settings)
    head = f"CREATE FUNCTION {function.name}({function.arguments}) LANGUAGE plpgsql{settings}"
    return f"DROP FUNCTION IF EXISTS {function.name}", f"{head} AS $${function.body}$$"


def differing_functions(*, using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Return the functions that are missing in the database, or are not what the code says.

    Queries: 1 on PostgreSQL, else 0.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, pg_get_function_arguments(oid), COALESCE(proconfig, '{}'), prosrc FROM pg_proc"
            " WHERE pronamespace = current_schema()::regnamespace AND starts_with(proname, 'encore_')"
        )
        standing = {
            Function(name, arguments, tuple(settings), body)
            for name, arguments, settings, body in cursor.fetchall()
        }
    return [function.name for function in stored_functions() if function not in standing]


def ensure_functions(*, using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Make every function that is missing or differs; return their names. A posting that is on its way keeps
    the one it began with.
    """
    differing = differing_functions(using=using)
    with atomic(using=using):
        for function in stored_functions():
            if function.name in differing:
                _execute(connections[using], list(function_statements(function)))
    return differing


@contextmanager
def triggers_dropped(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Take the triggers away for a while. For emptying a test's database, and nothing else."""
    for table in append_only_tables():
        _execute(connection, drop_statements(connection.vendor, table))
    try:
        yield
    finally:
        ensure_triggers(using=connection.alias)


def _execute(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
