"""Points that a person gives or takes by hand."""

from datetime import datetime

from django.db import transaction

from backstage import clock
from backstage.operations import audit
from backstage.policies import By
from loyalty.ledger import moves
from loyalty.ledger.posting import Posted
from loyalty.models import EntryNote
from loyalty.policies.adjustments import Adjustment, Deed

AUDIT_KINDS = {Deed.GIVE: "points_given", Deed.TAKE: "points_taken"}


def give_points(
    *,
    member_id: int,
    points: int,
    key: str,
    reason: str,
    expires_at: datetime | None = None,
    message: str = "",
    note: str = "",
    counts_for_level: bool = False,
    at: datetime | None = None,
    by: By,
) -> Posted:
    """Give points by hand; they are ready at once. `key` makes a double click one gift.

    Replay: the same key and points change nothing. Raises: ValueError without a reason or for no points.
    """
    adjustment = Adjustment(
        deed=Deed.GIVE,
        member_id=member_id,
        points=points,
        key=key,
        reason=reason,
        expires_at=expires_at,
        counts_for_level=counts_for_level,
        message=message,
        note=note,
    )
    return adjust_points(adjustment=adjustment, at=at, by=by)


def take_points(
    *,
    member_id: int,
    points: int,
    key: str,
    reason: str,
    message: str = "",
    note: str = "",
    counts_for_level: bool = False,
    at: datetime | None = None,
    by: By,
) -> Posted:
    """Take points back by hand. Raises: NotEnoughPoints with both numbers; never below zero."""
    adjustment = Adjustment(
        deed=Deed.TAKE,
        member_id=member_id,
        points=points,
        key=key,
        reason=reason,
        counts_for_level=counts_for_level,
        message=message,
        note=note,
    )
    return adjust_points(adjustment=adjustment, at=at, by=by)


def adjust_points(*, adjustment: Adjustment, at: datetime | None = None, by: By) -> Posted:
    """Give or take points by hand, with a note beside the entry and a line in the log.

    Replay: the same key with the same content answers with the entry that stands. Locks: the account.
    Raises: NotEnoughPoints, KeyReused, MemberMerged.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        posted = _post(adjustment, at=at, by=by)
        if not posted.is_replay:
            _note(adjustment, posted, at=at, by=by)
    return posted


def _post(adjustment: Adjustment, *, at: datetime, by: By) -> Posted:
    if adjustment.deed is Deed.GIVE:
        return moves.give(
            member_id=adjustment.member_id,
            points=adjustment.points,
            key=adjustment.key,
            reason=adjustment.reason,
            expires_at=adjustment.expires_at,
            counts_for_level=adjustment.counts_for_level,
            at=at,
            by=by,
        )
    return moves.take_back(
        member_id=adjustment.member_id,
        points=adjustment.points,
        key=adjustment.key,
        reason=adjustment.reason,
        counts_for_level=adjustment.counts_for_level,
        at=at,
        by=by,
    )


def _note(adjustment: Adjustment, posted: Posted, *, at: datetime, by: By) -> None:
    EntryNote.objects.create(
        entry_id=posted.entry_id,
        member_id=adjustment.member_id,
        by_label=by.label,
        for_member=adjustment.message,
        internal=adjustment.note,
    )
    audit.record(
        kind=AUDIT_KINDS[adjustment.deed],
        object_kind="member",
        object_id=adjustment.member_id,
        by=by,
        at=at,
        after={"points": adjustment.points},
    )
