"""What members read of their level on their page."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.operations.tiers.grants import grant_tier
from loyalty.policies.tiers.scheme import LevelSource
from loyalty.policies.tiers.terms import TierPlan
from tests.factories.loyalty import LONG_AGO
from tests.loyalty.levels import level_ids, requalify, switch_on

TIERS = (
    TierPlan("Silver", 30_000, Decimal("1.25"), ({"kind": "free_shipping", "number": 5000},)),
    TierPlan("Gold", 100_000, Decimal(2)),
)


@pytest.fixture
def scheme(programme):
    return switch_on(programme, *TIERS, at=LONG_AGO)


def section(client) -> str:
    body = client.get("/club/").content.decode()
    found = re.search(r'<section id="loy-level">.*?</section>', body, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).replace("\xa0", " ").split()) if found else ""


def test_who_has_no_level_reads_what_the_first_one_takes(her_client, shop, scheme, clock):
    shop.buy("1", clock.at - timedelta(days=1), 12_000)

    assert section(her_client) == "Your level Next level: Silver. Missing: €180.00."
    assert (
        '<progress class="loy-level-bar" max="30000" value="12000"'
        in her_client.get("/club/").content.decode()
    )


def test_a_level_says_until_when_what_keeps_it_and_what_it_brings(her_client, shop, scheme, clock):
    shop.buy("1", clock.at - timedelta(days=100), 30_000)

    assert section(her_client) == (
        "Your level: Silver Until November 23. To keep it for the time after that: €300.00 more by then. "
        "Next level: Gold. Missing: €700.00. What it brings you 1.25 times the points "
        "Free shipping from €50.00 on"
    )


def test_what_was_bought_since_has_already_kept_it(her_client, shop, scheme, clock):
    shop.buy("1", clock.at - timedelta(days=100), 30_000)
    shop.buy("2", clock.at - timedelta(days=50), 30_000)

    assert "Until November 23, and already kept for the time after that." in section(her_client)


def test_in_grace_the_last_day_and_what_is_missing_stand_out(her_client, shop, scheme, clock):
    shop.buy("1", clock.at - timedelta(days=370), 30_000)

    assert "€300.00 more until March 28, or you lose this level." in section(her_client)
    assert '<p class="loy-warn">' in her_client.get("/club/").content.decode()


def test_a_level_that_was_given_has_an_end_and_nothing_to_keep_it(her_client, alice, scheme, clock):
    grant_tier(
        member_id=alice.id,
        level_id=level_ids(scheme)["Gold"],
        source=LevelSource.PLAN,
        source_key="m:1",
        ends_at=clock.at + timedelta(days=10),
        at=clock.at,
    )

    assert section(her_client).startswith(
        "Your level: Gold It is yours until March 13. There is no higher level."
    )


def test_a_level_for_good_says_so(her_client, shop, programme, clock):
    switch_on(programme, *TIERS, at=LONG_AGO, window="lifetime")
    shop.buy("1", clock.at - timedelta(days=1000), 30_000)
    requalify(clock.at)

    assert "It is yours for good." in section(her_client)


@pytest.mark.parametrize("metric", ["points", "orders"])
def test_levels_by_points_or_orders_say_so(her_client, shop, programme, clock, metric):
    switch_on(programme, TierPlan("Gold", 5_000 if metric == "points" else 3), at=LONG_AGO, metric=metric)
    shop.buy("1", clock.at - timedelta(days=1), 20_000)
    missing = {"points": "3,000 points", "orders": "2 orders"}[metric]

    assert section(her_client) == f"Your level Next level: Gold. Missing: {missing}."


def test_while_levels_are_off_nothing_is_said(her_client, clock):
    assert section(her_client) == ""


def test_levels_cost_the_page_one_question(her_client, shop, scheme, clock):
    for number in range(30):
        shop.buy(f"2{number:04}", clock.at - timedelta(days=300 - number), 10_000)
    her_client.get("/club/")

    with CaptureQueriesContext(connection) as queries:
        her_client.get("/club/")

    assert len(queries) == 2 + 6 + 1
