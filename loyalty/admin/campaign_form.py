"""The form of a campaign: a sentence with gaps. Money and local times are typed as people write them."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage import clock
from commerce.admin.goods_picker import picked_field
from commerce.admin.money import from_minor, to_minor
from commerce.models import Channel, Segment
from commerce.queries.goods import name_articles
from loyalty.models import Campaign, CampaignVersion, Programme
from loyalty.models.campaign import CampaignKindChoices
from loyalty.policies.campaigns import DAY_MINUTES, CampaignKind
from loyalty.queries.tiers.schemes import list_level_choices

LANGUAGES = (
    ("en", gettext_lazy("What customers read, in English")),
    ("pl", gettext_lazy("What customers read, in Polish")),
    ("nb", gettext_lazy("What customers read, in Norwegian")),
)
WEEKDAYS = (
    ("0", gettext_lazy("Monday")),
    ("1", gettext_lazy("Tuesday")),
    ("2", gettext_lazy("Wednesday")),
    ("3", gettext_lazy("Thursday")),
    ("4", gettext_lazy("Friday")),
    ("5", gettext_lazy("Saturday")),
    ("6", gettext_lazy("Sunday")),
)
ORDERS = (
    ("", gettext_lazy("any order")),
    ("1", gettext_lazy("their first order")),
    ("2", gettext_lazy("their second order")),
    ("3", gettext_lazy("their third order")),
)
# What the start cards fill in: a beginning that only needs its goods, amount or people.
CARDS: dict[str, dict[str, Any]] = {
    "double": {"kind": "multiply", "factor": "2"},
    "amount": {"kind": "steps", "steps": "50 = 30"},
    "second": {"kind": "steps", "steps": "0 = 50", "order_number": "2"},
    "slow": {
        "kind": "multiply",
        "factor": "2",
        "weekdays": ["0", "1"],
        "from_time": "14:00",
        "to_time": "17:00",
    },
    "pieces": {"kind": "pieces", "piece_points": "10"},
    "blank": {"kind": "multiply", "factor": "2"},
}


# In the order of the sentence: give what, on which goods, to whom, when, within which limits.
SECTIONS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (gettext_lazy("Give"), ("name", "kind", "factor", "steps", "piece_points")),
    (gettext_lazy("on these goods"), ("category_paths", "brands", "skus")),
    (gettext_lazy("to these people"), ("channels", "tier_ids", "segment_ids", "order_number")),
    (gettext_lazy("in this time"), ("starts_at", "ends_at")),
    (gettext_lazy("on these days and hours"), ("weekdays", "from_time", "to_time")),
    (gettext_lazy("within these limits"), ("cap_points", "budget_points")),
    (gettext_lazy("and tell customers"), tuple(f"text_{code}" for code, _label in LANGUAGES)),
    (gettext_lazy("Your own basket"), ("basket",)),
)
ALWAYS_OPEN = {"name", "category_paths", "starts_at"}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the sentence, drawn like a small form; folded while nothing in it is filled in."""

    title: Any
    visible_fields: list[forms.BoundField]
    is_open: bool
    searches: bool = False


class CampaignForm(forms.Form):
    """What a campaign promises, to whom, and when."""

    name = forms.CharField(
        label=gettext_lazy("Name, for you and for the sums that members read"), max_length=80
    )
    kind = forms.ChoiceField(label=gettext_lazy("Give"), choices=CampaignKindChoices.choices)
    factor = forms.DecimalField(
        label=gettext_lazy("So many times the points (2 is double)"),
        max_digits=4,
        decimal_places=2,
        required=False,
        widget=forms.NumberInput(attrs={"data-encore-for": "kind=multiply"}),
    )
    steps = forms.CharField(
        label=gettext_lazy("Bonus over an amount: one step on each line"),
        help_text=gettext_lazy(
            "Amount = points, such as 4.50 = 30. The highest step that an order reaches counts."
        ),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "data-encore-for": "kind=steps"}),
    )
    piece_points = forms.IntegerField(
        label=gettext_lazy("Points for each piece"),
        min_value=0,
        max_value=100_000,
        required=False,
        widget=forms.NumberInput(attrs={"data-encore-for": "kind=pieces"}),
    )
    category_paths = picked_field(
        gettext_lazy("Categories"),
        gettext_lazy("With those below them. Nothing picked in all three gaps means all goods."),
    )
    brands = picked_field(gettext_lazy("Brands"))
    skus = picked_field(gettext_lazy("Articles"))
    basket = picked_field(
        gettext_lazy("A basket to try it on"),
        gettext_lazy("Search above and put articles into it. It is not saved."),
    )
    channels = forms.MultipleChoiceField(
        label=gettext_lazy("Bought here (none ticked: everywhere)"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    tier_ids = forms.MultipleChoiceField(
        label=gettext_lazy("By members with one of these levels (none ticked: all members)"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    segment_ids = forms.MultipleChoiceField(
        label=gettext_lazy("By customers in one of these segments (none ticked: all members)"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    order_number = forms.ChoiceField(label=gettext_lazy("With"), choices=ORDERS, required=False)
    starts_at = forms.DateTimeField(
        label=gettext_lazy("From"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    ends_at = forms.DateTimeField(
        label=gettext_lazy("Until, exactly (nothing: until you end it)"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    weekdays = forms.MultipleChoiceField(
        label=gettext_lazy("On these days (none ticked: every day)"),
        choices=WEEKDAYS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    from_time = forms.TimeField(
        label=gettext_lazy("From this hour of the day"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    to_time = forms.TimeField(
        label=gettext_lazy("To this hour of the day"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    cap_points = forms.IntegerField(
        label=gettext_lazy("At most so many extra points for each member"), min_value=1, required=False
    )
    budget_points = forms.IntegerField(
        label=gettext_lazy("Pause when so many points are given in all"), min_value=1, required=False
    )

    def __init__(self, *args: Any, programme: Programme, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.programme = programme
        self._choose("channels", [(row.key, row.name) for row in Channel.objects.order_by("name", "id")])
        self._choose("tier_ids", list_level_choices(programme.pk, at=clock.now()))
        self._choose(
            "segment_ids", [(str(row.id), row.name) for row in Segment.objects.order_by("name", "id")]
        )
        for code, label in LANGUAGES:
            self.fields[f"text_{code}"] = forms.CharField(label=label, max_length=200, required=False)

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        """Offer what there is; a gap with nothing to choose is left out."""
        field = self.fields[name]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 (for the type checker)
        field.choices = choices
        if not choices:
            del self.fields[name]

    def sections(self) -> list[Section]:
        """Give the gaps in the parts of the sentence."""
        parts = []
        for title, names in SECTIONS:
            fields = [self[name] for name in names if name in self.fields]
            is_open = any(field.name in ALWAYS_OPEN or field.errors or field.value() for field in fields)
            parts.append(Section(title, fields, is_open, "skus" in names))
        return parts

    def unfinished(self) -> "CampaignForm":
        """Give the form as it is filled in, with nothing said about what is still missing."""
        filled = {name: self[name].value() for name in self.fields}
        return CampaignForm(initial=filled, programme=self.programme)

    def name_picked(self) -> None:
        """Let what is picked stand by its name. Queries: 1; 0 where no article is picked."""
        told = (self["skus"].value() or "") + "\n" + (self["basket"].value() or "")
        names = name_articles(set(_split(told)))
        for field in ("skus", "basket"):
            self.fields[field].widget.names = names

    def read_basket(self) -> dict[str, int]:
        """Give the pieces of the basket to try it on, by article number."""
        return dict(Counter(self.cleaned_data["basket"].splitlines()))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        cleaned["step_list"] = self._read_steps(cleaned.get("steps", ""))
        for name in ("starts_at", "ends_at"):
            if cleaned.get(name) is not None:
                cleaned[name] = _in_zone(cleaned[name], self.programme)
        if cleaned.get("kind") == CampaignKind.MULTIPLY and cleaned.get("factor") is None:
            self.add_error("factor", _("Say how many times the points: 2 is double."))
        return cleaned

    def _read_steps(self, text: str) -> list[list[int]]:
        steps = []
        for line in filter(None, (line.strip() for line in text.splitlines())):
            amount, _sign, points = line.partition("=")
            try:
                steps.append([to_minor(Decimal(amount.strip()), self.programme.currency), int(points)])
            except (InvalidOperation, ValueError):
                self.add_error(
                    "steps", _("“%(line)s” is no step. Write it like 4.50 = 30.") % {"line": line[:40]}
                )
            except ValidationError as error:
                self.add_error("steps", error)
        return steps

    def read_own(self) -> dict[str, Any]:
        """Give the fields of the campaign itself."""
        told = self.cleaned_data
        texts = {code: told[f"text_{code}"] for code, _label in LANGUAGES if told[f"text_{code}"]}
        names = ("name", "starts_at", "ends_at", "budget_points")
        return {"public_text": texts, **{name: told[name] for name in names}}

    def read_terms(self) -> dict[str, Any]:
        """Give the fields of its version."""
        told = self.cleaned_data
        order = told["order_number"]
        return {
            "kind": told["kind"],
            "factor": told["factor"] if told["factor"] is not None else Decimal(1),
            "steps": told["step_list"],
            "piece_points": told["piece_points"] or 0,
            "skus": _split(told["skus"]),
            "brands": _split(told["brands"]),
            "category_paths": _split(told["category_paths"]),
            "channels": told.get("channels", []),
            "tier_ids": [int(one) for one in told.get("tier_ids", [])],
            "segment_ids": [int(one) for one in told.get("segment_ids", [])],
            "order_numbers": [int(order)] if order else [],
            "weekdays": [int(one) for one in told["weekdays"]],
            "from_minute": _minute(told["from_time"], 0),
            "to_minute": _minute(told["to_time"], DAY_MINUTES) or DAY_MINUTES,
            "cap_points": told["cap_points"],
        }

    def take_over(self, error: ValidationError) -> None:
        """Show what the operation refuses, beside its field where there is one."""
        places = {"from_minute": "from_time", "to_minute": "to_time", "order_numbers": "order_number"}
        for name, texts in getattr(error, "message_dict", {"__all__": error.messages}).items():
            place = places.get(name, name)
            self.add_error(place if place in self.fields else None, texts)

    @classmethod
    def begin(cls, campaign: Campaign, version: CampaignVersion) -> dict[str, Any]:
        """Give a stored campaign as the form shows it."""
        programme = campaign.programme
        return {
            **{name: getattr(campaign, name) for name in ("name", "budget_points")},
            **{
                name: getattr(version, name)
                for name in ("kind", "factor", "piece_points", "cap_points", "channels")
            },
            **{name: "\n".join(getattr(version, name)) for name in ("skus", "brands", "category_paths")},
            "starts_at": _local(campaign.starts_at, programme),
            "ends_at": _local(campaign.ends_at, programme),
            "steps": "\n".join(
                f"{from_minor(amount, programme.currency)} = {points}" for amount, points in version.steps
            ),
            "tier_ids": [str(one) for one in version.tier_ids],
            "segment_ids": [str(one) for one in version.segment_ids],
            "order_number": str(version.order_numbers[0]) if version.order_numbers else "",
            "weekdays": [str(one) for one in version.weekdays],
            "from_time": _time(version.from_minute) if version.from_minute else None,
            "to_time": _time(version.to_minute) if version.to_minute < DAY_MINUTES else None,
            **{f"text_{code}": campaign.public_text.get(code, "") for code, _label in LANGUAGES},
        }


def _in_zone(typed: datetime, programme: Programme) -> datetime:
    """Take what was typed as local time of the programme, whatever zone the site runs in."""
    return typed.replace(tzinfo=programme.zone)


def _local(at: datetime | None, programme: Programme) -> datetime | None:
    return at.astimezone(programme.zone).replace(tzinfo=None) if at else None


def _split(text: str) -> list[str]:
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def _minute(at: time | None, otherwise: int) -> int:
    return otherwise if at is None else at.hour * 60 + at.minute


def _time(minute: int) -> time:
    return time(minute // 60, minute % 60)
