"""The largest share of its goods that a coupon may take off, tried against what it really takes off."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.policies.basket import BasketLine
from commerce.policies.goods import Goods
from coupons.policies.discounts import take_off
from coupons.policies.kinds import CouponKind
from coupons.policies.second_look import worst_share
from coupons.policies.terms import WHOLE, Terms


def terms(kind: str, **told) -> Terms:
    return Terms(version_id=1, kind=CouponKind(kind), **told)


@pytest.mark.parametrize(
    ("told", "share"),
    [
        (terms("percent", share=3000), 3000),
        (terms("percent", share=3001), 3001),
        (terms("percent", share=5000, most_minor=500), 5000),
        (terms("percent", share=5000, most_minor=500, minimum_minor=2000), 2500),
        (terms("amount", amount_minor=500), WHOLE),
        (terms("amount", amount_minor=500, minimum_minor=2500), 2000),
        (terms("amount", amount_minor=500, minimum_minor=1500), 3334),
        (terms("amount", amount_minor=500, minimum_minor=400), WHOLE),
        (terms("shipping"), 0),
        (terms("product", pieces=1), WHOLE),
        (terms("product", pieces=1, most_minor=300, minimum_minor=1000), 3000),
        (terms("buy_get", buy_pieces=2, get_pieces=1), 3334),
        (terms("buy_get", buy_pieces=3, get_pieces=1), 2500),
        (terms("buy_get", buy_pieces=3, get_pieces=1, get_only=Goods(brands=frozenset({"Nord"}))), WHOLE),
        (terms("buy_get", buy_pieces=1, get_pieces=1, share=5000), 2500),
    ],
)
def test_the_worst_share_is_of_the_smallest_order_that_gets_it(told, share):
    assert worst_share(told) == share


@given(
    told=st.builds(
        terms,
        st.sampled_from([kind.value for kind in CouponKind if kind is not CouponKind.SHIPPING]),
        share=st.integers(1, WHOLE),
        amount_minor=st.integers(1, 3000),
        most_minor=st.none() | st.integers(1, 3000),
        minimum_minor=st.none() | st.integers(1, 3000),
        buy_pieces=st.integers(1, 4),
        get_pieces=st.integers(1, 4),
    ),
    prices=st.lists(st.tuples(st.integers(1, 2000), st.integers(1, 6)), min_size=1, max_size=5),
)
def test_no_order_that_gets_it_gets_a_larger_share(told, prices):
    lines = [
        BasketLine(key=str(number), amount_minor=price * pieces, quantity=Decimal(pieces), sku=str(number))
        for number, (price, pieces) in enumerate(prices)
    ]
    total = sum(line.amount_minor for line in lines)
    if told.minimum_minor is not None and total < told.minimum_minor:
        return

    off = sum(take_off(told, lines, {line.key: line.amount_minor for line in lines}).values())

    # A share of some cents is rounded to a whole one.
    assert off <= -(-total * worst_share(told) // WHOLE) + 1
