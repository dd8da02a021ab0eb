"""Trying other rules on the recorded purchases: the same engine as awards, and nothing is written."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from backstage.policies import SHOP
from commerce.operations.customers import merge_customers
from loyalty.models import Award, Entry
from loyalty.operations.campaigns import create_campaign
from loyalty.policies.backtest import Change, Proposal
from loyalty.queries.backtest import BacktestReport, run_backtest
from loyalty.queries.campaigns import campaign_of
from loyalty.queries.programmes import get_programme_rules
from tests.commerce.command import encore
from tests.loyalty.shop import NOON, customer, day, gift_card, goods, open_shop, tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def programme():
    return open_shop(enrolment="automatic")


def proposal(programme, **changes) -> Proposal:
    """The running rules with changes: of the rule, of the terms, or campaigns."""
    rules = get_programme_rules(programme.id)
    terms = replace(rules.terms[0].terms, **changes.pop("terms", {}))
    campaigns = changes.pop("campaigns", ())
    return Proposal(replace(rules.rules[0].rule, **changes), terms, campaigns)


def run(programme, budgets=None, **changes) -> BacktestReport:
    return run_backtest(
        rules=get_programme_rules(programme.id),
        proposal=proposal(programme, **changes),
        budgets=budgets,
        since=day(-300),
        until=day(300),
    )


def double(programme, **terms):
    campaign = create_campaign(
        programme_id=programme.id,
        name="Double",
        starts_at=NOON,
        terms={"kind": "multiply", "factor": Decimal(2), **terms},
        at=NOON,
    )
    return campaign_of(campaign.versions.get())


def test_the_rules_that_run_give_what_stands(programme):
    tell("1", goods("a", 333), goods("b", 777), tenders=(gift_card(200),), who="alice")
    tell("2", goods("a", 1000, returned_minor=400, returned_quantity=1), who="alice", placed_at=day(1))
    tell("3", goods("a", 999), who="bob", placed_at=day(2), status="cancelled")

    report = run(programme)

    standing = sum(Award.objects.values_list("standing_points", flat=True))
    assert (report.points, report.before, report.changes) == (standing, standing, [])


def test_other_rules_say_who_gains_and_who_loses(programme):
    tell("1", goods("a", 150), who="alice")
    tell("2", goods("a", 1000), who="bob")

    report = run(programme, points=30, per_minor=500)

    alice, bob = customer("alice").id, customer("bob").id
    assert report.changes == [Change(alice, 15, 9), Change(bob, 100, 60)]
    assert [change.customer_id for change in report.losers] == [bob, alice]
    assert report.gainers == []
    assert (report.points, report.before) == (69, 115)


def test_orders_that_would_earn_nothing_are_counted_and_guests_apart(programme):
    tell("1", goods("a", 450), who="alice")
    tell("2", goods("a", 550), who="bob")

    report = run(programme, points=1, per_minor=500)

    assert (report.orders, report.guests, report.without_points, report.points) == (2, 0, 1, 1)


def test_points_are_owed_from_the_month_of_the_order_to_the_month_of_their_end(programme):
    tell("1", who="alice", placed_at=day(0))
    tell("2", who="alice", placed_at=day(31))

    report = run(programme, terms={"expiry_months": 2})

    assert report.months == [
        (date(2026, 3, 1), 100, 0, 100),
        (date(2026, 4, 1), 100, 0, 200),
        (date(2026, 5, 1), 0, 100, 100),
        (date(2026, 6, 1), 0, 100, 0),
    ]


def test_a_campaign_that_is_only_a_draft_can_be_tried(programme):
    tell("1", who="alice")
    tell("2", who="alice")

    report = run(programme, campaigns=(double(programme, cap_points=130),))

    assert report.points == 330


def test_the_how_manieth_order_is_counted_in_the_order_of_time(programme):
    tell("2", goods("a", 500), who="alice", placed_at=day(5))
    tell("1", goods("a", 100), who="alice", placed_at=day(1))

    report = run(programme, campaigns=(double(programme, order_numbers=[1]),))

    assert report.points == 10 + 10 + 50


def test_a_budget_bears_what_it_can_in_the_order_of_time(programme):
    tell("1", who="alice", placed_at=day(1))
    tell("2", who="bob", placed_at=day(2))
    campaign = double(programme)

    report = run(programme, campaigns=(campaign,), budgets={campaign.campaign_id: 150})

    assert report.points == 300


def test_merged_customers_are_one(programme):
    tell("1", who="alice")
    tell("2", who="bob")
    merge_customers(source=customer("alice").id, target=customer("bob").id, by=SHOP, at=day(1))

    assert run(programme, points=20).changes == [Change(customer("bob").id, 200, 400)]


def test_the_queries_do_not_grow_with_the_orders(programme, django_assert_num_queries):
    for number in range(12):
        tell(str(number), who=f"member-{number % 5}", placed_at=day(number))
    asked = {"rules": get_programme_rules(programme.id), "proposal": proposal(programme)}

    with django_assert_num_queries(7):
        run_backtest(**asked, since=day(0), until=day(1.5))
    with django_assert_num_queries(7):
        run_backtest(**asked, since=day(0), until=day(100))


# -- the verb ------------------------------------------------------------------------------------------------


def test_the_verb_writes_nothing_and_says_what_would_have_been(programme, clock):
    clock.move_to(day(10))
    tell("1", who="alice")
    before = (Entry.objects.count(), list(Award.objects.values()))

    answer = encore("backtest", "--points", "20", "--per", "100", "--json")

    told = answer.result
    assert answer.code == 0
    assert (told["points"], told["points_in_records"], told["gainers"]) == (200, 100, 1)
    assert (told["promised_minor"], told["likely_minor"]) == (20000, 14000)
    assert (Entry.objects.count(), list(Award.objects.values())) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--programme", "clbu"), "There is no programme 'clbu'. Did you mean 'club'?"),
        (("--points", "0"), "--points 0 gives nothing. Write 1 or more."),
        (("--window", "366"), "--window 366 is out of reach. Write 0 to 365 days."),
        (("--expiry", "soon"), "--expiry soon is no number of months. Write 1 to 240, or never."),
        (("--from", "2026-03-02", "--to", "2026-03-01"), "--to 2026-03-01 is before --from 2026-03-02."),
        (("--campaign", "9"), "Club has no campaign 9. See the number in its address."),
    ],
)
def test_a_mistake_is_named_with_the_fix(programme, clock, arguments, said):
    clock.move_to(day(10))
    tell("1", who="alice")

    answer = encore("backtest", *arguments)

    assert answer.code == 2
    assert said in answer.complained
