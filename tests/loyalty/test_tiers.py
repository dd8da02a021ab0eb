"""Levels in a shop: reached by buying, kept or lost on their day, carried by merges, untouched by points."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext

from backstage.operations.check import check_ledger
from backstage.policies import SHOP
from commerce.operations.customers import merge_customers, unmerge_customer
from commerce.operations.sync import sync_purchases
from commerce.policies.snapshot import Snapshot, Who
from commerce.queries.segments import list_segment, read_segment
from loyalty.ledger import moves
from loyalty.models import Campaign, CampaignVersion, TierHolding, TierNotice, TierScheme
from loyalty.operations.action_rules import create_action_rule, switch_on_action_rule
from loyalty.operations.actions import record_action
from loyalty.operations.awards import settle_awards
from loyalty.operations.campaigns import create_campaign, switch_on_campaign
from loyalty.operations.tiers.grants import grant_tier
from loyalty.operations.tiers.schemes import (
    LevelsUnknown,
    TiersRefused,
    discard_scheme,
    save_scheme,
    switch_off_levels,
    switch_on_levels,
)
from loyalty.policies.backtest import Proposal
from loyalty.policies.basket import Basket, BasketLine
from loyalty.policies.tiers.scheme import LevelSource
from loyalty.policies.tiers.terms import TierPlan
from loyalty.queries.backtest import run_backtest
from loyalty.queries.campaign_preview import Asked, preview_campaign
from loyalty.queries.campaign_words import list_conditions
from loyalty.queries.campaigns import campaign_of
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.quote import quote
from loyalty.queries.why import why
from tests.loyalty.levels import THREE, history, level, level_ids, requalify, switch_on, warn
from tests.loyalty.shop import (
    NOON,
    OPENED,
    award,
    customer,
    day,
    gift_card,
    goods,
    join,
    open_shop,
    points,
    tell,
)

pytestmark = pytest.mark.django_db

AFTER = day(2)


@pytest.fixture
def programme():
    return open_shop(enrolment="automatic")


@pytest.fixture(autouse=True)
def books_are_right(db, clock):
    clock.move_to(day(2))
    yield
    # Points whose day had come before are nobody's business here.
    assert [one.detail for one in check_ledger().findings if "due for release" not in one.detail] == []


def buy(reference: str, minor: int, *, who: str = "alice", on: float = 0, **facts) -> int:
    return tell(reference, goods(sold_minor=minor), who=who, at=day(on), placed_at=day(on), **facts)


# -- reached at once -----------------------------------------------------------------------------------------


def test_a_purchase_that_reaches_a_level_raises_it_at_once_and_counts_for_the_next_order(programme):
    switch_on(programme)
    alice = join("alice", programme)

    first = buy("1", 100_000)
    second = buy("2", 1_000, on=1)

    assert [level(alice, day(n)) for n in (-1, 0, 1)] == [None, "Gold", "Gold"]
    assert award(first).earned_points == 10_000
    assert award(second).earned_points == 150
    assert award(second).facts[str(alice.id)]["level"] == [level_ids(TierScheme.objects.get())["Gold"], 150]
    row = TierHolding.objects.get()
    assert (row.begins_at, row.tests_on.isoformat()) == (NOON, "2027-03-03")


def test_an_order_that_arrives_late_has_the_level_of_its_own_moment(programme):
    switch_on(programme)
    join("alice", programme)
    buy("1", 100_000)

    late = tell("2", goods(sold_minor=1_000), at=day(5), placed_at=day(-5))

    assert award(late).earned_points == 100


def test_a_preview_for_a_member_is_what_the_order_then_earns(programme):
    switch_on(programme)
    alice = join("alice", programme)
    buy("1", 30_000)

    told = quote(
        basket=Basket((BasketLine("1", 1_000),)),
        currency="EUR",
        programme_id=programme.id,
        member_id=alice.id,
        at=day(1),
    )

    assert told.points == 125
    assert award(buy("2", 1_000, on=1)).earned_points == 125


def test_while_levels_are_off_an_order_takes_not_one_statement_more(programme):
    join("alice", programme)
    buy("1", 1_000)
    with CaptureQueriesContext(
        connection,
    ) as before:
        buy("2", 1_000, on=1)
    switch_on(programme)
    buy("3", 1_000, on=2)
    with CaptureQueriesContext(connection) as with_levels:
        buy("4", 1_000, on=3)
    switch_off_levels(programme_id=programme.id, at=day(3))
    buy("5", 1_000, on=4)

    assert len(with_levels) - len(before) == 4


def test_spending_and_expiring_points_never_touches_a_level(programme):
    switch_on(programme, TierPlan("Gold", 900), metric="points")
    alice = join("alice", programme)
    buy("1", 10_000)
    assert level(alice, day(0)) == "Gold"

    with transaction.atomic():
        held = moves.hold(member_id=alice.id, points=1_000, key="h", expires_at=day(41), at=day(40), by=SHOP)
        moves.capture(member_id=alice.id, hold_id=held.entry_id, key="c", at=day(40), by=SHOP)
    requalify(day(300))

    assert points(alice, day(300)) == (0, 0, 0)
    assert [level(alice, day(n)) for n in (300, 364)] == ["Gold", "Gold"]


def test_money_is_what_was_paid_in_money_shipping_included(programme):
    switch_on(programme)
    alice = join("alice", programme)

    tell("1", goods(sold_minor=9_000), goods("shipping", 1_000, is_goods=False))
    buy("2", 20_000, who="bob", tenders=(gift_card(10_001),))

    assert level(alice, day(0)) == "Bronze"
    assert TierHolding.objects.count() == 1


def test_what_was_bought_before_joining_counts_only_where_the_programme_says_so(programme):
    switch_on(programme)
    programme.enrolment = "on_request"
    programme.backdate_days = 10
    programme.save()
    for reference, on in (("1", -20), ("2", -5)):
        buy(reference, 10_000, on=on)

    alice = join("alice", programme, at=day(0))

    assert level(alice, day(0)) == "Bronze"


def test_a_fully_returned_order_is_no_order(programme):
    switch_on(programme, TierPlan("Regular", 2), metric="orders")
    alice = join("alice", programme)
    buy("1", 1_000)
    tell("2", goods(returned_minor=1_000, returned_quantity=2), at=day(1), placed_at=day(1))
    assert level(alice, day(1)) is None

    buy("3", 1_000, on=2)

    assert level(alice, day(2)) == "Regular"


def test_points_for_actions_raise_a_level_where_they_count(programme):
    switch_on(programme, TierPlan("Gold", 500), metric="points")
    alice = join("alice", programme)
    terms = {"points": 500, "counts_for_level": True}
    rule = create_action_rule(programme_id=programme.id, name="Review", kind="review", terms=terms, at=OPENED)
    switch_on_action_rule(rule_id=rule.id, at=OPENED)

    record_action(programme_id=programme.id, kind="review", source="r1", member_id=alice.id, at=day(0))

    assert level(alice, day(0)) == "Gold"


# -- tests, grace and falls ----------------------------------------------------------------------------------


def test_a_return_lowers_the_period_and_the_level_stays_until_its_test(programme):
    switch_on(programme, grace_days=0)
    alice = join("alice", programme)
    buy("1", 100_000)
    buy("2", 100_000, on=100)
    tell(
        "2",
        goods(sold_minor=100_000, returned_minor=100_000, returned_quantity=2),
        at=day(110),
        placed_at=day(100),
    )

    requalify(day(200))
    assert level(alice, day(200)) == "Gold"

    requalify(day(366))
    assert level(alice, day(366)) == "Silver"


def test_a_level_that_is_earned_again_is_kept_from_its_test_on(programme):
    switch_on(programme)
    alice = join("alice", programme)
    buy("1", 30_000)
    buy("2", 30_000, on=200)

    assert requalify(day(365)) == 0
    assert requalify(day(366)) == 1
    assert requalify(day(367)) == 0

    assert history(alice) == [("Silver", "reached", "kept"), ("Silver", "kept", "")]
    assert TierHolding.objects.get(ends_at=None).tests_on.isoformat() == "2028-03-03"


def test_a_purchase_in_grace_saves_the_level(programme):
    switch_on(programme)
    alice = join("alice", programme)
    buy("1", 30_000)
    assert requalify(day(366)) == 0

    buy("2", 30_000, on=380)

    assert history(alice) == [("Silver", "reached", "kept"), ("Silver", "kept", "")]
    assert level(alice, day(400)) == "Silver"


def test_after_grace_it_falls_one_level_at_a_time(programme):
    switch_on(programme)
    alice = join("alice", programme)
    buy("1", 100_000)

    assert [requalify(day(n)) for n in (394, 395, 396, 761, 762)] == [0, 0, 1, 0, 1]

    assert history(alice) == [
        ("Gold", "reached", "fell"),
        ("Silver", "fell", "fell"),
        ("Bronze", "fell", ""),
    ]


def test_or_to_the_level_that_was_earned(programme):
    switch_on(programme, fall="earned", grace_days=0)
    alice = join("alice", programme)
    buy("1", 100_000)
    buy("2", 10_000, on=300)

    requalify(day(366))

    assert history(alice) == [("Gold", "reached", "fell"), ("Bronze", "fell", "")]


def test_a_job_that_is_two_years_late_writes_the_dates_that_there_would_have_been(programme):
    switch_on(programme)
    alice, bob = join("alice", programme), join("bob", programme)
    buy("1", 100_000)
    buy("2", 100_000, who="bob")
    for on in (396, 762, 1127):
        requalify(day(on))
    TierHolding.objects.filter(member=bob).exclude(begin_reason="reached").delete()
    TierHolding.objects.filter(member=bob).update(ends_at=None, end_reason="")

    requalify(day(1127))

    rows = [
        list(
            TierHolding.objects.filter(member=member)
            .order_by("begins_at")
            .values_list("level_id", "begins_at", "ends_at", "tests_on", "end_reason")
        )
        for member in (alice, bob)
    ]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 3


def test_calendar_levels_last_to_the_end_of_the_next_year(programme):
    switch_on(programme, window="calendar", grace_days=0)
    alice = join("alice", programme)
    buy("1", 30_000)

    assert TierHolding.objects.get().tests_on.isoformat() == "2027-12-31"

    requalify(day(669))  # 1 January 2028
    assert history(alice) == [("Silver", "reached", "fell"), ("Bronze", "fell", "")]
    assert TierHolding.objects.get(ends_at=None).tests_on.isoformat() == "2028-12-31"


def test_lifetime_levels_are_never_lost(programme):
    switch_on(programme, window="lifetime")
    alice = join("alice", programme)
    buy("1", 20_000, on=-390)
    buy("2", 10_000)

    requalify(day(2000))

    assert level(alice, day(2000)) == "Silver"
    assert [row.tests_on for row in TierHolding.objects.filter(member=alice)] == [None, None]


def test_members_are_told_once_what_is_missing_before_they_lose_a_level(programme):
    switch_on(programme)
    alice = join("alice", programme)
    buy("1", 30_000)
    buy("2", 12_000, on=100)

    assert [warn(day(n)) for n in (334, 335, 336)] == [0, 1, 0]

    notice = TierNotice.objects.get()
    assert (notice.holding.member, notice.missing) == (alice, 18_000)
    assert notice.loses_at.isoformat() == "2027-04-02T22:00:00+00:00"


def test_who_has_enough_is_not_warned_and_is_looked_at_again_until_the_test(programme):
    switch_on(programme)
    join("alice", programme)
    buy("1", 30_000)
    buy("2", 30_000, on=100)
    assert warn(day(340)) == 0
    tell(
        "2", goods(sold_minor=30_000, returned_minor=1, returned_quantity=0), at=day(341), placed_at=day(100)
    )

    assert warn(day(342)) == 1
    assert TierNotice.objects.get().missing == 1


# -- versions ------------------------------------------------------------------------------------------------


def test_nothing_is_switched_on_until_every_level_has_a_name(programme):
    save_scheme(programme_id=programme.id, rules={}, tiers=[TierPlan("", 10_000)], at=OPENED)

    with pytest.raises(TiersRefused) as refusal:
        switch_on_levels(programme_id=programme.id, at=OPENED)

    assert refusal.value.message_dict == {"0.name": ["Give this level a name before it is switched on."]}
    assert TierScheme.objects.get().starts_at is None


def test_equal_thresholds_are_refused_beside_the_field_and_nothing_is_kept(programme):
    with pytest.raises(ValidationError) as refusal:
        save_scheme(
            programme_id=programme.id, rules={}, tiers=[TierPlan("A", 100), TierPlan("B", 100)], at=OPENED
        )

    assert refusal.value.message_dict == {
        "1.threshold": ["The level below begins at the same amount. Raise this one."]
    }
    assert not TierScheme.objects.exists()


def test_there_is_one_draft_at_a_time_and_it_can_be_thrown_away(programme):
    for name in ("A", "B"):
        save_scheme(programme_id=programme.id, rules={}, tiers=[TierPlan(name, 100)], at=OPENED)
    assert [tier.name for tier in TierScheme.objects.get().tiers.all()] == ["B"]

    discard_scheme(programme_id=programme.id, at=OPENED)

    assert not TierScheme.objects.exists()
    with pytest.raises(LevelsUnknown):
        switch_on_levels(programme_id=programme.id, at=OPENED)


def test_a_level_stays_the_same_one_from_version_to_version(programme):
    ids = level_ids(switch_on(programme))
    alice = join("alice", programme)
    buy("1", 30_000)

    switch_on(
        programme,
        TierPlan("Silver", 50_000, Decimal(2), level_id=ids["Silver"]),
        TierPlan("Platinum", 500_000, Decimal(3)),
        at=day(10),
    )

    assert [level(alice, day(n)) for n in (9, 10)] == ["Silver", "Silver"]
    assert award(buy("2", 1_000, on=11)).earned_points == 200
    assert level_ids(TierScheme.objects.get(number=2))["Silver"] == ids["Silver"]


def test_switching_on_places_everybody_who_has_earned_a_level(programme):
    alice, bob = join("alice", programme), join("bob", programme)
    buy("1", 100_000)
    buy("2", 9_999, who="bob")

    switch_on(programme, at=day(10))

    assert [level(one, day(10)) for one in (alice, bob)] == ["Gold", None]
    assert level(alice, day(9)) is None


def test_in_a_large_club_the_daily_job_places_everybody(programme, monkeypatch):
    monkeypatch.setattr("loyalty.operations.tiers.upkeep.PLACED_AT_ONCE", 0)
    alice = join("alice", programme)
    buy("1", 100_000)

    switch_on(programme, at=day(10))
    assert level(alice, day(10)) is None

    assert requalify(day(11)) == 1
    assert level(alice, day(11)) == "Gold"


def test_levels_that_were_off_are_tested_from_the_day_on_which_they_are_on_again(programme):
    switch_on(programme)
    alice = join("alice", programme)
    buy("1", 30_000)
    switch_off_levels(programme_id=programme.id, at=day(100))
    requalify(day(500))
    assert level(alice, day(500)) is None

    switch_on(programme, *_same(programme), at=day(600))

    assert level(alice, day(600)) == "Silver"
    requalify(day(631))
    assert history(alice) == [("Silver", "reached", "fell"), ("Bronze", "fell", "")]


def _same(programme):
    ids = level_ids(TierScheme.objects.get(programme=programme))
    return [TierPlan(plan.name, plan.threshold, plan.factor, (), ids[plan.name]) for plan in THREE]


# -- merges --------------------------------------------------------------------------------------------------


def test_a_merge_keeps_the_better_level_and_counts_what_both_bought(programme):
    switch_on(programme)
    alice, bob = join("alice", programme), join("bob", programme)
    buy("1", 10_000)
    buy("2", 25_000, who="bob")

    merge_customers(source=customer("bob").id, target=customer("alice").id, at=day(1), by=SHOP)

    assert history(alice) == [("Bronze", "reached", "reached"), ("Silver", "reached", "")]
    assert history(bob) == [("Bronze", "reached", "merged")]


def test_taking_apart_gives_both_back_what_they_had(programme):
    switch_on(programme)
    alice, bob = join("alice", programme), join("bob", programme)
    buy("1", 10_000)
    buy("2", 100_000, who="bob")
    ids = level_ids(TierScheme.objects.get())
    grant_tier(member_id=bob.id, level_id=ids["Silver"], source=LevelSource.PLAN, source_key="m:1", at=day(0))
    merge_customers(source=customer("bob").id, target=customer("alice").id, at=day(1), by=SHOP)
    assert [level(one, day(1)) for one in (alice, bob)] == ["Gold", None]

    unmerge_customer(source=customer("bob").id, at=day(2), by=SHOP)

    assert [level(one, day(2)) for one in (alice, bob)] == ["Bronze", "Gold"]
    given = TierHolding.objects.filter(source="plan", ends_at=None)
    assert [row.member_id for row in given] == [bob.id]
    assert (
        TierHolding.objects.get(member=bob, source="earned", ends_at=None).tests_on.isoformat()
        == "2027-03-03"
    )


# -- campaigns and segments ----------------------------------------------------------------------------------


def test_a_campaign_for_a_level_is_for_whoever_had_it_when_they_ordered(programme):
    ids = level_ids(switch_on(programme))
    alice = join("alice", programme)
    campaign = create_campaign(
        programme_id=programme.id,
        name="Gold days",
        starts_at=day(-1),
        terms={"kind": "multiply", "factor": Decimal(2), "tier_ids": [ids["Gold"]]},
        at=day(-2),
    )
    switch_on_campaign(campaign_id=campaign.id, at=day(-1))

    first = buy("1", 100_000)
    told = quote(
        basket=Basket((BasketLine("1", 1_000),)),
        currency="EUR",
        programme_id=programme.id,
        channel="web",
        member_id=alice.id,
        at=day(1),
    )
    second, others = buy("2", 1_000, on=1), buy("3", 1_000, who="bob", on=1)

    assert [award(one).earned_points for one in (first, second, others)] == [10_000, 250, 100]
    assert told.points == 250


def test_a_segment_finds_who_has_a_level_by_its_name_of_today_or_before(programme):
    ids = level_ids(switch_on(programme))
    for name, minor in (("alice", 100_000), ("bob", 30_000), ("carol", 100)):
        join(name, programme)
        buy(name, minor, who=name)
    switch_on(
        programme,
        TierPlan("Shine", 30_000, level_id=ids["Silver"]),
        TierPlan("Gold", 100_000, level_id=ids["Gold"]),
        at=day(1),
    )

    def found(*names: str, at=AFTER) -> list[str]:
        definition = read_segment(
            conditions={
                "match": "all",
                "conditions": [{"condition": "level", "with": {"any_of": list(names)}}],
            }
        )
        inside = {one.pk for one in list_segment(definition=definition, at=at, limit=9)}
        return [name for name in ("alice", "bob", "carol") if customer(name).pk in inside]

    assert [found("Gold"), found("Silver"), found("Shine", "Gold")] == [["alice"], ["bob"], ["alice", "bob"]]
    assert [found("Bronze"), found("Nobody"), found("Gold", at=day(-1))] == [[], [], []]


# -- constant cost -------------------------------------------------------------------------------------------


def test_many_orders_at_once_ask_no_more_of_levels_than_two(programme):
    switch_on(programme)
    told = [
        Snapshot(
            channel="web",
            reference=str(number),
            as_of=NOON,
            who=Who(external_id=f"member-{number}"),
            currency="EUR",
            placed_at=NOON,
            lines=(goods(sold_minor=40_000),),
        )
        for number in range(30)
    ]
    ids = [outcome.purchase_id for outcome in sync_purchases(told, at=NOON)]
    settle_awards(purchase_ids=ids[:2], at=NOON)
    with CaptureQueriesContext(connection) as two:
        settle_awards(purchase_ids=ids[2:4], at=NOON)
    with CaptureQueriesContext(connection) as many:
        settle_awards(purchase_ids=ids[4:], at=NOON)

    assert len(many) <= len(two)  # PostgreSQL posts many in fewer statements
    assert TierHolding.objects.count() == 30


# -- what the owner and members read -------------------------------------------------------------------------


def test_why_names_the_level_and_what_it_added(programme):
    switch_on(programme)
    alice = join("alice", programme)
    buy("1", 100_000)
    second = buy("2", 1_000, on=1)
    entry = alice.entries.get(source_id=second)

    told = why(entry_id=entry.id, member_id=alice.id)

    assert "Your level “Gold” adds 50." in told.steps


def test_a_preview_of_a_campaign_knows_the_level_that_orders_were_placed_with(programme):
    ids = level_ids(switch_on(programme))
    for who, minor in (("alice", 100_000), ("bob", 1_000)):
        tell(f"{who} 1", goods(sold_minor=minor), who=who, at=day(-9), placed_at=day(-10))
        buy(f"{who} 2", 1_000, who=who, on=-5)
    terms = {"kind": "multiply", "factor": Decimal(2), "tier_ids": [ids["Gold"]]}
    row = CampaignVersion(campaign=Campaign(programme=programme, id=0), id=0, **terms)

    told = preview_campaign(programme=programme, asked=Asked(campaign_of(row), day(0), day(10)), at=day(0))

    assert (told.orders, told.members, told.points) == (4, 1, 100)
    assert list_conditions(row) == ["Members with the level: Gold"]


def test_a_hint_beside_a_price_knows_the_level(programme, django_user_model):
    switch_on(programme)
    alice = join("alice", programme)
    buy("1", 100_000)
    login = django_user_model.objects.create_user("alice")
    alice.customer.user = login
    alice.customer.save()
    tag = "{% load encore_loyalty %}{% loyalty_points_for 10 'EUR' %}"

    said = Template(tag).render(Context({"user": login}))

    assert "150" in said


def test_a_backtest_says_how_many_would_have_each_level(programme):
    switch_on(programme)
    buy("1", 100_000, who="alice", on=-300)
    buy("2", 30_000, who="bob", on=-100)
    buy("3", 10_000, who="bob", on=-50)
    buy("4", 1_000, who="carol", on=-10)
    rules = get_programme_rules(programme.id)
    proposal = Proposal(rules.rules[0].rule, rules.terms[0].terms)

    report = run_backtest(rules=rules, proposal=proposal, since=day(-390), until=day(0))

    assert report.levels == [("Bronze", 0), ("Silver", 1), ("Gold", 1)]
    assert report.points == 10_000 + 3_000 + 1_250 + 100
