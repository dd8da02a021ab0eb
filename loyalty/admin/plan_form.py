"""The form of a plan: "ask 29.00 for 12 months, and give twice the points and free shipping from 15.00"."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.money import from_minor, to_minor
from loyalty.admin.campaign_form import LANGUAGES
from loyalty.admin.level_form import TICKED
from loyalty.admin.programme_forms import find_start, holds_from_field
from loyalty.models import Plan, PlanVersion, Programme
from loyalty.policies.perks import PerkKind, keep_words, read_perks
from loyalty.policies.plans.offer import MOST_GRACE_DAYS, MOST_MONTHS, MOST_TRIAL_DAYS
from loyalty.queries.programmes import offer_of
from loyalty.queries.tiers.levels import list_tiers

# What the fields of a version are called in the form.
FIELDS = {
    "price_minor": "price",
    "shipping_minor": "shipping_saved",
    "free_for_all_minor": "free_for_all",
    "perks": "benefits",
}


def _money(label: Any, **more: Any) -> forms.DecimalField:
    return forms.DecimalField(label=label, min_value=0, max_digits=12, decimal_places=3, **more)


class PlanForm(forms.Form):
    """What is asked, for how long, and what is given for it."""

    template_name = "encore/backstage/fields.html"

    name = forms.CharField(label=gettext_lazy("Name, as customers read it"), max_length=80)
    price = _money(gettext_lazy("Ask"))
    months = forms.IntegerField(
        label=gettext_lazy("for so many months"), min_value=1, max_value=MOST_MONTHS, initial=12
    )
    trial_days = forms.IntegerField(
        label=gettext_lazy("after so many days of trial (0: none)"),
        min_value=0,
        max_value=MOST_TRIAL_DAYS,
        initial=0,
    )
    grace_days = forms.IntegerField(
        label=gettext_lazy("and wait so many days for the next payment"),
        min_value=0,
        max_value=MOST_GRACE_DAYS,
        initial=7,
    )
    factor = forms.DecimalField(
        label=gettext_lazy("Give so many times the points"), max_digits=5, decimal_places=2, initial=1
    )
    level_id = forms.TypedChoiceField(
        label=gettext_lazy("and the level"), coerce=int, empty_value=None, required=False
    )
    shipping = _money(
        gettext_lazy("Free shipping from this order value on (0: always, nothing: never)"), required=False
    )
    shipping_saved = _money(
        gettext_lazy("which saves so much on an order"),
        required=False,
        help_text=gettext_lazy("What you usually charge. Members read what they have saved by it."),
    )
    free_for_all = _money(
        gettext_lazy("Shipping is free for everybody from this order value on (nothing: never)"),
        required=False,
    )
    early = forms.IntegerField(
        label=gettext_lazy("New products so many hours before everybody else"),
        required=False,
        min_value=1,
        max_value=10_000,
    )
    benefits = forms.MultipleChoiceField(
        label=gettext_lazy("and also"), choices=TICKED, required=False, widget=forms.CheckboxSelectMultiple
    )
    own = forms.CharField(
        label=gettext_lazy("and something of your own (key: what members read)"),
        help_text=gettext_lazy("Your developer asks for it by its key, such as lounge: Free coffee"),
        max_length=160,
        required=False,
        validators=[
            RegexValidator(
                r"^\s*[a-z][a-z0-9_]{0,39}\s*:\s*\S.*$",
                gettext_lazy("Write a key, a colon, and what members read: lounge: Free coffee"),
            )
        ],
    )
    holds_from = holds_from_field()
    is_meant = forms.BooleanField(
        label=gettext_lazy("I have seen what it costs; it is meant to be"), required=False
    )

    def __init__(
        self, *args: Any, programme: Programme, before: PlanVersion | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.programme, self.before = programme, before
        if before is None or before.starts_at is None:
            del self.fields["holds_from"]
        for code, label in LANGUAGES:
            self.fields[f"text_{code}"] = forms.CharField(label=label, max_length=200, required=False)

    def offer_levels(self, levels: Any) -> None:
        """Say which levels there are to choose from."""
        field = self.fields["level_id"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 (for the type checker)
        field.choices = [("", _("none")), *((tier.level_id, tier.name) for tier in levels)]

    def clean(self) -> dict[str, Any]:
        """Turn amounts into minor units, each refused beside its gap."""
        cleaned: dict[str, Any] = super().clean() or {}
        for name in ("price", "shipping", "shipping_saved", "free_for_all"):
            if cleaned.get(name) is not None:
                try:
                    cleaned[name] = to_minor(cleaned[name], self.programme.currency)
                except ValidationError as error:
                    self.add_error(name, error)
        return cleaned

    def read_own(self) -> dict[str, Any]:
        """Give name and texts."""
        told = self.cleaned_data
        texts = {code: told[f"text_{code}"] for code, _label in LANGUAGES if told[f"text_{code}"]}
        return {"name": told["name"], "public_text": texts}

    def read_terms(self) -> dict[str, Any]:
        """Give the fields of its version."""
        told = self.cleaned_data
        return {
            "price_minor": told["price"],
            "months": told["months"],
            "trial_days": told["trial_days"],
            "grace_days": told["grace_days"],
            "factor": told["factor"],
            "level_id": told["level_id"],
            "perks": keep_words(self._read_perks(), read_perks(self.before.perks) if self.before else ()),
            "shipping_minor": told["shipping_saved"] or 0,
            "free_for_all_minor": told["free_for_all"],
        }

    def _read_perks(self) -> Iterator[dict[str, Any]]:
        told = self.cleaned_data
        if told["shipping"] is not None:
            yield {"kind": "free_shipping"} | ({"number": told["shipping"]} if told["shipping"] else {})
        if told["early"]:
            yield {"kind": "early_access", "number": told["early"]}
        yield from ({"kind": kind} for kind in told["benefits"])
        if told["own"]:
            key, _colon, text = (part.strip() for part in told["own"].partition(":"))
            yield {"kind": "other", "key": key, "text": {"en": text}}

    def starts_at(self, at: datetime) -> datetime | None:
        """Give the moment at which the day begins that was chosen; None is now, as is today."""
        day = self.cleaned_data.get("holds_from")
        return find_start(self.programme, day, at) if day else None

    def offer_day(self, day: date, said: str) -> None:
        """Refuse a day beside its field, and put the first one there that may be."""
        typed: Any = self.data
        self.data = typed = typed.copy()
        typed["holds_from"] = f"{day:%Y-%m-%d}"
        self.add_error("holds_from", said)

    def refuse_cost(self, said: str) -> bool:
        """Demand a tick for what may be a slip; tell whether it is missing."""
        if not said or self.cleaned_data["is_meant"]:
            return False
        self.add_error("is_meant", said)
        return True

    def take_over(self, error: ValidationError) -> None:
        """Show what an operation refuses, beside its gap where there is one."""
        for field, texts in getattr(error, "message_dict", {"__all__": error.messages}).items():
            name = FIELDS.get(field, field)
            self.add_error(name if name in self.fields else None, texts)

    @classmethod
    def begin(cls, plan: Plan, version: PlanVersion) -> dict[str, Any]:
        """Give a stored plan as the form shows it."""
        offer, currency = offer_of(version), plan.programme.currency
        told: dict[str, Any] = {
            "name": plan.name,
            "price": from_minor(version.price_minor, currency),
            "months": version.months,
            "trial_days": version.trial_days,
            "grace_days": version.grace_days,
            "factor": Decimal(version.factor),
            "level_id": version.level_id,
            "benefits": [perk.kind.value for perk in offer.perks if perk.kind in dict(TICKED)],
            **{f"text_{code}": plan.public_text.get(code, "") for code, _label in LANGUAGES},
        }
        for perk in offer.perks:
            if perk.kind is PerkKind.EARLY_ACCESS:
                told["early"] = perk.number
            if perk.kind is PerkKind.OTHER:
                told["own"] = f"{perk.key}: {next(iter(perk.text.values()))}"
        if offer.shipping is not None:
            told["shipping"] = from_minor(offer.shipping.number or 0, currency)
            told["shipping_saved"] = from_minor(offer.shipping_minor, currency)
        if offer.free_for_all_minor is not None:
            told["free_for_all"] = from_minor(offer.free_for_all_minor, currency)
        return told


def open_form(*args: Any, programme: Programme, rules: Any, at: Any, **kwargs: Any) -> PlanForm:
    """Make the form with the levels that the programme has now."""
    form = PlanForm(*args, programme=programme, **kwargs)
    form.offer_levels(list_tiers(rules, at=at))
    return form
