"""What a purchase still stands for after returns: exact, cumulative, and never more than it earned."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from loyalty.policies.standing import SoldLine, standing_points


def stands(line: SoldLine, earned: int, **facts) -> int:
    return standing_points([line], {line.key: earned}, **facts)[line.key]


def test_an_untouched_purchase_stands_for_all_that_it_earned():
    assert stands(SoldLine("1", 850), 85) == 85


def test_a_return_by_amount_takes_back_what_those_goods_earned():
    assert stands(SoldLine("1", 1000, returned_minor=333), 10) == 6


def test_a_return_by_quantity_counts_pro_rata():
    line = SoldLine("1", 1000, quantity=Decimal(3), returned_quantity=Decimal(1))

    assert stands(line, 10) == 6


def test_an_amount_decides_where_a_quantity_is_given_too():
    line = SoldLine("1", 1000, quantity=Decimal(3), returned_quantity=Decimal(1), returned_minor=1000)

    assert stands(line, 10) == 0


def test_what_was_given_away_stands_for_nothing_once_something_came_back():
    assert (
        standing_points([SoldLine("1", 0), SoldLine("2", 10, returned_minor=1)], {"1": 3, "2": 5})["1"] == 0
    )


def test_a_cancelled_purchase_stands_for_nothing():
    assert stands(SoldLine("1", 1000), 10, is_cancelled=True) == 0


def test_points_of_no_line_stay_when_goods_come_back():
    assert standing_points([SoldLine("1", 100, returned_minor=100)], {"order": 5, "1": 4}) == {
        "order": 5,
        "1": 0,
    }


def test_money_refunded_without_a_line_is_spread_over_what_is_kept():
    lines = [SoldLine("1", 600), SoldLine("2", 300), SoldLine("3", 100, returned_minor=100)]

    standing = standing_points(lines, {"1": 60, "2": 30, "3": 10}, refunded_minor=300)

    assert standing == {"1": 40, "2": 20, "3": 0}


def test_a_refund_of_everything_leaves_nothing():
    assert stands(SoldLine("1", 999), 10, refunded_minor=5000) == 0


@given(st.integers(1, 5000), st.integers(0, 500), st.lists(st.integers(0, 700), max_size=12))
def test_many_small_returns_take_back_exactly_what_a_large_one_would(sold, earned, returns):
    taken, returned = 0, 0
    for amount in returns:
        before = stands(SoldLine("1", sold, returned_minor=returned), earned)
        returned = min(sold, returned + amount)
        taken += before - stands(SoldLine("1", sold, returned_minor=returned), earned)

    assert taken == earned - earned * (sold - returned) // sold


@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900), st.integers(0, 90)), min_size=1, max_size=5),
    st.integers(0, 3000),
)
def test_no_line_ever_stands_for_more_than_it_earned_or_less_than_nothing(rows, refunded):
    lines = [SoldLine(str(n), sold, returned_minor=returned) for n, (sold, returned, _) in enumerate(rows)]
    earned = {str(number): points for number, (*_, points) in enumerate(rows)}

    standing = standing_points(lines, earned, refunded_minor=refunded)

    assert all(0 <= standing[key] <= points for key, points in earned.items())
