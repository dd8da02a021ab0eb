"""What members read and do about plans on their own pages."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.models import MembershipPeriod, PaidMembership
from loyalty.operations.plans.memberships import start_trial
from loyalty.operations.plans.offers import change_plan
from tests.factories.loyalty import MemberFactory
from tests.loyalty.member.test_pages import text_of
from tests.loyalty.member.test_snippets import hint, render
from tests.loyalty.plan_shop import pay, sell

SHIPPING = {"perks": [{"kind": "free_shipping", "number": 1500}], "shipping_minor": 490}


@pytest.fixture
def plan(programme, clock):
    return sell(programme, at=clock.at - timedelta(days=400), trial_days=14, **SHIPPING)


def test_without_plans_nothing_is_said(her_client, clock):
    assert "loy-plan" not in her_client.get("/club/").content.decode()
    assert "There is nothing to join at the moment." in text_of(her_client.get("/club/plan/"))


def test_whoever_has_none_reads_what_there_is_and_whether_it_would_have_paid(her_client, plan, shop, clock):
    shop.buy("1", clock.at - timedelta(days=30), 200_000)

    page, own = text_of(her_client.get("/club/")), text_of(her_client.get("/club/plan/"))

    assert "Plus: 2 times the points, Free shipping from €15.00 on €29.00 a year" in page
    assert "Last year you would have saved €100.00. A year costs €29.00." in own
    assert "20,000 points more, worth €100.00" in own
    assert "Ask for it in the shop." in own


def test_it_is_also_said_where_it_would_not_have_paid(her_client, plan, shop, clock):
    assert "Last year it would have saved you nothing." in text_of(her_client.get("/club/plan/"))
    shop.buy("1", clock.at - timedelta(days=30), 20_000)

    page = text_of(her_client.get("/club/plan/"))

    assert "Last year you would have saved €10.00, less than the €29.00 that a year costs." in page


def test_a_member_reads_until_when_and_what_it_was_worth(her_client, plan, alice, shop, clock):
    pay(plan, alice, at=clock.at - timedelta(days=30))
    shop.buy("1", clock.at - timedelta(days=10), 20_000)

    page, own = text_of(her_client.get("/club/")), text_of(her_client.get("/club/plan/"))

    assert "Plus Paid for until Feb. 1, 2027." in page.replace("February 1", "Feb. 1")
    assert "You have saved €14.90. The fee was €29.00." in own
    assert "Free shipping on 1 order, €4.90" in own


def test_a_member_cancels_after_reading_the_numbers_again_and_takes_it_back(her_client, plan, alice, clock):
    pay(plan, alice, at=clock.at - timedelta(days=30))

    asked = text_of(her_client.get("/club/plan/cancel/"))
    assert "The fee was €29.00." in asked
    assert PaidMembership.objects.get().cancelled_at is None

    her_client.post("/club/plan/cancel/")
    assert PaidMembership.objects.get().cancelled_at == clock.at
    assert "and is not renewed. " in text_of(her_client.get("/club/plan/"))
    her_client.post("/club/plan/keep/")
    assert PaidMembership.objects.get().cancelled_at is None


def test_in_grace_the_last_day_is_named(her_client, plan, alice, clock):
    paid = pay(plan, alice, at=clock.at - timedelta(days=367))
    assert paid.ends_at <= clock.at < paid.perks_end_at

    assert "Renew it by March 8 to go on without a gap." in text_of(her_client.get("/club/"))


def test_a_trial_is_begun_on_the_page_once(her_client, plan, clock):
    her_client.post(f"/club/plan/{plan.id}/try/")
    her_client.post(f"/club/plan/{plan.id}/try/")

    assert MembershipPeriod.objects.get().kind == "trial"
    assert "You are trying it until March 17." in text_of(her_client.get("/club/"))
    assert her_client.get(f"/club/plan/{plan.id}/try/").status_code == 405


@pytest.mark.parametrize("address", ["/club/plan/", "/club/plan/cancel/"])
def test_only_members_see_these_pages(client, plan, address):
    assert client.get(address).status_code == 302
    assert client.post("/club/plan/keep/").status_code == 302


def test_nobody_cancels_for_somebody_else(her_client, plan, programme, clock):
    bob = MemberFactory(programme=programme)
    pay(plan, bob, at=clock.at)

    her_client.post("/club/plan/cancel/")

    assert PaidMembership.objects.get().cancelled_at is None


def test_a_plan_costs_the_page_one_question(her_client, plan, alice, shop, clock):
    pay(plan, alice, at=clock.at - timedelta(days=30))
    shop.buy("1", clock.at - timedelta(days=300))
    shop.buy("2", clock.at - timedelta(days=1))
    her_client.get("/club/")

    with CaptureQueriesContext(connection) as queries:
        her_client.get("/club/")

    assert len(queries) == 2 + 6 + 1


def test_a_new_price_is_read_at_once(her_client, plan, clock):
    her_client.get("/club/")
    change_plan(plan_id=plan.id, terms={"price_minor": 3900}, at=clock.at)

    assert "€39.00 a year" in text_of(her_client.get("/club/"))


# -- in the shop's own pages ---------------------------------------------------------------------------------


def test_a_shop_asks_for_benefits_by_name_and_a_price_says_more_points(plan, alice, user, clock):
    tag = (
        "{% loyalty_perks user as perks %}"
        "{% if perks.free_shipping %}from {{ perks.free_shipping.number }}{% endif %}"
    )
    assert (render(tag, user=user), hint(user)) == ("", '<span class="loy-snippet">You get 35 points</span>')

    start_trial(member_id=alice.id, plan_id=plan.id, at=clock.at)

    assert render(tag, user=user) == "from 1500"
    assert hint(user) == '<span class="loy-snippet">You get 70 points</span>'
