"""Budgets and caps while orders are settled one after the other."""

import pytest

from loyalty.policies.allowance import Allowance, Counter
from loyalty.policies.campaigns import Campaign, CampaignKind
from loyalty.policies.earning import Room

CAPPED = Campaign(id=11, campaign_id=1, kind=CampaignKind.MULTIPLY, cap_points=50)
FREE = Campaign(id=12, campaign_id=2, kind=CampaignKind.MULTIPLY)


@pytest.fixture
def allowance() -> Allowance:
    counters = {1: Counter(spent_points=70, budget_points=100), 2: Counter(spent_points=0)}
    return Allowance(counters, {(1, 7): 20})


def test_the_room_is_what_cap_and_budget_leave(allowance):
    assert allowance.room_for(7, [CAPPED, FREE]) == {1: Room(30, 30), 2: Room()}
    assert allowance.room_for(8, [CAPPED]) == {1: Room(50, 30)}


def test_what_one_order_takes_the_next_one_does_not_find(allowance):
    allowance.take(7, {"1": [25, 25, 25]})

    assert allowance.room_for(7, [CAPPED]) == {1: Room(5, 5)}
    assert allowance.room_for(8, [CAPPED]) == {1: Room(50, 5)}
    assert allowance.total_change(1) == 25


def test_only_what_still_stands_is_counted(allowance):
    allowance.take(7, {"1": [25, 10, 25]})

    assert allowance.room_for(7, [CAPPED]) == {1: Room(20, 20)}


def test_an_order_finds_what_it_had_before(allowance):
    allowance.give_back(7, {"1": [20, 20, 20]})

    assert allowance.room_for(7, [CAPPED]) == {1: Room(50, 50)}


def test_after_a_refusal_nobody_gets_anything_from_that_budget(allowance):
    allowance.ran_out |= {1}

    assert allowance.room_for(8, [CAPPED, FREE]) == {1: Room(50, 0), 2: Room()}


def test_a_campaign_that_was_paused_for_its_budget_stays_so():
    allowance = Allowance({1: Counter(spent_points=0, budget_points=100, is_spent=True)})

    assert allowance.room_for(7, [CAPPED]) == {1: Room(50, 0)}


def test_an_order_that_is_corrected_keeps_what_it_had_from_a_budget_that_is_spent():
    allowance = Allowance({1: Counter(100, 100, is_spent=True)}, {(1, 7): 30})
    own = {"1": [30, 30, 30]}
    allowance.give_back(7, own)

    assert allowance.room_for(7, [CAPPED], own) == {1: Room(50, 30)}
