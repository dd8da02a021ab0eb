"""The forms of coupon sites and their sheets."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from coupons.models import PublisherSite
from coupons.models.sites import LONGEST_TEXT, LONGEST_TITLE
from coupons.operations.sites import FIELDS
from coupons.operations.submissions import TEXTS


class SiteForm(forms.Form):
    """What is known of a site."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    address = forms.URLField(
        label=gettext_lazy("Address"), max_length=200, required=False, assume_scheme="https"
    )
    contact = forms.CharField(
        label=gettext_lazy("Whom to write to"),
        help_text=gettext_lazy("An address, or where their form is."),
        max_length=200,
        required=False,
    )
    language = forms.ChoiceField(label=gettext_lazy("Language of the texts it gets"))
    title_length = forms.IntegerField(
        label=gettext_lazy("Longest title, in letters (nothing: any)"),
        min_value=1,
        max_value=LONGEST_TITLE,
        required=False,
    )
    text_length = forms.IntegerField(
        label=gettext_lazy("Longest text, in letters (nothing: any)"),
        min_value=1,
        max_value=LONGEST_TEXT,
        required=False,
    )
    terms_length = forms.IntegerField(
        label=gettext_lazy("Longest conditions, in letters (nothing: any)"),
        min_value=1,
        max_value=LONGEST_TEXT,
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["language"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 (for the type checker)
        field.choices = list(settings.LANGUAGES)

    @classmethod
    def begin(cls, site: PublisherSite) -> dict[str, Any]:
        """Give a stored site as the form shows it."""
        return {name: getattr(site, name) for name in FIELDS}

    def take_over(self, error: ValidationError) -> None:
        """Show what the operation refuses, beside its field where there is one."""
        take_over(self, error)


class SheetForm(forms.Form):
    """The texts of one coupon for one site, no longer than it takes, and its code."""

    title = forms.CharField(label=gettext_lazy("Title"), max_length=LONGEST_TITLE)
    text = forms.CharField(
        label=gettext_lazy("Text"),
        max_length=LONGEST_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    terms_text = forms.CharField(
        label=gettext_lazy("Conditions"),
        max_length=LONGEST_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    code = forms.CharField(
        label=gettext_lazy("Code of this site's own"),
        help_text=gettext_lazy("Only this site has it, so its use tells what the site brings."),
        max_length=40,
    )

    def __init__(self, *args: Any, site: PublisherSite, has_code: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_code:
            del self.fields["code"]
        for name, limit in TEXTS.items():
            if (most := getattr(site, limit)) is not None:
                self.fields[name].widget.attrs["data-encore-most"] = most

    def read_texts(self) -> dict[str, str]:
        """Give the texts, by field of the sheet."""
        return {name: self.cleaned_data[name] for name in TEXTS}

    def take_over(self, error: ValidationError) -> None:
        """Show what the operation refuses, beside its field where there is one."""
        take_over(self, error)


def take_over(form: forms.Form, error: ValidationError) -> None:
    """Show a refusal in a form, beside the field that it names, else above all of them."""
    for name, texts in getattr(error, "message_dict", {"__all__": error.messages}).items():
        form.add_error(name if name in form.fields else None, texts)
