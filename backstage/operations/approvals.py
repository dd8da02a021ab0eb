"""Changes that need a second look: asked for by one person, decided by another.

Where nobody else could decide, the same person may, after a delay. The delay runs on the machine's clock: a
demo's clock can be moved by the very person who waits.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from backstage.conf import APPROVAL_DELAY_MINUTES
from backstage.locks import lock_approval
from backstage.models import Approval
from backstage.operations import audit
from backstage.policies import ApprovalState, By
from backstage.policies.approvals import earliest_decision
from backstage.queries import has_other_approver
from backstage.registry import approval_kinds
from backstage.transactions import require_transaction


class ApprovalError(ValueError):
    """A decision that cannot be made; the message says what can."""

    def __init__(self, message: str, *, approval_id: int) -> None:
        super().__init__(message)
        self.approval_id = approval_id


class AlreadyDecidedError(ApprovalError):
    """Somebody has decided before."""


class SecondPersonNeededError(ApprovalError):
    """The person who asked cannot be the one who approves."""


class TooEarlyError(ApprovalError):
    """The delay of a lone approver is not over."""


class KeyTakenError(ApprovalError):
    """A key that stands for a request came again with another one."""


class ReasonMissingError(ValueError):
    """A request or a refusal without a reason tells the next reader nothing."""

    def __init__(self) -> None:
        super().__init__(_("Say why, in a few words; whoever reads this later was not there."))


def request(
    *,
    kind: str,
    object_kind: str,
    object_id: str | int,
    payload: Mapping[str, Any],
    reason: str,
    by: By,
    at: datetime,
    now: datetime,
    key: str = "",
) -> Approval:
    """Ask for a change of a registered kind.

    Time: `at` is the business time of the asking, `now` the machine's.
    Replay: a known key with the same change answers with the request that stands, whatever became of it.
    Raises: UnknownKey, ReasonMissingError, KeyTakenError, TransactionRequiredError.
    """
    require_transaction()
    approval_kinds.get(kind)
    if not reason.strip():
        raise ReasonMissingError
    approval = Approval(
        kind=kind,
        key=key,
        object_kind=object_kind,
        object_id=str(object_id),
        payload=payload,
        reason=reason.strip(),
        requested_at=now,
        requested_by_kind=by.kind,
        requested_by_id=by.id,
        requested_by_label=by.label,
        not_before=earliest_decision(
            requested_at=now,
            delay=timedelta(minutes=APPROVAL_DELAY_MINUTES.get()),
            others_can_decide=has_other_approver(by=by),
        ),
    )
    return (_find_standing(approval) if key else None) or _store(approval, by=by, at=at)


def _find_standing(approval: Approval) -> Approval | None:
    standing = Approval.objects.filter(kind=approval.kind, key=approval.key).first()
    if standing is None:
        return None
    asked = json.loads(json.dumps(approval.payload, cls=DjangoJSONEncoder))
    if (standing.object_kind, standing.object_id, standing.payload) != (
        approval.object_kind,
        approval.object_id,
        asked,
    ):
        raise KeyTakenError(
            _("Something else was asked for on this page already. Open it anew, and ask again."),
            approval_id=standing.pk,
        )
    return standing


def _store(approval: Approval, *, by: By, at: datetime) -> Approval:
    """Store a request and a line in the log; where somebody was faster with its key, give theirs."""
    try:
        with transaction.atomic():
            approval.save(force_insert=True)
    except IntegrityError:
        standing = _find_standing(approval) if approval.key else None
        if standing is None:
            raise
        return standing
    # Without the reason: what is said of a person may be erased one day, and nothing in the log can be.
    _record("approval_requested", approval, by=by, at=at, reason="")
    return approval


def approve(*, approval_id: int, by: By, at: datetime, now: datetime, reason: str = "") -> Approval:
    """Approve a request and make the change, both or neither.

    Time: `at` is the business time of the change, `now` the machine's.
    Raises: AlreadyDecidedError, SecondPersonNeededError, TooEarlyError, UnknownKey, and what the change
    itself refuses.
    """
    approval = _lock_waiting(approval_id)
    _check_person(approval, by, now)
    change = approval_kinds.get(approval.kind)
    _decide(approval, ApprovalState.APPROVED, by, at, now, reason)
    change.apply(approval.payload, at, by)
    return approval


def refuse(*, approval_id: int, by: By, at: datetime, now: datetime, reason: str) -> Approval:
    """Refuse a request, with a reason for whoever asked.

    Raises: AlreadyDecidedError, ReasonMissingError.
    """
    if not reason.strip():
        raise ReasonMissingError
    return _decide(_lock_waiting(approval_id), ApprovalState.REFUSED, by, at, now, reason)


def cancel(*, approval_id: int, by: By, at: datetime, now: datetime, reason: str = "") -> Approval:
    """Take a request back.

    Raises: AlreadyDecidedError.
    """
    return _decide(_lock_waiting(approval_id), ApprovalState.CANCELLED, by, at, now, reason)


def _lock_waiting(approval_id: int) -> Approval:
    require_transaction()
    approval = lock_approval(approval_id=approval_id)
    if approval.state != ApprovalState.WAITING:
        raise AlreadyDecidedError(
            _("This was %(state)s by %(who)s. Ask again if it is still needed.")
            % {
                "state": approval.get_state_display(),
                "who": approval.decided_by_label or approval.decided_by_kind,
            },
            approval_id=approval.pk,
        )
    return approval


def _check_person(approval: Approval, by: By, now: datetime) -> None:
    if (approval.requested_by_kind, approval.requested_by_id) != (by.kind, by.id):
        return
    if approval.not_before is None:
        raise SecondPersonNeededError(
            _("You asked for this yourself, so somebody else has to approve it."), approval_id=approval.pk
        )
    if now < approval.not_before:
        minutes = -(-(approval.not_before - now) // timedelta(minutes=1))
        raise TooEarlyError(
            _("You are the only one who can approve this, so it waits. Come back in %(minutes)s minutes.")
            % {"minutes": minutes},
            approval_id=approval.pk,
        )


def _decide(
    approval: Approval, state: ApprovalState, by: By, at: datetime, now: datetime, reason: str
) -> Approval:
    approval.state = state.value
    approval.decided_at = now
    approval.decided_by_kind, approval.decided_by_id, approval.decided_by_label = by.kind, by.id, by.label
    approval.decision_reason = reason.strip()
    approval.save()
    _record(f"approval_{state.value}", approval, by=by, at=at, reason=approval.decision_reason)
    return approval


def _record(deed: str, approval: Approval, *, by: By, at: datetime, reason: str) -> None:
    audit.record(
        kind=deed,
        object_kind="approval",
        object_id=approval.pk,
        by=by,
        at=at,
        after={
            "kind": approval.kind,
            "object_kind": approval.object_kind,
            "object_id": approval.object_id,
            "change": _without_private(approval),
        },
        reason=reason,
    )


def _without_private(approval: Approval) -> dict[str, Any]:
    """Give what the log may keep of a change; of an app that is gone nobody knows, so it keeps nothing."""
    if approval.kind not in approval_kinds:
        return {}
    private = approval_kinds.get(approval.kind).private
    return {name: value for name, value in approval.payload.items() if name not in private}
