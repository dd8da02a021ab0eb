"""What is written in the ledger is never changed: the database itself refuses, whoever asks and however."""

import pytest
from django.db import DatabaseError, connection, transaction

from backstage.ddl import append_only_models
from loyalty.models import Entry, Movement
from tests.loyalty.ledger import deeds

pytestmark = pytest.mark.django_db

HISTORY = [Entry, Movement]


@pytest.fixture(autouse=True)
def written(alice):
    deeds.give(alice, 10)


def table(model) -> str:
    return model._meta.db_table


def save_again(model) -> None:
    model.objects.get().save()


def update(model) -> None:
    model.objects.update(member_id=1)


def delete_one(model) -> None:
    model.objects.get().delete()


def delete_all(model) -> None:
    model.objects.all().delete()


def update_by_sql(model) -> None:
    connection.cursor().execute(f"UPDATE {table(model)} SET member_id = member_id + 1")


def delete_by_sql(model) -> None:
    connection.cursor().execute(f"DELETE FROM {table(model)}")


def empty_by_sql(model) -> None:
    """SQLite has no TRUNCATE; a DELETE without a condition is its word for it."""
    word = "TRUNCATE" if connection.vendor == "postgresql" else "DELETE FROM"
    connection.cursor().execute(f"{word} {table(model)}")


@pytest.mark.parametrize("model", HISTORY)
@pytest.mark.parametrize(
    "change", [save_again, update, delete_one, delete_all, update_by_sql, delete_by_sql, empty_by_sql]
)
def test_what_is_written_stays_as_it_is(model, change):
    before = list(model.objects.values())

    with pytest.raises(DatabaseError, match=f"{table(model)} is append-only"), transaction.atomic():
        change(model)

    assert list(model.objects.values()) == before


def test_entries_and_movements_are_named_as_append_only():
    assert {model._meta.label_lower for model in HISTORY} <= set(append_only_models())
