"""What backstage hears."""

from typing import Any

from django.apps import apps
from django.db.models.signals import post_migrate
from django.dispatch import receiver

from backstage import ddl


@receiver(
    post_migrate,
    sender=apps.get_app_config("encore_backstage"),
    dispatch_uid="encore_backstage.restore_append_only",
)
def restore_append_only(*, using: str, **kwargs: Any) -> None:
    """Make the append-only triggers that the migrations before have dropped."""
    ddl.ensure_triggers(using=using)


@receiver(
    post_migrate,
    sender=apps.get_app_config("encore_backstage"),
    dispatch_uid="encore_backstage.renew_functions",
)
def renew_functions(*, using: str, **kwargs: Any) -> None:
    """Make the stored functions that are missing or no longer what the code says."""
    ddl.ensure_functions(using=using)
