"""The forms of the programme's pages. Money is typed as people write it and kept in minor units."""

from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage import clock
from backstage.policies.names import nearest
from commerce.admin.money import from_minor, to_minor
from commerce.policies.snapshot import CURRENCIES
from loyalty.models import EarningRule, LotTerms, Programme
from loyalty.models.programme import CombinationChoices, DebtPolicyChoices, EnrolmentChoices
from loyalty.policies.earning import Rounding
from loyalty.policies.terms import Clock, ExpiryKind

MOST_POINTS = 1_000_000
ROUNDINGS = (
    (Rounding.DOWN.value, gettext_lazy("down: a part of a point is lost")),
    (Rounding.NEAREST.value, gettext_lazy("to the nearest point")),
    (Rounding.UP.value, gettext_lazy("up: a part of a point becomes a whole one")),
)
CLOCKS = (
    (Clock.ORDER.value, gettext_lazy("the order")),
    (Clock.PAYMENT.value, gettext_lazy("the payment")),
    (Clock.DELIVERY.value, gettext_lazy("the delivery")),
)
EXPIRIES = (
    (ExpiryKind.AFTER_RELEASE.value, gettext_lazy("some months after they became ready")),
    (ExpiryKind.CALENDAR_DAY.value, gettext_lazy("on a day of the year, after some months")),
    (ExpiryKind.INACTIVITY.value, gettext_lazy("after some months without any activity")),
    (ExpiryKind.NEVER.value, gettext_lazy("never")),
)


def money_field(label: Any, **options: Any) -> forms.DecimalField:
    """Ask for an amount of money, such as 8.50."""
    return forms.DecimalField(label=label, min_value=Decimal(0), max_digits=12, decimal_places=3, **options)


def clean_currency(code: str) -> str:
    """Give a currency code in capitals. Raises: ValidationError naming the nearest one."""
    code = code.strip().upper()
    if code not in CURRENCIES:
        raise ValidationError(_("There is no currency %(code)s. Write a code such as EUR.") % {"code": code})
    return code


class ProgrammeChangeForm(forms.Form):
    """A change of a programme: shown first in words, done on the second click."""

    template_name = "encore/backstage/fields.html"

    checked = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, programme: Programme, group_id: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.programme = programme
        self.group_id = group_id

    def clean_money(self, name: str) -> int:
        """Give the minor units of a field; what it cannot be is said beside it."""
        amount = self.cleaned_data.get(name)
        if amount is None:
            return 0
        try:
            return to_minor(amount, self.programme.currency)
        except ValidationError as error:
            self.add_error(name, error)
            return 0

    def take_over(self, error: ValidationError) -> None:
        """Show what the models refuse, beside the field where there is one."""
        for name, texts in getattr(error, "message_dict", {"__all__": error.messages}).items():
            self.add_error(name if name in self.fields else None, texts)


class RuleForm(ProgrammeChangeForm):
    """What an order gives."""

    points = forms.IntegerField(label=gettext_lazy("Points"), min_value=1, max_value=MOST_POINTS)
    per = money_field(gettext_lazy("For every (amount spent)"))
    counts_tax = forms.BooleanField(label=gettext_lazy("Tax counts"), required=False)
    counts_shipping = forms.BooleanField(label=gettext_lazy("Shipping counts"), required=False)
    rounding = forms.ChoiceField(label=gettext_lazy("Rounded"), choices=ROUNDINGS)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        cleaned["per_minor"] = self.clean_money("per")
        if cleaned["per_minor"] < 1 and "per" not in self.errors:
            self.add_error("per", _("Write an amount above zero."))
        return cleaned

    def read(self) -> dict[str, Any]:
        """Give the fields of the new version."""
        names = ("points", "per_minor", "counts_tax", "counts_shipping", "rounding")
        return {name: self.cleaned_data[name] for name in names}

    @classmethod
    def begin(cls, programme: Programme, group_id: int | None) -> dict[str, Any]:
        """Give what runs now."""
        rule = EarningRule.objects.get(programme=programme, ends_at__isnull=True)
        names = ("points", "counts_tax", "counts_shipping", "rounding")
        told = {name: getattr(rule, name) for name in names}
        return {**told, "per": from_minor(rule.per_minor, programme.currency)}


class TermsForm(ProgrammeChangeForm):
    """When points become ready and until when they can be used."""

    window_days = forms.IntegerField(
        label=gettext_lazy("Days to send goods back"),
        min_value=0,
        max_value=365,
        help_text=gettext_lazy("Points become ready when they are over. 0 makes them ready at once."),
    )
    clock = forms.ChoiceField(label=gettext_lazy("Counted from"), choices=CLOCKS)
    missing_fact_days = forms.IntegerField(
        label=gettext_lazy("If payment or delivery is never told, count from this many days after the order"),
        min_value=0,
        max_value=730,
    )
    expiry_kind = forms.ChoiceField(label=gettext_lazy("Points end"), choices=EXPIRIES)
    expiry_months = forms.IntegerField(label=gettext_lazy("Months"), min_value=0, max_value=240)
    expiry_at_month_end = forms.BooleanField(
        label=gettext_lazy("At the end of the month, not in the middle of it"), required=False
    )
    expiry_month = forms.IntegerField(label=gettext_lazy("Month of the day"), min_value=1, max_value=12)
    expiry_day = forms.IntegerField(label=gettext_lazy("Day of the month"), min_value=1, max_value=31)

    def read(self) -> dict[str, Any]:
        """Give the fields of the new version."""
        return {name: value for name, value in self.cleaned_data.items() if name != "checked"}

    @classmethod
    def begin(cls, programme: Programme, group_id: int | None) -> dict[str, Any]:
        """Give what runs now, for the group or else for all other goods."""
        running = LotTerms.objects.filter(programme=programme, ends_at__isnull=True)
        terms = running.filter(product_group_id=group_id).first() or running.get(product_group__isnull=True)
        return {name: getattr(terms, name) for name in cls.base_fields if name != "checked"}


class SettingsForm(ProgrammeChangeForm):
    """What a programme's own row decides."""

    name = forms.CharField(label=gettext_lazy("Name that members read"), max_length=80)
    worth_points = forms.IntegerField(label=gettext_lazy("Points"), min_value=1, max_value=MOST_POINTS)
    worth = money_field(gettext_lazy("Are worth (amount)"))
    enrolment = forms.ChoiceField(
        label=gettext_lazy("Who becomes a member"), choices=EnrolmentChoices.choices
    )
    backdate_days = forms.IntegerField(
        label=gettext_lazy("Count orders placed this many days before joining"), min_value=0, max_value=3650
    )
    debt_policy = forms.ChoiceField(
        label=gettext_lazy("When goods come back whose points are spent"), choices=DebtPolicyChoices.choices
    )
    combination = forms.ChoiceField(
        label=gettext_lazy("When an order is in several campaigns"), choices=CombinationChoices.choices
    )
    reprieve_days = forms.IntegerField(
        label=gettext_lazy("Days that points which come back too late stay usable"),
        min_value=0,
        max_value=365,
    )
    hold_minutes = forms.IntegerField(
        label=gettext_lazy("Minutes that a basket keeps points reserved"), min_value=1, max_value=10080
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        cleaned["worth_minor"] = self.clean_money("worth")
        return cleaned

    def read(self) -> dict[str, Any]:
        """Give the settings that differ from what holds now."""
        wanted = {
            name: value for name, value in self.cleaned_data.items() if name not in ("checked", "worth")
        }
        return {name: value for name, value in wanted.items() if getattr(self.programme, name) != value}

    @classmethod
    def begin(cls, programme: Programme, group_id: int | None) -> dict[str, Any]:
        """Give what holds now."""
        told = {name: getattr(programme, name, None) for name in cls.base_fields}
        return {**told, "checked": "", "worth": from_minor(programme.worth_minor, programme.currency)}


class ListField(forms.CharField):
    """Texts, one on each line."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> Any:
        lines = (super().to_python(value) or "").splitlines()
        return [line.strip() for line in lines if line.strip()]


class GroupForm(ProgrammeChangeForm):
    """Goods that get a window or expiry of their own."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    skus = ListField(label=gettext_lazy("Article numbers, one on each line"), required=False)
    brands = ListField(label=gettext_lazy("Brands, one on each line"), required=False)
    category_paths = ListField(
        label=gettext_lazy("Categories, one on each line"),
        required=False,
        help_text=gettext_lazy("As the shop writes them: coffee/beans."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not any(cleaned.get(name) for name in ("skus", "brands", "category_paths")):
            self.add_error("skus", _("Name at least one article, brand or category."))
        return cleaned

    def read(self) -> dict[str, Any]:
        """Give the fields of the group."""
        return {name: value for name, value in self.cleaned_data.items() if name != "checked"}

    @classmethod
    def begin(cls, programme: Programme, group_id: int | None) -> dict[str, Any]:
        """Begin empty."""
        return {}


class RateForm(ProgrammeChangeForm):
    """What a foreign currency is worth here from now on."""

    currency = forms.CharField(label=gettext_lazy("Currency"), max_length=3, help_text="GBP")
    rate = forms.DecimalField(
        label=gettext_lazy("One of it is worth, in the programme's currency"),
        min_value=Decimal("0.00000001"),
        max_digits=18,
        decimal_places=8,
    )

    def clean_currency(self) -> str:
        code = clean_currency(self.cleaned_data["currency"])
        if code == self.programme.currency:
            raise ValidationError(_("This is the programme's own currency; it needs no rate."))
        return code

    def read(self) -> dict[str, Any]:
        """Give the fields of the rate, which holds from now on."""
        told = self.cleaned_data
        return {"currency": told["currency"], "rate": told["rate"], "starts_at": clock.now()}

    @classmethod
    def begin(cls, programme: Programme, group_id: int | None) -> dict[str, Any]:
        """Begin empty."""
        return {}


class ProgrammeForm(forms.Form):
    """The few things that a new programme needs; everything else has a default and can be changed later."""

    template_name = "encore/backstage/fields.html"

    name = forms.CharField(label=gettext_lazy("Name that members read"), max_length=80)
    key = forms.SlugField(
        label=gettext_lazy("Key"),
        max_length=40,
        help_text=gettext_lazy("For addresses and programs: small letters and dashes. It stays for good."),
    )
    currency = forms.CharField(label=gettext_lazy("Currency"), max_length=3, initial="EUR")
    time_zone = forms.CharField(
        label=gettext_lazy("Time zone"),
        initial="UTC",
        help_text=gettext_lazy("It decides what “on 30 November” means: Europe/Oslo."),
    )
    points = forms.IntegerField(
        label=gettext_lazy("Points that an order gives"), min_value=1, max_value=MOST_POINTS, initial=1
    )
    per = money_field(gettext_lazy("For every (amount spent)"), initial=Decimal("10"))
    worth_points = forms.IntegerField(
        label=gettext_lazy("So many points"), min_value=1, max_value=MOST_POINTS, initial=1
    )
    worth = money_field(gettext_lazy("Are worth (amount)"), initial=Decimal("1"))

    def clean_currency(self) -> str:
        return clean_currency(self.cleaned_data["currency"])

    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"].strip()
        known = available_timezones()
        if name not in known:
            told = {"name": name, "example": nearest(name, known) or "Europe/Oslo"}
            raise ValidationError(_("There is no time zone %(name)s. Write one such as %(example)s.") % told)
        return name

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for name in ("per", "worth"):
            if name in cleaned and "currency" in cleaned:
                try:
                    cleaned[f"{name}_minor"] = to_minor(cleaned[name], cleaned["currency"])
                except ValidationError as error:
                    self.add_error(name, error)
        if cleaned.get("per_minor") == 0:
            self.add_error("per", _("Write an amount above zero."))
        return cleaned

    def read(self) -> dict[str, Any]:
        """Give what `create_programme` is told."""
        told = self.cleaned_data
        return {
            **{name: told[name] for name in ("key", "name", "currency", "time_zone")},
            "settings": {"worth_points": told["worth_points"], "worth_minor": told["worth_minor"]},
            "rule": {"points": told["points"], "per_minor": told["per_minor"]},
        }

    def take_over(self, error: ValidationError) -> None:
        """Show what the models refuse, beside the field where there is one."""
        for name, texts in getattr(error, "message_dict", {"__all__": error.messages}).items():
            self.add_error(name if name in self.fields else None, texts)
