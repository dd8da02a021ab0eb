"""Lists of invitations: drafted, switched on, paused, ended. What was switched on is never edited."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from commerce.models import Segment
from commerce.policies.segments import Definition, SegmentError
from commerce.queries.segments import read_segment
from loyalty.locks import lock_invitation_list
from loyalty.models import InvitationList, Programme
from loyalty.policies.invitations import ListState
from loyalty.queries.invitations import get_reach

FIELDS = ("name", "segment_id", "is_living", "valid_days", "guests", "greeting", "text")


class ListStepRefused(ValueError):
    """A list cannot do this from where it stands."""

    def __init__(self, *, state: str, deed: str) -> None:
        self.state, self.deed = state, deed
        super().__init__(f"A list of invitations that is {state} can't be {deed}.")


def create_invitation_list(
    *, programme_id: int, fields: Mapping[str, Any], at: datetime | None = None, by: By = SHOP
) -> InvitationList:
    """Draft a list; it invites nobody until it is switched on.

    `fields` are of `InvitationList`, at least its name and segment. Raises: ValidationError naming the
    fields, also for a segment that nobody is in or that cannot be read.
    """
    at = clock.now() if at is None else at
    drafted = InvitationList(programme_id=programme_id, created_at=at, **fields)
    with transaction.atomic():
        _check(drafted, at)
        drafted.save(force_insert=True)
        _record("invitation_list_drafted", drafted, by=by, at=at, after=_told(drafted))
    return drafted


def change_invitation_list(
    *, list_id: int, fields: Mapping[str, Any], at: datetime | None = None, by: By = SHOP
) -> InvitationList:
    """Change a draft. Locks: the list. Raises: ValidationError naming the fields, ListStepRefused."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        drafted = lock_invitation_list(list_id)
        _require(drafted, "changed", ListState.DRAFT)
        before = _told(drafted)
        for field, value in fields.items():
            setattr(drafted, field, value)
        _check(drafted, at)
        drafted.save()
        _record("invitation_list_changed", drafted, by=by, at=at, before=before, after=_told(drafted))
    return drafted


def switch_on_invitation_list(*, list_id: int, at: datetime | None = None, by: By = SHOP) -> InvitationList:
    """Freeze what the segment says and let the job invite whoever is in; a paused list goes on.

    Locks: the list. Raises: ValidationError naming the field; ListStepRefused.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        drafted = lock_invitation_list(list_id)
        _require(drafted, "switched on", ListState.DRAFT, ListState.PAUSED)
        if drafted.state == ListState.DRAFT:
            _check(drafted, at)
            drafted.conditions = Segment.objects.get(id=drafted.segment_id).conditions
            drafted.begun_at = at
        drafted.state = ListState.ON.value
        drafted.save()
        _record("invitation_list_switched_on", drafted, by=by, at=at)
    return drafted


def pause_invitation_list(*, list_id: int, at: datetime | None = None, by: By = SHOP) -> InvitationList:
    """Invite nobody and let nobody in until it is switched on again; days go on.

    Locks: the list. Raises: ListStepRefused.
    """
    return _step(list_id, ListState.PAUSED, "paused", (ListState.ON,), at, by)


def end_invitation_list(*, list_id: int, at: datetime | None = None, by: By = SHOP) -> InvitationList:
    """End it for good: no link of it lets anybody in any more; who has joined stays.

    Locks: the list. Raises: ListStepRefused.
    """
    return _step(list_id, ListState.ENDED, "ended", (ListState.ON, ListState.PAUSED), at, by)


def discard_invitation_list(*, list_id: int, at: datetime | None = None, by: By = SHOP) -> None:
    """Throw a draft away. Locks: the list. Raises: ListStepRefused for what has been switched on."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        drafted = lock_invitation_list(list_id)
        _require(drafted, "thrown away", ListState.DRAFT)
        _record("invitation_list_discarded", drafted, by=by, at=at, before=_told(drafted))
        drafted.delete()


def read_conditions(segment_id: int) -> Definition:
    """Read what a segment says now, for a list that is being drafted.

    Raises: ValidationError naming the field where there is no such segment, or where it names a condition
    that nobody knows.
    """
    segment = Segment.objects.filter(id=segment_id).first()
    if segment is None:
        raise ValidationError({"segment_id": _("There is no such segment. Choose another one.")})
    try:
        return read_segment(conditions=segment.conditions)
    except SegmentError as error:
        problem = _("This segment cannot be read: %(problem)s")
        raise ValidationError({"segment_id": problem % {"problem": error}}) from None


# -- the parts -----------------------------------------------------------------------------------------------


def _check(drafted: InvitationList, at: datetime) -> None:
    """Refuse what cannot be, and a snapshot of nobody; those who come to fit later may still be none."""
    drafted.full_clean()
    definition = read_conditions(drafted.segment_id)
    if drafted.is_living:
        return
    programme: Programme = drafted.programme
    reach = get_reach(
        definition=definition,
        programme_id=programme.pk,
        currency=programme.currency,
        zone=programme.zone,
        at=at,
    )
    if not reach.found:
        problem = _(
            "Nobody is in this segment now. Loosen its conditions, or invite those who come to fit later."
        )
        raise ValidationError({"segment_id": problem})
    if not reach.invitable:
        problem = _("Everybody in this segment has joined already. Choose another one.")
        raise ValidationError({"segment_id": problem})


def _step(
    list_id: int,
    state: ListState,
    deed: str,
    from_states: tuple[ListState, ...],
    at: datetime | None,
    by: By,
) -> InvitationList:
    at = clock.now() if at is None else at
    with transaction.atomic():
        running = lock_invitation_list(list_id)
        _require(running, deed, *from_states)
        running.state = state.value
        running.save(update_fields=["state"])
        _record(f"invitation_list_{deed}", running, by=by, at=at)
    return running


def _require(found: InvitationList, deed: str, *states: ListState) -> None:
    if found.state not in states:
        raise ListStepRefused(state=found.state, deed=deed)


def _told(found: InvitationList) -> dict[str, Any]:
    return {field: getattr(found, field) for field in FIELDS}


def _record(
    kind: str,
    found: InvitationList,
    *,
    by: By,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    audit.record(
        kind=kind,
        object_kind="invitation_list",
        object_id=found.pk,
        by=by,
        at=at,
        before=before,
        after=after,
    )
