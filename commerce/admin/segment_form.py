"""A segment as sentences with gaps: one row for each condition, added and taken away; or the whole as text.

Sentences cover what nearly every shop needs: conditions of which all, or any, must hold, some turned round.
What else a definition can say, such as groups within it, is written as text.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.segment_gaps import gap_of
from commerce.policies.segments import Match, SegmentError
from commerce.queries.segments import read_segment
from commerce.registry import SegmentCondition, segment_conditions

MATCHES = (
    (Match.ALL.value, gettext_lazy("all of these")),
    (Match.ANY.value, gettext_lazy("any of these")),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One condition as it is drawn: its words, its fields, and its place."""

    number: int
    key: str
    label: Any
    visible_fields: list[forms.BoundField]


class NamedForm(forms.Form):
    """What every segment has."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=200)
    key = forms.CharField(
        label=gettext_lazy("Key"),
        max_length=50,
        required=False,
        help_text=gettext_lazy("For your developer. Left empty, it is made from the name."),
    )

    def read_names(self) -> dict[str, str]:
        """Give name and key as the operation takes them."""
        name = self.cleaned_data["name"]
        return {"name": name, "key": self.cleaned_data["key"] or slugify(name)[:50]}

    def take_over(self, error: SegmentError) -> None:
        """Show what a definition refuses, beside the gap that it means."""
        for problem in error.problems:
            self.add_error(self._place(problem.path), problem.message)

    def _place(self, path: str) -> str | None:
        return path if path in self.fields else None


class RowsForm(NamedForm):
    """Name, "all" or "any", and the rows."""

    match = forms.ChoiceField(label=gettext_lazy("In it is whoever fits"), choices=MATCHES)

    def __init__(self, *args: Any, rows: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row_keys = list(rows)
        for number, key in enumerate(rows):
            self.fields |= _row_fields(number, segment_conditions.get(key))

    def list_rows(self) -> list[Row]:
        """Give the rows in the order in which they were added."""
        return [
            Row(
                number,
                key,
                segment_conditions.get(key).label,
                [self[name] for name in self.fields if name.startswith(f"c{number}-")],
            )
            for number, key in enumerate(self.row_keys)
        ]

    def clean(self) -> dict[str, Any]:
        """Read the rows into a definition; what is wrong with it is said beside the gap."""
        cleaned: dict[str, Any] = super().clean() or {}
        parts = [self._read_row(number, key, cleaned) for number, key in enumerate(self.row_keys)]
        cleaned["conditions"] = {"match": cleaned.get("match", Match.ALL.value), "conditions": parts}
        if not self.errors:
            try:
                read_segment(conditions=cleaned["conditions"])
            except SegmentError as error:
                self.take_over(error)
        return cleaned

    def _read_row(self, number: int, key: str, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        values = {}
        currency = str(cleaned.get(f"c{number}-currency") or "").strip().upper()
        for parameter in segment_conditions.get(key).parameters:
            start = f"c{number}-{parameter.name}"
            typed = {
                name.removeprefix(start): cleaned.get(name) for name in self.fields if _is_of(name, start)
            }
            try:
                value = gap_of(parameter).read(typed, currency)
            except ValidationError as error:
                self.add_error(start, error)
                continue
            if value not in (None, False):
                values[parameter.name] = value
        part: dict[str, Any] = {"condition": key, "with": values}
        return part | ({"not": True} if cleaned.get(f"c{number}-not") else {})

    def _place(self, path: str) -> str | None:
        parts = path.split(".")
        if len(parts) == 4 and parts[0] == "conditions" and f"c{parts[1]}-{parts[3]}" in self.fields:
            return f"c{parts[1]}-{parts[3]}"
        return super()._place(path)

    @classmethod
    def begin(cls, conditions: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]] | None:
        """Give rows and initial values of a stored definition, or None where rows cannot say it."""
        parts = conditions.get("conditions")
        known = dict(segment_conditions.items())
        if not isinstance(parts, list) or not set(conditions) <= {"match", "conditions"}:
            return None
        if not all(isinstance(part, dict) and part.get("condition") in known for part in parts):
            return None
        initial: dict[str, Any] = {"match": conditions.get("match", Match.ALL.value)}
        for number, part in enumerate(parts):
            initial |= _begin_row(number, part, known[part["condition"]])
        return [part["condition"] for part in parts], initial


class TextForm(NamedForm):
    """The whole definition as it is stored."""

    conditions = forms.JSONField(
        label=gettext_lazy("Conditions"),
        help_text=gettext_lazy(
            'Such as {"match": "all", "conditions": [{"condition": "orders", "with": {"at_least": 3}}]}'
        ),
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false", "class": "enc-code"}),
    )

    def clean_conditions(self) -> Any:
        conditions = self.cleaned_data["conditions"]
        try:
            read_segment(conditions=conditions)
        except SegmentError as error:
            told = [f"{problem.path}: {problem.message}" for problem in error.problems]
            raise ValidationError(told) from error
        return conditions


def write_text(conditions: Mapping[str, Any]) -> str:
    """Write a definition as people edit it."""
    return json.dumps(conditions, indent=2, ensure_ascii=False)


# -- rows while they are put together ------------------------------------------------------------------------


def rows_of(data: QueryDict) -> list[str]:
    """Give the conditions that a posted form has rows for; whatever nobody knows is left out."""
    return [key for key in data.getlist("condition") if key in segment_conditions]


def with_another_row(data: QueryDict) -> tuple[list[str], dict[str, Any]]:
    """Give rows and what was typed, with the chosen condition added."""
    added = data.get("new_condition", "")
    rows = rows_of(data) + ([added] if added in segment_conditions else [])
    return rows, _typed(data, {number: number for number in range(len(rows))})


def without_row(data: QueryDict) -> tuple[list[str], dict[str, Any]]:
    """Give rows and what was typed, without the row whose button was pressed."""
    rows = rows_of(data)
    text = data.get("drop", "")
    dropped = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else len(rows)
    kept = [number for number in range(len(rows)) if number != dropped]
    return [rows[number] for number in kept], _typed(data, {old: new for new, old in enumerate(kept)})


def _typed(data: QueryDict, places: Mapping[int, int]) -> dict[str, Any]:
    """Give what was typed as initial values, each row's under the number that it has now."""
    initial: dict[str, Any] = {name: data.get(name, "") for name in ("name", "key", "match")}
    for name in data:
        number, dash, rest = name.removeprefix("c").partition("-")
        if dash and number.isascii() and number.isdigit() and int(number) in places:
            found = data.getlist(name)
            initial[f"c{places[int(number)]}-{rest}"] = found if len(found) > 1 else found[0]
    return initial


def _is_of(name: str, start: str) -> bool:
    """Tell whether a field belongs to a gap: it is the gap's, or one of a gap with several."""
    return name == start or name.startswith(f"{start}-")


def _row_fields(number: int, condition: SegmentCondition) -> Iterator[tuple[str, forms.Field]]:
    for parameter in condition.parameters:
        for end, field in gap_of(parameter).fields(_sentence_case(parameter.label)).items():
            yield f"c{number}-{parameter.name}{end}", field
    yield f"c{number}-not", forms.BooleanField(label=_("Turn it round: whoever does not"), required=False)


def _sentence_case(label: Any) -> str:
    text = str(label)
    return text[:1].upper() + text[1:]


def _begin_row(number: int, part: Mapping[str, Any], condition: SegmentCondition) -> dict[str, Any]:
    values = part.get("with", {})
    currency = values.get("currency", "")
    initial = {f"c{number}-not": part.get("not", False)}
    for parameter in condition.parameters:
        for end, value in gap_of(parameter).begin(values.get(parameter.name), currency).items():
            initial[f"c{number}-{parameter.name}{end}"] = value
    return initial
