"""What a plan is worth: only what it adds, and before joining only what was really charged."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backstage.policies import SHOP
from commerce.operations.channels import open_channel
from commerce.operations.customers import merge_customers
from commerce.operations.sync import sync_purchase
from commerce.policies.snapshot import LineSnapshot, Snapshot, Who
from loyalty.models import Member, Programme
from loyalty.operations.awards import settle_awards
from loyalty.operations.plans.cancelling import refund_membership
from loyalty.operations.tiers.grants import grant_tier
from loyalty.policies.plan_worth import Delivery, shipping_saved, shipping_spared
from loyalty.policies.tiers.scheme import LevelSource
from loyalty.queries.plans.likely import guess_buyers
from loyalty.queries.plans.memberships import find_held
from loyalty.queries.plans.proof import prove, prove_before
from loyalty.queries.programmes import get_programme_rules, offer_of
from tests.factories.loyalty import TierFactory, TierSchemeFactory
from tests.loyalty.plan_shop import PRICE, pay, sell
from tests.loyalty.shop import OPENED, customer, day, goods, join, open_shop, tell

pytestmark = pytest.mark.django_db

FREE_FROM_15 = {"kind": "free_shipping", "number": 1500}
SHIPPING = {"perks": [FREE_FROM_15], "shipping_minor": 490, "free_for_all_minor": 5000}


@pytest.fixture
def programme(clock):
    """100 points are worth 0.50, and 1.00 brings 10."""
    clock.move_to(day(100))
    programme = open_shop(worth_points=100, worth_minor=50)
    open_channel(key="store", name="Store", kind="store", time_zone="Europe/Oslo", currency="EUR", at=OPENED)
    return programme


def buy(reference, sold_minor, shipping_minor=0, *, who="alice", channel="web", at=None, **facts):
    at = at or day(1)
    lines = [LineSnapshot(key="1", sku="A1", name="Goods", quantity=1, sold_minor=sold_minor)]
    if shipping_minor:
        lines.append(
            LineSnapshot(
                key="shipping", sku="", name="Post", quantity=1, sold_minor=shipping_minor, is_goods=False
            )
        )
    told = Snapshot(
        channel=channel,
        reference=reference,
        as_of=at,
        who=Who(member_number=Member.objects.get(customer=customer(who)).number),
        currency="EUR",
        placed_at=at,
        lines=tuple(lines),
        **facts,
    )
    purchase_id = sync_purchase(told, at=at).purchase_id
    settle_awards(purchase_ids=[purchase_id], at=at)


def proof_of(member, at=None):
    programme = Programme.objects.get(id=member.programme_id)
    held = find_held(get_programme_rules(programme.id), member_id=member.id)
    return prove(held, programme=programme, at=at or day(90))


def before(member, plan, at=None):
    programme = Programme.objects.get(id=member.programme_id)
    offer = offer_of(plan.versions.get())
    return prove_before(offer=offer, member=member, programme=programme, at=at or day(90))


def test_a_member_reads_what_was_saved_against_the_fee(programme):
    alice = join("alice", programme)
    pay(sell(programme, **SHIPPING), alice)
    buy("1", 2000)
    buy("2", 3000, at=day(2))

    proof = proof_of(alice)

    assert (proof.points, proof.points_minor) == (500, 250)
    assert (proof.shipped, proof.shipping_minor) == (2, 980)
    assert (proof.saved_minor, proof.fee_minor, proof.pays) == (1230, PRICE, False)


@pytest.mark.parametrize(
    ("order", "saved"),
    [
        ({"sold_minor": 1500}, 490),
        ({"sold_minor": 1499}, 0),  # below what the plan asks
        ({"sold_minor": 4999}, 490),
        ({"sold_minor": 5000}, 0),  # free for everybody
        ({"sold_minor": 2000, "shipping_minor": 1}, 0),  # charged all the same
        ({"sold_minor": 2000, "channel": "store"}, 0),  # nothing was sent
        ({"sold_minor": 2000, "at": day(-1)}, 0),  # before the plan
        ({"sold_minor": 2000, "status": "cancelled"}, 0),
    ],
)
def test_free_shipping_counts_only_where_the_plan_gave_it(programme, order, saved):
    alice = join("alice", programme)
    pay(sell(programme, **SHIPPING), alice)

    buy("1", **order)

    assert proof_of(alice).shipping_minor == saved


def test_what_the_own_level_gives_is_not_the_plans(programme):
    scheme = TierSchemeFactory(programme=programme)
    TierFactory(scheme=scheme, level_id=1, threshold=10**9, factor=2, perks=[FREE_FROM_15])
    alice, bob = join("alice", programme), join("bob", programme)
    grant_tier(member_id=alice.id, level_id=1, source=LevelSource.HAND, note="A friend", at=day(-1))
    plan = sell(programme, level_id=1, **SHIPPING)
    for member, name in ((alice, "alice"), (bob, "bob")):
        pay(plan, member)
        buy(f"of {name}", 2000, who=name)

    assert [(proof_of(one).points, proof_of(one).shipping_minor) for one in (alice, bob)] == [
        (0, 0),
        (200, 490),
    ]


def test_points_that_came_back_count_no_more_and_a_refund_lowers_the_fee(programme):
    alice = join("alice", programme)
    paid = pay(sell(programme), alice)
    tell("1", goods(sold_minor=2000), at=day(1), placed_at=day(1))
    tell("1", goods(sold_minor=2000, returned_minor=1500), at=day(5), placed_at=day(1))
    refund_membership(membership_id=paid.membership_id, refunded_minor=900, at=day(6))

    proof = proof_of(alice)

    assert (proof.points, proof.fee_minor, proof.until) == (50, 2000, day(6))


def test_a_merge_keeps_the_proof_whole(programme):
    alice, bob = join("alice", programme), join("bob", programme)
    pay(sell(programme, **SHIPPING), alice)
    buy("1", 2000)
    merge_customers(source=alice.customer_id, target=bob.customer_id, at=day(3), by=SHOP)
    buy("2", 2000, who="bob", at=day(4))

    assert (proof_of(bob).points, proof_of(bob).shipped) == (400, 2)


# -- before joining ------------------------------------------------------------------------------------------


def test_before_joining_only_what_was_really_charged_counts(programme):
    alice, plan = join("alice", programme), sell(programme, **SHIPPING)
    buy("1", 2000, 490)
    buy("2", 2000)  # nothing was charged
    buy("3", 1000, 490, at=day(2))  # too small for the plan
    buy("4", 2000, 390, channel="store", at=day(3))
    buy("5", 9000, 200, at=day(4) - timedelta(days=400))  # longer ago than a year

    proof = before(alice, plan)

    assert (proof.points, proof.points_minor) == (700, 350)
    assert (proof.shipped, proof.shipping_minor, proof.fee_minor) == (1, 490, PRICE)


def test_what_was_promised_before_joining_is_what_the_same_orders_then_bring(programme):
    alice, bob = join("alice", programme), join("bob", programme)
    plan = sell(programme)
    for number, minor in enumerate((333, 999, 12_345, 50)):
        buy(f"a{number}", minor)
    promised = before(alice, plan)

    pay(plan, bob)
    for number, minor in enumerate((333, 999, 12_345, 50)):
        buy(f"b{number}", minor, who="bob")

    assert promised.points == proof_of(bob).points == 33 + 100 + 1235 + 5


def test_a_price_for_a_month_is_compared_by_the_year(programme):
    alice, plan = join("alice", programme), sell(programme, price_minor=290, months=1)

    assert before(alice, plan).fee_minor == 12 * 290


@pytest.mark.parametrize(
    ("order", "saved"),
    [(Delivery(1500, 0, True), 490), (Delivery(1500, 490, True), 0), (Delivery(0, 0, True), 0)],
)
def test_an_order_without_goods_saves_no_shipping(programme, order, saved):
    offer = offer_of(sell(programme, **SHIPPING).versions.get())

    assert shipping_saved(offer, order).shipping_minor == saved
    assert shipping_spared(offer, order).shipping_minor == order.shipping_minor


# -- who would buy -------------------------------------------------------------------------------------------


def test_likely_buyers_are_those_for_whom_it_would_have_paid_off(programme):
    for number in range(1, 11):
        join(f"m{number}", programme)
        buy(f"of {number}", number * 10_000, 490, who=f"m{number}")
    plan = sell(programme, price_minor=4000)

    guess = guess_buyers(offer=offer_of(plan.versions.get()), programme=programme, at=day(90))

    # 100.00 bring 1,000 points more, worth 5.00: from 800.00 on the price is back.
    assert (guess.members, guess.buyers, guess.is_tenth) == (10, 3, False)
    assert (guess.fees_minor, guess.points_minor, guess.shipping_minor) == (12_000, 13_500, 0)
    assert (guess.left_minor, guess.most_saved_minor) == (-1500, 5000)


def test_where_it_pays_off_for_nobody_the_tenth_who_would_save_most_stand_in(programme):
    for number in range(1, 12):
        join(f"m{number}", programme)
        buy(f"of {number}", number * 1000, 490, who=f"m{number}")
    plan = sell(programme, **{**SHIPPING, "free_for_all_minor": None})

    guess = guess_buyers(offer=offer_of(plan.versions.get()), programme=programme, at=day(90))

    assert (guess.members, guess.buyers, guess.is_tenth) == (11, 2, True)
    assert (guess.fees_minor, guess.points_minor, guess.shipping_minor) == (2 * PRICE, 1050, 980)


def test_a_shop_without_orders_has_no_buyers_and_a_large_one_is_asked_no_more_questions(programme):
    offer = offer_of(sell(programme).versions.get())
    assert guess_buyers(offer=offer, programme=programme, at=day(90)).buyers == 0

    def asked(names):
        for name in names:
            join(name, programme)
            buy(f"of {name}", 2000, who=name)
        with CaptureQueriesContext(connection) as queries:
            guess_buyers(offer=offer, programme=programme, at=day(90))
        return len(queries)

    assert asked(["a"]) == asked([f"b{number}" for number in range(15)])
