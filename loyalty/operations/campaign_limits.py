"""Saying with which budgets a role may switch campaigns on."""

from datetime import datetime
from typing import Any

from django.db import transaction

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from loyalty.locks import lock_programme
from loyalty.models import CampaignLimit
from loyalty.operations.limits import UnknownRole
from loyalty.policies.campaign_limits import BudgetLimit
from loyalty.queries.limits import list_roles


def set_campaign_limit(
    *,
    programme_id: int,
    group_id: int | None,
    limit: BudgetLimit | None,
    at: datetime | None = None,
    by: By = SHOP,
) -> None:
    """Set the largest budget with which a role switches campaigns on by itself; `group_id` None is everybody
    else.

    `limit` None removes what was set: the role counts as everybody else then. Locks: the programme.
    Raises: UnknownRole; ValidationError naming the bound. Nothing is changed then.
    """
    at = clock.now() if at is None else at
    roles = list_roles()
    if group_id is not None and group_id not in roles:
        raise UnknownRole(
            f"There is no role {group_id}. The roles are: {', '.join(roles.values()) or 'none'}."
        )
    with transaction.atomic():
        lock_programme(programme_id)
        row = CampaignLimit.objects.filter(programme_id=programme_id, group_id=group_id).first()
        before = _tell(row)
        if limit is None:
            CampaignLimit.objects.filter(programme_id=programme_id, group_id=group_id).delete()
            row = None
        else:
            row = row or CampaignLimit(programme_id=programme_id, group_id=group_id)
            row.budget_points = limit.points
            row.full_clean()
            row.save()
        role = roles.get(group_id or 0, "")
        audit.record(
            kind="campaign_limit_set",
            object_kind="programme",
            object_id=programme_id,
            by=by,
            at=at,
            before={"role": role, **before},
            after={"role": role, **_tell(row)},
        )


def _tell(row: CampaignLimit | None) -> dict[str, Any]:
    return {} if row is None else {"budget_points": row.budget_points}
