"""Writing down who did what."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from backstage.models import AuditRecord
from backstage.policies import By
from backstage.registry import audit_kinds
from backstage.transactions import require_transaction


def record(
    *,
    kind: str,
    object_kind: str,
    object_id: str | int,
    by: By,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    group: UUID | None = None,
) -> AuditRecord:
    """Write one deed into the audit log, in the transaction of the deed.

    Were it written after the commit, a crash in between would leave a change that nobody made.
    Raises: UnknownKey for a kind that no app has registered; TransactionRequiredError.
    """
    require_transaction()
    audit_kinds.get(kind)
    return AuditRecord.objects.create(
        at=at,
        by_kind=by.kind,
        by_id=by.id,
        by_label=by.label,
        kind=kind,
        object_kind=object_kind,
        object_id=str(object_id),
        before=before,
        after=after,
        reason=reason,
        group=group or uuid4(),
    )
