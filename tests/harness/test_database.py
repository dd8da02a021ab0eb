"""The lane is what it says it is."""

from django.db import connection


def test_the_lane_is_on_the_database_that_it_was_promised(promised_vendor, db):
    assert connection.vendor == promised_vendor


def test_sqlite_is_a_file_so_that_threads_meet_real_locks(db):
    in_memory = connection.vendor == "sqlite" and connection.is_in_memory_db()

    assert not in_memory
