"""No half writes, no lock that does not protect, no check that reads two states of the books."""

import pytest
from django.db import DatabaseError, connection, transaction

from backstage.models import AuditRecord, JobRun
from backstage.transactions import (
    IsolationError,
    TransactionRequiredError,
    read_snapshot,
    require_read_committed,
    require_transaction,
)
from tests.backstage.conftest import AT, at_once


@pytest.mark.django_db
def test_forgetting_the_transaction_fails_in_tests_too():
    with pytest.raises(TransactionRequiredError, match=r"transaction\.atomic"):
        require_transaction()


@pytest.mark.django_db
def test_inside_a_transaction_nothing_is_said():
    with transaction.atomic():
        require_transaction()


@pytest.mark.django_db(transaction=True)
def test_a_session_that_is_not_read_committed_is_refused_with_the_way_out():
    if connection.vendor == "sqlite":
        require_read_committed(connection)
        return
    connection.close()
    connection.ensure_connection()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

        with pytest.raises(IsolationError, match=r"'repeatable read'.*isolation_level"):
            require_read_committed(connection)
    require_read_committed(connection)


@pytest.mark.django_db(transaction=True)
def test_each_session_is_asked_once(django_assert_num_queries):
    connection.close()
    connection.ensure_connection()
    require_read_committed(connection)

    with django_assert_num_queries(0):
        require_read_committed(connection)


def write_record() -> None:
    AuditRecord.objects.create(at=AT, by_kind="system", kind="x", object_kind="x", object_id="1")


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_does_not_see_what_is_committed_meanwhile_and_does_not_hold_it_up():
    with read_snapshot():
        before = AuditRecord.objects.count()
        at_once(write_record)
        within = AuditRecord.objects.count()

    assert (before, within, AuditRecord.objects.count()) == (0, 0, 1)


@pytest.mark.django_db(transaction=True)
def test_nothing_can_be_written_in_a_snapshot_and_everything_after_it():
    with pytest.raises(DatabaseError), read_snapshot():
        write_record()
    write_record()

    assert AuditRecord.objects.count() == 1
    assert JobRun.objects.count() == 0
