"""What every admin of ours is built on.

    class LotAdmin(ReadOnlyModelAdmin, KeysetModelAdmin): ...

Unfold's classes where it is installed, Django's own otherwise; nothing but this module knows which. The
shims drop what only Unfold understands, so one declaration serves both.
"""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Model
from django.http import HttpRequest

from backstage.admin.keyset import KeysetChangeList, KeysetMixin
from backstage.policies import By

if apps.is_installed("unfold"):
    from unfold.admin import ModelAdmin, TabularInline
    from unfold.decorators import action
    from unfold.decorators import display as show

    class Colours(dict[str, str]):
        """Colours by key. One without a colour has none; Unfold would show the key instead of its words."""

        def __missing__(self, key: str) -> str:
            return ""

    def display(function: Callable[..., Any] | None = None, **options: Any) -> Any:
        """Describe a column, as `django.contrib.admin.display` does; with `label=`, by colour."""
        if isinstance(options.get("label"), dict):
            options["label"] = Colours(options["label"])
        return show(function, **options)

    def in_colour(key: str, words: Any) -> Any:
        """Give a cell of a column with `label=`: the words, in the colour that it has for the key."""
        return key, str(words)

else:
    from django.contrib import admin
    from django.contrib.admin import ModelAdmin, TabularInline

    UNFOLD_ONLY = ("label", "header", "image", "dropdown", "url_path", "attrs", "icon", "variant", "dialog")

    def display(function: Callable[..., Any] | None = None, **options: Any) -> Any:
        """Describe a column, as `django.contrib.admin.display` does."""
        return admin.display(function, **_without_unfold(options))

    def in_colour(key: str, words: Any) -> Any:
        """Give the words; Django's own lists have no colours for them."""
        return str(words)

    def action(function: Callable[..., Any] | None = None, **options: Any) -> Any:
        """Describe an action, as `django.contrib.admin.action` does."""
        return admin.action(function, **_without_unfold(options))

    def _without_unfold(options: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in options.items() if name not in UNFOLD_ONLY}


__all__ = [
    "KeysetChangeList",
    "KeysetModelAdmin",
    "ModelAdmin",
    "ReadOnlyMixin",
    "ReadOnlyModelAdmin",
    "TabularInline",
    "action",
    "by_staff",
    "column",
    "display",
    "in_colour",
]


class ReadOnlyMixin:
    """Show rows and let nobody add, change or delete one.

    Permissions alone would not do: a superuser has all of them. Rows of the ledger are refused by the
    database as well; here the buttons are left out, so that nobody runs into that.
    """

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyModelAdmin(ReadOnlyMixin, ModelAdmin):
    """An admin that only shows."""


class KeysetModelAdmin(KeysetMixin, ModelAdmin):
    """An admin whose list pages by key and never counts."""


def column(name: str, heading: Any) -> Callable[[Model], Any]:
    """Show a field under a heading that can be translated.

    A `verbose_name` of the field would do the same, and every new wording would need a migration.
    """

    @display(description=heading)
    def read(row: Model) -> Any:
        in_words = getattr(row, f"get_{name}_display", None)
        return in_words() if in_words else getattr(row, name)

    read.__name__ = name
    return read


def by_staff(user: AbstractBaseUser | AnonymousUser) -> By:
    """Return who is at the keyboard, as plain values."""
    full_name = getattr(user, "get_full_name", str)()
    return By("staff", str(user.pk), str(full_name or user.get_username()))
