"""The Django app `coupons` (label `encore_coupons`)."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CouponsConfig(AppConfig):
    name = "coupons"
    label = "encore_coupons"
    verbose_name = _("Coupons")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import_module("coupons.checks")
        import_module("coupons.registrations")
