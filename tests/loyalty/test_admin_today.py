"""What waits for a person, and what loyalty adds to the pages of orders and customers."""

from datetime import timedelta

import pytest

from backstage import clock as business
from backstage.models import JobRun
from backstage.operations.jobs import run_job
from backstage.policies import SHOP
from commerce.operations.sync import sync_purchases
from commerce.policies.snapshot import Who
from loyalty.operations.awards import settle_awards
from tests.factories.commerce import (
    PLACED_AT,
    ChannelFactory,
    IdentityFactory,
    PossibleDuplicateFactory,
    PurchaseProblemFactory,
    snapshot,
)

pytestmark = pytest.mark.usefixtures("clock")


def test_the_first_page_leads_to_problems_duplicates_and_jobs_that_failed_or_are_silent(admin_client, clock):
    PurchaseProblemFactory()
    PossibleDuplicateFactory()
    failed = run_job(name="void_stale_holds", at=clock.now())
    JobRun.objects.filter(pk=failed.pk).update(state="failed")
    silent = run_job(name="expire_due_points", at=clock.now())
    JobRun.objects.filter(pk=silent.pk).update(started_at=business.real_now() - timedelta(days=2))

    page = admin_client.get("/admin/").content.decode()

    for said in (
        "1 order to look at",
        "1 pair of customers who may be one person",
        "The job void_stale_holds failed",
        "1 job does not run (expire_due_points since",
    ):
        assert said in page
    assert f"/admin/encore_backstage/jobrun/{failed.pk}/change/" in page


def test_the_pages_of_an_order_and_its_customer_say_what_it_brought_and_why(admin_client, alice):
    ChannelFactory()
    IdentityFactory(customer=alice.customer, proven=True)
    who = Who(email="alice@example.com", verified=frozenset({"email"}))
    (synced,) = sync_purchases([snapshot(who=who)], at=PLACED_AT, by=SHOP)
    settle_awards(purchase_ids=[synced.purchase_id], at=PLACED_AT)

    order = admin_client.get(f"/admin/encore_commerce/purchase/{synced.purchase_id}/change/").content.decode()
    customer = admin_client.get(
        f"/admin/encore_commerce/customer/{alice.customer_id}/change/"
    ).content.decode()

    assert "<strong>100\xa0points</strong>" in order
    assert "€10.00 of the order counts." in order
    assert f"/admin/encore_loyalty/member/{alice.pk}/change/" in order
    assert f"/admin/encore_loyalty/member/{alice.pk}/change/" in customer
