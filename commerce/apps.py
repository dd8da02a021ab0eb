"""The Django application `commerce`."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CommerceConfig(AppConfig):
    name = "commerce"
    label = "encore_commerce"
    verbose_name = _("Shop records")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import_module("commerce.registrations")
