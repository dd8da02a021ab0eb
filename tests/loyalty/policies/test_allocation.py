"""Which points are spent first, and which come back first: on a member's book, without a database."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.policies.book import LotState, MemberBook
from loyalty.policies.errors import NotEnoughPoints, TooMuchReturned
from loyalty.policies.programme import DebtPolicy
from loyalty.policies.requests import ClawBack, PlaceHold, Reinstate, Spent, TakeBack

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


def day(number: int) -> datetime:
    return NOON + timedelta(days=number)


def lot(number: int, points: int = 10, **facts) -> LotState:
    """Points that are ready, never end and were earned on day 0, unless said otherwise."""
    facts = {"earned_at": day(0), "dated_at": day(0), "releases_at": day(0)} | facts
    return LotState(id=number, **({"available": points} if "pending" not in facts else {}), **facts)


def book(*lots: LotState, **facts) -> MemberBook:
    return MemberBook(1, ZoneInfo("UTC"), lots={lot.id: lot for lot in lots}, **facts)


def spent_order(points: int, *lots: LotState) -> list[tuple[int, int]]:
    request = PlaceHold(member_id=1, key="k", reason="hold", points=points, expires_at=day(9))
    draft = request.apply(book(*lots), day(0))
    return [(move.lot.id, move.points) for move in draft.moves]


def test_points_that_end_soonest_are_spent_first():
    assert spent_order(
        25, lot(1, expires_at=day(30)), lot(2, expires_at=day(10)), lot(3, expires_at=day(20))
    ) == [
        (2, 10),
        (3, 10),
        (1, 5),
    ]


def test_points_that_never_end_are_spent_last():
    assert spent_order(15, lot(1), lot(2, expires_at=day(900))) == [(2, 10), (1, 5)]


def test_of_points_that_end_together_the_oldest_are_spent_first():
    assert spent_order(15, lot(1, earned_at=day(0)), lot(2, earned_at=day(-5))) == [(2, 10), (1, 5)]


def test_of_points_that_are_equal_in_all_the_lower_number_is_spent_first():
    assert spent_order(15, lot(2), lot(1)) == [(1, 10), (2, 5)]


def test_a_reprieve_is_an_end_like_any_other():
    assert spent_order(
        15, lot(1, expires_at=day(20)), lot(2, expires_at=day(-1), reprieved_until=day(9)), lot(3)
    ) == [(2, 10), (1, 5)]


def test_points_that_have_ended_are_not_spent():
    with pytest.raises(NotEnoughPoints) as refusal:
        spent_order(11, lot(1, expires_at=day(0)), lot(2))

    assert (refusal.value.asked_points, refusal.value.available_points, refusal.value.missing_points) == (
        11,
        10,
        1,
    )


@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.none() | st.integers(1, 9), st.integers(-9, 0)),
        min_size=1,
        max_size=6,
    ),
    st.data(),
)
def test_whatever_is_spent_no_point_that_is_left_ends_before_one_that_was_taken(rows, data):
    lots = [
        lot(number, points, expires_at=ends and day(ends), earned_at=day(earned))
        for number, (points, ends, earned) in enumerate(rows, start=1)
    ]
    ready = book(*lots)
    points = data.draw(st.integers(1, ready.available))

    draft = PlaceHold(member_id=1, key="k", reason="hold", points=points, expires_at=day(9)).apply(
        ready, day(0)
    )

    ends = {lot.id: ready.usable_until(lot) or day(9999) for lot in lots}
    assert sum(move.points for move in draft.moves) == points
    assert max(ends[move.lot.id] for move in draft.moves) <= min(
        (ends[lot.id] for lot in lots if lot.available), default=day(9999)
    )


# Returns


def claw_back(
    points: int, ready: MemberBook, *, policy: DebtPolicy = DebtPolicy.DEBT, terms: int | None = None
):
    request = ClawBack(
        member_id=1,
        key="k",
        reason="returned",
        parts=((terms, points),),
        purchase_id=7,
        policy=policy,
        qualifying_at=day(0),
    )
    return request.apply(ready, day(0))


OWN = {"source_kind": "purchase", "source_id": 7}


def taken(draft) -> list[tuple[int, str, int]]:
    return [(move.lot.id, move.from_state.name, move.points) for move in draft.moves]


def test_a_return_takes_its_own_pending_then_its_own_ready_then_other_ready_points():
    ready = book(
        lot(1, expires_at=day(5)),
        lot(2, 3, **OWN),
        lot(3, pending=4, releases_at=day(9), **OWN),
        lot(4, pending=50, releases_at=day(9), source_kind="purchase", source_id=8),
    )

    draft = claw_back(12, ready)

    assert taken(draft) == [(3, "PENDING", 4), (2, "AVAILABLE", 3), (1, "AVAILABLE", 5)]
    assert (draft.debt_change, ready.debt) == (0, 0)


def test_a_return_takes_from_the_window_of_the_returned_line_first():
    ready = book(
        lot(1, pending=5, releases_at=day(9), terms_id=1, **OWN),
        lot(2, pending=5, releases_at=day(9), terms_id=2, **OWN),
    )

    assert taken(claw_back(6, ready, terms=2)) == [(2, "PENDING", 5), (1, "PENDING", 1)]


def test_what_a_return_cannot_take_is_owed():
    ready = book(lot(1, 4), lot(2, pending=9, releases_at=day(9), source_kind="purchase", source_id=8))

    draft = claw_back(10, ready)

    assert (draft.debt_change, ready.debt, ready.pending) == (6, 6, 9)


@pytest.mark.parametrize("policy", [DebtPolicy.LET_GO, DebtPolicy.FROM_REFUND])
def test_what_a_return_cannot_take_is_let_go_where_the_programme_says_so(policy):
    ready = book(lot(1, 4))

    draft = claw_back(10, ready, policy=policy)

    assert (draft.let_go_points, draft.debt_change, ready.debt) == (6, 0, 0)


def test_points_that_become_ready_pay_what_is_owed_in_the_order_in_which_they_do():
    ready = book(lot(1, pending=5, releases_at=day(2)), lot(2, pending=5, releases_at=day(1)), debt=7)

    ready.settle(day(3))

    assert [(entry.key, entry.debt_change) for entry in ready.entries] == [
        ("release:2", -5),
        ("release:1", -2),
    ]
    assert (ready.available, ready.debt) == (3, 0)


def test_a_correction_takes_no_more_than_there_is():
    ready = book(lot(1, 4))

    with pytest.raises(NotEnoughPoints) as refusal:
        TakeBack(member_id=1, key="k", reason="correction", points=5).apply(ready, day(0))

    assert (refusal.value.asked_points, refusal.value.available_points) == (5, 4)
    assert (ready.available, ready.entries) == (4, [])


# Spent points that come back


def reinstate(points: int, *lots: LotState, at: datetime):
    spent = tuple(Spent(lot, lot.redeemed) for lot in lots)
    request = Reinstate(
        member_id=1, key="k", reason="cancelled", points=points, capture_id=3, captured_points=10, spent=spent
    )
    ready = book()
    return request.apply(ready, at), ready


def spent(number: int, points: int, **facts) -> LotState:
    return lot(number, 0, redeemed=points, **facts)


def test_points_that_end_latest_come_back_first():
    draft, _ = reinstate(7, spent(1, 5, expires_at=day(9)), spent(2, 5, expires_at=day(30)), at=day(1))

    assert [(move.lot.id, move.points) for move in draft.moves] == [(2, 5), (1, 2)]


def test_points_that_come_back_in_time_keep_their_own_end():
    _, ready = reinstate(5, spent(1, 5, expires_at=day(9)), at=day(9) - timedelta(microseconds=1))

    assert ready.lots[1].reprieved_until is None


def test_points_that_come_back_too_late_get_a_reprieve_and_never_a_fresh_period():
    _, ready = reinstate(5, spent(1, 5, expires_at=day(9)), at=day(9))

    assert (ready.lots[1].expires_at, ready.lots[1].reprieved_until) == (
        day(9),
        datetime(2026, 3, 27, tzinfo=UTC),
    )


def test_no_more_comes_back_than_was_spent():
    with pytest.raises(TooMuchReturned) as refusal:
        reinstate(8, spent(1, 7, expires_at=day(9)), at=day(1))

    assert (refusal.value.asked_points, refusal.value.captured_points, refusal.value.returned_points) == (
        8,
        10,
        3,
    )
