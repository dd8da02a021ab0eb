"""The forms of outside programmes: taken in, exchanged by a rate, and files that came from them."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.admin.partner_forms import ProgrammeForm
from loyalty.models.outside import DirectionChoices
from loyalty.models.transfer import FileKindChoices
from loyalty.policies.outside import MOST_UNITS, Direction, FileKind

MOST_BYTES = 20 * 1024 * 1024


class OutsideForm(ProgrammeForm):
    """Take in an outside programme."""

    name = forms.CharField(
        label=gettext_lazy("Members may exchange with"),
        max_length=80,
        help_text=gettext_lazy("The name that members know, such as Fjord Air."),
    )
    unit = forms.CharField(
        label=gettext_lazy("whose points are called"),
        max_length=30,
        help_text=gettext_lazy("In the plural, such as miles."),
    )
    account_pattern = forms.CharField(
        label=gettext_lazy("and whose account numbers look like"),
        max_length=200,
        help_text=gettext_lazy(
            "# is a digit, ? is a letter, everything else itself: FA######. Divide several by commas."
        ),
    )
    has_check_digit = forms.BooleanField(
        label=gettext_lazy("The last digit is a check digit (Luhn)"), required=False
    )
    key = forms.SlugField(
        label=gettext_lazy("Key"),
        max_length=40,
        help_text=gettext_lazy("A short name for files and commands, such as miles. It stays for good."),
    )

    def read(self) -> dict[str, Any]:
        """Give what the operation takes."""
        return dict(self.cleaned_data)


class RateForm(ProgrammeForm):
    """So many points for so many units, from now on."""

    points = forms.IntegerField(
        label=gettext_lazy("Steps of so many points"), min_value=1, max_value=MOST_UNITS
    )
    direction = forms.ChoiceField(label=gettext_lazy("which way"), choices=DirectionChoices.choices)
    units = forms.IntegerField(label=gettext_lazy("for so many of theirs"), min_value=1, max_value=MOST_UNITS)

    def read(self) -> dict[str, Any]:
        """Give what the operation takes."""
        told = self.cleaned_data
        return {
            "direction": Direction(told["direction"]),
            "points": told["points"],
            "units": told["units"],
        }


class UploadForm(ProgrammeForm):
    """A file that came from an outside programme, to be checked or taken in."""

    kind = forms.ChoiceField(
        label=gettext_lazy("The file has"), choices=FileKindChoices.choices, widget=forms.RadioSelect
    )
    file = forms.FileField(
        label=gettext_lazy("File"), help_text=gettext_lazy("CSV in UTF-8, with a first line of names.")
    )
    is_dry_run = forms.BooleanField(
        label=gettext_lazy("Only check it; take nothing in yet"), required=False, initial=True
    )

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > MOST_BYTES:
            raise forms.ValidationError(
                _("The file is larger than %(most)s MB. Divide it.") % {"most": MOST_BYTES // 1024**2}
            )
        return file

    def read(self) -> dict[str, Any]:
        """Give what the operation takes."""
        told = self.cleaned_data
        return {
            "kind": FileKind(told["kind"]),
            "name": told["file"].name or "",
            "content": told["file"].read(),
            "is_dry_run": told["is_dry_run"],
        }
