"""Where a coupon stands in the feed, and what a schema.org Offer says of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from coupons.policies.feed import (
    Entry,
    FeedState,
    Published,
    feed_state,
    is_kept,
    last_change,
    next_change,
    offer_of,
    without_control,
)
from coupons.policies.kinds import CouponKind
from coupons.policies.sites import Spread, SubmissionState, is_leak, submission_standing
from coupons.policies.states import CouponState

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
DAY = timedelta(days=1)
RUNNING = Published(
    state=CouponState.ON, starts_at=NOON - DAY, ends_at=NOON + DAY, paused_at=None, ended_at=None
)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, FeedState.ACTIVE),
        ({"ends_at": None}, FeedState.ACTIVE),
        ({"starts_at": NOON}, FeedState.ACTIVE),
        ({"starts_at": NOON + timedelta(microseconds=1)}, FeedState.UPCOMING),
        ({"ends_at": NOON}, FeedState.EXPIRED),
        ({"state": CouponState.PAUSED, "paused_at": NOON}, FeedState.WITHDRAWN),
        ({"state": CouponState.PAUSED, "paused_at": NOON - DAY, "ends_at": NOON}, FeedState.EXPIRED),
        ({"state": CouponState.ENDED, "ended_at": NOON}, FeedState.WITHDRAWN),
        ({"state": CouponState.ENDED, "ended_at": NOON, "ends_at": NOON - DAY}, FeedState.EXPIRED),
        (
            {"state": CouponState.ENDED, "ended_at": NOON - 2 * DAY, "ends_at": NOON - DAY},
            FeedState.WITHDRAWN,
        ),
        ({"has_places": False}, FeedState.WITHDRAWN),
        ({"code_is_good": False}, FeedState.WITHDRAWN),
        ({"state": CouponState.DRAFT}, None),
    ],
)
def test_the_clock_and_the_shop_say_where_a_coupon_stands(changes, state):
    assert feed_state(replace(RUNNING, **changes), NOON) is state


def test_what_is_over_is_told_for_some_days_and_what_has_no_end_for_ever():
    over = replace(RUNNING, ends_at=NOON - 30 * DAY)
    ended = replace(RUNNING, ended_at=NOON - 30 * DAY)

    assert [is_kept(one, NOON, 31) for one in (over, ended)] == [True, True]
    assert [is_kept(one, NOON, 30) for one in (over, ended)] == [False, False]
    assert is_kept(replace(RUNNING, ends_at=None), NOON, 0)


def test_a_feed_has_the_time_of_its_last_change_but_for_changes_without_one():
    assert last_change(RUNNING, [NOON - timedelta(hours=1)], NOON) == NOON - timedelta(hours=1)
    assert last_change(RUNNING, [NOON + timedelta(hours=1)], NOON) == NOON - DAY
    assert last_change(replace(RUNNING, has_places=False), [], NOON) is None


def test_the_next_change_by_the_clock_is_a_start_or_an_end():
    soon = replace(RUNNING, starts_at=NOON + timedelta(hours=1))

    assert next_change([RUNNING, soon], NOON) == NOON + timedelta(hours=1)
    assert next_change([RUNNING], NOON) == NOON + DAY
    assert next_change([replace(RUNNING, ends_at=None)], NOON) is None


def test_an_offer_says_when_how_much_from_what_amount_and_by_which_code():
    entry = Entry(
        coupon_id=7,
        state=FeedState.ACTIVE,
        title="20% off",
        text="Fresh beans.",
        conditions=["From £30.00 on."],
        code="BEANS20",
        kind=CouponKind.PERCENT,
        percent=Decimal("20.00"),
        discount=None,
        minimum=Decimal("30.00"),
        currency="GBP",
        starts_at=NOON,
        ends_at=NOON + DAY,
        time_zone="Europe/Oslo",
    )

    assert offer_of(entry, shop="Kaffe", link="https://kaffe.example/") == {
        "@type": "Offer",
        "identifier": "coupon-7",
        "name": "20% off",
        "description": "Fresh beans. From £30.00 on.",
        "category": "Coupon",
        "availability": "https://schema.org/InStock",
        "validFrom": "2026-03-03T12:00:00+00:00",
        "validThrough": "2026-03-04T12:00:00+00:00",
        "url": "https://kaffe.example/",
        "seller": {"@type": "Organization", "name": "Kaffe"},
        "eligibleTransactionVolume": {
            "@type": "PriceSpecification",
            "minPrice": "30.00",
            "priceCurrency": "GBP",
        },
        "additionalProperty": [
            {"@type": "PropertyValue", "name": "discountCode", "value": "BEANS20"},
            {"@type": "PropertyValue", "name": "discountPercent", "value": "20.00"},
        ],
    }


def test_characters_that_xml_cannot_hold_are_left_out():
    assert without_control("a\x00b\x0bc\ud7ff\ufffe é\n") == "abc\ud7ff é\n"


@pytest.mark.parametrize("coupon", [None, FeedState.EXPIRED, FeedState.WITHDRAWN])
def test_what_a_site_shows_of_a_coupon_that_is_over_is_to_be_withdrawn(coupon):
    assert submission_standing(SubmissionState.LIVE, coupon) is SubmissionState.TO_WITHDRAW
    assert submission_standing(SubmissionState.SUBMITTED, coupon) is SubmissionState.TO_WITHDRAW
    assert submission_standing(SubmissionState.PREPARED, coupon) is SubmissionState.PREPARED
    assert submission_standing(SubmissionState.WITHDRAWN, coupon) is SubmissionState.WITHDRAWN
    assert submission_standing(SubmissionState.LIVE, FeedState.ACTIVE) is SubmissionState.LIVE


def test_a_code_spreads_from_so_many_customers_on_and_only_if_that_is_unusual():
    def leaks(customers, usual):
        return is_leak(Spread(customers, usual), customers=25, times_usual=5)

    assert [leaks(24, 0), leaks(25, 0), leaks(25, 5), leaks(25, 6)] == [False, True, True, False]
