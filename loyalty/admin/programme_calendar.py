"""What is announced for a programme, as its page shows it."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from loyalty.models import Announcement, Programme
from loyalty.policies.changes.subjects import Subject
from loyalty.queries import figures
from loyalty.queries.changes.announcements import list_announced
from loyalty.queries.changes.words import Pair, list_announced_pairs, say_moment


@dataclass(frozen=True, slots=True)
class Announced:
    """One announcement in words: when it was made and holds, what it changes, and where it stands."""

    announcement: Announcement
    title: str
    when: str
    since: str
    pairs: list[Pair]
    standing: str
    can_be_called_off: bool


def list_calendar(programme: Programme, at: datetime) -> list[Announced]:
    """Give what was ever announced, newest first. Queries: 1."""
    return [tell(one, programme, at) for one in list_announced(programme_id=programme.pk)]


def tell(one: Announcement, programme: Programme, at: datetime) -> Announced:
    """Put one announcement into words. Queries: 0."""
    is_coming = one.cancelled_at is None and one.starts_at > at
    title = str(one.get_subject_display())
    if one.cancelled_at is not None:
        standing = _("Called off")
    else:
        standing = _("Members read of it now") if is_coming else _("It holds")
    if one.subject == Subject.CLOSING:
        when = _("after %(date)s") % {"date": figures.last_day(one.starts_at, programme.zone, now=at)}
    else:
        when = _("from %(date)s on") % {"date": say_moment(one.starts_at, programme, now=at)}
    return Announced(
        one,
        f"{title}: {one.goods}" if one.goods else title,
        when,
        say_moment(one.announced_at, programme, now=at),
        list_announced_pairs(one),
        standing,
        is_coming,
    )
