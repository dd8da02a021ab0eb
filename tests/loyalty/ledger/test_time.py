"""Time decides, and whoever writes it down later changes nothing."""

from datetime import timedelta

import pytest

from loyalty.models import Entry, Lot
from loyalty.policies.errors import HoldClosed, NotEnoughPoints
from loyalty.policies.requests import Accrue, DatePurchase, Part
from loyalty.policies.terms import LotDates
from tests.factories.loyalty import LotTermsFactory
from tests.loyalty.ledger import deeds
from tests.loyalty.ledger.deeds import day, points_of

pytestmark = pytest.mark.django_db

INSTANT = timedelta(microseconds=1)


def test_points_are_ready_from_the_very_instant_that_was_named(alice):
    deeds.earn(alice, 10, at=day(0), ready_at=day(14))

    assert points_of(alice, day(14) - INSTANT) == {"pending": 10}
    assert points_of(alice, day(14)) == {"available": 10}


def test_points_end_at_the_very_instant_that_was_named(alice):
    deeds.give(alice, 10, at=day(0), ends_at=day(5))

    assert points_of(alice, day(5) - INSTANT) == {"available": 10}
    assert points_of(alice, day(5)) == {}


def test_points_can_be_spent_in_the_last_instant_and_not_in_the_next(alice, bob):
    for member in (alice, bob):
        deeds.give(member, 10, at=day(0), ends_at=day(5))

    deeds.hold(alice, 10, at=day(5) - INSTANT)
    with pytest.raises(NotEnoughPoints) as refusal:
        deeds.hold(bob, 10, at=day(5))

    assert points_of(alice, day(5) - INSTANT) == {"held": 10}
    assert (refusal.value.asked_points, refusal.value.available_points) == (10, 0)
    assert Entry.objects.filter(member=bob).count() == 1


def test_what_time_has_decided_is_effective_when_it_was_due_however_late_it_is_written(alice):
    deeds.earn(alice, 10, at=day(0), ready_at=day(14), ends_at=day(20))

    deeds.settle(alice, at=day(90))

    assert [(there, at) for _, there, _, at in deeds.history(alice)] == [
        ("on the way", day(0)),
        ("ready", day(14)),
        ("expired", day(20)),
    ]


def test_a_lot_that_comes_too_late_is_ready_when_it_comes(alice):
    deeds.earn(alice, 10, at=day(30), ready_at=day(14))

    deeds.settle(alice, at=day(60))

    assert deeds.history(alice)[-1][1:] == ("ready", 10, day(30))
    assert points_of(alice, day(29)) == {}


def test_settling_twice_writes_nothing_the_second_time(alice):
    deeds.earn(alice, 10, at=day(0), ready_at=day(14))

    assert [deeds.settle(alice, at=day(15)), deeds.settle(alice, at=day(15))] == [1, 0]


def test_a_reservation_given_up_after_the_points_have_ended_ends_them_then(alice):
    deeds.give(alice, 10, at=day(0), ends_at=day(5))
    held = deeds.hold(alice, 10, at=day(4), until=day(9))

    deeds.void(alice, held, at=day(7))

    assert deeds.history(alice)[-2:] == [
        ("reserved", "ready", 10, day(7)),
        ("ready", "expired", 10, day(7)),
    ]
    assert points_of(alice, day(6)) == {"held": 10}
    assert points_of(alice, day(7)) == {}


def test_a_reservation_that_times_out_after_the_points_have_ended_ends_them_then(alice):
    deeds.give(alice, 10, at=day(0), ends_at=day(5))
    deeds.hold(alice, 10, at=day(4), until=day(9))

    deeds.settle(alice, at=day(30))

    assert points_of(alice, day(9) - INSTANT) == {"held": 10}
    assert deeds.history(alice)[-1] == ("ready", "expired", 10, day(9))


def test_a_reservation_that_timed_out_is_taken_again_once(alice):
    deeds.give(alice, 10, at=day(0))
    held = deeds.hold(alice, 4, at=day(1), until=day(2))
    deeds.capture(alice, held, at=day(3))

    with pytest.raises(HoldClosed) as refusal:
        deeds.capture(alice, held, at=day(3))

    assert refusal.value.state == "captured"
    assert points_of(alice, day(3)) == {"available": 6}


def test_points_granted_and_taken_in_one_posting_are_released_under_the_number_of_their_lot(alice):
    deeds.send(
        deeds.earning(alice, 10, at=day(0), purchase=1),
        deeds.returning(alice, 3, at=day(0), purchase=2),
        at=day(0),
    )
    deeds.send(
        deeds.earning(alice, 5, at=day(1), purchase=3),
        deeds.returning(alice, 1, at=day(1), purchase=2),
        at=day(1),
    )
    deeds.settle(alice, at=day(1))

    lots = Lot.objects.order_by("id").values_list("id", flat=True)
    released = Entry.objects.filter(reason="time").order_by("id").values_list("key", flat=True)
    assert list(released) == [f"release:{lot_id}" for lot_id in lots]
    assert points_of(alice, day(1)) == {"available": 11}


@pytest.fixture
def waiting(programme, alice):
    """10 points that wait for delivery from day 0 on, at the longest until day 5, and then 3 days."""
    terms = LotTermsFactory(
        programme=programme, version=2, ends_at=day(0), from_delivery=True, window_days=3, missing_fact_days=5
    )
    part = Part(10, LotDates(None, None, "delivery", day(5)), terms_id=terms.id)
    request = Accrue(
        member_id=alice.id,
        key="waiting",
        reason="purchase",
        parts=(part,),
        earned_at=day(0),
        source_kind="purchase",
        source_id=1,
    )
    deeds.send(request, at=day(0))


def delivered(member, *, on, told):
    request = DatePurchase(
        member_id=member.id, key="told", reason="delivery", purchase_id=1, waits_for="delivery", fact_at=on
    )
    deeds.send(request, at=told)


def test_a_fact_that_was_told_late_did_not_count_before_it_was_told(alice, waiting):
    delivered(alice, on=day(0), told=day(4))

    assert points_of(alice, day(4) - INSTANT) == {"pending": 10}
    assert points_of(alice, day(4)) == {"available": 10}


def test_the_order_date_stands_in_for_a_fact_that_never_comes(alice, waiting):
    deeds.settle(alice, at=day(60))

    ready_at = day(8).replace(hour=0)
    assert points_of(alice, ready_at - INSTANT) == {"pending": 10}
    assert points_of(alice, ready_at) == {"available": 10}


def test_a_past_moment_at_which_nothing_was_written_down_is_told_by_the_lots_own_terms(alice, waiting):
    deeds.earn(alice, 1, at=day(30), ready_at=day(40), purchase=2)  # writes, and settles nothing

    assert points_of(alice, day(20)) == {"available": 10}
