"""The form of a new programme: the few things that it needs. Everything else has a default."""

from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage.policies.names import nearest
from commerce.admin.money import to_minor
from loyalty.admin.programme_forms import MOST_POINTS, clean_currency, money_field
from loyalty.policies.changes.cost import MOST_SHARE, promised_share
from loyalty.queries.figures import number


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
        if not self.errors:
            self._ask_whether_meant(cleaned)
        return cleaned

    def _ask_whether_meant(self, cleaned: dict[str, Any]) -> None:
        """Ask for a tick where so much of each price would come back that it may be a slip."""
        names = ("points", "per_minor", "worth_points", "worth_minor")
        share = promised_share(**{name: cleaned[name] for name in names})
        if share < MOST_SHARE:
            return
        self.fields["is_meant"] = forms.BooleanField(label=_("Yes, this is what I mean"), required=False)
        if not self.data.get("is_meant"):
            asked = _("Points would give back %(share)s %% of each price. Is that what you mean?")
            self.add_error("is_meant", asked % {"share": number(round(100 * share))})

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
