"""The forms of partner shops: taken in by a sentence, a new price, a channel, the end of one."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from backstage import clock
from commerce.admin.money import from_minor, to_minor
from commerce.models import Channel
from commerce.models.channels import ChannelKind
from loyalty.models import PartnerPrice, Programme
from loyalty.policies.calendar import local_date

MOST = Decimal(1_000_000)


def _date(label: Any, **more: Any) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, widget=widget, **more)


class ProgrammeForm(forms.Form):
    """A form about one programme, whose refusals stand beside their gaps."""

    template_name = "encore/backstage/fields.html"

    def __init__(self, *args: Any, programme: Programme, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.programme = programme

    def take_over(self, error: ValidationError) -> None:
        """Show what an operation refuses, beside its gap where there is one."""
        for name, texts in getattr(error, "message_dict", {"__all__": error.messages}).items():
            self.add_error(name if name in self.fields else None, texts)


class PriceForm(ProgrammeForm):
    """What the partner pays for 1,000 points issued, and is paid for 1,000 redeemed."""

    issued = forms.DecimalField(
        label=gettext_lazy("It pays, for 1,000 points issued"), min_value=0, max_value=MOST
    )
    redeemed = forms.DecimalField(
        label=gettext_lazy("and is paid, for 1,000 points redeemed"), min_value=0, max_value=MOST
    )
    starts_on = _date(gettext_lazy("from the beginning of this day on"))

    def clean_issued(self) -> int:
        return to_minor(self.cleaned_data["issued"], self.programme.currency)

    def clean_redeemed(self) -> int:
        return to_minor(self.cleaned_data["redeemed"], self.programme.currency)

    def read_price(self) -> dict[str, Any]:
        """Give the price as the operations take it."""
        told = self.cleaned_data
        return {
            "issued_minor": told["issued"],
            "redeemed_minor": told["redeemed"],
            "starts_on": told["starts_on"],
        }

    def begin_price(self, price: PartnerPrice | None) -> None:
        """Fill in what holds now."""
        if price is not None:
            currency = self.programme.currency
            self.initial["issued"] = from_minor(price.issued_minor, currency)
            self.initial["redeemed"] = from_minor(price.redeemed_minor, currency)


class PartnerForm(PriceForm):
    """Take in a partner, with its channels and first price."""

    name = forms.CharField(label=gettext_lazy("Take in"), max_length=80)
    key = forms.SlugField(
        label=gettext_lazy("Key"),
        max_length=40,
        help_text=gettext_lazy("A short name for files and addresses, such as bakery. It stays for good."),
    )
    contact = forms.CharField(
        label=gettext_lazy("Whom to write to"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("A name, an address. For you alone."),
    )
    channel = forms.MultipleChoiceField(
        label=gettext_lazy("whose customers earn and use points at"),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    field_order = ("name", "key", "channel", "issued", "redeemed", "starts_on", "contact")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["channel"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 (for the type checker)
        field.choices = list_partner_channels()
        self.initial.setdefault("starts_on", local_date(clock.now(), self.programme.zone))

    def read(self) -> dict[str, Any]:
        """Give what the operation takes."""
        told = self.cleaned_data
        names = ("name", "key", "contact")
        channel_ids = [int(channel_id) for channel_id in told["channel"]]
        return {**{name: told[name] for name in names}, "channel_ids": channel_ids, **self.read_price()}


class ChannelForm(ProgrammeForm):
    """Give a channel to a partner from a day on."""

    channel = forms.ChoiceField(label=gettext_lazy("Its customers also earn and use points at"))
    starts_on = _date(gettext_lazy("from the beginning of this day on"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["channel"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 (for the type checker)
        field.choices = list_partner_channels()
        self.initial.setdefault("starts_on", local_date(clock.now(), self.programme.zone))

    def read(self) -> dict[str, Any]:
        """Give what the operation takes."""
        return {
            "channel_id": int(self.cleaned_data["channel"]),
            "starts_on": self.cleaned_data["starts_on"],
        }


class EndChannelForm(ProgrammeForm):
    """The last day of a channel with its partner."""

    last_on = _date(gettext_lazy("It belongs to the partner until the end of"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("last_on", local_date(clock.now(), self.programme.zone))

    def read(self) -> dict[str, Any]:
        """Give what the operation takes."""
        return {"last_on": self.cleaned_data["last_on"]}


def list_partner_channels() -> list[tuple[str, str]]:
    """Give the channels that a partner may have. Queries: 1."""
    rows = Channel.objects.filter(kind=ChannelKind.PARTNER).order_by("name").values_list("id", "name")
    return [(str(channel_id), name) for channel_id, name in rows]
