"""Whatever a process that is killed between a purchase and its points leaves, `settle_purchases` mends it."""

import os
from datetime import UTC, datetime

import pytest
from django.db import connections

from backstage.operations.check import check_ledger
from commerce.models import Channel, Identity, Purchase
from commerce.operations import settle_purchases, sync_purchase
from commerce.policies.snapshot import LineSnapshot, Snapshot, Who
from loyalty.ledger import posting
from loyalty.models import Award, Entry
from loyalty.operations import awards
from tests.loyalty.ledger.deeds import points_of

pytestmark = pytest.mark.django_db(transaction=True)

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
KILLED = 9


@pytest.fixture
def known(alice):
    """Alice is recognized by her number in the shop."""
    Channel.objects.create(
        key="web",
        name="Web",
        kind="web",
        time_zone="UTC",
        currency="EUR",
        as_of_kind="sequence",
        created_at=AT,
    )
    Identity.objects.create(
        customer=alice.customer, kind="external_id", scope="web", value="17", verified_at=AT, created_at=AT
    )
    return alice


def bought(*, returned_minor: int = 0, as_of: int = 1) -> Snapshot:
    line = LineSnapshot(
        key="1", sku="mug", name="Mug", quantity=1, sold_minor=800, returned_minor=returned_minor or None
    )
    return Snapshot(
        channel="web",
        reference="10482",
        as_of=as_of,
        who=Who(external_id="17"),
        currency="EUR",
        placed_at=AT,
        lines=(line,),
    )


def in_a_process_that_dies(where: tuple[object, str] | None, *, when: str, do) -> int:
    """Do it in another process, which dies before or after the named function; give its exit code.

    `fork` and not a fresh interpreter, because the killing is put into the code of this very process. It
    happens without any clean-up, as when a machine loses its power.
    """
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            if where:
                kill_at(*where, when=when)
            do()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_at(module: object, name: str, *, when: str) -> None:
    original = getattr(module, name)

    def killing(*given, **more):
        if when == "after":
            original(*given, **more)
        os._exit(KILLED)

    setattr(module, name, killing)


def sync_and_settle(snapshot: Snapshot) -> None:
    sync_purchase(snapshot, at=AT)
    settle_purchases(at=AT)


# Every place where the process may die: (what, where, before or after it)
PLACES = [
    ("between the purchase and its award", (awards, "lock_purchase_heads"), "before"),
    ("with the purchase locked", (awards, "lock_purchase_heads"), "after"),
    ("before anything is posted", (posting, "write"), "before"),
    ("with points written and no commit", (posting, "write"), "after"),
    ("before the award is kept", (awards, "_store"), "before"),
    ("with the award kept and no commit", (awards, "_store"), "after"),
    ("when all is done", None, "after"),
]


@pytest.mark.parametrize(
    ("where", "when"), [place[1:] for place in PLACES], ids=[place[0] for place in PLACES]
)
def test_points_of_a_purchase_come_however_the_process_died(known, clock, where, when):
    code = in_a_process_that_dies(where, when=when, do=lambda: sync_and_settle(bought()))

    settle_purchases(at=AT)

    assert code == (KILLED if where else 0)
    assert points_of(known, AT) == {"pending": 80}
    assert Award.objects.get().applied_revision == Purchase.objects.get().revision
    assert check_ledger().exit_code == 0


@pytest.mark.parametrize(
    ("where", "when"), [place[1:] for place in PLACES], ids=[place[0] for place in PLACES]
)
def test_a_return_takes_its_points_once_however_the_process_died(known, clock, where, when):
    sync_and_settle(bought())

    in_a_process_that_dies(where, when=when, do=lambda: sync_and_settle(bought(returned_minor=200, as_of=2)))
    settle_purchases(at=AT)
    settle_purchases(at=AT)

    assert points_of(known, AT) == {"pending": 60}
    assert Entry.objects.filter(source_kind="purchase").count() == 2
    assert check_ledger().exit_code == 0
