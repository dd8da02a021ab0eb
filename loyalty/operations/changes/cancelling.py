"""Calling off what was announced, before it holds."""

from datetime import datetime

from django.db import transaction

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from loyalty.models import Announcement, EarningRule, LotTerms, Programme
from loyalty.operations.changes.closing import keep_open
from loyalty.operations.changes.levels import call_off_levels
from loyalty.operations.changes.plans import call_off_plan_version
from loyalty.operations.changes.stamp import lock_for_change
from loyalty.operations.changes.text import call_off_terms
from loyalty.operations.changes.versions import call_off_version
from loyalty.policies.changes.subjects import Subject
from loyalty.policies.programme import ProgrammeState


class CannotCancel(ValueError):
    """What was announced holds already, or was called off before."""

    def __init__(self, *, announcement: Announcement) -> None:
        self.announcement_id = announcement.pk
        self.was_cancelled = announcement.cancelled_at is not None
        what = "was called off before" if self.was_cancelled else "holds already"
        super().__init__(f"Announcement {announcement.pk} {what}. Make a new change instead.")


def cancel_announcement(*, announcement_id: int, at: datetime | None = None, by: By = SHOP) -> Announcement:
    """Call off a change before it holds: everything stays as it is, and members read nothing of it any more.

    A programme that was to close goes back to what it was, and orders earn again from now on.
    Locks: the programme. Raises: Announcement.DoesNotExist; CannotCancel once it holds.
    """
    at = clock.now() if at is None else at
    programme_id = Announcement.objects.values_list("programme_id", flat=True).get(id=announcement_id)
    with transaction.atomic():
        programme = lock_for_change(programme_id)
        announcement = Announcement.objects.get(id=announcement_id)
        if announcement.cancelled_at is not None or announcement.starts_at <= at:
            raise CannotCancel(announcement=announcement)
        _undo(announcement, programme, at)
        announcement.cancelled_at = at
        announcement.save(update_fields=["cancelled_at"])
        audit.record(
            kind="change_called_off",
            object_kind="programme",
            object_id=programme_id,
            by=by,
            at=at,
            before={"changes": announcement.changes, "starts_at": announcement.starts_at},
        )
    return announcement


def _undo(announcement: Announcement, programme: Programme, at: datetime) -> None:
    if announcement.subject == Subject.RULE:
        call_off_version(
            versions=EarningRule.objects.filter(programme=programme), starts_at=announcement.starts_at
        )
    elif announcement.subject == Subject.TERMS:
        of_group = LotTerms.objects.filter(
            programme=programme, product_group_id=announcement.product_group_id
        )
        call_off_version(versions=of_group, starts_at=announcement.starts_at)
    elif announcement.subject == Subject.SETTINGS:
        programme.coming_settings = programme.coming_at = None
        programme.save(update_fields=["coming_settings", "coming_at"])
    elif announcement.subject == Subject.TEXT:
        call_off_terms(programme=programme, starts_at=announcement.starts_at)
    elif announcement.subject == Subject.LEVELS:
        call_off_levels(programme=programme, starts_at=announcement.starts_at)
    elif announcement.subject == Subject.PLAN:
        assert announcement.plan_id is not None  # noqa: S101 (a constraint demands it)
        call_off_plan_version(plan_id=announcement.plan_id, starts_at=announcement.starts_at)
    else:
        keep_open(programme=programme, state=ProgrammeState(announcement.changes["state"][0]), at=at)
