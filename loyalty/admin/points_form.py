"""The form in which staff gives points or takes them back."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.policies.adjustments import Deed
from loyalty.queries.adjustments import REASONS

# A typing error of one figure too many should stand out; a shop that gives more does so in two steps.
MOST_POINTS = 10_000_000


class PointsForm(forms.Form):
    """How many, why, and who is told what. No reason is filled in beforehand: it would be left at that."""

    template_name = "encore/backstage/fields.html"

    deed = forms.ChoiceField(
        label=gettext_lazy("What to do"),
        choices=[
            (Deed.GIVE.value, gettext_lazy("Give points")),
            (Deed.TAKE.value, gettext_lazy("Take points back")),
        ],
        widget=forms.RadioSelect,
        initial=Deed.GIVE.value,
    )
    points = forms.IntegerField(
        label=gettext_lazy("How many points"),
        min_value=1,
        max_value=MOST_POINTS,
        error_messages={
            "required": gettext_lazy("Write how many points, a whole number above zero."),
            "invalid": gettext_lazy("Write a whole number of points, without a fraction."),
        },
    )
    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"),
        choices=[("", gettext_lazy("Choose a reason")), *REASONS.items()],
        error_messages={"required": gettext_lazy("Choose a reason. It stands in the log for good.")},
    )
    message = forms.CharField(
        label=gettext_lazy("Message to the customer"),
        help_text=gettext_lazy("The customer reads it in the history. May stay empty."),
        max_length=200,
        required=False,
    )
    note = forms.CharField(
        label=gettext_lazy("Internal note"),
        help_text=gettext_lazy("Only staff reads it. May stay empty."),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    ends = forms.ChoiceField(
        label=gettext_lazy("Points that you give end"),
        choices=[
            ("usual", gettext_lazy("like other points")),
            ("never", gettext_lazy("never")),
            ("day", gettext_lazy("on the day below")),
        ],
        initial="usual",
    )
    last_day = forms.DateField(
        label=gettext_lazy("Last day to use them"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": gettext_lazy("Write a day as 2027-12-31.")},
    )
    counts_for_level = forms.BooleanField(label=gettext_lazy("Counts for the level"), required=False)
    token = forms.UUIDField(widget=forms.HiddenInput)
    checked = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, today: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("deed") == Deed.GIVE and cleaned.get("ends") == "day" and "last_day" in cleaned:
            if cleaned["last_day"] is None:
                self.add_error("last_day", _("Choose the last day on which the points can be used."))
            elif cleaned["last_day"] <= self.today:
                self.add_error("last_day", _("This day is over. Choose a day after today."))
        return cleaned
