"""Start-up of backstage, and the guard that our packages are the ones Python found."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

HOUSE = Path(__file__).resolve().parent.parent
NAMES = ("commerce", "coupons", "loyalty", "rewards", "newsletters", "insights", "integrations")


def find_shadows(house: Path = HOUSE) -> dict[str, str]:
    """Return name and path of every foreign top-level package that hides one of ours.

    Only names that ship beside this package count: a shop that uses loyalty without coupons may well have a
    `coupons` of its own.
    """
    shadows = {}
    for name in NAMES:
        ours = house / name / "__init__.py"
        spec = find_spec(name)
        if (
            ours.exists()
            and spec is not None
            and (spec.origin is None or Path(spec.origin).resolve() != ours)
        ):
            places = list(spec.submodule_search_locations or [])
            shadows[name] = spec.origin or (places[0] if places else name)
    return shadows


def refuse_shadows(house: Path = HOUSE) -> None:
    """Stop the start when a foreign package stands where one of ours should.

    A system check would come too late: checks run after the models are imported, and by then the foreign
    package has failed with an error that says nothing about the cause.
    """
    for name, path in find_shadows(house).items():
        raise ImproperlyConfigured(
            f"encore.E001: Python finds another package called {name!r} first: {path}. Encore ships its own "
            f"in {house / name}. Rename or move the other one (a folder beside manage.py wins over every "
            f"installed package), or take it off PYTHONPATH. A package inside another, such as "
            f"'shop.{name}', does not clash."
        )


class BackstageConfig(AppConfig):
    """The lowest app; every other one of ours needs it in INSTALLED_APPS."""

    name = "backstage"
    label = "encore_backstage"
    verbose_name = _("Behind the scenes")
    default_auto_field = "django.db.models.BigAutoField"

    def __init__(self, app_name: str, app_module: ModuleType | None) -> None:
        refuse_shadows()
        super().__init__(app_name, app_module)

    def ready(self) -> None:
        for module in ("checks", "subscriptions", "registrations"):
            import_module(f"backstage.{module}")
