"""A checkout's hold in one round trip, on PostgreSQL."""

from django.db import migrations

from backstage.ddl import StoredFunction


class Migration(migrations.Migration):
    dependencies = [("encore_loyalty", "0003_allocation_index")]

    operations = [StoredFunction("loyalty.ledger.hold_at_once.FUNCTION")]
