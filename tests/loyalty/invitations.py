"""A shop whose customers may be invited: what tests of invitations are written with."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any

from django.db import connection

from backstage.operations.jobs import run_job
from backstage.policies.jobs import JobState
from commerce.models import Segment
from commerce.operations.segments import save_segment
from commerce.operations.sync import sync_purchase
from commerce.policies.snapshot import Snapshot, Who
from loyalty.models import Invitation, InvitationList, Programme
from loyalty.operations.invitation_lists import create_invitation_list, switch_on_invitation_list
from loyalty.operations.programme import change_settings
from tests.loyalty.shop import NOON, OPENED, customer, day, goods, open_shop, tell

LONG_BEFORE = day(-20)


def invite_only(**settings: Any) -> Programme:
    """A live club that takes only those who are invited."""
    programme = open_shop(**settings)
    return change_settings(programme_id=programme.id, admission="by_invitation", at=OPENED)


def spenders(at_least: int = 5000, key: str = "spenders") -> Segment:
    """Whoever kept goods for so much within 12 months."""
    within = {"last": 12, "unit": "months"}
    values = {"currency": "EUR", "at_least": at_least, "period": within}
    conditions = {"conditions": [{"condition": "spend", "with": values}]}
    return save_segment(key=key, name="Spenders", conditions=conditions, at=OPENED)


def spend(name: str, minor: int = 6000, *, at: datetime = LONG_BEFORE, number: int = 1) -> int:
    """Let a customer whom the shop knows by this name buy something."""
    return tell(f"{name}-{number}", goods(sold_minor=minor), who=name, at=at, placed_at=at)


def draft(programme: Programme, segment: Segment, *, at: datetime = NOON, **fields: Any) -> InvitationList:
    told = {"name": "The best", "segment_id": segment.pk, **fields}
    return create_invitation_list(programme_id=programme.pk, fields=told, at=at)


def send(at: datetime = NOON) -> None:
    """Run the job; it must end well."""
    run = run_job(name="send_invitations", at=at)
    assert (run.state, run.error) == (JobState.DONE.value, "")


def invite(programme: Programme, segment: Segment, *, at: datetime = NOON, **fields: Any) -> InvitationList:
    """Draft a list, switch it on and invite."""
    drafted = draft(programme, segment, at=at, **fields)
    running = switch_on_invitation_list(list_id=drafted.pk, at=at)
    send(at)
    return running


def invitation(name: str) -> Invitation:
    return Invitation.objects.get(customer=customer(name))


def invited() -> list[str]:
    """Name whoever was invited, by the shop's own name."""
    sent = Invitation.objects.filter(sent_at__isnull=False, withdrawn_at__isnull=True)
    values = sent.values_list("customer__identities__value", flat=True)
    return sorted(values.filter(customer__identities__kind="external_id"))


def tell_only(reference: str, who: str, *, at: datetime) -> int:
    """Tell of an order without letting the club catch up with it; give the purchase's id."""
    told = Snapshot(
        channel="web",
        reference=reference,
        as_of=at,
        who=Who(external_id=who),
        currency="EUR",
        placed_at=at,
        lines=(goods(),),
    )
    purchase_id = sync_purchase(told, at=at).purchase_id
    assert purchase_id is not None
    return purchase_id


def at_once(count: int, deed: Callable[[int], Any]) -> list[Any]:
    """Do something in so many threads at the same moment; give what each came to."""
    barrier = Barrier(count)

    def one(number: int) -> Any:
        try:
            barrier.wait(30)
            return deed(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))
