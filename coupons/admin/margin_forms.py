"""The forms of floors and agreements: "keep at least 10 % of whole orders; where it would be less, …"."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.models import Channel, Product
from coupons.admin.site_forms import take_over
from coupons.models import Coupon
from coupons.models.margin import FloorScopeChoices, RemedyChoices
from coupons.operations.margin import FloorOf
from coupons.policies.margin import FloorScope
from coupons.policies.states import CouponState


class FloorForm(forms.Form):
    """How much has to be left, of what, and what happens where it would be less."""

    percent = forms.DecimalField(
        label=gettext_lazy("Keep at least so many per cent"),
        help_text=gettext_lazy("Of what customers pay, without tax, after the cost of the goods."),
        min_value=0,
        max_value=99,
        max_digits=4,
        decimal_places=2,
    )
    scope = forms.ChoiceField(
        label=gettext_lazy("of"), choices=FloorScopeChoices.choices, initial=FloorScope.CHANNEL.value
    )
    brand = forms.CharField(
        label=gettext_lazy("Brand"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"data-encore-for": "scope=brand", "list": "brands"}),
    )
    coupon = forms.ModelChoiceField(
        label=gettext_lazy("Coupon"),
        queryset=Coupon.objects.none(),
        required=False,
        widget=forms.Select(attrs={"data-encore-for": "scope=coupon"}),
    )
    channel = forms.ChoiceField(
        label=gettext_lazy("Channel"),
        required=False,
        widget=forms.Select(attrs={"data-encore-for": "scope=channel"}),
    )
    remedy = forms.ChoiceField(
        label=gettext_lazy("Where it would be less"), choices=RemedyChoices.choices, initial="trim"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        coupon, channel = self.fields["coupon"], self.fields["channel"]
        assert isinstance(coupon, forms.ModelChoiceField)  # noqa: S101 (for the type checker)
        assert isinstance(channel, forms.ChoiceField)  # noqa: S101
        coupon.queryset = Coupon.objects.exclude(state=CouponState.ENDED).order_by("name", "id")
        channels = Channel.objects.order_by("name", "id").values_list("key", "name")
        channel.choices = [("", _("every channel")), *channels]

    def clean(self) -> dict[str, Any]:
        """Ask for what the scope needs."""
        told: dict[str, Any] = super().clean() or {}
        if told.get("scope") == FloorScope.BRAND and not told.get("brand"):
            self.add_error("brand", _("Say which brand."))
        if told.get("scope") == FloorScope.COUPON and not told.get("coupon"):
            self.add_error("coupon", _("Choose the coupon."))
        return told

    def read_of(self) -> FloorOf:
        """Give what the floor is for; what belongs to another scope is left out."""
        told, scope = self.cleaned_data, FloorScope(self.cleaned_data["scope"])
        if scope is FloorScope.BRAND:
            return FloorOf(scope, brand=told["brand"].strip())
        if scope is FloorScope.COUPON:
            return FloorOf(scope, coupon_id=told["coupon"].pk)
        return FloorOf(scope, channel=told["channel"])

    def take_over(self, error: ValidationError) -> None:
        """Show what the operation refuses, beside its field where there is one."""
        take_over(self, error)


class AgreementForm(forms.Form):
    """Which brand, from when to when, and how far coupons may go."""

    brand = forms.CharField(
        label=gettext_lazy("Brand"), max_length=200, widget=forms.TextInput(attrs={"list": "brands"})
    )
    partner = forms.CharField(label=gettext_lazy("Agreed with"), max_length=120, required=False)
    allows = forms.ChoiceField(
        label=gettext_lazy("Coupons"),
        choices=[
            ("yes", gettext_lazy("are allowed")),
            ("most", gettext_lazy("are allowed up to a highest discount")),
            ("no", gettext_lazy("are not allowed")),
        ],
    )
    most_percent = forms.DecimalField(
        label=gettext_lazy("Highest discount, in per cent"),
        min_value=0,
        max_value=99,
        max_digits=4,
        decimal_places=2,
        required=False,
        widget=forms.NumberInput(attrs={"data-encore-for": "allows=most"}),
    )
    starts_on = forms.DateField(
        label=gettext_lazy("First day"), widget=forms.DateInput(attrs={"type": "date"})
    )
    ends_on = forms.DateField(
        label=gettext_lazy("Last day (nothing: until you end it)"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    note = forms.CharField(label=gettext_lazy("Note, for you"), max_length=200, required=False)

    def clean(self) -> dict[str, Any]:
        """Ask for the highest discount where there is one."""
        told: dict[str, Any] = super().clean() or {}
        if told.get("allows") == "most" and not told.get("most_percent"):
            self.add_error("most_percent", _("Give a percentage above zero."))
        return told

    def read(self) -> dict[str, Any]:
        """Give what the operation is told; days are those of the shop."""
        told, zone = self.cleaned_data, _find_zone()
        return {
            "brand": told["brand"],
            "partner": told["partner"],
            "note": told["note"],
            "allows_coupons": told["allows"] != "no",
            "most_percent": told["most_percent"] if told["allows"] == "most" else None,
            "time_zone": zone.key,
            "starts_at": _midnight(told["starts_on"], zone),
            "ends_at": told["ends_on"] and _midnight(told["ends_on"] + timedelta(days=1), zone),
        }

    def take_over(self, error: ValidationError) -> None:
        """Show what the operation refuses, beside its field where there is one."""
        names = {"starts_at": "starts_on", "ends_at": "ends_on"}
        told = getattr(error, "message_dict", {"__all__": error.messages})
        take_over(self, ValidationError({names.get(name, name): texts for name, texts in told.items()}))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _find_zone() -> ZoneInfo:
    """Give the zone of the shop's oldest channel, whose days an agreement means."""
    return ZoneInfo(Channel.objects.order_by("id").values_list("time_zone", flat=True).first() or "UTC")


def list_brands() -> list[str]:
    """Give the brands that the shop sells, for picking. Queries: 1."""
    brands = Product.objects.exclude(brand="").order_by("brand").values_list("brand", flat=True).distinct()
    return list(brands[:500])
