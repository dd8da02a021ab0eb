"""The form of points for an action: "give 20 points for an approved review, at most 2 times a month"."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.admin.campaign_form import LANGUAGES
from loyalty.models import ActionRule, ActionVersion, Programme
from loyalty.models.actions import MOST_POINTS, CapPeriodChoices
from loyalty.policies.actions import ActionKind
from loyalty.registry import earning_triggers

# What the start cards fill in.
CARDS: dict[str, dict[str, Any]] = {
    "sign_up": {"kind": "sign_up", "points": 50},
    "birthday": {"kind": "birthday", "points": 50},
    "anniversary": {"kind": "anniversary", "points": 50},
    "review": {"kind": "review", "points": 20, "cap_times": 2, "cap_period": "month"},
    "share": {"kind": "share", "points": 10, "cap_times": 1, "cap_period": "month"},
    "survey": {"kind": "survey", "points": 20},
    "newsletter": {"kind": "newsletter", "points": 20, "cap_times": 1, "cap_period": "ever"},
    "event": {"kind": "event", "points": 20},
}


class ActionForm(forms.Form):
    """What is done, what it brings, and how often."""

    template_name = "encore/backstage/fields.html"

    name = forms.CharField(label=gettext_lazy("Name, for you"), max_length=80)
    points = forms.IntegerField(label=gettext_lazy("Give so many points"), min_value=1, max_value=MOST_POINTS)
    kind = forms.ChoiceField(label=gettext_lazy("for"))
    event = forms.SlugField(
        label=gettext_lazy("Key of the event of your own"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("Your developer tells of it by this key, such as beans-tasting."),
        widget=forms.TextInput(attrs={"data-encore-for": "kind=event"}),
    )
    cap_times = forms.IntegerField(
        label=gettext_lazy("at most so many times (nothing: any)"),
        min_value=1,
        max_value=32_767,
        required=False,
    )
    cap_period = forms.ChoiceField(
        label=gettext_lazy("in"), choices=CapPeriodChoices.choices, initial="ever", required=False
    )
    counts_for_level = forms.BooleanField(
        label=gettext_lazy("These points count for the level"), required=False
    )
    is_meant = forms.BooleanField(
        label=gettext_lazy("I have seen what it costs; it is meant to be"), required=False
    )

    def __init__(self, *args: Any, programme: Programme, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.programme = programme
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 (for the type checker)
        field.choices = [(name, trigger.label) for name, trigger in earning_triggers.items()]
        for code, label in LANGUAGES:
            self.fields[f"text_{code}"] = forms.CharField(label=label, max_length=200, required=False)

    def clean(self) -> dict[str, Any]:
        """Demand the key of an event of the shop's own, and of nothing else."""
        cleaned: dict[str, Any] = super().clean() or {}
        is_event = cleaned.get("kind") == ActionKind.EVENT
        if is_event and not cleaned.get("event") and "event" not in self.errors:
            self.add_error("event", _("Give the event a key, such as beans-tasting."))
        if not is_event:
            cleaned["event"] = ""
        return cleaned

    def read_own(self) -> dict[str, Any]:
        """Give name and texts."""
        told = self.cleaned_data
        texts = {code: told[f"text_{code}"] for code, _label in LANGUAGES if told[f"text_{code}"]}
        return {"name": told["name"], "public_text": texts}

    def read_what(self) -> dict[str, Any]:
        """Give what it is for, which is settled once it was switched on."""
        return {"kind": self.cleaned_data["kind"], "event": self.cleaned_data["event"]}

    def read_terms(self) -> dict[str, Any]:
        """Give the fields of its version."""
        told = self.cleaned_data
        return {
            "points": told["points"],
            "cap_times": told["cap_times"],
            "cap_period": told["cap_period"] or "ever",
            "counts_for_level": told["counts_for_level"],
        }

    def refuse_cost(self, said: str) -> bool:
        """Demand a tick for what costs much more than before; tell whether it is missing."""
        if not said or self.cleaned_data["is_meant"]:
            return False
        self.add_error("is_meant", said)
        return True

    def take_over(self, error: ValidationError) -> None:
        """Show what an operation refuses, beside its gap where there is one."""
        for name, texts in getattr(error, "message_dict", {"__all__": error.messages}).items():
            self.add_error(name if name in self.fields else None, texts)

    @classmethod
    def begin(cls, rule: ActionRule, version: ActionVersion) -> dict[str, Any]:
        """Give a stored rule as the form shows it."""
        terms = ("points", "cap_times", "cap_period", "counts_for_level")
        return {
            **{name: getattr(rule, name) for name in ("name", "kind", "event")},
            **{name: getattr(version, name) for name in terms},
            **{f"text_{code}": rule.public_text.get(code, "") for code, _label in LANGUAGES},
        }
