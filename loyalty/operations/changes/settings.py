"""Settings of a programme that are about value: changed now, or announced and taken up on their day."""

from collections.abc import Mapping
from copy import copy
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import transaction

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, SYSTEM, By, Chunk, Progress
from loyalty.locks import lock_programme
from loyalty.models import Programme
from loyalty.operations.changes.notice import announce, require_nothing_announced, require_start
from loyalty.policies.changes.lowering import lowered_by_settings
from loyalty.policies.changes.settings import VALUE_SETTINGS
from loyalty.policies.changes.subjects import Subject


def change_settings(
    *,
    programme_id: int,
    starts_at: datetime | None = None,
    at: datetime | None = None,
    by: By = SHOP,
    **changes: Any,
) -> Programme:
    """Change what a programme's own row decides: name, worth of a point, enrolment, debts, reprieve.

    What is about value (`VALUE_SETTINGS`) holds from `starts_at` on, by default now; the rest at once. With a
    later start members read of it until it holds.
    Locks: the programme. Raises: ValidationError naming the field; NoticeTooShort, AlreadyAnnounced,
    StartPassed. Nothing is changed then.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        programme = lock_programme(programme_id)
        _take_up(programme, at)
        before = {field: getattr(programme, field) for field in changes}
        of_value = {name: changes[name] for name in changes if name in VALUE_SETTINGS}
        _check(programme, changes)
        for field in changes.keys() - of_value.keys():
            setattr(programme, field, changes[field])
        if any(before[name] != value for name, value in of_value.items()):
            _change_value(programme, of_value, starts_at=starts_at, at=at)
        programme.rules_stamp = uuid4()
        programme.save()
        told = {**changes, **({"starts_at": starts_at} if programme.coming_at == starts_at else {})}
        _record("programme_settings", programme, by=by, at=at, before=before, after=told)
    return programme


def _check(programme: Programme, changes: Mapping[str, Any]) -> None:
    """Refuse what a programme cannot be, whenever it would hold."""
    wanted = copy(programme)
    for field, value in changes.items():
        setattr(wanted, field, value)
    wanted.full_clean()


def _change_value(
    programme: Programme, changes: Mapping[str, Any], *, starts_at: datetime | None, at: datetime
) -> None:
    require_nothing_announced(programme=programme, subject=Subject.SETTINGS, at=at)
    before = {name: getattr(programme, name) for name in VALUE_SETTINGS}
    changes = {name: value for name, value in changes.items() if before[name] != value}
    lowers = lowered_by_settings(before, {**before, **changes})
    starts_at = require_start(programme=programme, lowers=lowers, starts_at=starts_at, at=at)
    if starts_at == at:
        _put(programme, changes, at)
        return
    announce(
        programme=programme,
        subject=Subject.SETTINGS,
        before=before,
        after=changes,
        lowers=lowers,
        starts_at=starts_at,
        at=at,
    )
    programme.coming_settings, programme.coming_at = dict(changes), starts_at


def plan_taking_up(at: datetime) -> list[Chunk]:
    """Find the programmes whose announced settings hold by `at`, one chunk each. Queries: 1."""
    due = Programme.objects.filter(coming_at__lte=at).order_by("id").values_list("id", flat=True)
    return [Chunk(programme_id, programme_id, 1) for programme_id in due]


def work_taking_up(chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
    """Write the announced settings of one programme down, in the caller's transaction.

    Nothing else changes by it: whoever asks for a moment is answered by `settings_history` all along.
    """
    programme = lock_programme(chunk.lo)
    if not _take_up(programme, at):
        return Progress(done=0)
    programme.rules_stamp = uuid4()
    programme.save()
    after = {name: getattr(programme, name) for name in programme.former_settings[-1][1]}
    _record("programme_settings", programme, by=SYSTEM, at=at, before={}, after=after)
    return Progress(done=1)


def _take_up(programme: Programme, at: datetime) -> bool:
    if programme.coming_at is None or programme.coming_at > at:
        return False
    _put(programme, programme.coming_settings or {}, programme.coming_at)
    programme.coming_settings = programme.coming_at = None
    return True


def _put(programme: Programme, values: Mapping[str, Any], since: datetime) -> None:
    """Write values into the row, and keep what they were until `since`."""
    was = {name: getattr(programme, name) for name in values}
    programme.former_settings = [*programme.former_settings, [since.isoformat(), was]]
    for name, value in values.items():
        setattr(programme, name, value)


def _record(
    kind: str,
    programme: Programme,
    *,
    by: By,
    at: datetime,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    audit.record(
        kind=kind, object_kind="programme", object_id=programme.pk, by=by, at=at, before=before, after=after
    )
