"""What one coupon takes off, to the cent."""

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.policies.basket import Basket, BasketError, BasketLine, Reduction
from commerce.policies.goods import Goods
from coupons.policies.discounts import take_off
from coupons.policies.kinds import CouponKind, SaleGoods
from coupons.policies.terms import Terms
from tests.coupons.shop import basket, line

pytestmark = pytest.mark.once


def off(of: Basket, kind: str, **told) -> dict[str, int]:
    terms = Terms(version_id=1, kind=CouponKind(kind), **told)
    return take_off(terms, terms.lines_among(of), of.to_pay())


# -- the basket ----------------------------------------------------------------------------------------------


def test_what_is_below_zero_comes_off_the_lines_first_and_off_postage_last():
    told = basket(line("a", 1000), line("b", 500), line("voucher", -300), shipping_minor=400)
    assert told.to_pay() == {"a": 800, "b": 400, "shipping": 400}

    more = told.with_reductions([Reduction("points", 1400)])
    assert more.to_pay() == {"a": 0, "b": 0, "shipping": 200}
    assert more.with_reductions([Reduction("points", 9000)]).to_pay() == {"a": 0, "b": 0, "shipping": 0}


@pytest.mark.parametrize(
    "told",
    [
        {"lines": (line("a"), line("a"))},
        {"lines": (line("shipping"),)},
        {"shipping_minor": -1},
        {"reductions": (Reduction("points", -1),)},
    ],
)
def test_a_basket_that_cannot_be_is_refused(told):
    with pytest.raises(BasketError):
        basket(**told)


@given(
    st.lists(st.integers(-5_000, 5_000), min_size=1, max_size=8),
    st.integers(0, 900),
    st.lists(st.integers(0, 9_000), max_size=3),
)
def test_what_is_to_pay_is_never_below_zero_and_adds_up(amounts, shipping, reductions):
    told = basket(
        *(line(str(number), amount) for number, amount in enumerate(amounts)),
        shipping_minor=shipping,
        reductions=tuple(Reduction("points", one) for one in reductions),
    )

    left = told.to_pay()

    assert all(amount >= 0 for amount in left.values())
    assert sum(left.values()) == max(0, sum(amounts) + shipping - sum(reductions))


# -- shares and amounts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prices", "share", "parts"),
    [
        ([1000], 2000, {"0": 200}),
        ([333, 333, 333], 1000, {"0": 34, "1": 33, "2": 33}),
        ([1, 1], 5000, {"0": 1}),
        ([5], 1000, {"0": 1}),  # half a cent is one
        ([4], 1000, {}),
        ([999, 1], 10_000, {"0": 999, "1": 1}),
    ],
)
def test_a_share_is_rounded_once_and_spread_to_the_cent(prices, share, parts):
    told = basket(*(line(str(number), price) for number, price in enumerate(prices)))

    assert off(told, "percent", share=share) == parts


def test_a_share_has_a_highest_amount():
    told = basket(line("a", 10_000), line("b", 5_000))

    assert off(told, "percent", share=5000, most_minor=1000) == {"a": 667, "b": 333}


def test_an_amount_takes_no_more_than_the_goods_cost():
    told = basket(line("a", 300), line("b", 200), shipping_minor=400)

    assert off(told, "amount", amount_minor=1000) == {"a": 300, "b": 200}
    assert off(told, "amount", amount_minor=100) == {"a": 60, "b": 40}


def test_postage_is_free_and_may_have_a_highest_amount():
    told = basket(line(), shipping_minor=490)

    assert off(told, "shipping") == {"shipping": 490}
    assert off(told, "shipping", most_minor=300) == {"shipping": 300}
    assert off(basket(line()), "shipping") == {}


# -- pieces --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bought", "buy", "get", "times", "parts"),
    [
        ([("a", 900, 3)], 2, 1, None, {"a": 300}),
        ([("a", 600, 2)], 2, 1, None, {}),
        ([("a", 1000, 1), ("b", 100, 1)], 1, 1, None, {"b": 100}),
        ([("b", 100, 1), ("a", 1000, 1)], 1, 1, None, {"b": 100}),  # the cheapest was the bought one
        ([("a", 1800, 6)], 2, 1, None, {"a": 600}),
        ([("a", 1800, 6)], 2, 1, 1, {"a": 300}),
        ([("a", 900, 3)], 2, 2, None, {"a": 300}),  # of two that one would get there is one
        ([("a", 1000, 3)], 2, 1, None, {"a": 333}),  # the dearer cent stays paid
    ],
)
def test_the_cheapest_pieces_are_the_free_ones(bought, buy, get, times, parts):
    told = basket(*(line(key, amount, pieces) for key, amount, pieces in bought))

    assert off(told, "buy_get", buy_pieces=buy, get_pieces=get, most_times=times) == parts


COFFEE, MUGS = Goods(category_paths=("food/coffee",)), Goods(category_paths=("home/mugs",))
BEANS = Goods(skus=frozenset({"SKU-beans"}))


@pytest.mark.parametrize(
    ("bought", "mugs", "told", "parts"),
    [
        (2, 1, {}, {"mug": 500}),
        (1, 1, {}, {}),
        (2, 0, {}, {}),
        (4, 1, {}, {"mug": 500}),
        (4, 3, {}, {"mug": 1000}),
        (4, 3, {"most_times": 1}, {"mug": 500}),
        (2, 1, {"share": 5000}, {"mug": 250}),
        (2, 3, {"get_pieces": 2}, {"mug": 1000}),
        (2, 1, {"get_pieces": 2}, {"mug": 500}),  # of two that one would get there is one
        (2, 1, {"most_minor": 300}, {"mug": 300}),
    ],
)
def test_of_other_goods_one_gets_as_many_as_the_bought_ones_bring(bought, mugs, told, parts):
    lines = [line("beans", 1000 * bought, bought)]
    if mugs:
        lines.append(line("mug", 500 * mugs, mugs, category_path="home/mugs"))
    terms = {"buy_pieces": 2, "get_pieces": 1, "only": COFFEE, "get_only": MUGS, **told}

    assert off(basket(*lines), "buy_get", **terms) == parts


def test_a_piece_that_could_be_on_both_sides_is_on_one():
    terms = {"buy_pieces": 2, "get_pieces": 1, "only": COFFEE, "get_only": BEANS}

    assert off(basket(line("beans", 2000, 2)), "buy_get", **terms) == {}
    assert off(basket(line("beans", 3000, 3)), "buy_get", **terms) == {"beans": 1000}
    assert off(basket(line("beans", 2000, 2), line("decaf", 900)), "buy_get", **terms) == {"beans": 1000}
    assert off(basket(line("beans", 1000), line("decaf", 1800, 2)), "buy_get", **terms) == {"beans": 1000}


def test_what_is_left_out_is_neither_bought_nor_given():
    terms = {"buy_pieces": 1, "get_pieces": 1, "only": COFFEE, "get_only": MUGS}
    told = basket(line("beans"), line("mug", 500, category_path="home/mugs"))

    assert off(told, "buy_get", **terms, without=MUGS) == {}
    assert off(told, "buy_get", **terms, without=COFFEE) == {}
    assert off(told, "buy_get", **terms, sale_goods=SaleGoods.ONLY) == {}


SIDES = ("food/coffee", "home/mugs", "food/coffee/decaf")


def cheapest_of_the_most(pieces, terms):
    """Try every set of given pieces: as many as can be, and of those the cheapest."""
    best = (0, 0)
    for chosen in product((False, True), repeat=len(pieces)):
        given = [price for (price, side), is_given in zip(pieces, chosen, strict=True) if is_given]
        if any(is_given and side == SIDES[0] for (_, side), is_given in zip(pieces, chosen, strict=True)):
            continue
        left = sum(
            side != SIDES[1] for (_, side), is_given in zip(pieces, chosen, strict=True) if not is_given
        )
        rounds = -(-len(given) // terms["get_pieces"])
        if left >= rounds * terms["buy_pieces"] and rounds <= terms["most_times"]:
            best = max(best, (len(given), -sum(given)))
    return -best[1]


@given(
    pieces=st.lists(st.tuples(st.integers(0, 500), st.sampled_from(SIDES)), min_size=1, max_size=9),
    buy=st.integers(1, 3),
    get=st.integers(1, 3),
    times=st.integers(1, 3),
)
def test_no_way_to_part_pieces_into_bought_and_given_gives_more_or_cheaper_ones(pieces, buy, get, times):
    terms = {"buy_pieces": buy, "get_pieces": get, "most_times": times}
    told = basket(*(line(str(n), price, category_path=side) for n, (price, side) in enumerate(pieces)))
    decaf = Goods(category_paths=SIDES[1:])

    parts = off(told, "buy_get", **terms, only=COFFEE, get_only=decaf)

    priced = [piece for piece in pieces if piece[0]]  # what costs nothing is in no basket
    assert sum(parts.values()) == cheapest_of_the_most(priced, terms)


def test_pieces_may_be_half_the_price():
    told = basket(line("a", 999, 3))

    assert off(told, "buy_get", buy_pieces=2, get_pieces=1, share=5000) == {"a": 167}


def test_a_new_price_goes_to_the_dearest_pieces():
    told = basket(line("a", 1000, 2), line("b", 900))

    assert off(told, "product", amount_minor=0, pieces=1) == {"b": 900}
    assert off(told, "product", amount_minor=400, pieces=2) == {"a": 100, "b": 500}
    assert off(told, "product", amount_minor=600) == {"b": 300}


def test_what_is_sold_by_weight_has_whole_pieces_only():
    told = basket(line("a", 1500, "1.5"), line("b", 300, "0.5"))

    assert off(told, "product", amount_minor=0) == {"a": 1000}


def test_a_billion_pieces_are_counted_and_not_walked_through():
    # One by one, this would take longer than the whole suite may.
    told = basket(line("a", 3_000_000_001, 1_000_000_000), line("b", 999, 3))

    parts = off(told, "buy_get", buy_pieces=2, get_pieces=1)
    others = off(told, "buy_get", buy_pieces=2, get_pieces=1, get_only=Goods(skus=frozenset({"SKU-a"})))

    assert parts == {"a": 1_000_000_002}
    assert others == {"a": 1_000_000_002}


# -- which goods ---------------------------------------------------------------------------------------------


def test_fees_and_what_the_terms_leave_out_get_nothing():
    told = basket(
        line("beans"),
        line("mug", category_path="home/mugs"),
        line("decaf", category_path="food/coffee/decaf"),
        line("fee", is_goods=False),
        line("old", is_reduced=True),
    )
    half = {"kind": "percent", "share": 5000}

    coffee = Goods(category_paths=("food/coffee",))
    decaf = Goods(category_paths=("food/coffee/decaf",))
    assert set(off(told, **half)) == {"beans", "mug", "decaf", "old"}
    assert set(off(told, **half, only=coffee)) == {"beans", "decaf", "old"}
    assert set(off(told, **half, only=coffee, without=decaf)) == {"beans", "old"}
    assert set(off(told, **half, sale_goods=SaleGoods.NONE)) == {"beans", "mug", "decaf"}
    assert set(off(told, **half, sale_goods=SaleGoods.ONLY)) == {"old"}


# -- laws ----------------------------------------------------------------------------------------------------

LINES = st.lists(
    st.builds(
        lambda amount, pieces: (amount, pieces),
        st.integers(0, 10_000),
        st.sampled_from(["1", "2", "3", "7", "0.5", "1.5", "12"]),
    ),
    min_size=1,
    max_size=6,
)
TERMS = st.one_of(
    st.builds(lambda share: {"kind": "percent", "share": share}, st.integers(1, 10_000)),
    st.builds(lambda minor: {"kind": "amount", "amount_minor": minor}, st.integers(1, 20_000)),
    st.builds(
        lambda buy, get, share: {"kind": "buy_get", "buy_pieces": buy, "get_pieces": get, "share": share},
        st.integers(1, 4),
        st.integers(1, 3),
        st.sampled_from([10_000, 5_000, 3_333]),
    ),
    st.builds(
        lambda buy, get, share: {
            "kind": "buy_get",
            "buy_pieces": buy,
            "get_pieces": get,
            "share": share,
            "only": Goods(skus=frozenset("0123")),
            "get_only": Goods(skus=frozenset("2345")),
        },
        st.integers(1, 3),
        st.integers(1, 3),
        st.sampled_from([10_000, 3_333]),
    ),
    st.builds(
        lambda minor, pieces: {"kind": "product", "amount_minor": minor, "pieces": pieces},
        st.integers(0, 500),
        st.sampled_from([None, 1, 2]),
    ),
    st.just({"kind": "shipping"}),
)


def make(lines) -> Basket:
    return Basket(
        "web",
        "EUR",
        tuple(
            BasketLine(str(n), amount, Decimal(pieces), str(n)) for n, (amount, pieces) in enumerate(lines)
        ),
        shipping_minor=390,
    )


@given(LINES, TERMS, st.sampled_from([None, 1, 777]))
def test_no_line_gets_more_than_it_costs(lines, told, most):
    of = make(lines)

    parts = off(of, **told, most_minor=most)

    left = of.to_pay()
    assert all(0 < amount <= left[key] for key, amount in parts.items())
    assert most is None or sum(parts.values()) <= most


@given(LINES, TERMS, st.integers(0, 10_000))
def test_where_less_is_left_to_pay_no_more_is_taken_off(lines, told, reduction):
    of = make(lines)
    terms = Terms(version_id=1, **told | {"kind": CouponKind(told["kind"])})

    alone = take_off(terms, terms.lines_among(of), of.to_pay())
    less = of.with_reductions([Reduction("other", reduction)]).to_pay()
    after = take_off(terms, terms.lines_among(of), less)

    assert sum(after.values()) <= sum(alone.values())


@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=6))
def test_a_hundred_percent_is_nothing_to_pay(amounts):
    of = basket(*(line(str(n), amount) for n, amount in enumerate(amounts)))

    assert off(of, "percent", share=10_000) == of.to_pay()
