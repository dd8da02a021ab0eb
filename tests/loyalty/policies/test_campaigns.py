"""What campaigns add to an order: which orders they are for, how much, and what happens when several meet."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.policies.goods import Goods
from loyalty.policies.basket import Basket, BasketLine
from loyalty.policies.campaigns import (
    Audience,
    Campaign,
    CampaignKind,
    Combination,
    Hours,
    Occasion,
    Step,
    matching,
)
from loyalty.policies.earning import (
    BaseRule,
    EarningFacts,
    EarningRules,
    Level,
    Outcome,
    Quote,
    Room,
    Rounding,
    Source,
    quote,
)

pytestmark = pytest.mark.once

TEN_PER_EURO = BaseRule(id=7, points=10, per_minor=100)
COFFEE = Goods(category_paths=("food/coffee",))
DOUBLE_COFFEE = Campaign(id=11, campaign_id=1, kind=CampaignKind.MULTIPLY, percent=200, goods=COFFEE)
TRIPLE = Campaign(id=12, campaign_id=2, kind=CampaignKind.MULTIPLY, percent=300)
STEPS = Campaign(
    id=13, campaign_id=3, kind=CampaignKind.STEPS, steps=(Step(450, 30), Step(2000, 100), Step(1000, 60))
)
PER_BAG = Campaign(id=14, campaign_id=4, kind=CampaignKind.PIECES, piece_points=5, goods=COFFEE)
ALL = (DOUBLE_COFFEE, TRIPLE, STEPS, PER_BAG)
SATURDAY = datetime(2026, 3, 7, 18, 30, tzinfo=UTC)


def coffee(amount_minor: int, quantity: int = 1) -> BasketLine:
    return BasketLine(
        "coffee", amount_minor, sku="C1", category_path="food/coffee/beans", quantity=Decimal(quantity)
    )


def mug(amount_minor: int) -> BasketLine:
    return BasketLine("mug", amount_minor, sku="M1", category_path="kitchen")


def ask(*lines: BasketLine, campaigns=(), add_up=False, level=None, room=None, **facts) -> Quote:
    combination = Combination.ADD_UP if add_up else Combination.BEST
    rules = EarningRules(TEN_PER_EURO, tuple(campaigns), combination)
    return quote(Basket(lines, **facts), rules, EarningFacts(level=level, room=room or {}))


# -- how much ------------------------------------------------------------------------------------------------


def test_double_points_on_some_goods_double_those_goods_alone():
    quoted = ask(mug(240), coffee(900), campaigns=[DOUBLE_COFFEE])

    assert quoted.points == 204
    assert {key: line.points for key, line in quoted.lines.items()} == {"mug": 24, "coffee": 180}
    assert [(reason.source, reason.id, reason.points) for reason in quoted.reasons] == [
        (Source.BASE, 7, 114),
        (Source.CAMPAIGN, 11, 90),
    ]


def test_half_as_much_again_is_rounded_once_with_the_order():
    half_more = replace(TRIPLE, percent=150)

    assert [ask(mug(amount), campaigns=[half_more]).points for amount in (10, 30, 33)] == [1, 4, 4]


@pytest.mark.parametrize(
    ("amount", "extra"), [(449, 0), (450, 30), (999, 30), (1000, 60), (1999, 60), (2000, 100)]
)
def test_a_step_bonus_gives_the_highest_step_that_the_order_reaches(amount, extra):
    assert ask(mug(amount), campaigns=[STEPS]).reasons[1].points == extra


def test_a_bonus_without_a_threshold_still_needs_something_that_was_paid_for():
    bonus = replace(STEPS, steps=(Step(0, 50),))

    assert ask(mug(1), campaigns=[bonus]).points == 50
    assert ask(mug(0), campaigns=[bonus]).points == 0
    assert ask(mug(100), campaigns=[bonus], not_money_minor=100).points == 0


def test_a_threshold_looks_at_money_and_at_the_campaigns_goods_alone():
    on_coffee = replace(STEPS, goods=COFFEE)

    assert ask(mug(5000), coffee(449), campaigns=[on_coffee]).reasons[1].points == 0
    assert ask(coffee(900), campaigns=[STEPS], not_money_minor=451).reasons[1].points == 0
    assert ask(coffee(900), campaigns=[STEPS], not_money_minor=450).reasons[1].points == 30


def test_a_threshold_in_the_programmes_currency_meets_an_order_in_another():
    rules = EarningRules(TEN_PER_EURO, (STEPS,))

    def extra(amount):
        return quote(Basket((mug(amount),)), rules, EarningFacts(Fraction(1, 10))).reasons[1].points

    assert [extra(4499), extra(4500)] == [0, 30]


def test_points_for_each_piece_count_whole_pieces_of_the_goods():
    assert ask(coffee(900, 3), mug(100), campaigns=[PER_BAG]).reasons[1].points == 15
    assert ask(coffee(900, 3), campaigns=[PER_BAG], not_money_minor=450).reasons[1].points == 7
    assert ask(coffee(0, 3), campaigns=[PER_BAG]).points == 0


def test_postage_is_no_goods_and_gets_nothing_from_a_campaign():
    counted = replace(TEN_PER_EURO, counts_shipping=True)
    postage = BasketLine("shipping", 500, is_goods=False)
    quoted = quote(Basket((mug(100), postage)), EarningRules(counted, (TRIPLE,)), EarningFacts())

    assert [reason.points for reason in quoted.reasons] == [60, 20]


# -- with a level --------------------------------------------------------------------------------------------


def test_a_level_and_a_campaign_each_add_to_the_base_and_not_to_each_other():
    quoted = ask(mug(100), campaigns=[TRIPLE], level=Level(5, 150))

    assert [(reason.source, reason.id, reason.points) for reason in quoted.reasons] == [
        (Source.BASE, 7, 10),
        (Source.LEVEL, 5, 5),
        (Source.CAMPAIGN, 12, 20),
    ]


def test_a_level_without_a_factor_is_not_told():
    assert len(ask(mug(100), level=Level(5, 100)).reasons) == 1


# -- several at once -----------------------------------------------------------------------------------------


def test_the_best_one_wins_and_the_others_say_so():
    quoted = ask(coffee(900), campaigns=ALL)

    assert [(reason.id, reason.points, reason.outcome) for reason in quoted.reasons[1:]] == [
        (11, 0, Outcome.OUTDONE),
        (12, 180, Outcome.GIVEN),
        (13, 0, Outcome.OUTDONE),
        (14, 0, Outcome.OUTDONE),
    ]
    assert [reason.full_points for reason in quoted.reasons[1:]] == [90, 180, 30, 5]
    assert quoted.points == 270


def test_of_two_that_give_the_same_the_older_one_gives():
    twin = replace(DOUBLE_COFFEE, id=9, campaign_id=8)

    assert [reason.points for reason in ask(coffee(900), campaigns=[twin, DOUBLE_COFFEE]).reasons] == [
        90,
        90,
        0,
    ]


def test_added_up_each_gives_what_it_promises():
    quoted = ask(coffee(900), campaigns=ALL, add_up=True)

    assert [reason.points for reason in quoted.reasons] == [90, 90, 180, 30, 5]
    assert quoted.points == 395


# -- caps and budgets ----------------------------------------------------------------------------------------


def test_a_cap_trims_and_says_what_it_would_have_been():
    (_, extra) = ask(coffee(900), campaigns=[DOUBLE_COFFEE], room={1: Room(member_points=50)}).reasons

    assert (extra.points, extra.full_points, extra.outcome) == (50, 90, Outcome.TRIMMED)


def test_a_budget_gives_everything_or_nothing():
    def extra(budget_points):
        return ask(coffee(900), campaigns=[DOUBLE_COFFEE], room={1: Room(None, budget_points)}).reasons[1]

    assert (extra(90).points, extra(90).outcome) == (90, Outcome.GIVEN)
    assert (extra(89).points, extra(89).outcome) == (0, Outcome.BUDGET_SPENT)


def test_what_a_cap_has_trimmed_must_fit_the_budget_and_no_more():
    (_, extra) = ask(coffee(900), campaigns=[DOUBLE_COFFEE], room={1: Room(50, 60)}).reasons

    assert (extra.points, extra.outcome) == (50, Outcome.TRIMMED)


def test_the_best_one_is_the_one_that_gives_most_after_caps_and_budgets():
    quoted = ask(coffee(900), campaigns=[DOUBLE_COFFEE, TRIPLE], room={2: Room(None, 10)})

    assert [(reason.points, reason.outcome) for reason in quoted.reasons[1:]] == [
        (90, Outcome.GIVEN),
        (0, Outcome.BUDGET_SPENT),
    ]


# -- for which orders ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("audience", "inside", "outside"),
    [
        (Audience(channels=frozenset({"web"})), {"channel": "web"}, {"channel": "till"}),
        (Audience(tier_ids=frozenset({4})), {"tier_id": 4}, {"tier_id": None}),
        (
            Audience(segment_ids=frozenset({2, 3})),
            {"segment_ids": frozenset({3, 9})},
            {"segment_ids": frozenset({9})},
        ),
        (Audience(order_numbers=frozenset({1})), {"order_number": 1}, {"order_number": 2}),
    ],
)
def test_a_campaign_is_for_those_whom_it_names(audience, inside, outside):
    campaign = replace(TRIPLE, audience=audience)

    assert campaign.is_for(Occasion(SATURDAY, **inside))
    assert not campaign.is_for(Occasion(SATURDAY, **outside))
    assert TRIPLE.is_for(Occasion(SATURDAY, **outside))


@pytest.mark.parametrize(
    ("hours", "inside"),
    [
        (Hours(frozenset({5, 6})), True),
        (Hours(frozenset({0})), False),
        (Hours(from_minute=18 * 60, to_minute=19 * 60), True),
        (Hours(from_minute=17 * 60, to_minute=18 * 60 + 30), False),
        (Hours(from_minute=18 * 60 + 30, to_minute=19 * 60), True),
        (Hours(frozenset({5}), from_minute=18 * 60, to_minute=2 * 60), True),
    ],
)
def test_days_and_hours_are_half_open(hours, inside):
    assert hours.contain(SATURDAY) is inside


def test_a_night_belongs_to_the_evening_on_which_it_began():
    night = Hours(frozenset({5}), from_minute=22 * 60, to_minute=2 * 60)

    moments = [(7, 21, 59), (7, 22, 0), (8, 1, 59), (8, 2, 0), (7, 1, 0), (8, 23, 0)]
    assert [
        night.contain(datetime(2026, 3, day, hour, minute, tzinfo=UTC)) for day, hour, minute in moments
    ] == [
        False,
        True,
        True,
        False,
        False,
        False,
    ]


def test_those_that_match_come_in_the_order_of_their_ids():
    assert [one.id for one in matching(ALL[::-1], Occasion(SATURDAY))] == [11, 12, 13, 14]


# -- for all baskets -----------------------------------------------------------------------------------------

lines = st.lists(
    st.builds(
        lambda key, amount, quantity, is_coffee: BasketLine(
            key, amount, category_path="food/coffee" if is_coffee else "", quantity=Decimal(quantity)
        ),
        st.sampled_from("abcdef"),
        st.integers(0, 5000),
        st.integers(1, 4),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda line: line.key,
)
rooms = st.dictionaries(
    st.integers(1, 4),
    st.builds(Room, st.none() | st.integers(0, 99), st.none() | st.integers(0, 99)),
)
chosen = st.lists(st.sampled_from(ALL), unique=True, max_size=4)


@given(
    lines,
    chosen,
    st.sampled_from(Combination),
    st.sampled_from(Rounding),
    rooms,
    st.integers(0, 9999),
    st.data(),
)
def test_the_order_in_which_campaigns_and_lines_are_stored_changes_nothing(
    bought, campaigns, combination, rounding, room, paid_otherwise, data
):
    rule = replace(TEN_PER_EURO, rounding=rounding)
    facts = EarningFacts(level=Level(5, 125), room=room)

    def ask_in(bought, campaigns):
        rules = EarningRules(rule, tuple(campaigns), combination)
        return quote(Basket(tuple(bought), paid_otherwise), rules, facts)

    told = ask_in(bought, campaigns)
    other = ask_in(data.draw(st.permutations(bought)), data.draw(st.permutations(campaigns)))
    assert other.reasons == told.reasons
    assert other.lines == told.lines


@given(lines, chosen, st.sampled_from(Combination), rooms, st.integers(0, 9999))
def test_the_points_of_lines_and_of_reasons_are_the_points_of_the_order(
    bought, campaigns, combination, room, paid_otherwise
):
    rules = EarningRules(TEN_PER_EURO, tuple(campaigns), combination)
    quoted = quote(Basket(tuple(bought), paid_otherwise), rules, EarningFacts(room=room))

    assert sum(line.points for line in quoted.lines.values()) == quoted.points
    assert sum(reason.points for reason in quoted.reasons) == quoted.points
    assert all(sum(reason.lines.values()) == reason.points for reason in quoted.reasons)
    for reason in quoted.reasons[1:]:
        left = room.get(reason.campaign_id, Room())
        for most in (left.member_points, left.budget_points):
            assert most is None or reason.points <= most
        assert reason.points <= reason.full_points
    if paid_otherwise >= sum(line.amount_minor for line in bought):
        assert quoted.points == 0


@given(lines, chosen)
def test_best_one_never_gives_more_than_adding_up(bought, campaigns):
    best, sum_ = (
        quote(
            Basket(tuple(bought)), EarningRules(TEN_PER_EURO, tuple(campaigns), combination), EarningFacts()
        )
        for combination in (Combination.BEST, Combination.ADD_UP)
    )

    assert best.points <= sum_.points


def test_all_orders_of_four_campaigns_give_the_same():
    told = {ask(mug(333), coffee(777, 2), campaigns=order, add_up=True).points for order in permutations(ALL)}

    assert len(told) == 1
