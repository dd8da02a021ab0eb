"""The form in which the owner sets with which budgets staff may switch campaigns on."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.admin.programme_forms import ProgrammeChangeForm
from loyalty.models import Programme
from loyalty.policies.campaign_limits import BudgetLimit
from loyalty.queries.campaign_limits import say_budget_limit
from loyalty.queries.limits import EVERYBODY_ELSE, list_roles


class CampaignLimitForm(ProgrammeChangeForm):
    """For whom, and how much. A role without a limit counts as everybody else."""

    role = forms.ChoiceField(label=gettext_lazy("For whom"), required=False)
    budget_points = forms.IntegerField(
        label=gettext_lazy("Campaigns with a budget of at most so many points"),
        help_text=gettext_lazy("Empty sets no bound. 0 asks for approval each time."),
        min_value=0,
        max_value=10**12,
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
        """Give what `set_campaign_limit` is told."""
        told = self.cleaned_data
        limit = None if told["removes"] else BudgetLimit(told["budget_points"])
        return {"group_id": int(told["role"]) if told["role"] else None, "limit": limit}

    @classmethod
    def begin(cls, programme: Programme, group_id: int | None) -> dict[str, Any]:
        """Begin empty."""
        return {}


def explain_campaign_limit(form: CampaignLimitForm) -> Iterator[str]:
    """Say what a limit means before it is set."""
    limit = form.read()["limit"]
    yield f"{form.roles[form.cleaned_data['role']]}:"
    if limit is None:
        yield _("The limit is removed.")
        return
    yield say_budget_limit(limit)
    if limit.points is not None:
        yield _("More than that becomes a request, which somebody else approves.")
