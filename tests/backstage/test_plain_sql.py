"""Plain SQL: what is told arrives as it is, and what is stored is read as the fields say."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import connection

from backstage.models import AuditRecord
from backstage.plain_sql import Columns, Told, execute, within

pytestmark = pytest.mark.django_db

TOLD = Told(AuditRecord, ("at", "kind", "after", "reason"), "place")
STORED = Columns(AuditRecord, "id", "at", "kind", "after")
TEXTS = ["plain", 'a "quote"', "back\\slash", "{1,2}", "NULL", "", "ł, ø and 'one'", "line\nline"]


def rows_of(texts):
    at = datetime(2026, 3, 1, 10, 0, 0, 123457, tzinfo=timezone(timedelta(hours=2)))
    return [(at, text, {"said": text}, text, place) for place, text in enumerate(texts)]


def store(rows):
    told, values = TOLD.tell(rows)
    names = "by_kind, by_id, by_label, object_kind, object_id"
    execute(
        f"INSERT INTO {STORED.table} (at, kind, after, reason, {names}, {connection.ops.quote_name('group')})"
        " SELECT at, kind, after, reason, 'system', '', '', 'thing', place,"
        f" '{'0' * 8}-0000-0000-0000-{'0' * 12}' FROM {told} WHERE true",
        values,
    )


@pytest.mark.parametrize("texts", [TEXTS, *([text] for text in TEXTS)])
def test_texts_documents_and_moments_arrive_as_they_were_told(texts):
    rows = rows_of(texts)

    store(rows)

    stored = AuditRecord.objects.order_by("id").values_list("at", "kind", "after", "reason", "object_id")
    assert list(stored) == [(*row, str(place)) for *row, place in rows]


def test_stored_rows_are_read_as_the_orm_reads_them():
    store(rows_of(TEXTS))

    read = STORED.read("ORDER BY id")

    assert read == list(AuditRecord.objects.order_by("id").values_list("id", "at", "kind", "after"))
    assert read[0][1] == datetime(2026, 3, 1, 8, 0, 0, 123457, tzinfo=UTC)


@pytest.mark.parametrize("wanted", [0, 1, 2, 3])
def test_as_many_ids_as_asked_for_are_found(wanted):
    store(rows_of(["a", "b", "c"]))
    ids = [row[0] for row in STORED.read("ORDER BY id")][:wanted]

    condition, value = within("id", ids)

    assert [row[0] for row in STORED.read(f"WHERE {condition} ORDER BY id", [value])] == ids


@pytest.mark.django_db(transaction=True)
def test_a_new_session_is_not_asked_through_the_cursor_of_the_one_before():
    assert execute("SELECT 1").fetchall() == [(1,)]

    connection.close()

    assert execute("SELECT 2").fetchall() == [(2,)]
