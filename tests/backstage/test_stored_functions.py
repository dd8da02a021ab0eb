"""A function in the database is what the code says, whoever changed it; SQLite goes without."""

from dataclasses import replace

import pytest
from django.core.management import call_command
from django.db import connection

from backstage import ddl
from backstage.operations.check import check_ledger
from loyalty.ledger import hold_at_once

pytestmark = pytest.mark.django_db(transaction=True)

(FUNCTION, *_) = ddl.stored_functions()


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def test_every_function_that_a_migration_names_is_there_as_the_code_says():
    assert ddl.differing_functions() == []


if connection.vendor == "postgresql":

    @pytest.mark.parametrize(
        "change",
        [
            [f"DROP FUNCTION {FUNCTION.name}"],
            [f"ALTER FUNCTION {FUNCTION.name} RESET ALL"],
            ddl.function_statements(replace(FUNCTION, body=" BEGIN END ")),
        ],
        ids=["missing", "planned otherwise", "does nothing"],
    )
    def test_a_function_that_somebody_changed_is_reported_and_comes_back(change):
        run(*change)

        report = check_ledger()
        call_command("migrate", verbosity=0)

        assert report.exit_code == 1
        assert [(finding.invariant, finding.ids) for finding in report.findings] == [
            ("stored_functions", [FUNCTION.name])
        ]
        assert ddl.differing_functions() == []

    def test_a_migration_that_stores_a_function_can_be_taken_back():
        operation = ddl.StoredFunction("loyalty.ledger.hold_at_once.FUNCTION")

        with connection.schema_editor() as editor:
            operation.database_backwards("encore_loyalty", editor, None, None)
        without = ddl.differing_functions()
        with connection.schema_editor() as editor:
            operation.database_forwards("encore_loyalty", editor, None, None)

        assert without == [hold_at_once.FUNCTION.name]
        assert ddl.differing_functions() == []
