"""The form of levels: "who has spent … in the last 12 months is …, and gets … times the points and …"."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.money import from_minor, to_minor
from loyalty.models import Programme, TierScheme
from loyalty.models.tiers import FallChoices, MetricChoices, WindowChoices
from loyalty.policies.perks import Perk, PerkKind, keep_words, perk_rows, read_perks
from loyalty.policies.tiers.scheme import Fall, Metric, Window
from loyalty.policies.tiers.terms import (
    DEFAULT_THRESHOLDS,
    MOST_GRACE_DAYS,
    MOST_TIERS,
    TierPlan,
    TierProblems,
)
from loyalty.queries.perk_words import PERK_LABELS
from loyalty.queries.tiers.schemes import list_plans, newest_perks
from loyalty.queries.tiers.words import say_problems

RULES = ("metric", "window", "fall", "grace_days", "notice_days")
# The benefits that are ticked; the others have gaps of their own.
TICKED = [
    (kind.value, label)
    for kind, label in PERK_LABELS.items()
    if kind not in (PerkKind.FREE_SHIPPING, PerkKind.EARLY_ACCESS, PerkKind.OTHER)
]
PARTS = ("name", "threshold", "factor", "shipping", "early", "perks", "own")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the sentence, drawn like a small form."""

    title: str
    visible_fields: list[forms.BoundField]
    hidden_fields: list[forms.BoundField] = field(default_factory=list)
    non_field_errors: tuple[str, ...] = ()


class LevelForm(forms.Form):
    """One version of the levels. Rows that are left empty are no levels."""

    metric = forms.ChoiceField(label=gettext_lazy("What counts"), choices=MetricChoices.choices)
    window = forms.ChoiceField(label=gettext_lazy("over which time"), choices=WindowChoices.choices)
    fall = forms.ChoiceField(label=gettext_lazy("Who buys too little falls"), choices=FallChoices.choices)
    grace_days = forms.IntegerField(
        label=gettext_lazy("after so many days of grace"), min_value=0, max_value=MOST_GRACE_DAYS, initial=30
    )
    notice_days = forms.IntegerField(
        label=gettext_lazy("and is told so many days before"),
        min_value=0,
        max_value=MOST_GRACE_DAYS,
        initial=30,
    )
    is_meant = forms.BooleanField(
        label=gettext_lazy("I have seen what it costs; it is meant to be"), required=False
    )

    def __init__(self, *args: Any, programme: Programme, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.programme = programme
        for place in range(MOST_TIERS):
            self._add_row(place)

    def _add_row(self, place: int) -> None:
        amount = forms.NumberInput(attrs={"step": "any"})
        fields: dict[str, forms.Field] = {
            "level_id": forms.IntegerField(required=False, widget=forms.HiddenInput),
            "name": forms.CharField(label=gettext_lazy("Name"), max_length=40, required=False),
            "threshold": forms.DecimalField(
                label=gettext_lazy("from so much on"), required=False, max_digits=14, decimal_places=3
            ),
            "factor": forms.DecimalField(
                label=gettext_lazy("times the points"), required=False, max_digits=5, decimal_places=2
            ),
            "shipping": forms.DecimalField(
                label=gettext_lazy("Free shipping from this order value on (0: always, nothing: never)"),
                required=False,
                min_value=0,
                max_digits=10,
                decimal_places=3,
                widget=amount,
            ),
            "early": forms.IntegerField(
                label=gettext_lazy("New products so many hours before everybody else"),
                required=False,
                min_value=1,
                max_value=10_000,
            ),
            "perks": forms.MultipleChoiceField(
                label=gettext_lazy("and also"),
                choices=TICKED,
                required=False,
                widget=forms.CheckboxSelectMultiple,
            ),
            "own": forms.CharField(
                label=gettext_lazy("and something of your own (key: what members read)"),
                help_text=gettext_lazy("Your developer asks for it by its key, such as lounge: Free coffee"),
                max_length=160,
                required=False,
            ),
        }
        self.fields |= {_name(place, part): field for part, field in fields.items()}

    def sections(self) -> Iterator[Part]:
        """Give the sentence in parts: the rules, the levels that are filled in, and one more."""
        yield Part(_("How levels are reached and lost"), [self[name] for name in RULES])
        shown = 1 + max((place for place in range(MOST_TIERS) if self._is_filled(place)), default=-1)
        for place in range(min(MOST_TIERS, shown + 1)):
            title = _("Level %(n)s") % {"n": place + 1}
            fields = [self[_name(place, part)] for part in PARTS]
            yield Part(title, fields, [self[_name(place, "level_id")]])
        if "is_meant" in self.errors:
            yield Part(_("Is it meant to be?"), [self["is_meant"]])

    def _is_filled(self, place: int) -> bool:
        return any(self[_name(place, part)].value() not in (None, "", []) for part in ("name", "threshold"))

    def clean(self) -> dict[str, Any]:
        """Demand an amount of every level that is begun, whole where it is no money."""
        cleaned: dict[str, Any] = super().clean() or {}
        for place in range(MOST_TIERS):
            name = _name(place, "threshold")
            if self._is_filled(place) and cleaned.get(name) is None and name not in self.errors:
                self.add_error(name, _("Give the amount from which on members have this level."))
        return cleaned

    def read_rules(self) -> dict[str, Any]:
        """Give the fields of the version."""
        return {name: self.cleaned_data[name] for name in RULES}

    def read_tiers(self) -> list[TierPlan]:
        """Give the levels. Raises: ValidationError by field, for amounts that cannot be."""
        places = [place for place in range(MOST_TIERS) if self._is_filled(place)]
        told = (self.cleaned_data.get(_name(place, "level_id")) for place in places)
        perks = newest_perks([level_id for level_id in told if level_id])
        return [self._read_tier(place, perks) for place in places]

    def _read_tier(self, place: int, before: Mapping[int, Sequence[Perk]]) -> TierPlan:
        told = {part: self.cleaned_data.get(_name(place, part)) for part in ("level_id", *PARTS)}
        return TierPlan(
            told["name"] or "",
            self._read_threshold(place, told["threshold"]),
            told["factor"] or Decimal(1),
            tuple(keep_words(self._read_perks(place, told), before.get(told["level_id"] or 0, ()))),
            told["level_id"],
        )

    def _read_threshold(self, place: int, amount: Any) -> int:
        try:
            if self.cleaned_data["metric"] == Metric.SPEND:
                return to_minor(amount, self.programme.currency)
            if amount != int(amount):
                raise ValidationError(_("Give a whole number."))
        except ValidationError as error:
            raise ValidationError({_name(place, "threshold"): error.messages}) from error
        return int(amount)

    def _read_perks(self, place: int, told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        if told["shipping"] is not None:
            number = to_minor(told["shipping"], self.programme.currency)
            yield {"kind": "free_shipping"} | ({"number": number} if number else {})
        if told["early"]:
            yield {"kind": "early_access", "number": told["early"]}
        yield from ({"kind": kind} for kind in told["perks"] or ())
        if told["own"]:
            key, colon, text = (part.strip() for part in told["own"].partition(":"))
            if not colon or not text:
                problem = _("Write a key, a colon, and what members read: lounge: Free coffee")
                raise ValidationError({_name(place, "own"): problem})
            yield {"kind": "other", "key": key, "text": {"en": text}}

    def take_over(self, error: ValidationError) -> None:
        """Show what cannot be beside its gap, or above all where it is about all."""
        for name, texts in getattr(error, "message_dict", {"__all__": error.messages}).items():
            self.add_error(name if name in self.fields else None, texts)

    def take_problems(self, problems: TierProblems) -> None:
        """Show the problems of levels, each beside the gap that has to change."""
        filled = [place for place in range(MOST_TIERS) if self._is_filled(place)]
        for key, texts in say_problems(problems).items():
            place, dot, part = key.rpartition(".")
            name = _name(filled[int(place)], part) if dot else key
            self.add_error(name if name in self.fields else None, texts)

    def refuse_cost(self, said: str) -> bool:
        """Demand a tick for what is far from what shops do; tell whether it is missing."""
        if not said or self.cleaned_data["is_meant"]:
            return False
        self.add_error("is_meant", said)
        return True

    @classmethod
    def begin(cls, scheme: TierScheme, currency: str) -> dict[str, Any]:
        """Give a stored version as the form shows it."""
        is_money = scheme.metric == Metric.SPEND
        told: dict[str, Any] = {name: getattr(scheme, name) for name in RULES}
        for place, plan in enumerate(list_plans(scheme)):
            amount = from_minor(plan.threshold, currency) if is_money else plan.threshold
            told |= {
                _name(place, "level_id"): plan.level_id,
                _name(place, "name"): plan.name,
                _name(place, "threshold"): amount,
                _name(place, "factor"): plan.factor,
                **_write_perks(place, plan.perks, currency),
            }
        return told

    @classmethod
    def propose(cls) -> dict[str, Any]:
        """Give what a shop starts from: three levels that only need names."""
        levels = {
            _name(place, part): value
            for place, amount in enumerate(DEFAULT_THRESHOLDS)
            for part, value in (("threshold", amount), ("factor", Decimal(100 + 25 * place) / 100))
        }
        return {
            "metric": Metric.SPEND.value,
            "window": Window.ROLLING.value,
            "fall": Fall.STEP.value,
            **levels,
        }


def _write_perks(place: int, perks: Sequence[Mapping[str, Any]], currency: str) -> dict[str, Any]:
    told: dict[str, Any] = {_name(place, "perks"): []}
    for row in perk_rows(read_perks(perks)):
        kind = row["kind"]
        if kind == PerkKind.FREE_SHIPPING:
            told[_name(place, "shipping")] = from_minor(row.get("number", 0), currency)
        elif kind == PerkKind.EARLY_ACCESS:
            told[_name(place, "early")] = row["number"]
        elif kind == PerkKind.OTHER:
            told[_name(place, "own")] = f"{row['key']}: {next(iter(row['text'].values()))}"
        else:
            told[_name(place, "perks")].append(kind)
    return told


def _name(place: int, part: str) -> str:
    return f"level_{place}_{part}"
