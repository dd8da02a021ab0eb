"""The demo's shop, lived through the real operations and jobs."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import override_settings

from backstage import clock
from backstage.models import JobRun
from backstage.operations.check import check_ledger
from backstage.queries import list_requests
from commerce.models import Purchase, Return
from config.demo.build import Size, build
from config.demo.counter import bring_back, buy
from config.demo.goods import BY_SKU
from loyalty.models import (
    InvitationList,
    Member,
    MembershipPeriod,
    PaidMembership,
    Partner,
    PartnerStatement,
    Plan,
    Programme,
    Transfer,
)
from loyalty.operations.awards import settle_awards
from loyalty.policies.adjustments import Limit
from loyalty.queries import get_balance
from loyalty.queries.invitations import list_funnels
from loyalty.queries.limits import list_limits

pytestmark = pytest.mark.django_db
TODAY = datetime(2026, 6, 15, 9, tzinfo=UTC)
SMALL = Size(buyers=60, days=45, orders_a_day=5.0, seed=7)


@pytest.fixture(scope="module")
def built(django_db_setup, django_db_blocker):
    """A small shop with 45 days behind it, built once: what a test changes is taken back before the next."""
    days = []
    with (
        django_db_blocker.unblock(),
        override_settings(ENCORE={**settings.ENCORE, "DEMO_CLOCK": True}),
        transaction.atomic(),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clock, "now", lambda: TODAY)
            build(SMALL, on_day=days.append)
        yield days
        transaction.set_rollback(True)


@pytest.fixture
def shop(built, clock):
    clock.move_to(TODAY)
    return built


def test_the_best_who_are_no_members_yet_were_invited_and_some_of_them_came(shop):
    (funnel,) = list_funnels(list_ids=[InvitationList.objects.get().pk], at=TODAY).values()

    assert funnel.invited > funnel.opened >= funnel.joined > 0
    assert Member.objects.filter(invitations__isnull=False).count() == funnel.joined


def test_the_shop_has_lived_through_its_days_and_its_books_add_up(shop):
    report = check_ledger()

    assert len(shop) == 45
    assert Purchase.objects.count() > 150
    assert Return.objects.exists()
    assert JobRun.objects.filter(job="release_due_points", state="done").count() == 45
    assert [finding.detail for finding in report.findings] == []


def test_some_members_pay_for_kaffe_plus_and_the_counter_sells_it(shop, client):
    plan = Plan.objects.get()
    assert PaidMembership.objects.filter(plan=plan).count() > 3
    client.force_login(get_user_model().objects.get(username="member"))

    page = client.get("/demo/shop/").content.decode()
    client.post(f"/demo/shop/plan/{plan.pk}/", {"once": "form-1"})
    client.post(f"/demo/shop/plan/{plan.pk}/", {"once": "form-1"})

    assert "Kaffe Plus" in page
    assert MembershipPeriod.objects.filter(reference="counter-form-1").count() == 1
    assert client.get(f"/demo/shop/plan/{plan.pk}/").url == "/demo/shop/#plans"
    assert "Kaffe Plus" in client.get("/club/plan/").content.decode()
    assert [finding.detail for finding in check_ledger().findings] == []


def test_a_newcomer_finds_a_member_with_points_and_others_in_rarer_states(shop):
    anna = Member.objects.get(customer__user__username="member")

    balance = get_balance(member_id=anna.id, at=TODAY)

    assert balance.available > 0
    assert set(Member.objects.values_list("state", flat=True)) == {"active", "paused", "left"}
    assert any(
        get_balance(member_id=member_id, at=TODAY).debt
        for member_id in Member.objects.values_list("id", flat=True)
    )


def test_a_newcomer_finds_partners_with_a_closed_month_and_points_on_their_way_to_an_airline(shop):
    anna = Member.objects.get(customer__user__username="member")

    assert list(Partner.objects.order_by("key").values_list("key", flat=True)) == ["bakery", "train"]
    assert PartnerStatement.objects.filter(month_on="2026-05-01", issued_points__gt=0).count() == 2
    assert PartnerStatement.objects.filter(redeemed_points__gt=0).exists()
    assert list(Transfer.objects.filter(member=anna).order_by("id").values_list("state", flat=True)) == [
        "accepted",
        "waiting",
    ]


def test_a_newcomer_finds_a_clerk_who_gives_200_points_a_day_and_a_wish_that_waits_for_the_owner(shop):
    (wish,) = list_requests(
        object_kind="member", object_id=Member.objects.get(customer__user__username="member").pk
    )
    clerk = get_user_model().objects.get(username="clerk")

    assert (wish.asked_by.label, wish.sentence[:15]) == ("clerk", "Give 500\xa0points")
    assert clerk.has_perm("encore_loyalty.adjust_points")
    assert not clerk.has_perm("encore_loyalty.change_member")
    assert list_limits(programme_id=Programme.objects.get().pk) == [
        ("Clerks", Limit(None, 200)),
        ("Everybody else, the owner too", Limit(4000, None)),
    ]


def test_what_is_bought_at_the_counter_earns_and_what_comes_back_takes_it_back(shop):
    user = get_user_model().objects.get(username="member")
    anna = Member.objects.get(customer__user=user)
    before = get_balance(member_id=anna.id, at=TODAY).pending
    purchase_id = buy(user_id=user.pk, article=BY_SKU["MUG-BLUE"], once="a1")
    settle_awards(purchase_ids=[purchase_id], at=TODAY)
    bought = get_balance(member_id=anna.id, at=TODAY).pending

    bring_back(user_id=user.pk, purchase_id=purchase_id)
    settle_awards(purchase_ids=[purchase_id], at=TODAY + timedelta(minutes=1))

    assert bought == before + 440  # 220, and as many again for Kaffe Plus, which beats Silver
    assert get_balance(member_id=anna.id, at=TODAY + timedelta(minutes=1)).pending == before


def test_nobody_brings_back_what_somebody_else_bought(shop):
    member = get_user_model().objects.get(username="member")
    clerk = get_user_model().objects.get(username="clerk")
    purchase_id = buy(user_id=member.pk, article=BY_SKU["MUG-BLUE"], once="a1")

    assert bring_back(user_id=clerk.pk, purchase_id=purchase_id) is None
