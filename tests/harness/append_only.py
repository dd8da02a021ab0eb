"""Pytest plugin: empty the database between tests that commit, the append-only tables too.

Django's own way is to TRUNCATE all tables and to write the permissions of every model anew: seconds on
PostgreSQL, for a test that left ten rows. Here only tables that hold rows are emptied, and what Django writes
down of the models stays. The triggers of append-only tables refuse that. Here, and nowhere else, they are
taken away for that moment.
"""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.test import TransactionTestCase

from backstage.ddl import append_only_tables, drop_statements, ensure_functions, ensure_triggers

_teardown: Callable[[TransactionTestCase], None] = TransactionTestCase._fixture_teardown


def teardown(test: TransactionTestCase) -> None:
    for alias in test._databases_names(include_mirrors=False):
        empty(alias)


def empty(alias: str = DEFAULT_DB_ALIAS) -> None:
    """Delete all rows, and mend whatever a test has taken from the triggers and functions."""
    connection = connections[alias]
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
        tables -= {model._meta.db_table for model in (ContentType, Permission)}
        asked = [f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM \"{table}\")" for table in sorted(tables)]
        cursor.execute(" UNION ALL ".join(asked))
        filled = {table for (table,) in cursor.fetchall()}
        for table in filled.intersection(append_only_tables()):
            for statement in drop_statements(connection.vendor, table):
                cursor.execute(statement)
        # In any order: foreign keys are asked when the transaction ends.
        for table in filled:
            cursor.execute(f'DELETE FROM "{table}"')
    ensure_triggers(using=alias)
    ensure_functions(using=alias)


def pytest_configure() -> None:
    TransactionTestCase._fixture_teardown = teardown


def pytest_unconfigure(config: pytest.Config) -> None:
    TransactionTestCase._fixture_teardown = _teardown
