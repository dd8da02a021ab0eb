"""Append-only tables are emptied between tests that commit, and guarded during them."""

import pytest
from django.contrib.auth.models import Permission
from django.db import DatabaseError, connection

from backstage.ddl import append_only_tables, drop_statements, missing_triggers
from backstage.models import AuditRecord
from tests.harness.append_only import empty

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def record(clock):
    return AuditRecord.objects.create(at=clock.now(), by_kind="system", kind="test")


@pytest.mark.parametrize("run", ["first", "second"])
def test_a_committed_row_does_not_outlive_its_test(record, run):
    assert list(AuditRecord.objects.all()) == [record]


@pytest.mark.parametrize("run", ["first", "second"])
def test_the_guard_stands_in_every_test(record, run):
    assert missing_triggers() == []

    with pytest.raises(DatabaseError, match="append-only"):
        AuditRecord.objects.filter(pk=record.pk).delete()

    assert AuditRecord.objects.count() == 1


def test_a_whole_table_is_not_emptied_in_one_go(record):
    if connection.vendor == "postgresql":
        emptying = f'TRUNCATE "{AuditRecord._meta.db_table}" CASCADE'
    else:
        emptying = f'DELETE FROM "{AuditRecord._meta.db_table}"'

    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(emptying)

    assert AuditRecord.objects.count() == 1


def test_emptying_leaves_what_django_knows_of_the_models_and_nothing_else(record):
    permissions = set(Permission.objects.values_list("id", flat=True))

    empty()

    assert not AuditRecord.objects.exists()
    assert set(Permission.objects.values_list("id", flat=True)) == permissions != set()


def test_emptying_mends_the_guards_that_a_test_took_away():
    with connection.cursor() as cursor:
        for statement in drop_statements(connection.vendor, append_only_tables()[0]):
            cursor.execute(statement)
    assert missing_triggers() != []

    empty()

    assert missing_triggers() == []
