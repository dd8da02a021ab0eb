"""Levels of members whose customers were merged, or taken apart again."""

from datetime import datetime

from django.db.models import Max, Q, QuerySet

from loyalty.models import TierHolding
from loyalty.operations.tiers.settling import settle_levels, write_steps
from loyalty.policies.tiers.scheme import LevelSource, Turn
from loyalty.policies.tiers.standing import merge
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.tiers.levels import list_earned


def merge_levels(*, programme_id: int, source_id: int, target_id: int, at: datetime) -> None:
    """Let the better earned level of the two stand for the target, and what was given to the source as well.

    What both have bought counts together from now on. The accounts are locked by the caller. Queries: 0 where
    levels have never been switched on.
    """
    rules = get_programme_rules(programme_id)
    if not rules.schemes:
        return
    held, scheme = list_earned([source_id, target_id]), rules.last_scheme_at(at)
    if scheme and (step := merge(scheme, held.get(target_id), held.get(source_id), at)):
        write_steps({target_id: [step]})
    for row in _lasting(source_id, at):
        if row.source != LevelSource.EARNED and not _lasting(target_id, at).filter(**_key(row)).exists():
            _carry(row, target_id, at)
        _end(row, at)
    settle_levels(rules=rules, member_ids=[target_id], at=at)


def unmerge_levels(*, programme_id: int, source_id: int, target_id: int, at: datetime) -> None:
    """Give the source back what its merge ended, and the target what it had before.

    What the target has reached meanwhile stays its own until its test. The accounts are locked by the caller.
    Queries: 0 where levels have never been switched on.
    """
    rules = get_programme_rules(programme_id)
    if not rules.schemes:
        return
    merged_at = _merged_at(source_id)
    if merged_at is not None:
        for row in _lasting(target_id, at).filter(begins_at=merged_at, begin_reason=Turn.MERGED.value):
            _end(row, at)
        for member_id in (source_id, target_id):
            for row in _ended(member_id, merged_at):
                if not _lasting(member_id, at).filter(**_key(row)).exists():
                    _carry(row, member_id, at)
    settle_levels(rules=rules, member_ids=[source_id, target_id], at=at)


def _lasting(member_id: int, at: datetime) -> QuerySet[TierHolding, TierHolding]:
    return TierHolding.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=at), member_id=member_id
    ).order_by("id")


def _merged_at(source_id: int) -> datetime | None:
    ended = TierHolding.objects.filter(member_id=source_id, end_reason=Turn.MERGED.value)
    found: datetime | None = ended.aggregate(newest=Max("ends_at"))["newest"]
    return found


def _ended(member_id: int, merged_at: datetime) -> list[TierHolding]:
    rows = TierHolding.objects.filter(member_id=member_id, ends_at=merged_at, end_reason=Turn.MERGED.value)
    return list(rows.order_by("id"))


def _key(row: TierHolding) -> dict[str, str]:
    return {"source": row.source, "source_key": row.source_key}


def _end(row: TierHolding, at: datetime) -> None:
    TierHolding.objects.filter(id=row.id).update(ends_at=at, end_reason=Turn.MERGED.value)


def _carry(row: TierHolding, member_id: int, at: datetime) -> None:
    """Let a level go on with a member as it was, and with its own end where that is known."""
    has_end = row.end_reason == Turn.WITHDRAWN.value
    TierHolding.objects.create(
        member_id=member_id,
        level_id=row.level_id,
        source=row.source,
        source_key=row.source_key,
        tests_on=row.tests_on,
        begins_at=at,
        begin_reason=Turn.MERGED.value,
        ends_at=row.ends_at if has_end else None,
        end_reason=row.end_reason if has_end else "",
        note=row.note,
    )
