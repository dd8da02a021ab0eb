"""Levels that are given: by staff, with a reason, or by a plan, as long as it lasts."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from loyalty.locks import lock_accounts
from loyalty.models import Member, Tier, TierHolding
from loyalty.policies.errors import WriteConflict
from loyalty.policies.tiers.scheme import LevelSource, Turn
from loyalty.queries.holders import resolve_holders


class LevelUnknown(LookupError):
    """The member's programme has no such level, in no version."""


class GrantUnknown(LookupError):
    """Nothing was given under this key that could be ended."""


def grant_tier(
    *,
    member_id: int,
    level_id: int,
    source: LevelSource,
    source_key: str = "",
    ends_at: datetime | None = None,
    note: str = "",
    at: datetime | None = None,
    by: By = SHOP,
) -> TierHolding:
    """Give a member a level from now on, until `ends_at` or for good; beside what they earn, the best counts.

    `source_key` names what it comes from, such as the id of a membership: under one key there is one level
    at a time. While it still lasts, giving it again moves its end, so that a cancellation can be taken back;
    another level takes its place. It counts while levels are switched on, and waits while they are off.
    `note` is the reason that staff gives, and has to be there by hand. Locks: the account. Replay: given
    twice, it stands once. Raises: ValidationError naming the field, LevelUnknown.
    """
    at = clock.now() if at is None else at
    _check(source, note=note, ends_at=ends_at, at=at)
    with transaction.atomic():
        member_id = _lock_member(member_id)
        _require_level(member_id, level_id)
        holding = _find_lasting(member_id, source, source_key, at)
        if holding is not None and holding.level_id != level_id:
            _end(holding, ends_at=at, turn=Turn.GRANTED)
            holding = None
        if holding is not None:
            _end(holding, ends_at=ends_at, turn=Turn.WITHDRAWN if ends_at else None)
        else:
            holding = TierHolding.objects.create(
                member_id=member_id,
                level_id=level_id,
                source=source.value,
                source_key=source_key,
                begins_at=at,
                begin_reason=Turn.GRANTED.value,
                ends_at=ends_at,
                end_reason=Turn.WITHDRAWN.value if ends_at else "",
                note=note,
            )
        _record("level_granted", holding, at=at, by=by)
    return holding


def end_granted_tier(
    *,
    member_id: int,
    source: LevelSource,
    source_key: str = "",
    ends_at: datetime | None = None,
    at: datetime | None = None,
    by: By = SHOP,
) -> TierHolding:
    """End what was given under a key, now or at a later `ends_at`; until then `grant_tier` takes it back.

    What the member has earned stays. Locks: the account. Replay: ended again for the same moment, it stays
    as it is. Raises: GrantUnknown where nothing under this key lasts any more; ValidationError.
    """
    at = clock.now() if at is None else at
    if ends_at is not None and ends_at < at:
        raise ValidationError({"ends_at": _("This has passed. Choose a later moment, or end it now.")})
    with transaction.atomic():
        member_id = _lock_member(member_id)
        holding = _find_lasting(member_id, source, source_key, at)
        if holding is None or source is LevelSource.EARNED:
            raise GrantUnknown(f"Member {member_id} has no level from {source.value} {source_key!r} now.")
        _end(holding, ends_at=ends_at or at, turn=Turn.WITHDRAWN)
        _record("level_withdrawn", holding, at=at, by=by)
    return holding


def _check(source: LevelSource, *, note: str, ends_at: datetime | None, at: datetime) -> None:
    if source is LevelSource.EARNED:
        raise ValidationError({"source": _("An earned level cannot be given.")})
    if source is LevelSource.HAND and not note.strip():
        raise ValidationError({"note": _("Say why, so that whoever asks later can be told.")})
    if ends_at is not None and ends_at <= at:
        raise ValidationError({"ends_at": _("This has passed. Choose a later day, or leave it empty.")})


def _lock_member(member_id: int) -> int:
    """Lock the account of the member that merges lead to."""
    member_id = resolve_holders(member_ids=[member_id], known=[])[member_id].id
    lock_accounts([member_id])
    return member_id


def _require_level(member_id: int, level_id: int) -> None:
    programme_id = Member.objects.values("programme_id").filter(id=member_id)
    if not Tier.objects.filter(scheme__programme_id__in=programme_id, level_id=level_id).exists():
        raise LevelUnknown(f"The programme of member {member_id} has no level {level_id}.")


def _find_lasting(member_id: int, source: LevelSource, source_key: str, at: datetime) -> TierHolding | None:
    lasting = TierHolding.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=at),
        member_id=member_id,
        source=source.value,
        source_key=source_key,
    )
    return lasting.first()


def _end(holding: TierHolding, *, ends_at: datetime | None, turn: Turn | None) -> None:
    """Set the end of what still lasts, or take it back. Raises: WriteConflict."""
    was, holding.ends_at = holding.ends_at, ends_at
    holding.end_reason = turn.value if turn else ""
    changed = TierHolding.objects.filter(id=holding.id, ends_at=was).update(
        ends_at=ends_at, end_reason=holding.end_reason
    )
    if changed != 1:
        raise WriteConflict(f"level {holding.id} of member {holding.member_id} was changed by somebody else")


def _record(kind: str, holding: TierHolding, *, at: datetime, by: By) -> None:
    # What staff wrote stays with the level: the log cannot be erased.
    audit.record(
        kind=kind,
        object_kind="member",
        object_id=holding.member_id,
        by=by,
        at=at,
        after={
            "level": holding.level_id,
            "source": holding.source,
            "ends_at": holding.ends_at.isoformat() if holding.ends_at else None,
        },
    )
