"""Telling members before a change holds: how long before, and the row that says so."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from loyalty.models import Announcement, Plan, Programme
from loyalty.policies.changes.lowering import Lowers
from loyalty.policies.changes.notice import earliest_start
from loyalty.policies.changes.subjects import Subject, with_companions
from loyalty.queries.changes.announcements import find_standing, has_audience, has_audience_in_plan


class NoticeTooShort(ValueError):
    """A change for the worse would hold before members have been told long enough."""

    def __init__(self, *, earliest: datetime, notice_days: int, lowers: Collection[Lowers] = ()) -> None:
        self.earliest = earliest
        self.notice_days = notice_days
        self.lowers = tuple(sorted(lowers))
        super().__init__(
            f"Members have to be told {notice_days} days before this takes something away from them. "
            f"It can hold from {earliest.isoformat()} on; say starts_at= with that moment or a later one."
        )


class AlreadyAnnounced(ValueError):
    """Another change of the same kind has been announced and does not hold yet."""

    def __init__(self, *, announcement: Announcement) -> None:
        self.announcement_id = announcement.pk
        self.starts_at = announcement.starts_at
        super().__init__(
            f"A change is announced for {announcement.starts_at.isoformat()} already. "
            f"Call it off with cancel_announcement(announcement_id={announcement.pk}), or wait for its day."
        )


class StartPassed(ValueError):
    """A change would hold from a moment that has passed."""

    def __init__(self, *, starts_at: datetime, at: datetime) -> None:
        self.starts_at = starts_at
        super().__init__(
            f"{starts_at.isoformat()} has passed at {at.isoformat()}. Say now, or a later moment: "
            "orders of before keep what they were promised."
        )


def require_start(
    *,
    programme: Programme,
    lowers: Collection[Lowers],
    starts_at: datetime | None,
    plan: Plan | None = None,
    at: datetime,
) -> datetime:
    """Give the moment from which a change holds: the one asked for, or now.

    A plan concerns those who are in it. Raises: StartPassed; NoticeTooShort where it takes something away and
    members have to be told first.
    """
    starts_at = at if starts_at is None else starts_at
    if starts_at < at:
        raise StartPassed(starts_at=starts_at, at=at)
    if lowers:
        days = programme.settings_history().value_at("notice_days", at)
        is_told = has_audience_in_plan(plan=plan, at=at) if plan else has_audience(programme=programme, at=at)
        earliest = earliest_start(at, days, is_told=is_told)
        if starts_at < earliest:
            raise NoticeTooShort(earliest=earliest, notice_days=days, lowers=lowers)
    return starts_at


def require_nothing_announced(
    *,
    programme: Programme,
    subject: Subject,
    product_group_id: int | None = None,
    plan_id: int | None = None,
    at: datetime,
) -> None:
    """Refuse a second change while one of its kind is announced. Raises: AlreadyAnnounced."""
    standing = find_standing(
        programme_id=programme.pk,
        subject=subject,
        product_group_id=product_group_id,
        plan_id=plan_id,
        at=at,
    )
    if standing is not None:
        raise AlreadyAnnounced(announcement=standing)


def announce(
    *,
    programme: Programme,
    subject: Subject,
    product_group_id: int | None = None,
    plan_id: int | None = None,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    lowers: Collection[Lowers] = (),
    starts_at: datetime,
    at: datetime,
) -> Announcement | None:
    """Note what members are told of a change that holds later; nothing where nothing changes."""
    changed = [name for name, value in after.items() if before[name] != value]
    if not changed:
        return None
    changes = {name: [before[name], after.get(name, before[name])] for name in with_companions(changed)}
    return Announcement.objects.create(
        programme=programme,
        subject=subject.value,
        product_group_id=product_group_id,
        plan_id=plan_id,
        changes=changes,
        lowers=sorted(one.value for one in lowers),
        announced_at=at,
        starts_at=starts_at,
    )
