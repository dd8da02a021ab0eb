"""Points that a person gives or takes by hand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from backstage import clock
from backstage.operations import approvals, audit
from backstage.policies import By
from backstage.policies.approvals import ChangeRefusedError
from loyalty.ledger import moves
from loyalty.ledger.posting import Posted
from loyalty.models import AdjustmentTally, EntryNote, Member, Programme
from loyalty.operations.tiers.settling import settle_levels
from loyalty.policies.adjustments import Adjustment, Deed, read_adjustment
from loyalty.policies.errors import KeyReused, MemberMerged, NotEnoughPoints
from loyalty.queries.adjustments import APPROVAL_KIND, say_only_ready
from loyalty.queries.limits import Allowance, day_of, get_allowance, say_over_limit
from loyalty.queries.programmes import get_programme_rules


class OverLimit(ValueError):
    """More than this person may give or take without a second look."""

    def __init__(self, *, asked_points: int, allowance: Allowance) -> None:
        self.asked_points = asked_points
        self.limit = allowance.limit
        self.counted_points = allowance.counted_points
        super().__init__(" ".join(say_over_limit(allowance)))


AUDIT_KINDS = {Deed.GIVE: "points_given", Deed.TAKE: "points_taken"}


def give_points(
    *,
    member_id: int,
    points: int,
    key: str,
    reason: str,
    expires_at: datetime | None = None,
    lapse_months: int | None = None,
    message: str = "",
    note: str = "",
    counts_for_level: bool = False,
    at: datetime | None = None,
    by: By,
) -> Posted:
    """Give points by hand; they are ready at once. `key` makes a double click one gift.

    They end at `expires_at`, or after `lapse_months` without activity; without either, never.
    Replay: the same key and points change nothing. Raises: ValueError without a reason or for no points.
    """
    adjustment = Adjustment(
        deed=Deed.GIVE,
        member_id=member_id,
        points=points,
        key=key,
        reason=reason,
        expires_at=expires_at,
        lapse_months=lapse_months,
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

    Staff is held to the limit that the owner has set; `request_adjustment` asks for more.
    Replay: the same key with the same content answers with the entry that stands.
    Locks: the account, then the tally of the person's day. Raises: OverLimit, NotEnoughPoints, KeyReused,
    MemberMerged; nothing is written then.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        posted = _post(adjustment, at=at, by=by)
        if not posted.is_replay:
            _note(adjustment, posted, at=at, by=by)
            if by.kind == "staff":
                _count(adjustment, at=at, by=by)
    return posted


def request_adjustment(*, adjustment: Adjustment, at: datetime | None = None, now: datetime, by: By) -> int:
    """Ask somebody else to approve points by hand; give the id of the approval. Nothing moves yet.

    The note says why. Time: `now` is the machine's, from which a lone owner's delay runs.
    Replay: the same key with the same content answers with the request that stands.
    Raises: ReasonMissingError without a note, KeyTakenError.
    """
    at = clock.now() if at is None else at
    member = Member.objects.get(id=adjustment.member_id)
    with transaction.atomic():
        approval = approvals.request(
            kind=APPROVAL_KIND,
            key=adjustment.key,
            object_kind="member",
            object_id=member.id,
            payload={**adjustment.as_payload(), "card": member.number, "asked_by": str(by)},
            reason=adjustment.note,
            by=by,
            at=at,
            now=now,
        )
    return approval.id


def apply_adjustment(*, payload: Mapping[str, Any], at: datetime, by: By) -> None:
    """Give or take what was asked for, now that `by` has approved it, whatever the limits say.

    In the transaction of the approval. Raises: ChangeRefusedError when it cannot be done any more.
    """
    adjustment = read_adjustment(payload)
    if adjustment.expires_at is not None and adjustment.expires_at <= at:
        raise ChangeRefusedError(
            _("The last day to use these points is over. Refuse this, and ask for another day.")
        )
    try:
        posted = _post(adjustment, at=at, by=by)
    except NotEnoughPoints as refusal:
        raise ChangeRefusedError(say_only_ready(refusal.available_points)) from refusal
    except MemberMerged as refusal:
        raise ChangeRefusedError(
            _("The member was merged into another one. Refuse this, and ask for it there.")
        ) from refusal
    except KeyReused as refusal:
        raise _done_before() from refusal
    if posted.is_replay:
        raise _done_before()
    _note(adjustment, posted, at=at, by=by, asked_by=payload["asked_by"])


def _done_before() -> ChangeRefusedError:
    return ChangeRefusedError(_("Points were given or taken on the same page meanwhile. Refuse this."))


def _post(adjustment: Adjustment, *, at: datetime, by: By) -> Posted:
    if adjustment.deed is Deed.GIVE:
        posted = moves.give(
            member_id=adjustment.member_id,
            points=adjustment.points,
            key=adjustment.key,
            reason=adjustment.reason,
            expires_at=adjustment.expires_at,
            lapse_months=adjustment.lapse_months,
            counts_for_level=adjustment.counts_for_level,
            at=at,
            by=by,
        )
        if adjustment.counts_for_level:
            _raise_level(adjustment.member_id, at)
        return posted
    return moves.take_back(
        member_id=adjustment.member_id,
        points=adjustment.points,
        key=adjustment.key,
        reason=adjustment.reason,
        counts_for_level=adjustment.counts_for_level,
        at=at,
        by=by,
    )


def _raise_level(member_id: int, at: datetime) -> None:
    """Let the level rise that the points have earned; giving them has locked the account."""
    programme_id = Member.objects.values_list("programme_id", flat=True).get(id=member_id)
    settle_levels(rules=get_programme_rules(programme_id), member_ids=[member_id], at=at)


def _note(adjustment: Adjustment, posted: Posted, *, at: datetime, by: By, asked_by: str = "") -> None:
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
        after={"points": adjustment.points} | ({"asked_by": asked_by} if asked_by else {}),
    )


def _count(adjustment: Adjustment, *, at: datetime, by: By) -> None:
    """Add the points to what this person did today, unless that goes over their limit.

    The guard is in the update, so two tills of one person cannot both use what is left. Counted without a
    limit as well: one that is set at noon knows of the morning.
    """
    programme = Programme.objects.get(members=adjustment.member_id)
    allowance = get_allowance(programme=programme, by=by, at=at)
    fits_act = allowance.limit.allows(adjustment.points, counted_points=0)
    day = {"programme": programme, "by_id": by.id, "counted_on": day_of(programme, at)}
    if not fits_act or not _add(adjustment.points, day, allowance.limit.points_per_day):
        raise OverLimit(
            asked_points=adjustment.points, allowance=get_allowance(programme=programme, by=by, at=at)
        )


def _add(points: int, day: Mapping[str, Any], points_per_day: int | None) -> bool:
    """Add points to a tally; tell whether they fit."""
    AdjustmentTally.objects.bulk_create([AdjustmentTally(**day)], ignore_conflicts=True)
    tally = AdjustmentTally.objects.filter(**day)
    if points_per_day is not None:
        tally = tally.filter(points__lte=points_per_day - points)
    return tally.update(points=F("points") + points) == 1
