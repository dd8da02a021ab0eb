"""A new worth of points needs a second person where there are members: one asks for it, another approves."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from backstage import clock
from backstage.operations import approvals
from backstage.policies import By
from backstage.policies.approvals import ChangeRefusedError
from loyalty.models import Programme
from loyalty.operations.changes.notice import AlreadyAnnounced, NoticeTooShort, StartPassed
from loyalty.operations.changes.settings import change_settings
from loyalty.policies.changes.settings import VALUE_SETTINGS
from loyalty.policies.changes.subjects import Subject
from loyalty.queries.changes.outlook import look_ahead
from loyalty.queries.changes.requests import APPROVAL_KIND


def request_settings(
    *,
    programme_id: int,
    changes: Mapping[str, Any],
    starts_at: datetime | None,
    key: str,
    reason: str,
    at: datetime | None = None,
    now: datetime,
    by: By,
) -> int:
    """Ask somebody else to approve new settings; give the id of the approval. Nothing changes yet.

    Without `starts_at` they hold as soon as they may, counted from the approval.
    Time: `now` is the machine's, from which a lone owner's delay runs.
    Replay: the same key with the same content answers with the request that stands.
    Raises: ReasonMissingError, KeyTakenError.
    """
    at = clock.now() if at is None else at
    programme = Programme.objects.get(id=programme_id)
    history = programme.settings_history()
    with transaction.atomic():
        approval = approvals.request(
            kind=APPROVAL_KIND,
            key=key,
            object_kind="programme",
            object_id=programme_id,
            payload={
                "programme_id": programme_id,
                "name": programme.name,
                "before": {name: history.value_at(name, at) for name in VALUE_SETTINGS},
                "changes": dict(changes),
                "starts_at": starts_at.isoformat() if starts_at else None,
            },
            reason=reason,
            by=by,
            at=at,
            now=now,
        )
    return approval.id


def _starts_at(payload: Mapping[str, Any], at: datetime) -> datetime | None:
    """Give the day that was asked for, or as soon as it may hold now; None is at once."""
    if payload["starts_at"]:
        return datetime.fromisoformat(payload["starts_at"])
    programme = Programme.objects.get(id=payload["programme_id"])
    history = programme.settings_history()
    before = {name: history.value_at(name, at) for name in VALUE_SETTINGS}
    return look_ahead(
        programme=programme,
        subject=Subject.SETTINGS,
        before=before,
        after={**before, **payload["changes"]},
        wanted=None,
        at=at,
    ).starts_at


def apply_settings(*, payload: Mapping[str, Any], at: datetime, by: By) -> None:
    """Make the change that was asked for, now that `by` has approved it.

    In the transaction of the approval. Raises: ChangeRefusedError when it cannot be made any more.
    """
    starts_at = _starts_at(payload, at)
    try:
        change_settings(
            programme_id=payload["programme_id"], starts_at=starts_at, at=at, by=by, **payload["changes"]
        )
    except (NoticeTooShort, StartPassed) as refusal:
        raise ChangeRefusedError(
            _("Members would be told too late by now. Refuse this, and ask again with a later day.")
        ) from refusal
    except AlreadyAnnounced as refusal:
        raise ChangeRefusedError(
            _("Another change was announced meanwhile. Call that one off, or refuse this.")
        ) from refusal
    except ValidationError as refusal:
        raise ChangeRefusedError(" ".join(refusal.messages)) from refusal
