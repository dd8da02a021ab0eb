"""The form in which the owner sets how many points staff may give and take by hand."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.admin.points_form import MOST_POINTS
from loyalty.admin.programme_forms import ProgrammeChangeForm
from loyalty.models import Programme
from loyalty.policies.adjustments import Limit
from loyalty.queries.limits import EVERYBODY_ELSE, list_roles, say_limit


class LimitForm(ProgrammeChangeForm):
    """For whom, and how many. An empty bound is none; a role without a limit counts as everybody else."""

    role = forms.ChoiceField(label=gettext_lazy("For whom"), required=False)
    points_per_act = forms.IntegerField(
        label=gettext_lazy("At most so many points in one go"),
        help_text=gettext_lazy("Empty sets no bound. 0 asks for approval each time."),
        min_value=0,
        max_value=MOST_POINTS,
        required=False,
    )
    points_per_day = forms.IntegerField(
        label=gettext_lazy("At most so many points a day"),
        help_text=gettext_lazy("What one person gives and takes is added up. Empty sets no bound."),
        min_value=0,
        max_value=MOST_POINTS,
        required=False,
    )
    removes = forms.BooleanField(
        label=gettext_lazy("Remove the limit: the role then counts as everybody else"), required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.roles = {"": str(EVERYBODY_ELSE), **{str(pk): name for pk, name in list_roles().items()}}
        self.fields["role"].choices = list(self.roles.items())  # type: ignore[attr-defined]

    def read(self) -> dict[str, Any]:
        """Give what `set_limit` is told."""
        told = self.cleaned_data
        limit = None if told["removes"] else Limit(told["points_per_act"], told["points_per_day"])
        return {"group_id": int(told["role"]) if told["role"] else None, "limit": limit}

    @classmethod
    def begin(cls, programme: Programme, group_id: int | None) -> dict[str, Any]:
        """Begin empty."""
        return {}


def explain_limit(form: LimitForm) -> Iterator[str]:
    """Say what a limit means before it is set."""
    limit = form.read()["limit"]
    yield f"{form.roles[form.cleaned_data['role']]}:"
    if limit is None:
        yield _("The limit is removed.")
        return
    yield from say_limit(limit)
    if limit != Limit():
        yield _("More than that becomes a request, which somebody else approves.")
