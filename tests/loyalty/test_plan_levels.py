"""A plan beside levels: the better one counts, and what a plan brings is told from what was earned."""

from decimal import Decimal

import pytest

from backstage.operations.check import check_ledger
from backstage.policies import SHOP
from commerce.operations.customers import merge_customers, unmerge_customer
from loyalty.models import Entry, TierHolding
from loyalty.operations.plans.cancelling import (
    cancel_membership,
    keep_membership,
    refund_membership,
)
from loyalty.operations.plans.memberships import renew_membership
from loyalty.operations.tiers.grants import grant_tier
from loyalty.policies.basket import Basket, BasketLine
from loyalty.policies.tiers.scheme import LevelSource
from loyalty.queries.plans.memberships import list_perks
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.quote import quote
from loyalty.queries.tiers.levels import find_level
from loyalty.queries.why import why
from tests.factories.loyalty import TierFactory, TierSchemeFactory
from tests.loyalty.plan_shop import PRICE, pay, sell
from tests.loyalty.shop import award, day, join, open_shop, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def programme(clock):
    """Silver gives 1.5 times the points, Gold twice as many and free shipping; nobody earns them soon."""
    clock.move_to(day(400))
    programme = open_shop()
    scheme = TierSchemeFactory(programme=programme)
    TierFactory(scheme=scheme, level_id=1, name="Silver", threshold=10**8, factor=Decimal("1.5"))
    TierFactory(
        scheme=scheme,
        level_id=2,
        name="Gold",
        threshold=10**9,
        factor=2,
        perks=[{"kind": "free_shipping", "number": 5000}],
    )
    yield programme
    wrong = [answer for answer in check_ledger().answers if not answer.liveness and answer.findings]
    assert wrong == []


def give(member, level_id):
    grant_tier(member_id=member.id, level_id=level_id, source=LevelSource.HAND, note="A friend", at=day(-1))


def level(member, at):
    tier = find_level(get_programme_rules(member.programme_id), member_id=member.id, at=at)
    return tier.name if tier else None


def order(programme, member):
    """Give what is promised for an order, what it gets, and what of that is there for the plan."""
    at = day(1)
    promised = quote(
        basket=Basket((BasketLine("1", 1000),)),
        currency="EUR",
        programme_id=programme.id,
        channel="web",
        member_id=member.id,
        at=at,
    )
    got = award(tell("1", at=at, placed_at=at))
    return promised.points, got.earned_points, got.plan_points


@pytest.mark.parametrize(
    ("level_id", "factor", "expected"),
    [
        (1, 2, (200, 200, 50)),
        (2, 2, (200, 200, 0)),
        (2, Decimal("1.5"), (200, 200, 0)),
        (2, 3, (300, 300, 100)),
    ],
)
def test_the_better_of_level_and_plan_counts_and_the_plan_has_what_it_adds(
    programme, level_id, factor, expected
):
    alice = join("alice", programme)
    give(alice, level_id)
    pay(sell(programme, factor=factor), alice)

    assert order(programme, alice) == expected


def test_why_tells_what_the_other_one_would_have_added(programme):
    alice = join("alice", programme)
    give(alice, 1)
    pay(sell(programme), alice)
    order(programme, alice)

    steps = why(entry_id=Entry.objects.get(kind=1).id).steps

    assert "Your level would have added 50; your paid membership adds more." in steps
    assert "Your paid membership adds 100." in steps


def test_a_plan_brings_a_level_as_long_as_it_lasts(programme):
    alice = join("alice", programme)
    plan = sell(programme, factor=1, level_id=2)
    paid = pay(plan, alice)

    assert (level(alice, day(1)), order(programme, alice)) == ("Gold", (200, 200, 100))
    assert [perk.number for perk in list_perks(member_id=alice.id, at=day(1))] == [5000]
    cancel_membership(membership_id=paid.membership_id, at=day(2))
    assert (level(alice, paid.ends_at), TierHolding.objects.get().ends_at) == (None, paid.ends_at)
    keep_membership(membership_id=paid.membership_id, at=day(3))
    assert TierHolding.objects.get().ends_at == paid.perks_end_at
    second = renew_membership(
        membership_id=paid.membership_id, paid_minor=PRICE, reference="R1", at=paid.ends_at
    )
    assert TierHolding.objects.get().ends_at == second.perks_end_at
    refund_membership(membership_id=paid.membership_id, refunded_minor=PRICE, at=day(370))
    assert (level(alice, day(369)), level(alice, day(370))) == ("Gold", None)


def test_what_was_earned_is_not_counted_as_the_plans(programme):
    alice = join("alice", programme)
    give(alice, 1)
    pay(sell(programme, factor=1, level_id=2), alice)

    assert order(programme, alice) == (200, 200, 50)


def test_a_merge_carries_the_level_of_a_plan_and_gives_it_back(programme):
    alice, bob = join("alice", programme), join("bob", programme)
    paid = pay(sell(programme, factor=1, level_id=2), alice)

    merge_customers(source=alice.customer_id, target=bob.customer_id, at=day(5), by=SHOP)
    assert (level(bob, day(6)), level(bob, paid.perks_end_at)) == ("Gold", None)
    unmerge_customer(source=alice.customer_id, at=day(7), by=SHOP)

    assert (level(bob, day(8)), level(alice, day(8)), level(alice, paid.perks_end_at)) == (None, "Gold", None)
