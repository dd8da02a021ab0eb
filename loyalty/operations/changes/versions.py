"""Versions of rules and terms: begun now or on an announced day, called off before they ran, never edited."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import F, Max, Q

from backstage.operations import audit
from backstage.policies import By


def begin_version(
    *, base: Any, versions: Any, changes: Mapping[str, Any], starts_at: datetime, at: datetime, by: By
) -> Any:
    """Copy the version `base` with changes; the copy has no end and runs from `starts_at` on.

    `versions` are those that it follows; the open one among them ends where the new one begins. The programme
    is locked. Raises: ValidationError naming the field.
    """
    number = (versions.aggregate(newest=Max("version"))["newest"] or 0) + 1
    # One that was to begin later still has never run, and ends as it would have begun.
    for open_one in versions.filter(ends_at__isnull=True):
        versions.filter(id=open_one.id).update(ends_at=max(open_one.starts_at, starts_at))
    kept = _fields(base)
    told = {**kept, **changes, "version": number, "starts_at": starts_at, "ends_at": None}
    version = type(base)(**told)
    version.full_clean()
    version.save(force_insert=True)
    audit.record(
        kind=f"{base._meta.model_name}_version",
        object_kind="programme",
        object_id=str(base.programme_id),
        by=by,
        at=at,
        before={field: kept[field] for field in changes if field in kept},
        after={**changes, **({"starts_at": starts_at} if starts_at > at else {})},
    )
    return version


def call_off_version(*, versions: Any, starts_at: datetime) -> None:
    """End the version that was to begin at `starts_at` as it begins, and let the one before it run on.

    A product group's first version has none before it: its goods stay with all other goods.
    """
    versions.filter(starts_at=starts_at, ends_at__isnull=True).update(ends_at=starts_at)
    has_run = ~Q(starts_at=F("ends_at"))
    before = versions.filter(has_run, ends_at=starts_at).order_by("-version").first()
    if before is not None:
        versions.filter(id=before.id).update(ends_at=None)


def _fields(row: Any) -> dict[str, Any]:
    return {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.name != "id"
    }
