"""With which budgets somebody may switch campaigns on."""

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.utils.translation import gettext as _

from backstage.policies import By
from loyalty.models import CampaignLimit, Programme
from loyalty.policies.campaign_limits import ANY_BUDGET, BudgetLimit, most_generous_budget
from loyalty.queries import sentences
from loyalty.queries.limits import EVERYBODY_ELSE, list_roles


def get_budget_limit(*, programme: Programme, by: By) -> BudgetLimit:
    """Give the most generous limit of a person's roles, or else the one of everybody else.

    The shop's own code has no limit. Queries: 1 for staff, else 0.
    """
    if by.kind != "staff":
        return ANY_BUDGET
    everybody = get_user_model()._default_manager.filter(groups__isnull=False)
    people = everybody.filter(pk=by.id) if by.id else everybody.none()
    rows = CampaignLimit.objects.filter(
        Q(group_id__isnull=True) | Q(group_id__in=people.values("groups")), programme=programme
    )
    by_role = {row.group_id: BudgetLimit(row.budget_points) for row in rows}
    others = by_role.pop(None, ANY_BUDGET)
    return most_generous_budget(list(by_role.values())) if by_role else others


def list_budget_limits(*, programme_id: int) -> list[tuple[str, BudgetLimit]]:
    """Give the limits of a programme by the name of their role; everybody else comes last. Queries: 2."""
    rows = CampaignLimit.objects.filter(programme_id=programme_id)
    limits = {row.group_id: BudgetLimit(row.budget_points) for row in rows}
    roles = [(name, limits[group_id]) for group_id, name in list_roles().items() if group_id in limits]
    return [*roles, (str(EVERYBODY_ELSE), limits.get(None, ANY_BUDGET))]


def say_budget_limit(limit: BudgetLimit) -> str:
    """Say with which budgets somebody may switch campaigns on. Queries: 0."""
    if limit.points is None:
        return _("Any campaign.")
    if not limit.points:
        return _("None without approval.")
    return _("Campaigns with a budget of at most %(points)s.") % {"points": sentences.points(limit.points)}
