"""What the ledger asks of the database beyond tables: rows that only grow, room to update in place, BRIN."""

from django.db import migrations

from backstage.ddl import AppendOnly, PostgresOnly


class Migration(migrations.Migration):
    dependencies = [("encore_loyalty", "0001_ground_floor")]

    operations = [
        AppendOnly("encore_loyalty.Entry"),
        AppendOnly("encore_loyalty.Movement"),
        # Balances are never indexed, so with room on the page every update of an account stays on its page.
        PostgresOnly(
            "ALTER TABLE encore_loyalty_pointsaccount SET (fillfactor = 70)",
            "ALTER TABLE encore_loyalty_pointsaccount RESET (fillfactor)",
        ),
        PostgresOnly(
            "ALTER TABLE encore_loyalty_lot SET (fillfactor = 80)",
            "ALTER TABLE encore_loyalty_lot RESET (fillfactor)",
        ),
        # Rows arrive in time order, so a few kilobytes of block ranges do what a b-tree of gigabytes would.
        PostgresOnly(
            "CREATE INDEX encore_movement_effective ON encore_loyalty_movement"
            " USING brin (effective_at) WITH (pages_per_range = 64)",
            "DROP INDEX encore_movement_effective",
        ),
    ]
