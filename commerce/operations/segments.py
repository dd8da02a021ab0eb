"""Save a segment, and delete it."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from commerce.locks import lock_segment
from commerce.models import Segment
from commerce.policies.segments import Problem, SegmentError
from commerce.queries.segments import read_segment

LONGEST_NAME = 200


def save_segment(
    *,
    key: str,
    name: str,
    conditions: Mapping[str, Any],
    segment_id: int | None = None,
    at: datetime | None = None,
    by: By = SHOP,
) -> Segment:
    """Save a segment that can be read: a new one, or the one with this id.

    Replay: what is so already leaves no trace in the log. Locks: the segment.
    Raises: SegmentError, naming every field that is wrong; nothing is saved then.
    """
    at = at or clock.now()
    told = {"key": key, "name": name, "conditions": conditions}
    _check(told)
    try:
        with transaction.atomic():
            return _insert(told, at, by) if segment_id is None else _change(segment_id, told, at, by)
    except IntegrityError:
        taken = _("There is a segment %(key)s already. Choose another key.") % {"key": key}
        raise SegmentError([Problem("key", taken)]) from None


def delete_segment(*, segment_id: int, at: datetime | None = None, by: By = SHOP) -> None:
    """Delete a segment; the log keeps what it was. Locks: the segment. Raises: Segment.DoesNotExist."""
    with transaction.atomic():
        segment = lock_segment(segment_id)
        _record("segment_deleted", segment_id, at or clock.now(), by, before=_tell(segment))
        segment.delete()


def _check(told: Mapping[str, Any]) -> None:
    problems = []
    key, name = told["key"], told["name"]
    if not isinstance(key, str) or not re.fullmatch(r"[-\w]{1,50}", key, re.ASCII):
        message = _("“%(key)s” is no key. Write letters, digits, dashes and underscores, at most 50.")
        problems.append(Problem("key", message % {"key": key}))
    if not isinstance(name, str) or not 0 < len(name.strip()) <= len(name) <= LONGEST_NAME:
        message = _("Write a name of at most %(longest)s characters.") % {"longest": LONGEST_NAME}
        problems.append(Problem("name", message))
    try:
        read_segment(conditions=told["conditions"])
    except SegmentError as error:
        problems += error.problems
    if problems:
        raise SegmentError(problems)


def _insert(told: Mapping[str, Any], at: datetime, by: By) -> Segment:
    segment = Segment.objects.create(**told, created_at=at, updated_at=at)
    _record("segment_saved", segment.pk, at, by, after=told)
    return segment


def _change(segment_id: int, told: Mapping[str, Any], at: datetime, by: By) -> Segment:
    segment = lock_segment(segment_id)
    before = _tell(segment)
    if before == told:
        return segment
    for field, value in told.items():
        setattr(segment, field, value)
    segment.updated_at = at
    segment.save()
    _record("segment_saved", segment_id, at, by, before=before, after=told)
    return segment


def _tell(segment: Segment) -> dict[str, Any]:
    return {"key": segment.key, "name": segment.name, "conditions": segment.conditions}


def _record(
    kind: str,
    segment_id: int,
    at: datetime,
    by: By,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    audit.record(
        kind=kind, object_kind="segment", object_id=segment_id, by=by, at=at, before=before, after=after
    )
