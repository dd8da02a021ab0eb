"""A checkout's hold in one round trip, on PostgreSQL."""

from django.db import migrations

from backstage.ddl import StoredFunction


class Migration(migrations.Migration):
    dependencies = [("encore_loyalty", "0006_one_index_for_each_question")]

    operations = [StoredFunction("loyalty.ledger.hold_at_once.FUNCTION")]
