"""What members type or tick."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from loyalty.models import TermsVersion


class JoinForm(forms.Form):
    """Asks for agreement where the club has terms, and only then.

    The number of the version that was on the page comes back with it, so that nobody agrees to a text that
    was replaced while they read.
    """

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    agreed = forms.BooleanField(
        label=_("I agree to the terms of the club"),
        error_messages={"required": _("Tick the box to agree to the terms, then join.")},
    )

    def __init__(self, *args: Any, terms: TermsVersion | None, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "loy-%s", **kwargs})
        self.terms = terms
        if terms is None:
            self.fields.clear()
        else:
            self.initial["version"] = terms.number

    def clean_agreed(self) -> bool:
        if self.terms is not None and self.cleaned_data.get("version") != self.terms.number:
            raise forms.ValidationError(
                _("The terms have changed in the meantime. Read them again, then agree.")
            )
        return bool(self.cleaned_data["agreed"])


def read_moment(text: str) -> datetime | None:
    """Read where a page of the history begins, from the address; None for the first page.

    Raises: ValueError for anything that is no instant.
    """
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment
