"""Saying how many points staff may give and take by hand."""

from datetime import datetime
from typing import Any

from django.db import transaction

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from loyalty.locks import lock_programme
from loyalty.models import AdjustmentLimit
from loyalty.policies.adjustments import Limit
from loyalty.queries.limits import list_roles


class UnknownRole(ValueError):
    """There is no such role."""


def set_limit(
    *,
    programme_id: int,
    group_id: int | None,
    limit: Limit | None,
    at: datetime | None = None,
    by: By = SHOP,
) -> None:
    """Set how many points a role gives and takes by hand without a second look; `group_id` None is everybody
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
        row = AdjustmentLimit.objects.filter(programme_id=programme_id, group_id=group_id).first()
        before = _tell(row)
        if limit is None:
            AdjustmentLimit.objects.filter(programme_id=programme_id, group_id=group_id).delete()
            row = None
        else:
            row = row or AdjustmentLimit(programme_id=programme_id, group_id=group_id)
            row.points_per_act, row.points_per_day = limit.points_per_act, limit.points_per_day
            row.full_clean()
            row.save()
        audit.record(
            kind="adjustment_limit_set",
            object_kind="programme",
            object_id=programme_id,
            by=by,
            at=at,
            before={"role": roles.get(group_id or 0, ""), **before},
            after={"role": roles.get(group_id or 0, ""), **_tell(row)},
        )


def _tell(row: AdjustmentLimit | None) -> dict[str, Any]:
    if row is None:
        return {}
    return {"points_per_act": row.points_per_act, "points_per_day": row.points_per_day}
