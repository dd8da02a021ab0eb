"""Append-only tables are emptied between tests that commit, and guarded during them."""

import pytest
from django.db import DatabaseError, connection

from backstage.ddl import missing_triggers
from backstage.models import AuditRecord

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
