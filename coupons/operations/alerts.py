"""Alerts about codes that spread: raised by a job, settled by a person with one deed."""

from datetime import datetime

from django.db import transaction

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By, Chunk, Progress
from coupons import conf
from coupons.locks import lock_alert
from coupons.models import Code, CodeAlert
from coupons.policies.sites import AlertOutcome
from coupons.policies.states import CodeState
from coupons.queries.leaks import Leak, list_leaks

CHUNK = 500


class AlertSettled(ValueError):
    """Somebody has settled this alert already."""

    def __init__(self, *, outcome: str, settled_at: datetime) -> None:
        self.outcome, self.settled_at = outcome, settled_at
        super().__init__(f"This alert was settled on {settled_at:%Y-%m-%d %H:%M}, as {outcome}.")


class CodeNotReady(ValueError):
    """A code that is not good cannot be paused, and one that is not paused cannot be made good again."""

    def __init__(self, *, code: str, state: str) -> None:
        self.code, self.state = code, state
        super().__init__(f"The code {code} is {state}.")


def plan_watching(at: datetime) -> list[Chunk]:
    """Cut the codes that spread into ranges of ids."""
    ids = [leak.code_id for leak in _find(at)]
    parts = [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]
    return [Chunk(part[0], part[-1], len(part)) for part in parts]


def work_watching(chunk: Chunk, at: datetime, _chunk_id: int) -> Progress:
    """Raise an alert for each code of one range that spreads and has none, in the runner's transaction."""
    leaks = _find(at, (chunk.lo, chunk.hi))
    CodeAlert.objects.bulk_create(
        [
            CodeAlert(
                code_id=leak.code_id,
                since_at=leak.since,
                customer_count=leak.spread.customers,
                usual_count=leak.spread.usual,
                found_at=at,
            )
            for leak in leaks
        ],
        ignore_conflicts=True,  # another worker was here first
    )
    return Progress(done=len(leaks))


def _find(at: datetime, code_ids: tuple[int, int] | None = None) -> list[Leak]:
    return list_leaks(
        at,
        hours=conf.LEAK_HOURS.get(),
        customers=conf.LEAK_CUSTOMERS.get(),
        times_usual=conf.LEAK_TIMES_USUAL.get(),
        code_ids=code_ids,
    )


def pause_leaked_code(*, alert_id: int, at: datetime | None = None, by: By = SHOP) -> CodeAlert:
    """Pause the code that an alert is about; nobody gets the coupon by it until it is made good again.

    Locks: the alert. Raises: AlertSettled, CodeNotReady.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        alert = _settle(alert_id, AlertOutcome.PAUSED, at)
        _change_state(alert.code, CodeState.READY, CodeState.PAUSED)
        audit.record(kind="leaked_code_paused", object_kind="code", object_id=alert.code_id, by=by, at=at)
    return alert


def dismiss_alert(*, alert_id: int, at: datetime | None = None, by: By = SHOP) -> CodeAlert:
    """Note that the use of a code is meant to be; what was used until now is not counted again.

    Locks: the alert. Raises: AlertSettled.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        alert = _settle(alert_id, AlertOutcome.MEANT, at)
        audit.record(kind="code_alert_dismissed", object_kind="code", object_id=alert.code_id, by=by, at=at)
    return alert


def resume_leaked_code(*, code_id: int, at: datetime | None = None, by: By = SHOP) -> Code:
    """Make a paused code good again. Raises: CodeNotReady, Code.DoesNotExist."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        code = Code.objects.get(id=code_id)
        _change_state(code, CodeState.PAUSED, CodeState.READY)
        audit.record(kind="leaked_code_resumed", object_kind="code", object_id=code_id, by=by, at=at)
    return code


def _settle(alert_id: int, outcome: AlertOutcome, at: datetime) -> CodeAlert:
    alert = lock_alert(alert_id)
    if alert.settled_at is not None:
        raise AlertSettled(outcome=alert.outcome, settled_at=alert.settled_at)
    alert.outcome, alert.settled_at = outcome.value, at
    alert.save()
    return alert


def _change_state(code: Code, from_state: CodeState, to_state: CodeState) -> None:
    """Change a code's state by a guarded update, which an order that uses it waits for."""
    changed = Code.objects.filter(id=code.pk, state=from_state).update(state=to_state)
    if changed != 1:
        code.refresh_from_db()
        raise CodeNotReady(code=code.code, state=code.state)
    code.state = to_state.value
