"""Lots in the order in which points are spent, ties included: a spend reads the first few and no others."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("encore_loyalty", "0002_ledger_guards")]

    operations = [
        migrations.RemoveIndex(model_name="lot", name="encore_lot_fifo"),
        migrations.AddIndex(
            model_name="lot",
            index=models.Index(
                fields=["member", "expires_at", "earned_at", "id"],
                condition=models.Q(available__gt=0),
                name="encore_lot_fifo",
            ),
        ),
    ]
