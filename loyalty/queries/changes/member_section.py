"""What members read of announced changes on their page."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext

from loyalty.models import Announcement
from loyalty.policies.changes.subjects import Subject
from loyalty.queries.changes.announcements import list_standing
from loyalty.queries.changes.words import list_announced_pairs, say_moment
from loyalty.queries.programmes import rules_of
from loyalty.registry import Visit


def find_changes(visit: Visit) -> Mapping[str, Any] | None:
    """Tell what is announced, from the announcement on until it holds. The end of the club stands on top of
    the page, and what would hold only after it is not worth telling. Queries: 1; 0 where nothing
    is announced.
    """
    announced_until = rules_of(visit.programme).announced_until
    if announced_until is None or announced_until <= visit.at:
        return None
    told = [
        (
            gettext("From %(date)s on") % {"date": say_moment(one.starts_at, visit.programme, now=visit.at)},
            one.goods,
            list_announced_pairs(one),
            one.subject == Subject.TEXT,
        )
        for one in list_standing(programme_id=visit.programme.id, at=visit.at)
        if one.subject != Subject.CLOSING and not _comes_too_late(one, visit.programme.closes_at)
    ]
    told = [part for part in told if part[2] or part[3]]
    return {"changes": told} if told else None


def _comes_too_late(announcement: Announcement, closes_at: datetime | None) -> bool:
    return closes_at is not None and announcement.starts_at >= closes_at
