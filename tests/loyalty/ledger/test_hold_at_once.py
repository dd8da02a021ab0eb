"""A hold that a function of PostgreSQL places is the one that the book would have placed, or none."""

from collections import Counter

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import Phase, given, settings

from backstage.policies import SYSTEM
from backstage.transactions import TransactionRequiredError
from loyalty.ledger import hold_at_once, moves
from loyalty.models import Entry, Hold, Movement
from loyalty.policies.errors import KeyReused, NotEnoughPoints
from loyalty.policies.states import State
from tests.loyalty.ledger import deeds
from tests.loyalty.ledger.deeds import day, points_of
from tests.loyalty.ledger.hold_both_ways import ASKED, EDGES, LIVES, compare
from tests.loyalty.ledger.planting import planted
from tests.loyalty.ledger.test_laws import live

pytestmark = pytest.mark.django_db(transaction=True)


def compare_many(*, lives: int) -> Counter[str]:
    """Compare random lives; give how often the function, and how often the book decided."""
    ways: Counter[str] = Counter()

    @settings(max_examples=lives, phases=[Phase.generate], database=None)
    @given(life=LIVES, asked=ASKED)
    def run(life, asked):
        compare(life, asked, ways)

    run()
    return ways


def compare_edges() -> None:
    for _, life, asked in EDGES.values():
        compare(life, asked, Counter())


def hold(member, points, *, key="order-7"):
    with transaction.atomic():
        return moves.hold(
            member_id=member.id, points=points, key=key, expires_at=day(9), at=day(1), by=SYSTEM
        )


def everything():
    return [model.objects.count() for model in (Entry, Movement, Hold)]


def test_points_are_never_reserved_outside_a_transaction(alice):
    deeds.give(alice, 10, at=day(0))

    with pytest.raises(TransactionRequiredError):
        moves.hold(member_id=alice.id, points=10, key="k", expires_at=day(9), at=day(1), by=SYSTEM)

    assert points_of(alice, day(1)) == {"available": 10}


def test_more_points_than_a_column_holds_are_refused_with_both_numbers(alice):
    deeds.give(alice, 10, at=day(0))

    with pytest.raises(NotEnoughPoints, match=f"{2**63} points were asked for and 10 are available"):
        hold(alice, 2**63)


if connection.vendor == "postgresql":

    @pytest.mark.parametrize("edge", EDGES)
    def test_both_ways_agree_at_the_edges_of_the_plain_case(edge):
        ways = Counter()
        decides, life, asked = EDGES[edge]

        compare(life, asked, ways)

        assert ways == {decides: 1}

    def test_both_ways_leave_the_same_rows_or_the_same_refusal():
        ways = compare_many(lives=120)

        assert set(ways) >= {"at once", "by the book"}

    @pytest.mark.slow
    def test_both_ways_leave_the_same_rows_or_the_same_refusal_in_many_lives():
        ways = compare_many(lives=400)

        assert set(ways) == {"at once", "by the book", "replayed", "refused"}

    def test_a_plain_hold_is_one_statement(alice, django_assert_num_queries):
        for points, ends_at in ((5, day(90)), (7, day(30)), (11, None), (3, day(60))):
            deeds.give(alice, points, at=day(0), ends_at=ends_at)
        deeds.settle(alice, at=day(0))

        with transaction.atomic(), django_assert_num_queries(1):
            moves.hold(member_id=alice.id, points=16, key="k", expires_at=day(9), at=day(1), by=SYSTEM)

        held = Movement.objects.filter(to_state=State.HELD).order_by("id").values_list("points", flat=True)
        assert list(held) == [7, 3, 5, 1]
        assert points_of(alice, day(1)) == {"available": 10, "held": 16}

    def test_a_retry_is_one_statement_even_when_nothing_is_left(alice, django_assert_num_queries):
        deeds.give(alice, 10, at=day(0))
        deeds.settle(alice, at=day(0))
        first = hold(alice, 10)

        with transaction.atomic(), django_assert_num_queries(1):
            again = moves.hold(
                member_id=alice.id, points=10, key="order-7", expires_at=day(9), at=day(1), by=SYSTEM
            )

        assert (again.entry_id, again.is_replay) == (first.entry_id, True)
        assert Hold.objects.count() == 1

    def test_a_key_used_for_something_else_is_refused_and_nothing_moves(alice):
        deeds.give(alice, 10, at=day(0))
        hold(alice, 4)
        before = everything()

        with pytest.raises(KeyReused):
            hold(alice, 5)

        assert everything() == before
        assert points_of(alice, day(1)) == {"available": 6, "held": 4}

    def test_a_refusal_comes_from_the_book_and_nothing_moves(alice):
        deeds.give(alice, 10, at=day(0))
        deeds.settle(alice, at=day(0))
        before = everything()

        with pytest.raises(NotEnoughPoints, match="11 points were asked for and 10 are available"):
            hold(alice, 11)

        assert everything() == before

    def test_more_lots_than_the_function_looks_at_are_left_to_the_book(alice):
        for _ in range(65):
            deeds.give(alice, 1, at=day(0))
        deeds.settle(alice, at=day(0))

        hold(alice, 65)

        assert points_of(alice, day(1)) == {"held": 65}

    def test_lots_that_change_without_the_lock_undo_the_whole_hold(alice):
        deeds.give(alice, 10, at=day(0))
        deeds.settle(alice, at=day(0))

        with (
            planted(("WHERE lot.id = lot_id;", "WHERE false;")),
            pytest.raises(DatabaseError, match="0 lots changed where 1 had to; nothing was written"),
        ):
            hold(alice, 10)

        assert Hold.objects.count() == 0
        assert points_of(alice, day(1)) == {"available": 10}

    def test_the_product_and_the_oracle_live_the_same_lives_by_the_book_alone(monkeypatch):
        monkeypatch.setattr(hold_at_once, "fits", lambda request: False)

        live(lives=12, deeds=20)

    BUGS = {
        "the key is not looked up": ("WHERE member_id = p_member AND key = p_key", "WHERE false"),
        "merged members still spend": ("merged_into_id IS NOT NULL OR", "false OR"),
        "inactivity is not seen": ("expiry_kind = 'inactivity'", "false"),
        "what becomes ready now is not seen": ("AND releases_at <= p_at", "AND releases_at < p_at"),
        "what waits in vain is not seen": ("AND stands_in_at <= p_at", "AND false"),
        "holds that time out are not seen": ("state = 'open' AND expires_at <= p_at", "false"),
        "what ends now is still spent": ("v_lot.expires_at <= p_at", "v_lot.expires_at < p_at"),
        "a reprieve is not seen": ("OR v_lot.reprieved_until IS NOT NULL", ""),
        "never-ending lots go first": ("NULLS LAST", "NULLS FIRST"),
        "the soonest end does not go first": ("expires_at NULLS LAST, earned_at, id", "earned_at, id"),
        "the oldest does not go first": ("NULLS LAST, earned_at, id", "NULLS LAST, id"),
        "a lot is emptied for a part": (
            "v_parts || least(v_left, v_lot.available)",
            "v_parts || v_lot.available",
        ),
        "too few points will do": ("IF v_left > 0 THEN", "IF v_left = p_points THEN"),
        "the deed before goes for the last": ("greatest(active_at, p_at)", "p_at"),
        "the deed is no activity": ("greatest(active_at, p_at)", "active_at"),
        "it happens when it is written": ("p_at, p_recorded_at)", "p_recorded_at, p_recorded_at)"),
        "who asked is forgotten": ("'', p_by_kind", "'', 'system'"),
        "the basket is forgotten": ("p_points, p_reference", "p_points, ''"),
    }

    @pytest.mark.slow
    @pytest.mark.parametrize("bug", BUGS)
    def test_a_bug_planted_in_the_function_is_noticed(bug):
        with planted(BUGS[bug]), pytest.raises((AssertionError, DatabaseError)):
            compare_edges()
