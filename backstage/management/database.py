"""Whether a verb finds its database: one that answers, with the tables of this version."""

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.migrations.executor import MigrationExecutor

OURS = "encore_"


def find_obstacle(*, using: str = DEFAULT_DB_ALIAS) -> str:
    """Return in one sentence what keeps a verb from the database, and the way out; empty when nothing does.

    Asked before the verb begins: one that met a missing table half-way would leave a part done, and
    check-ledger would take each question that cannot be asked for a breach. A host's own migrations are its
    own affair, except those that ours build on. Queries: 2.
    """
    connection = connections[using]
    try:
        connection.ensure_connection()
    except OperationalError as error:
        reason = str(error).partition("\n")[0].rstrip(". ")
        return (
            f"The database can't be reached: {reason}. Start it, or correct DATABASES in the settings "
            "(DATABASE_URL in the stand-alone project)."
        )
    executor = MigrationExecutor(connection)
    ours = {config.label for config in apps.get_app_configs() if config.label.startswith(OURS)}
    missing = executor.migration_plan(
        [node for node in executor.loader.graph.leaf_nodes() if node[0] in ours]
    )
    if not missing:
        return ""
    return (
        f"The database lacks the tables of this version ({len(missing)} migrations to go). "
        "Run manage.py migrate, then give this command again."
    )
