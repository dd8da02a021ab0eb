"""What a change would mean before it is made: what it takes away, and from when it could hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loyalty.models import Plan, Programme
from loyalty.policies.calendar import local_date, start_of_day
from loyalty.policies.changes.lowering import (
    Lowers,
    lowered_by_levels,
    lowered_by_plan,
    lowered_by_rule,
    lowered_by_settings,
    lowered_by_terms,
)
from loyalty.policies.changes.notice import earliest_start, first_whole_day
from loyalty.policies.changes.settings import VALUE_SETTINGS
from loyalty.policies.changes.subjects import Subject
from loyalty.queries.changes.announcements import has_audience, has_audience_in_plan

Fields = Mapping[str, Any]
_LOWERED: Mapping[Subject, Callable[[Fields, Fields], frozenset[Lowers]]] = {
    Subject.RULE: lowered_by_rule,
    Subject.TERMS: lowered_by_terms,
    Subject.SETTINGS: lowered_by_settings,
    Subject.LEVELS: lowered_by_levels,
    Subject.PLAN: lowered_by_plan,
}


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a change would mean. `starts_at` is None for now; `earliest` is the first moment that may be.

    `is_told` says whether there are members who read of it.
    """

    before: Fields
    after: Fields
    lowers: frozenset[Lowers]
    starts_at: datetime | None
    earliest: datetime
    notice_days: int
    is_told: bool

    @property
    def is_too_early(self) -> bool:
        """Whether members would be told too late."""
        return self.starts_at is not None and self.starts_at < self.earliest


def look_ahead(
    *,
    programme: Programme,
    subject: Subject,
    before: Fields,
    after: Fields,
    wanted: datetime | None,
    plan: Plan | None = None,
    at: datetime,
) -> Outlook:
    """Say what a change would mean that is to hold from `wanted` on, or as soon as it may.

    The day of `at` itself means now; as soon as it may means now or the first whole day after the notice.
    Settings that are not about value hold at once, whatever day is wanted. A plan concerns who is in it.
    Queries: 1.
    """
    days, zone = programme.settings_history().value_at("notice_days", at), programme.zone
    is_told = has_audience_in_plan(plan=plan, at=at) if plan else has_audience(programme=programme, at=at)
    changed = {name for name, value in after.items() if before[name] != value}
    if subject is Subject.SETTINGS and not changed & set(VALUE_SETTINGS):
        return Outlook(before, after, frozenset(), None, at, days, is_told)
    lowers = _LOWERED[subject](before, after)
    earliest = earliest_start(at, days, is_told=is_told and bool(lowers))
    starts_at = wanted
    if wanted is None and earliest > at:
        starts_at = start_of_day(first_whole_day(earliest, zone), zone)
    elif wanted is not None and wanted == start_of_day(local_date(at, zone), zone):
        starts_at = at if earliest > at else None
    return Outlook(before, after, lowers, starts_at, earliest, days, is_told)
