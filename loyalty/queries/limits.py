"""How many points somebody may give and take by hand."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backstage.policies import By
from loyalty.models import AdjustmentLimit, AdjustmentTally, Programme
from loyalty.policies.adjustments import NO_LIMIT, Limit, most_generous
from loyalty.queries import sentences

EVERYBODY_ELSE = gettext_lazy("Everybody else, the owner too")


@dataclass(frozen=True, slots=True)
class Allowance:
    """What somebody may do by hand, and how many points they gave and took on the same day already."""

    limit: Limit
    counted_points: int = 0

    def allows(self, points: int) -> bool:
        """Tell whether so many points need no second look."""
        return self.limit.allows(points, counted_points=self.counted_points)


def get_allowance(*, programme: Programme, by: By, at: datetime) -> Allowance:
    """Give what a person may do by hand now. The shop's own code has no limit. Queries: 2 for staff, else
    0.
    """
    if by.kind != "staff":
        return Allowance(NO_LIMIT)
    counted = AdjustmentTally.objects.filter(
        programme=programme, by_id=by.id, counted_on=day_of(programme, at)
    ).values_list("points", flat=True)
    return Allowance(_find_limit(programme, by), counted.first() or 0)


def _find_limit(programme: Programme, by: By) -> Limit:
    """Give the most generous limit of a person's roles, or else the one of everybody else."""
    everybody = get_user_model()._default_manager.filter(groups__isnull=False)
    people = everybody.filter(pk=by.id) if by.id else everybody.none()
    rows = AdjustmentLimit.objects.filter(
        Q(group_id__isnull=True) | Q(group_id__in=people.values("groups")), programme=programme
    )
    by_role = {row.group_id: Limit(row.points_per_act, row.points_per_day) for row in rows}
    others = by_role.pop(None, NO_LIMIT)
    return most_generous(list(by_role.values())) if by_role else others


def day_of(programme: Programme, at: datetime) -> date:
    """Give the day, in the programme's zone, that points given now count on."""
    return at.astimezone(programme.zone).date()


def list_roles() -> dict[int, str]:
    """Give the names of the roles that a limit can be set for, by id. Queries: 1."""
    return dict(Group.objects.order_by("name").values_list("id", "name"))


def list_limits(*, programme_id: int) -> list[tuple[str, Limit]]:
    """Give the limits of a programme by the name of their role; everybody else, who may have none, comes
    last.

    Queries: 2.
    """
    rows = AdjustmentLimit.objects.filter(programme_id=programme_id)
    limits = {row.group_id: Limit(row.points_per_act, row.points_per_day) for row in rows}
    roles = [(name, limits[group_id]) for group_id, name in list_roles().items() if group_id in limits]
    return [*roles, (str(EVERYBODY_ELSE), limits.get(None, NO_LIMIT))]


def say_limit(limit: Limit) -> Iterator[str]:
    """Say how many points somebody may give and take by hand."""
    if limit.points_per_act is not None:
        at_once = ngettext(
            "At most %(n)s point in one go.", "At most %(n)s points in one go.", limit.points_per_act
        )
        yield sentences.counted(at_once, limit.points_per_act)
    if limit.points_per_day is not None:
        a_day = ngettext("At most %(n)s point a day.", "At most %(n)s points a day.", limit.points_per_day)
        yield sentences.counted(a_day, limit.points_per_day)
    if limit == NO_LIMIT:
        yield _("As many as they like.")


def say_over_limit(allowance: Allowance) -> Iterator[str]:
    """Tell somebody why this needs a second look."""
    yield _("This is over your limit.")
    yield from say_limit(allowance.limit)
    if allowance.limit.points_per_day is not None:
        counted = sentences.points(allowance.counted_points)
        yield _("Given and taken by you today: %(points)s.") % {"points": counted}
