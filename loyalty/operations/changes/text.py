"""The terms of the club as a text: published with a day, and called off before it."""

from datetime import datetime

from django.db import transaction
from django.db.models import Max

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from loyalty.models import Programme, TermsVersion
from loyalty.operations.changes.notice import NoticeTooShort, StartPassed, announce, require_nothing_announced
from loyalty.operations.changes.stamp import lock_for_change
from loyalty.policies.changes.notice import earliest_start
from loyalty.policies.changes.subjects import Subject
from loyalty.queries.changes.announcements import has_audience


def publish_terms(
    *,
    programme_id: int,
    text: str,
    starts_at: datetime | None = None,
    at: datetime | None = None,
    by: By = SHOP,
) -> TermsVersion:
    """Publish new terms of the club, by default from now on; members keep the version that they accepted.

    No rule can tell whether a text takes something away, so where there are members each is announced.
    Locks: the programme. Raises: ValidationError without a text; NoticeTooShort, AlreadyAnnounced,
    StartPassed.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        programme = lock_for_change(programme_id)
        require_nothing_announced(programme=programme, subject=Subject.TEXT, at=at)
        holds_at = _require_start(programme, starts_at, at)
        versions = TermsVersion.objects.filter(programme=programme)
        newest = versions.aggregate(newest=Max("number"))["newest"] or 0
        terms = TermsVersion(programme=programme, number=newest + 1, text=text.strip(), starts_at=holds_at)
        terms.full_clean()
        terms.save(force_insert=True)
        if holds_at > at:
            announce(
                programme=programme,
                subject=Subject.TEXT,
                before={"number": newest},
                after={"number": terms.number},
                starts_at=holds_at,
                at=at,
            )
        audit.record(
            kind="terms_published",
            object_kind="programme",
            object_id=programme_id,
            by=by,
            at=at,
            after={"number": terms.number, "starts_at": holds_at},
        )
    return terms


def _require_start(programme: Programme, starts_at: datetime | None, at: datetime) -> datetime:
    starts_at = at if starts_at is None else starts_at
    if starts_at < at:
        raise StartPassed(starts_at=starts_at, at=at)
    days = programme.settings_history().value_at("notice_days", at)
    earliest = earliest_start(at, days, is_told=has_audience(programme=programme, at=at))
    if starts_at < earliest:
        raise NoticeTooShort(earliest=earliest, notice_days=days)
    return starts_at


def call_off_terms(*, programme: Programme, starts_at: datetime) -> None:
    """Take back terms that do not hold yet; nobody can have accepted them. The programme is locked."""
    TermsVersion.objects.filter(programme=programme, starts_at=starts_at).delete()
