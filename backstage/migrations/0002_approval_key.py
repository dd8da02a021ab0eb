"""A key for requests, so that a double click asks once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("encore_backstage", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="approval",
            name="key",
            field=models.CharField("key", max_length=100, blank=True, default="", db_default=""),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.UniqueConstraint(
                fields=["kind", "key"], condition=~models.Q(key=""), name="encore_approval_key"
            ),
        ),
    ]
