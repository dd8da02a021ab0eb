"""The forms of gift cards: selling one in a sentence, and what can be done with one."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.money import from_minor, to_minor
from commerce.models import Channel
from commerce.policies.card_numbers import has_card_number
from commerce.policies.segments.words import say_money
from coupons.operations.gift_cards.issuing import MOST_MINOR
from coupons.queries.gift_cards import OrderUse

YEARS = 3


def end_of(day: date, zone: str) -> datetime:
    """Return the midnight after a last day."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))


class EndForm(forms.Form):
    """Until when a card can be used: a last day, or never by a tick, so that nobody forgets one."""

    template_name = "encore/backstage/fields.html"

    last_day = forms.DateField(
        label=gettext_lazy("it can be used until, this day included"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    is_endless = forms.BooleanField(label=gettext_lazy("it has no end"), required=False)

    def clean(self) -> dict[str, Any]:
        """Demand a last day or the tick, and not both."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and (cleaned["last_day"] is None) is not cleaned["is_endless"]:
            self.add_error("last_day", _("Name a last day, or tick that it has no end."))
        return cleaned

    def read_end(self, zone: str) -> datetime | None:
        """Give the moment from which the card can't be used; None for never."""
        last_day = self.cleaned_data["last_day"]
        return end_of(last_day, zone) if last_day else None


class SellForm(EndForm):
    """Sell a gift card of 50.00 EUR, until, for somebody, with a message."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    amount = forms.DecimalField(label=gettext_lazy("Sell a gift card of"), min_value=0, max_digits=14)
    currency = forms.ChoiceField(label=gettext_lazy("in"))
    recipient = forms.CharField(
        label=gettext_lazy("for (nothing: whoever has it)"), max_length=80, required=False
    )
    message = forms.CharField(
        label=gettext_lazy("with the message"),
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    reference = forms.CharField(
        label=gettext_lazy("sold with order or receipt number"), max_length=100, required=False
    )
    reason = forms.CharField(
        label=gettext_lazy("Why, if somebody else has to approve it"), max_length=200, required=False
    )
    field_order = (
        "amount",
        "currency",
        "last_day",
        "is_endless",
        "recipient",
        "message",
        "reference",
        "reason",
    )

    def __init__(self, *args: Any, channels: Sequence[Channel], today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        field = self.fields["currency"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 (for the type checker)
        currencies = sorted({channel.currency for channel in channels}) or ["EUR"]
        field.choices = [(currency, currency) for currency in currencies]
        self.zone = channels[0].time_zone if channels else "UTC"

    def clean(self) -> dict[str, Any]:
        """Turn the amount into minor units, and refuse what looks like a payment card's number."""
        cleaned = super().clean()
        if "amount" in cleaned and "currency" in cleaned:
            try:
                cleaned["amount_minor"] = to_minor(cleaned["amount"], cleaned["currency"])
            except ValidationError as error:
                self.add_error("amount", error)
            else:
                if not 0 < cleaned["amount_minor"] <= MOST_MINOR:
                    self.add_error("amount", _("Name an amount above nothing."))
        if (last_day := cleaned.get("last_day")) and last_day < self.today:
            self.add_error("last_day", _("This day is over. Name one that is still to come."))
        for name in ("recipient", "message"):
            if has_card_number(cleaned.get(name, "")):
                self.add_error(name, _("This looks like a payment card's number. Leave it out."))
        return cleaned


class ReasonForm(forms.Form):
    """Why something is done to a card."""

    template_name = "encore/backstage/fields.html"

    reason = forms.CharField(label=gettext_lazy("Why, for whoever reads this later"), max_length=200)


class ExtendForm(EndForm):
    """A later end."""

    reason = forms.CharField(
        label=gettext_lazy("Why, for whoever reads this later"), max_length=200, required=False
    )


class RefundForm(ReasonForm):
    """Money that comes back from an order. What had come back when it was shown makes two clicks one deed."""

    use = forms.ChoiceField(label=gettext_lazy("From order"))
    amount = forms.DecimalField(label=gettext_lazy("so much comes back"), min_value=0, max_digits=14)
    field_order = ("use", "amount", "reason")

    def __init__(self, *args: Any, uses: Sequence[OrderUse], currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        self.uses = {"|".join(use.order): use for use in uses}
        field = self.fields["use"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 (for the type checker)
        field.choices = [
            (
                f"{name}|{use.refunded_minor}",
                _("%(order)s: at most %(amount)s")
                % {"order": use.order[1], "amount": say_money(use.open_minor, currency)},
            )
            for name, use in self.uses.items()
        ]

    def clean(self) -> dict[str, Any]:
        """Turn the amount into the total that has come back then; more than the order took is refused."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        name, _bar, seen_minor = cleaned["use"].rpartition("|")
        use = self.uses[name]
        try:
            amount_minor = to_minor(cleaned["amount"], self.currency)
        except ValidationError as error:
            self.add_error("amount", error)
            return cleaned
        if not 0 < amount_minor <= use.open_minor:
            self.add_error(
                "amount",
                _("At most %(amount)s can come back from this order.")
                % {"amount": say_money(use.open_minor, self.currency)},
            )
        cleaned |= {"order": use.order, "refunded_minor": int(seen_minor) + amount_minor}
        return cleaned


class LimitForm(forms.Form):
    """Up to how much one person may do alone, for each currency."""

    template_name = "encore/backstage/fields.html"

    def __init__(self, *args: Any, limits: dict[str, int | None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for currency, limit_minor in limits.items():
            self.fields[currency] = forms.DecimalField(
                label=_("%(currency)s (nothing: any amount)") % {"currency": currency},
                min_value=0,
                max_digits=14,
                required=False,
                initial=None if limit_minor is None else from_minor(limit_minor, currency),
            )

    def clean(self) -> dict[str, Any]:
        """Turn the amounts into minor units."""
        cleaned: dict[str, Any] = super().clean() or {}
        for currency, amount in list(cleaned.items()):
            if amount is not None:
                try:
                    cleaned[currency] = to_minor(amount, currency)
                except ValidationError as error:
                    self.add_error(currency, error)
        return cleaned
