"""The forms of the programme's pages. Money is typed as people write it and kept in minor units."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage import clock
from commerce.admin.money import from_minor, to_minor
from commerce.policies.snapshot import CURRENCIES
from loyalty.models import EarningRule, LotTerms, Programme
from loyalty.policies.calendar import local_date, start_of_day
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


def holds_from_field() -> forms.DateField:
    """Ask for the day from which a change holds."""
    return forms.DateField(
        label=gettext_lazy("Holds from"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy(
            "Empty: as soon as it may. What takes something away from members is told to them first."
        ),
    )


def find_start(programme: Programme, day: date | None, at: datetime) -> datetime | None:
    """Give the moment at which a day begins that was chosen; None is now, as is today."""
    if day is None or day == local_date(at, programme.zone):
        return None
    return start_of_day(day, programme.zone)


def find_running(versions: Any) -> Any:
    """Find the version that runs now, or where none does yet the one that begins it all; None for neither."""
    at = clock.now()
    running = versions.filter(starts_at__lte=at).exclude(ends_at__lte=at)
    return running.first() or versions.filter(ends_at__isnull=True).first()


class ProgrammeChangeForm(forms.Form):
    """A change of a programme: shown first in words, done on the second click."""

    template_name = "encore/backstage/fields.html"
    # Whether a new version of it may wait for a day.
    can_wait = False

    checked = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, programme: Programme, group_id: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.programme = programme
        self.group_id = group_id
        if self.can_wait:
            self.fields["holds_from"] = holds_from_field()

    def read(self) -> dict[str, Any]:
        """Give what the operation is told."""
        raise NotImplementedError

    def held(self) -> dict[str, Any]:
        """Give what holds now of what this changes."""
        return {}

    def starts_at(self) -> datetime | None:
        """Give the beginning of the day from which it is to hold; None is as soon as it may."""
        day = self.cleaned_data.get("holds_from")
        return start_of_day(day, self.programme.zone) if day else None

    def ask_whether_meant(self) -> None:
        """Ask for a tick: this costs so much more that it may be a slip."""
        self.fields["is_meant"] = forms.BooleanField(label=_("Yes, this is what I mean"), required=False)

    def is_meant(self) -> bool:
        """Tell whether the tick was set; it is asked for only where something is steep."""
        return bool(self.data.get("is_meant"))

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

    can_wait = True

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

    def held(self) -> dict[str, Any]:
        """Give what runs now."""
        return vars(self.find_held(self.programme))

    @staticmethod
    def find_held(programme: Programme) -> EarningRule:
        """Find the rule that runs now."""
        rule: EarningRule = find_running(EarningRule.objects.filter(programme=programme))
        return rule

    @classmethod
    def begin(cls, programme: Programme, group_id: int | None) -> dict[str, Any]:
        """Give what runs now."""
        rule = cls.find_held(programme)
        names = ("points", "counts_tax", "counts_shipping", "rounding")
        told = {name: getattr(rule, name) for name in names}
        return {**told, "per": from_minor(rule.per_minor, programme.currency)}


class TermsForm(ProgrammeChangeForm):
    """When points become ready and until when they can be used."""

    can_wait = True

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
        return {name: self.cleaned_data[name] for name in self.base_fields if name != "checked"}

    def held(self) -> dict[str, Any]:
        """Give what runs now."""
        return vars(self.find_held(self.programme, self.group_id))

    @staticmethod
    def find_held(programme: Programme, group_id: int | None) -> LotTerms:
        """Find the terms that run now, for the group or else for all other goods."""
        versions = LotTerms.objects.filter(programme=programme)
        of_group = find_running(versions.filter(product_group_id=group_id))
        terms: LotTerms = of_group or find_running(versions.filter(product_group__isnull=True))
        return terms

    @classmethod
    def begin(cls, programme: Programme, group_id: int | None) -> dict[str, Any]:
        """Give what runs now, for the group or else for all other goods."""
        terms = cls.find_held(programme, group_id)
        return {name: getattr(terms, name) for name in cls.base_fields if name != "checked"}


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
