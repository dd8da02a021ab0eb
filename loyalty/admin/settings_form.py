"""The form of what a programme's own row decides."""

from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy

from backstage import clock
from commerce.admin.money import from_minor
from loyalty.admin.programme_forms import MOST_POINTS, ProgrammeChangeForm, money_field
from loyalty.models import Programme
from loyalty.models.programme import CombinationChoices, DebtPolicyChoices, EnrolmentChoices
from loyalty.policies.changes.settings import VALUE_SETTINGS, Worth

# What holds as soon as it is saved.
OWN_SETTINGS = ("name", "enrolment", "backdate_days", "hold_minutes")


class SettingsForm(ProgrammeChangeForm):
    """What a programme's own row decides."""

    can_wait = True

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
    notice_days = forms.IntegerField(
        label=gettext_lazy("Days before that members are told of what takes something away from them"),
        min_value=0,
        max_value=365,
    )

    why = forms.CharField(
        label=gettext_lazy("Why, for whoever has to approve it"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Only needed for what points are worth."),
    )
    token = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        cleaned["worth_minor"] = self.clean_money("worth")
        return cleaned

    def read(self) -> dict[str, Any]:
        """Give the settings that differ from what holds now."""
        held = self.held()
        wanted = {name: self.cleaned_data[name] for name in held}
        return {name: value for name, value in wanted.items() if held[name] != value}

    def held(self) -> dict[str, Any]:
        """Give what holds now of what can be set, whether or not a job has written it down."""
        return settings_now(self.programme)

    def read_worth(self) -> Worth:
        """Give what points are to be worth."""
        return Worth(self.cleaned_data["worth_points"], self.cleaned_data["worth_minor"])

    def write(self, name: str) -> str:
        """Write a value as the form shows it."""
        value = self.cleaned_data[name]
        return str(dict(getattr(self.fields[name], "choices", ())).get(value, value))

    @classmethod
    def begin(cls, programme: Programme, group_id: int | None) -> dict[str, Any]:
        """Give what holds now."""
        held = settings_now(programme)
        worth = from_minor(held.pop("worth_minor"), programme.currency)
        return {**held, "worth": worth, "token": uuid4().hex}


def settings_now(programme: Programme) -> dict[str, Any]:
    """Give what holds now of what can be set."""
    at, history = clock.now(), programme.settings_history()
    told = {name: getattr(programme, name) for name in OWN_SETTINGS}
    return told | {name: history.value_at(name, at) for name in VALUE_SETTINGS}
