"""Posting: all or nothing, each key once, and rows in the order of what was asked."""

from datetime import timedelta

import pytest
from django.db import transaction

from backstage.policies import SYSTEM
from backstage.transactions import TransactionRequiredError
from loyalty.ledger import moves, posting
from loyalty.ledger.posting import AccountMissing
from loyalty.models import Entry, Hold, Lot, Movement, PointsAccount
from loyalty.policies.errors import HoldClosed, HoldUnknown, KeyReused, NotEnoughPoints, TooMuchReturned
from loyalty.policies.requests import Accrue, Part, PlaceHold
from loyalty.policies.terms import LotDates
from tests.factories.loyalty import MemberFactory
from tests.loyalty.ledger import deeds
from tests.loyalty.ledger.deeds import day, points_of

pytestmark = pytest.mark.django_db

READY_NOW = LotDates(day(0), None, "", None)


def everything() -> list[int]:
    return [model.objects.count() for model in (Entry, Movement, Lot, Hold)]


def test_lots_and_movements_are_numbered_in_the_order_of_what_was_asked(programme):
    members = [MemberFactory(programme=programme) for _ in range(3)]
    asked = [
        Accrue(
            member_id=member.id,
            key=f"k{number}",
            reason="purchase",
            parts=tuple(Part(points, READY_NOW) for points in (5, 3, 9, 1)),
            earned_at=day(0),
            source_kind="gift",
        )
        for number in range(3)
        for member in reversed(members)
    ]

    posted = deeds.send(*asked, at=day(0))

    places = {entry.entry_id: place for place, entry in enumerate(posted)}
    for rows in (Lot.objects.order_by("id"), Movement.objects.order_by("id")):
        of_member = [(row.member_id, places[row.entry_id]) for row in rows]
        for member in members:
            order = [place for member_id, place in of_member if member_id == member.id]
            assert order == sorted(order)
    assert [lot.issued for lot in Lot.objects.order_by("id")] == [5, 3, 9, 1] * 9
    assert [row.points for row in Movement.objects.order_by("id")] == [5, 3, 9, 1] * 9


def test_one_refusal_in_a_posting_leaves_nothing_of_the_rest(alice, bob):
    deeds.give(bob, 5, at=day(0))
    before = everything()
    hold = PlaceHold(
        member_id=bob.id, key="hold", reason="hold", points=6, expires_at=day(1), reference="basket"
    )

    with pytest.raises(NotEnoughPoints, match="6 points were asked for and 5 are available"):
        deeds.send(deeds.earning(alice, 10), hold, at=day(0))

    assert everything() == before
    assert [points_of(member, day(0)) for member in (alice, bob)] == [{}, {"available": 5}]


def test_points_move_in_a_transaction_only(alice):
    with pytest.raises(TransactionRequiredError):
        posting.post([deeds.earning(alice, 10)], at=day(0), by=SYSTEM)

    assert everything() == [0, 0, 0, 0]


def test_a_member_without_an_account_is_named(alice):
    PointsAccount.objects.filter(member=alice).delete()

    with pytest.raises(AccountMissing, match=rf"member {alice.id}\. Enrol the customer first\."):
        deeds.give(alice, 10)


def test_the_retry_of_a_spend_that_emptied_the_account_is_answered(alice):
    deeds.give(alice, 10, at=day(0))
    first = deeds.hold(alice, 10, at=day(0), until=day(1), key="order-7")
    before = everything()

    again = deeds.hold(alice, 10, at=day(3), until=day(1), key="order-7")

    assert again == first
    assert everything() == before


def test_a_key_that_comes_again_for_something_else_is_refused(alice):
    deeds.give(alice, 10, at=day(0))
    deeds.hold(alice, 4, at=day(0), key="order-7")
    before = everything()

    with pytest.raises(KeyReused, match="'order-7' of member"):
        deeds.hold(alice, 5, at=day(0), key="order-7")

    assert everything() == before


def test_one_key_of_two_members_is_two_keys(alice, bob):
    for member in (alice, bob):
        deeds.give(member, 10, at=day(0))

    holds = {deeds.hold(member, 4, at=day(0), key="order-7") for member in (alice, bob)}

    assert len(holds) == 2


def test_a_reservation_is_somebodys_own(alice, mallory):
    deeds.give(alice, 10, at=day(0))
    held = deeds.hold(alice, 10, at=day(0))

    for deed in (deeds.capture, deeds.void):
        with pytest.raises(HoldUnknown):
            deed(mallory, held, at=day(0))

    assert points_of(alice, day(0)) == {"held": 10}


@pytest.mark.parametrize(("close", "state"), [(deeds.capture, "captured"), (deeds.void, "voided")])
def test_a_reservation_is_closed_once(alice, close, state):
    deeds.give(alice, 10, at=day(0))
    held = deeds.hold(alice, 10, at=day(0))
    close(alice, held, at=day(0))
    before = everything()

    for again in (deeds.capture, deeds.void):
        with pytest.raises(HoldClosed) as refusal:
            again(alice, held, at=day(0))
        assert refusal.value.state == state

    assert everything() == before


def test_a_reservation_that_timed_out_is_spent_if_the_points_are_still_there(alice):
    deeds.give(alice, 10, at=day(0))
    held = deeds.hold(alice, 7, at=day(0), until=day(1))

    deeds.capture(alice, held, at=day(2))

    assert points_of(alice, day(2)) == {"available": 3}
    assert points_of(alice, day(1) + timedelta(hours=1)) == {"available": 10}


def test_a_reservation_that_timed_out_is_refused_with_both_numbers_if_they_are_gone(alice):
    deeds.give(alice, 10, at=day(0))
    held = deeds.hold(alice, 7, at=day(0), until=day(1))
    deeds.take_back(alice, 8, at=day(2))

    with pytest.raises(NotEnoughPoints) as refusal:
        deeds.capture(alice, held, at=day(2))

    assert (refusal.value.asked_points, refusal.value.available_points) == (7, 2)
    assert points_of(alice, day(2)) == {"available": 2}


def test_spent_points_come_back_in_parts_and_never_more_than_were_spent(alice):
    deeds.give(alice, 10, at=day(0))
    capture = deeds.capture(alice, deeds.hold(alice, 10, at=day(0)), at=day(0)).entry_id
    for points in (4, 3):
        deeds.reinstate(alice, capture, points, at=day(1))

    with pytest.raises(TooMuchReturned) as refusal:
        deeds.reinstate(alice, capture, 4, at=day(1))

    assert (refusal.value.captured_points, refusal.value.returned_points) == (10, 7)
    assert points_of(alice, day(1)) == {"available": 7}


def test_ending_everything_leaves_nothing_to_spend_and_every_reservation_closed(alice):
    deeds.give(alice, 10, at=day(0))
    deeds.earn(alice, 20, at=day(0), ready_at=day(9))
    deeds.hold(alice, 4, at=day(0), until=day(5))

    with transaction.atomic():
        moves.forfeit(member_id=alice.id, key="left", reason="left", at=day(1), by=SYSTEM)

    assert points_of(alice, day(1)) == {}
    assert points_of(alice, day(30)) == {}
    account = PointsAccount.objects.get(member=alice)
    assert (account.expired, account.revoked, account.held) == (10, 20, 0)
