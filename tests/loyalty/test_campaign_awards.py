"""What orders get from campaigns: counted exactly, within budgets and caps, and given back with the goods."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backstage.operations.check import check_ledger
from backstage.policies import SYSTEM
from commerce.models import Segment
from commerce.operations.customers import merge_customers, unmerge_customer
from commerce.operations.sync import sync_purchases
from commerce.policies.snapshot import Snapshot, Who
from loyalty.models import Award, Campaign, CampaignUse
from loyalty.operations import awards as awards_module
from loyalty.operations import campaign_uses
from loyalty.operations.awards import settle_awards
from loyalty.operations.campaigns import change_campaign, create_campaign, switch_on_campaign
from loyalty.policies.basket import Basket, BasketLine
from loyalty.queries.quote import quote
from loyalty.queries.returns import ReturnedLine, preview_return
from loyalty.queries.why import why
from tests.loyalty.shop import NOON, award, customer, day, goods, open_shop, tell

pytestmark = pytest.mark.django_db

DOUBLE = {"kind": "multiply", "factor": Decimal(2)}


@pytest.fixture
def programme():
    return open_shop(enrolment="automatic")


@pytest.fixture(autouse=True)
def books_are_right(db, clock):
    clock.move_to(day(2))
    yield
    assert [finding.detail for finding in check_ledger().findings] == []


def run(programme, terms=DOUBLE, **own) -> Campaign:
    campaign = create_campaign(
        programme_id=programme.id, name="More", starts_at=day(-1), terms=terms, at=day(-2), **own
    )
    return switch_on_campaign(campaign_id=campaign.id, at=day(-1))


def given(campaign: Campaign) -> tuple[int, dict[int, int]]:
    """Give the total, and what each member has, by number of members with so much."""
    campaign.refresh_from_db()
    uses = CampaignUse.objects.filter(campaign=campaign, points__gt=0)
    return campaign.spent_points, dict(Counter(uses.values_list("points", flat=True)))


def test_an_order_in_a_campaign_earns_more_and_says_from_what(programme):
    campaign = run(programme)

    purchase_id = tell()

    assert award(purchase_id).earned_points == 200
    assert award(purchase_id).extras == {str(campaign.id): [100, 100, 100]}
    assert given(campaign) == (100, {100: 1})
    entry = award(purchase_id).member.entries.get()
    assert [(reason["source"], reason["points"]) for reason in entry.explanation["reasons"]] == [
        ("base", 100),
        ("campaign", 100),
    ]


def test_an_order_from_before_the_campaign_earns_as_always(programme):
    run(programme)

    assert award(tell(placed_at=day(-1.5))).earned_points == 100


def test_a_return_gives_the_budget_back_what_its_goods_had(programme):
    campaign = run(programme, budget_points=150)
    tell("1", goods("a", 600), goods("b", 400))

    tell("1", goods("a", 600, returned_minor=600, returned_quantity=2), goods("b", 400), at=day(1))

    assert given(campaign) == (40, {40: 1})
    tell("1", goods("a", 600), goods("b", 400), at=day(2))
    assert given(campaign) == (100, {100: 1})


def test_a_budget_bears_an_order_or_pauses_the_campaign(programme):
    campaign = run(programme, budget_points=150)
    tell("1", who="alice")

    refused = tell("2", goods("1", 600), who="bob", at=day(1))

    assert award(refused).earned_points == 60
    assert award(refused).extras == {str(campaign.id): [0, 0, 60]}
    assert given(campaign) == (100, {100: 1})
    assert (campaign.state, campaign.pause_reason, campaign.paused_at) == ("paused", "budget", day(1))
    assert award(tell("3", goods("1", 100), who="carol", at=day(1))).earned_points == 10


def test_with_a_larger_budget_it_goes_on_for_new_orders_and_not_for_old_ones(programme):
    campaign = run(programme, budget_points=150)
    tell("1", goods("1", 2000), who="alice")
    change_campaign(campaign_id=campaign.id, own={"budget_points": 1000}, at=day(1))
    switch_on_campaign(campaign_id=campaign.id, at=day(1))

    tell("1", goods("1", 2000, returned_minor=1000, returned_quantity=1), who="alice", at=day(1))

    assert award(tell("2", who="bob", at=day(2), placed_at=day(1.5))).earned_points == 200
    assert given(campaign) == (100, {100: 1})
    assert award(Award.objects.get(purchase__reference="1").purchase_id).standing_points == 100


def test_a_cap_trims_what_one_member_gets_and_leaves_others_alone(programme):
    campaign = run(programme, {**DOUBLE, "cap_points": 130})

    earned = [award(tell(str(n), who="alice")).earned_points for n in range(3)]

    assert earned == [200, 130, 100]
    assert award(tell("4", who="bob")).earned_points == 200
    assert given(campaign) == (230, {130: 1, 100: 1})


def test_a_return_never_gives_an_order_more_than_it_had(programme):
    campaign = run(programme, {**DOUBLE, "cap_points": 130})
    first, second = tell("1", who="alice"), tell("2", who="alice")

    tell("1", goods(returned_minor=1000, returned_quantity=2), who="alice", at=day(1))
    tell("2", goods(returned_minor=500, returned_quantity=1), who="alice", at=day(1))

    assert (award(first).standing_points, award(second).standing_points) == (0, 65)
    assert award(second).earned_points == 130
    assert given(campaign) == (15, {15: 1})


def test_a_line_that_is_added_is_asked_anew_within_what_is_left(programme):
    campaign = run(programme, {**DOUBLE, "cap_points": 150})
    purchase_id = tell("1", goods("a", 1000))

    tell("1", goods("a", 1000), goods("b", 1000), at=day(1))

    assert award(purchase_id).earned_points == 350
    assert given(campaign) == (150, {150: 1})


def test_another_customer_takes_the_extra_points_with_the_order(programme):
    campaign = run(programme)
    tell("1", who="alice")

    tell("1", who="bob", at=day(1))

    assert given(campaign) == (100, {100: 1})
    assert CampaignUse.objects.get(points=100).member.customer_id == customer("bob").id


def test_the_first_order_is_the_first_that_was_not_cancelled(programme):
    run(programme, {"kind": "steps", "steps": [[0, 50]], "order_numbers": [1]})
    tell("1", placed_at=day(-0.9), status="cancelled")

    assert award(tell("2", placed_at=day(-0.8))).earned_points == 150
    assert award(tell("3", placed_at=day(-0.7))).earned_points == 100


def test_a_segment_is_asked_when_the_order_is_first_seen(programme):
    segment = Segment.objects.create(
        key="named",
        name="Named",
        conditions={"conditions": [{"condition": "tag", "with": {"any_of": ["friend"]}}]},
        created_at=NOON,
        updated_at=NOON,
    )
    run(programme, {**DOUBLE, "segment_ids": [segment.id]})
    tell("1", who="alice")
    alice = customer("alice")
    alice.tags = ["friend"]
    alice.save()

    assert award(tell("2", who="alice")).earned_points == 200
    tell("1", goods(returned_minor=500, returned_quantity=1), who="alice", at=day(1))
    assert Award.objects.get(purchase__reference="1").standing_points == 50


def test_merged_customers_share_one_cap(programme):
    campaign = run(programme, {**DOUBLE, "cap_points": 150})
    tell("1", who="alice")
    tell("2", who="bob")
    alice, bob = customer("alice"), customer("bob")

    merge_customers(source=alice.id, target=bob.id, at=day(1), by=SYSTEM)

    assert given(campaign) == (200, {200: 1})
    assert award(tell("3", who="bob", at=day(1))).earned_points == 100
    unmerge_customer(source=alice.id, at=day(1), by=SYSTEM)
    assert given(campaign) == (200, {100: 2})


def test_a_preview_of_a_return_takes_what_the_return_will_take(programme):
    run(programme, {**DOUBLE, "cap_points": 30})
    purchase_id = tell("1", goods("a", 600), goods("b", 400))

    (told,) = preview_return(purchase_id=purchase_id, lines={"a": ReturnedLine(Decimal(2), 600)}, at=day(1))
    tell("1", goods("a", 600, returned_minor=600, returned_quantity=2), goods("b", 400), at=day(1))

    assert told.points == 130 - award(purchase_id).standing_points == 78


def test_the_queries_of_a_settlement_do_not_grow_with_the_orders(programme):
    run(programme, {**DOUBLE, "cap_points": 130, "order_numbers": [1, 2]}, budget_points=10**6)
    told = [
        Snapshot(
            channel="web",
            reference=f"{who}-{number}",
            as_of=NOON,
            who=Who(external_id=who),
            currency="EUR",
            placed_at=NOON,
            lines=(goods(),),
        )
        for who in ("alice", "bob", "carol", "dave")
        for number in range(3)
    ]
    ids = [outcome.purchase_id for outcome in sync_purchases(told, at=NOON)]
    settle_awards(purchase_ids=ids[:3], at=NOON)

    def count(part):
        with CaptureQueriesContext(connection) as counted:
            settle_awards(purchase_ids=part, at=NOON)
        return len(counted)

    assert count(ids[3:6]) == count(ids[6:])


def steps(purchase_id: int) -> list[str]:
    """Give the sum as the member reads it, without the dates of the points."""
    told = why(entry_id=award(purchase_id).member.entries.order_by("-id")[0].id)
    return [
        step.replace("\xa0", " ") for step in told.steps if "“" in step or "×" in step or "gether" in step
    ]


def test_the_sum_is_told_with_what_the_campaign_added(programme):
    run(programme)

    assert steps(tell()) == ["€10.00 × 10 per €1.00 = 100.", "“More” adds 100.", "Together 200 points."]


def test_why_a_campaign_added_less_or_nothing_is_told(programme):
    capped = run(programme, {**DOUBLE, "cap_points": 130}, budget_points=300)
    run(programme, {"kind": "steps", "steps": [[0, 20]]})
    tell("1", who="alice")

    assert steps(tell("2", who="alice"))[1:] == [
        "“More” adds 30 of 100: then its limit for each member is reached.",
        "“More” would have added 20; the best offer counts.",
        "Together 130 points.",
    ]
    tell("3", who="bob")
    assert steps(tell("4", who="carol"))[1:] == [
        "“More” adds nothing: all its points had been given.",
        "“More” adds 20.",
        "Together 120 points.",
    ]
    assert given(capped)[0] == 230


# -- told before the order is placed -------------------------------------------------------------------------


def basket(amount_minor: int = 1000) -> Basket:
    return Basket((BasketLine("1", amount_minor, sku="A1"),))


def hint(programme, **who) -> int:
    return quote(basket=basket(), currency="EUR", programme_id=programme.id, at=NOON, **who).points


def test_a_hint_counts_what_is_for_everybody(programme):
    run(programme)

    assert hint(programme) == 200


def test_a_hint_counts_what_is_for_this_member_in_this_channel(programme):
    run(programme, {**DOUBLE, "order_numbers": [2], "channels": ["web"]})
    tell("1", who="alice", placed_at=day(-0.5))
    tell("2", who="bob", placed_at=day(-0.6))
    tell("3", who="bob", placed_at=day(-0.5))
    alice, bob = (Award.objects.get(purchase__reference=number).member_id for number in "12")

    assert hint(programme) == hint(programme, member_id=alice) == 100
    assert hint(programme, member_id=alice, channel="web") == 200
    assert hint(programme, member_id=bob, channel="web") == 100
    assert award(tell("4", who="alice")).earned_points == 200


def test_a_hint_knows_what_cap_and_budget_leave(programme):
    run(programme, {**DOUBLE, "cap_points": 130}, budget_points=290)
    tell("1", who="alice")
    alice = Award.objects.get().member_id

    assert (hint(programme, member_id=alice), hint(programme)) == (130, 200)
    tell("2", who="bob")
    assert hint(programme) == 100
    tell("3", who="carol")
    assert hint(programme, member_id=alice) == 100


# -- the books -----------------------------------------------------------------------------------------------


def broken() -> list[str]:
    return [finding.detail for finding in check_ledger().findings]


def test_points_that_no_member_has_from_a_campaign_are_found(programme):
    campaign = run(programme)
    tell()

    CampaignUse.objects.update(points=99)
    found = broken()
    CampaignUse.objects.update(points=100)

    assert found == [f"campaign {campaign.id} has given 100 points; its members have 99"]


def test_points_that_no_award_has_from_a_campaign_are_found(programme):
    campaign = run(programme)
    tell()

    Campaign.objects.update(spent_points=101)
    found = broken()
    Campaign.objects.update(spent_points=100)

    assert found == [
        f"campaign {campaign.id} has given 101 points; its members have 100",
        f"campaign {campaign.id} has given 101 points; the awards have 100 from it",
    ]


# -- many at once --------------------------------------------------------------------------------------------

ORDERS = 32
AT_ONCE = 8


def race(*racers: Callable[[], object]) -> list[object]:
    """Run all together, each in a thread with a connection of its own; give results or errors."""
    start = Barrier(AT_ONCE)

    def run_one(racer: Callable[[], object]) -> object:
        start.wait(timeout=30)
        try:
            return racer()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run_one, racers))


@pytest.fixture
def orders(transactional_db, clock):
    """Orders of many members that wait for their points; the budget bears ten of them."""
    clock.move_to(day(2))
    programme = open_shop(enrolment="automatic")
    campaign = run(programme, budget_points=1_050)
    told = [
        Snapshot(
            channel="web",
            reference=str(number),
            as_of=NOON,
            who=Who(external_id=f"member-{number}"),
            currency="EUR",
            placed_at=NOON,
            lines=(goods(),),
        )
        for number in range(ORDERS)
    ]
    ids = [outcome.purchase_id for outcome in sync_purchases(told, at=NOON)]
    return campaign, [lambda one=one: settle_awards(purchase_ids=[one], at=NOON) for one in ids]


@pytest.mark.django_db(transaction=True)
def test_a_budget_is_exact_when_many_orders_want_the_last_of_it(orders):
    campaign, settlements = orders

    results = race(*settlements)

    assert Counter(map(repr, results)) == {"1": ORDERS}
    assert given(campaign) == (1_000, {100: 10})
    assert Counter(Award.objects.values_list("earned_points", flat=True)) == {200: 10, 100: ORDERS - 10}


if connection.vendor == "postgresql":  # SQLite has one writer at a time: there is no lock to take away

    @pytest.mark.django_db(transaction=True)
    def test_control_without_the_lock_the_guarded_update_refuses_what_the_budget_cannot_bear(
        orders, monkeypatch
    ):
        campaign, settlements = orders

        def look_without_locking(campaign_ids):
            return list(Campaign.objects.filter(id__in=campaign_ids).order_by("id"))

        held = Barrier(AT_ONCE)
        store = awards_module.store_uses

        def store_together(*given_, **more):
            held.wait(timeout=30)
            store(*given_, **more)

        with monkeypatch.context() as without:
            without.setattr(campaign_uses, "lock_campaigns", look_without_locking)
            without.setattr(awards_module, "store_uses", store_together)
            results = race(*settlements[: 2 * AT_ONCE])

        assert "WriteConflict" in {type(result).__name__ for result in results}
        for settle in settlements:
            settle()
        assert given(campaign) == (1_000, {100: 10})
