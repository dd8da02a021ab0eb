"""Picking goods by name: what is picked stands as a list, each with a button that takes it out again.

A plain form without a script: every button sends the form, and the page comes back with one more or one less.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy

from commerce.queries.goods import Found, search_goods

# The fields that are filled in by picking, and what one thing in them is.
KINDS = {
    "skus": gettext_lazy("article"),
    "brands": gettext_lazy("brand"),
    "category_paths": gettext_lazy("category"),
}
# A rule may leave goods out, give others, and be tried on a basket of somebody's own choice.
PICKED = (*KINDS, *(f"{sign}_{kind}" for sign in ("except", "get") for kind in KINDS), "basket")


class PickedInput(forms.Widget):
    """A list of picked things, as one text with a line for each; one more can be typed."""

    template_name = "encore/commerce/admin/picked.html"

    def __init__(self, attrs: Any = None) -> None:
        super().__init__(attrs)
        self.names: Mapping[str, str] = {}

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str:
        """Put together what was sent, a line for each."""
        values = data.getlist(name) if hasattr(data, "getlist") else [data.get(name) or ""]
        return "\n".join(line.strip() for value in values for line in value.splitlines() if line.strip())

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Give what the template shows: each thing by name, and how many of it."""
        context = super().get_context(name, value, attrs)
        context["for_choice"] = self.attrs.get("data-encore-for", "")
        counts = Counter(line.strip() for line in (value or "").splitlines() if line.strip())
        context["picked"] = [
            {"value": one, "name": self.names.get(one, one), "count": count, "copies": range(count)}
            for one, count in counts.items()
        ]
        return context


def picked_field(label: Any, help_text: Any = "", attrs: Any = None) -> forms.CharField:
    """Ask for things to be picked."""
    return forms.CharField(label=label, help_text=help_text, required=False, widget=PickedInput(attrs))


def is_picking(data: QueryDict) -> bool:
    """Tell whether a button of the picker was pressed: the form is not finished, so nothing is wrong yet."""
    return any(name in data for name in ("add", "drop", "search"))


def pick(data: QueryDict) -> QueryDict:
    """Do what a button of the picker says: add one thing, or take one out."""
    told = data.copy()
    for command in ("add", "drop"):
        name, _sign, value = told.get(command, "").partition("=")
        if name not in PICKED or not value:
            continue
        values = [line for text in told.getlist(name) for line in text.splitlines() if line.strip()]
        if command == "add":
            values.append(value)
        elif value in values:
            values.remove(value)
        told.setlist(name, values)
    return told


def search(text: str) -> list[tuple[Found, Any]]:
    """Find what can be picked, each with what it is."""
    return [(found, KINDS[found.kind]) for found in search_goods(text[:100])]
