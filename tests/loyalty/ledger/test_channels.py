"""What becomes of a reservation happens where it was made; the fast way is for those without a place."""

from datetime import timedelta

import pytest
from django.db import transaction

from backstage.policies import SHOP
from loyalty.ledger import hold_at_once, moves
from loyalty.models import Entry
from loyalty.operations.adjustments import give_points
from loyalty.policies.errors import KeyReused
from loyalty.policies.requests import PlaceHold
from loyalty.policies.states import EntryKind
from tests.loyalty.shop import NOON, day

pytestmark = pytest.mark.django_db
HERE = 7


@pytest.fixture
def member(alice):
    give_points(member_id=alice.id, points=100, key="gift", reason="goodwill", at=NOON, by=SHOP)
    return alice


def do(move, member, at=NOON, **told):
    with transaction.atomic():
        return move(member_id=member.id, at=at, by=SHOP, **told)


def reserve(member, key="h", **told):
    return do(moves.hold, member, points=10, key=key, expires_at=NOON + timedelta(hours=1), **told)


def channels() -> dict[tuple[str, str], int | None]:
    rows = Entry.objects.filter(kind__gte=EntryKind.HOLD).values_list("kind", "reason", "channel_id")
    return {(EntryKind(kind).name, reason): channel for kind, reason, channel in rows}


def test_capture_void_and_return_follow_the_reservation(member):
    spent = do(moves.capture, member, hold_id=reserve(member, channel_id=HERE).entry_id, key="c")
    do(moves.reinstate, member, capture_id=spent.entry_id, points=4, key="r", reason="cancelled")
    do(moves.void, member, hold_id=reserve(member, "h2", channel_id=HERE).entry_id, key="v")

    assert channels() == dict.fromkeys(
        [("HOLD", "hold"), ("CAPTURE", "capture"), ("REINSTATE", "cancelled"), ("VOID", "voided")], HERE
    )


def test_a_capture_may_say_where_and_points_taken_again_follow_it(member):
    held = reserve(member)

    do(moves.capture, member, day(1), hold_id=held.entry_id, key="c", channel_id=HERE)

    assert channels() == {
        ("HOLD", "hold"): None,
        ("VOID", "timed_out"): None,
        ("HOLD", "hold_again"): HERE,
        ("CAPTURE", "capture"): HERE,
    }


def test_a_repetition_for_another_channel_is_refused(member):
    first = reserve(member, channel_id=HERE)

    assert reserve(member, channel_id=HERE).entry_id == first.entry_id
    with pytest.raises(KeyReused):
        reserve(member, channel_id=HERE + 1)


@pytest.mark.parametrize(
    "more", [{"channel_id": HERE}, {"reason": "exchange"}, {"explanation": {"units": 5}}]
)
def test_what_the_fast_way_cannot_store_takes_the_book(more, monkeypatch):
    monkeypatch.setattr(hold_at_once.connection, "vendor", "postgresql", raising=False)
    plain = {"member_id": 1, "key": "k", "reason": "hold", "points": 5, "expires_at": NOON}

    assert hold_at_once.fits(PlaceHold(**plain))
    assert not hold_at_once.fits(PlaceHold(**(plain | more)))
