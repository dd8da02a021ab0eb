"""A spend reads the first lots in allocation order and no others, and nobody can tell the difference.

This is how the book takes points; where one function of PostgreSQL does, see `test_hold_at_once.py`.
"""

import pytest

from loyalty.ledger import hold_at_once, posting
from loyalty.models import Movement
from loyalty.policies.errors import NotEnoughPoints
from loyalty.policies.states import State
from loyalty.queries import books
from tests.loyalty.ledger import deeds
from tests.loyalty.ledger.deeds import day, points_of
from tests.loyalty.ledger.test_laws import live

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def by_the_book(monkeypatch):
    monkeypatch.setattr(hold_at_once, "fits", lambda request: False)


@pytest.fixture
def two_at_a_time(monkeypatch):
    monkeypatch.setattr(books, "FIRST_LOTS", 2)


@pytest.fixture
def reads(monkeypatch):
    """Which ways the books were loaded."""
    seen = []
    for load in (books.load_books, books.load_first_lots):

        def noted(*told, load=load, **more):
            seen.append(load.__name__)
            return load(*told, **more)

        monkeypatch.setattr(posting, load.__name__, noted)
    return seen


def held_lots(member):
    movements = Movement.objects.filter(member=member, to_state=State.HELD).order_by("id")
    return [movement.points for movement in movements]


def test_a_spend_takes_the_soonest_ending_lots_without_loading_the_rest(alice, two_at_a_time, reads):
    for points, ends_at in ((5, day(90)), (7, day(30)), (11, None), (3, day(60))):
        deeds.give(alice, points, at=day(0), ends_at=ends_at)
    deeds.settle(alice, at=day(1))
    reads.clear()

    deeds.hold(alice, 9, at=day(2))

    assert held_lots(alice) == [7, 2]
    assert reads == ["load_first_lots"]


def test_a_spend_of_more_than_the_first_lots_loads_them_all(alice, two_at_a_time, reads):
    for points, ends_at in ((5, day(90)), (7, day(30)), (11, None), (3, day(60))):
        deeds.give(alice, points, at=day(0), ends_at=ends_at)
    deeds.settle(alice, at=day(1))
    reads.clear()

    deeds.hold(alice, 16, at=day(2))

    assert held_lots(alice) == [7, 3, 5, 1]
    assert reads == ["load_first_lots", "load_books"]


def test_points_that_become_ready_late_in_the_order_wait_for_their_turn(alice, two_at_a_time):
    for points, days in ((5, 30), (7, 40), (11, 50)):
        deeds.give(alice, points, at=day(0), ends_at=day(days))
    deeds.earn(alice, 20, at=day(0), ready_at=day(1), ends_at=day(90))
    deeds.settle(alice, at=day(0.5))

    deeds.hold(alice, 15, at=day(2))

    assert held_lots(alice) == [5, 7, 3]


def test_lots_that_have_ended_are_passed_over(alice, two_at_a_time):
    for points, days in ((5, 1), (7, 2), (11, 50)):
        deeds.give(alice, points, at=day(0), ends_at=day(days))
    deeds.settle(alice, at=day(0.5))

    deeds.hold(alice, 11, at=day(3))

    assert held_lots(alice) == [11]
    assert points_of(alice, day(3)) == {"held": 11}


def test_a_refusal_names_what_all_lots_have(alice, two_at_a_time):
    for points in (5, 7, 11):
        deeds.give(alice, points, at=day(0))
    deeds.settle(alice, at=day(1))

    with pytest.raises(NotEnoughPoints, match="24 points were asked for and 23 are available"):
        deeds.hold(alice, 24, at=day(2))

    assert points_of(alice, day(2)) == {"available": 23}


def test_the_product_and_the_oracle_live_the_same_lives_with_two_lots_in_sight(two_at_a_time):
    live(lives=12, deeds=20)
