"""The form of a list of invitations: whom, for how long, and what they read."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from commerce.models import Segment
from loyalty.models import InvitationList, Programme
from loyalty.models.invitations import MOST_DAYS, MOST_GUESTS

LANGUAGES = (
    ("en", gettext_lazy("English")),
    ("pl", gettext_lazy("Polish")),
    ("nb", gettext_lazy("Norwegian")),
)
KINDS = (
    ("snapshot", gettext_lazy("those who are in it when you switch this on")),
    ("living", gettext_lazy("also those who come to fit later, once a day")),
)
LONGEST_TEXT = 2_000


class InvitationForm(forms.Form):
    """A draft of a list."""

    template_name = "encore/backstage/fields.html"

    name = forms.CharField(label=gettext_lazy("Name, for you"), max_length=80)
    segment = forms.ChoiceField(label=gettext_lazy("Invite everybody in the segment"))
    kind = forms.ChoiceField(
        label=gettext_lazy("and of it"), choices=KINDS, initial="snapshot", widget=forms.RadioSelect
    )
    valid_days = forms.IntegerField(
        label=gettext_lazy("An invitation is good for so many days"),
        min_value=1,
        max_value=MOST_DAYS,
        initial=30,
    )
    guests = forms.IntegerField(
        label=gettext_lazy("So many others may join with the same link"),
        min_value=0,
        max_value=MOST_GUESTS,
        initial=0,
        help_text=gettext_lazy("0: a link that was passed on lets nobody in."),
    )

    def __init__(self, *args: Any, programme: Programme, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.programme = programme
        segment = self.fields["segment"]
        assert isinstance(segment, forms.ChoiceField)  # noqa: S101 (for the type checker)
        segment.choices = [
            ("", gettext_lazy("Choose a segment")),
            *Segment.objects.order_by("name", "id").values_list("id", "name"),
        ]
        for code, language in LANGUAGES:
            self.fields[f"greeting_{code}"] = forms.CharField(
                label=gettext_lazy("Greeting in %(language)s") % {"language": language},
                max_length=120,
                required=False,
                help_text=gettext_lazy("{name} becomes the name of the customer.") if code == "en" else "",
            )
        for code, language in LANGUAGES:
            self.fields[f"text_{code}"] = forms.CharField(
                label=gettext_lazy("What they read in %(language)s") % {"language": language},
                max_length=LONGEST_TEXT,
                required=False,
                widget=forms.Textarea(attrs={"rows": 4}),
            )

    def read(self) -> dict[str, Any]:
        """Give what was filled in as fields of the list."""
        told = self.cleaned_data
        return {
            "name": told["name"],
            "segment_id": int(told["segment"]),
            "is_living": told["kind"] == "living",
            "valid_days": told["valid_days"],
            "guests": told["guests"],
            "greeting": self._texts("greeting"),
            "text": self._texts("text"),
        }

    def _texts(self, name: str) -> dict[str, str]:
        told = {code: self.cleaned_data[f"{name}_{code}"] for code, _language in LANGUAGES}
        return {code: text for code, text in told.items() if text}

    def take_over(self, error: ValidationError) -> None:
        """Show what an operation refuses, beside its gap where there is one."""
        for name, texts in getattr(error, "message_dict", {"__all__": error.messages}).items():
            gap = name.removesuffix("_id")
            self.add_error(gap if gap in self.fields else None, texts)

    @classmethod
    def begin(cls, stored: InvitationList) -> dict[str, Any]:
        """Give a stored list as the form shows it."""
        return {
            "name": stored.name,
            "segment": str(stored.segment_id),
            "kind": "living" if stored.is_living else "snapshot",
            "valid_days": stored.valid_days,
            "guests": stored.guests,
            **{f"greeting_{code}": stored.greeting.get(code, "") for code, _language in LANGUAGES},
            **{f"text_{code}": stored.text.get(code, "") for code, _language in LANGUAGES},
        }
