"""What is written once stays as it was written, whoever asks and whatever a migration does to the table."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction
from django.db.migrations import CreateModel, DeleteModel, RenameModel

from backstage import ddl
from backstage.models import AuditRecord
from backstage.operations.check import check_ledger
from tests.backstage.conftest import AT

TABLE = AuditRecord._meta.db_table


@pytest.fixture
def record(db):
    return AuditRecord.objects.create(at=AT, by_kind="system", kind="counted", object_kind="n", object_id="1")


def refuse(deed) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        deed()


def test_a_row_is_neither_changed_nor_deleted_nor_overwritten(record):
    refuse(lambda: AuditRecord.objects.update(reason="another"))
    refuse(lambda: AuditRecord.objects.all().delete())
    refuse(
        lambda: AuditRecord.objects.bulk_create(
            [AuditRecord(pk=record.pk, at=AT, by_kind="x", kind="x", object_kind="x", object_id="x")],
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=["kind"],
        )
    )

    assert AuditRecord.objects.get() == record
    assert AuditRecord.objects.get().reason == ""


@pytest.mark.django_db
def test_every_append_only_table_of_every_app_is_guarded():
    assert TABLE in ddl.append_only_tables()
    assert ddl.missing_triggers() == []


@pytest.mark.django_db(transaction=True)
def test_the_triggers_stand_after_a_migration_that_rebuilds_the_table():
    wider = models.CharField(max_length=300)
    wider.set_attributes_from_name("object_id")
    old = AuditRecord._meta.get_field("object_id")
    with connection.schema_editor() as editor:
        editor.alter_field(AuditRecord, old, wider, strict=True)
    lost = ddl.missing_triggers()

    call_command("migrate", verbosity=0)

    assert lost == (ddl.trigger_names("sqlite", TABLE) if connection.vendor == "sqlite" else [])
    assert ddl.missing_triggers() == []
    with connection.schema_editor() as editor:
        editor.alter_field(AuditRecord, wider, old, strict=True)
    ddl.ensure_triggers()


@pytest.mark.django_db(transaction=True)
def test_a_trigger_that_somebody_took_away_is_reported_and_comes_back():
    with ddl.triggers_dropped(connection):
        report = check_ledger()

    assert report.exit_code == 1
    reported = [finding.ids[0] for finding in report.findings if finding.invariant == "append_only_triggers"]
    assert set(ddl.trigger_names(connection.vendor, TABLE)) <= set(reported)
    assert ddl.missing_triggers() == []


def test_a_renamed_model_stays_append_only_and_a_deleted_one_is_forgotten():
    models_seen = {"shop.receipt"}

    ddl._follow(CreateModel("Other", []), "shop", models_seen)
    ddl._follow(RenameModel("Receipt", "Slip"), "shop", models_seen)
    after_renaming = set(models_seen)
    ddl._follow(DeleteModel("Slip"), "shop", models_seen)

    assert after_renaming == {"shop.slip"}
    assert models_seen == set()


@pytest.mark.django_db(transaction=True)
def test_a_statement_for_postgresql_alone_does_nothing_elsewhere():
    operation = ddl.PostgresOnly(sql="CREATE TABLE only_there (id int)", reverse="DROP TABLE only_there")
    on_postgresql = ["only_there"] if connection.vendor == "postgresql" else []

    with connection.schema_editor() as editor:
        operation.database_forwards("encore_backstage", editor, None, None)
    there = [name for name in connection.introspection.table_names() if name == "only_there"]
    with connection.schema_editor() as editor:
        operation.database_backwards("encore_backstage", editor, None, None)

    assert there == on_postgresql
    assert "only_there" not in connection.introspection.table_names()
