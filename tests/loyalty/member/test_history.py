"""What happened, newest first, with the balance after each fact."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from backstage.policies import SYSTEM
from loyalty.ledger import moves
from loyalty.ledger.merging import merge
from loyalty.queries.balance import get_balance
from loyalty.queries.history import list_history

FIRST = datetime(2026, 1, 1, 12, tzinfo=UTC)


def day(number: int) -> datetime:
    return FIRST + timedelta(days=number)


def told(member, at, **asked):
    page = list_history(member_id=member.id, at=at, **asked)
    return [(row.sentence, row.points, row.balance) for row in page.rows]


def everything(member, at, limit=2):
    """Read the history page by page."""
    rows, before = [], None
    while True:
        page = list_history(member_id=member.id, at=at, before=before, limit=limit)
        rows += page.rows
        if page.next_before is None:
            return rows
        assert before is None or page.next_before < before
        before = page.next_before


def test_a_new_member_has_no_history(alice):
    page = list_history(member_id=alice.id, at=FIRST)

    assert (page.rows, page.next_before) == ((), None)


def test_points_on_their_way_are_told_with_their_order_and_do_not_count_yet(shop, alice):
    shop.buy("10482", day(0))

    (row,) = list_history(member_id=alice.id, at=day(1)).rows

    assert (row.sentence, row.order) == ("You bought for €8.50", "10482")
    assert (row.points, row.change, row.balance, row.on_the_way) == (85, 0, 0, 85)
    assert row.ready_at == datetime(2026, 1, 15, tzinfo=UTC)


def test_points_that_became_ready_are_told_before_any_job_has_written_it_down(shop, alice):
    shop.buy("10482", day(0))

    ready, bought = list_history(member_id=alice.id, at=day(20)).rows

    assert (ready.entry_id, ready.sentence) == (None, "85\xa0points are ready")
    assert (ready.at, ready.order) == (datetime(2026, 1, 15, tzinfo=UTC), "10482")
    assert (ready.points, ready.change, ready.balance) == (85, 85, 85)
    assert (bought.change, bought.on_the_way) == (0, 0)


def test_the_history_reads_the_same_before_and_after_the_jobs_have_run(shop, alice):
    shop.buy("10100", day(0))
    shop.buy("10200", day(5), 1200)
    shop.hold(50, day(16), until=day(17))
    before = told(alice, day(600))

    shop.write_down(day(600))

    assert told(alice, day(600)) == before
    assert before == [
        ("Points expired", -120, 0),
        ("Points expired", -85, 120),
        ("120\xa0points are ready", 120, 205),
        ("Reserved points came back, the time was up", 50, 85),
        ("Points reserved", -50, 35),
        ("85\xa0points are ready", 85, 85),
        ("You bought for €12.00", 120, 0),
        ("You bought for €8.50", 85, 0),
    ]


def test_a_gift_that_is_ready_at_once_is_one_row_with_the_message_of_the_shop(shop, alice):
    shop.give(50, day(0), message="sorry the coffee was cold")

    (row,) = list_history(member_id=alice.id, at=day(1)).rows

    assert (row.sentence, row.note) == ("A gift from us", "sorry the coffee was cold")
    assert (row.points, row.change, row.balance, row.ready_at) == (50, 50, 50, None)


def test_a_returned_order_is_named_and_its_points_go_back(shop, alice):
    shop.buy("10277", day(0))

    shop.take_back("10277", day(20), placed_at=day(0))

    assert told(alice, day(21)) == [
        ("Order 10277 was returned, so its points went back", -85, 0),
        ("85\xa0points are ready", 85, 85),
        ("You bought for €8.50", 85, 0),
    ]


def test_points_taken_back_before_they_were_ready_leave_the_balance_alone(shop, alice):
    shop.buy("10277", day(0))

    shop.take_back("10277", day(2), placed_at=day(0))

    taken, bought = list_history(member_id=alice.id, at=day(3)).rows
    assert (taken.points, taken.change, taken.balance) == (-85, 0, 0)
    assert (bought.points, bought.on_the_way) == (85, 0)


def test_used_points_stay_one_row_that_says_so(shop, alice):
    shop.give(500, day(0))
    hold = shop.hold(350, day(1), until=day(2))
    reserved = told(alice, day(1))

    shop.capture(hold.entry_id, day(1))

    assert reserved == [("Points reserved", -350, 150), ("A gift from us", 500, 500)]
    assert told(alice, day(3)) == [("Points used", -350, 150), ("A gift from us", 500, 500)]


def test_a_reservation_that_timed_out_gives_its_points_back(shop, alice):
    shop.give(500, day(0))
    shop.hold(350, day(1), until=day(2))

    assert told(alice, day(3)) == [
        ("Reserved points came back, the time was up", 350, 500),
        ("Points reserved", -350, 150),
        ("A gift from us", 500, 500),
    ]


def test_points_that_were_used_before_a_return_make_the_balance_negative_until_others_fill_it(shop, alice):
    shop.buy("10277", day(0))
    hold = shop.hold(60, day(16), until=day(17))
    shop.capture(hold.entry_id, day(16))
    shop.take_back("10277", day(20), placed_at=day(0))

    shop.give(100, day(21))

    assert told(alice, day(22)) == [
        ("A gift from us", 100, 40),
        ("Order 10277 was returned, so its points went back", -85, -60),
        ("Points used", -60, 25),
        ("85\xa0points are ready", 85, 85),
        ("You bought for €8.50", 85, 0),
    ]


def test_a_reason_that_nobody_has_a_sentence_for_still_reads_as_a_sentence(shop, alice):
    shop.give(5, day(0), reason="quiz_night")

    assert told(alice, day(1)) == [("Points for you", 5, 5)]


def test_the_history_of_a_past_moment_ends_there(shop, alice):
    shop.buy("10100", day(0))
    shop.give(50, day(30))

    assert told(alice, day(16)) == [("85\xa0points are ready", 85, 85), ("You bought for €8.50", 85, 0)]


@pytest.mark.parametrize("limit", [1, 2, 3, 20])
def test_pages_together_tell_the_whole_history_once(shop, alice, limit):
    for number in range(7):
        shop.buy(f"2{number:04}", day(number * 5), 1000 + number)
        shop.give(10, day(number * 5 + 1))
    at = day(400)
    whole = list_history(member_id=alice.id, at=at, limit=1000)

    rows = everything(alice, at, limit=limit)

    assert whole.next_before is None
    assert tuple(rows) == whole.rows


def test_a_page_never_ends_inside_one_moment(shop, alice):
    for number in range(5):
        shop.give(10 + number, day(0))
    shop.give(1, day(1))

    first = list_history(member_id=alice.id, at=day(2), limit=2)
    second = list_history(member_id=alice.id, at=day(2), limit=2, before=first.next_before)

    assert [(row.points, row.balance) for row in first.rows] == [(1, 61)]
    assert [(row.points, row.balance) for row in second.rows] == [
        (14, 60),
        (13, 46),
        (12, 33),
        (11, 21),
        (10, 10),
    ]
    assert second.next_before is None


@pytest.mark.parametrize("number", [15, 40, 300])
def test_each_row_follows_from_the_one_below_and_the_top_is_the_balance(shop, alice, number):
    for index in range(8):
        shop.buy(f"3{index:04}", day(index * 3), 500 + index * 111)
    shop.take_back("30002", day(12), placed_at=day(6), sold_minor=722)
    hold = shop.hold(20, day(15), until=day(18))
    shop.capture(hold.entry_id, day(15))
    balance = get_balance(member_id=alice.id, at=day(number))

    rows = everything(alice, day(number))

    assert rows[0].balance == balance.available - balance.debt
    for newer, older in pairwise(rows):
        assert newer.balance - newer.change == older.balance
    assert rows[-1].balance == rows[-1].change


@pytest.mark.parametrize("orders", [3, 40])
def test_a_page_costs_the_same_however_long_the_history_is(shop, alice, orders):
    for index in range(orders):
        shop.buy(f"4{index:04}", day(index))
    shop.write_down(day(orders))

    with CaptureQueriesContext(connection) as first:
        page = list_history(member_id=alice.id, at=day(60), limit=2)
    with CaptureQueriesContext(connection) as second:
        list_history(member_id=alice.id, at=day(60), before=page.next_before, limit=2)

    assert (len(first), len(second)) == (5, 6)


def test_merged_accounts_tell_where_points_came_from_and_the_balance_still_follows(shop, alice, bob):
    shop.give(100, day(0))
    with transaction.atomic():
        moves.give(
            member_id=bob.id, points=40, key="g", reason="goodwill", expires_at=None, at=day(1), by=SYSTEM
        )

    with transaction.atomic():
        merge(source_id=bob.id, target_id=alice.id, at=day(2), by=SYSTEM)

    assert told(alice, day(3)) == [
        ("The points of your other account came here", 40, 140),
        ("A gift from us", 100, 100),
    ]
    assert told(bob, day(3)) == [
        ("These points moved to your other account", -40, 0),
        ("A gift from us", 40, 40),
    ]


def test_another_members_points_are_not_told(shop, alice, bob):
    shop.give(50, day(0))

    assert list_history(member_id=bob.id, at=day(1)).rows == ()
