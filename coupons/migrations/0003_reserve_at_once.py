"""A reservation in one round trip, on PostgreSQL."""

from django.db import migrations

from backstage.ddl import StoredFunction


class Migration(migrations.Migration):
    dependencies = [("encore_coupons", "0002_coupon_sites")]

    operations = [StoredFunction("coupons.operations.at_once.FUNCTION")]
