"""Why a fact changed the points as it did, told from what was stored with it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from commerce.models import Channel
from loyalty.models import Entry
from loyalty.operations.programme import add_exchange_rate, change_rule, change_settings, change_terms
from loyalty.policies.programme import DebtPolicy
from loyalty.policies.terms import Clock
from loyalty.queries.why import why
from tests.factories.commerce import line, tender

NBSP = "\xa0"
FIRST = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now(clock):
    clock.advance(days=3)


def newest(member, **found) -> Entry:
    return Entry.objects.filter(member=member, **found).order_by("-id")[0]


def steps(entry) -> list[str]:
    return [step.replace(NBSP, " ") for step in why(entry_id=entry.id).steps]


def test_a_purchase_tells_its_sum_its_window_and_its_end(shop, alice):
    shop.buy("10482", FIRST)

    told = why(entry_id=newest(alice).id)

    assert (told.sentence, told.order, told.at) == ("You bought for €8.50", "10482", FIRST)
    assert steps(newest(alice)) == [
        "€8.50 of the order counts.",
        "€8.50 × 10 per €1.00 = 85.",
        "85 points are on their way. They are ready on March 15.",
        "There are 14 days to return the goods.",
        "They can be used until the end of March 31, 2027.",
    ]


def test_a_window_that_is_over_is_told_as_past(shop, alice, clock):
    shop.buy("10482", FIRST)

    clock.advance(days=20)

    assert steps(newest(alice))[2:4] == [
        "85 points became ready on March 15.",
        "There were 14 days to return the goods.",
    ]


def test_a_window_that_begins_with_the_payment_is_told_as_to_come(shop, alice, programme):
    change_terms(programme_id=programme.id, clock=Clock.PAYMENT.value, at=FIRST - timedelta(days=1))

    shop.buy("10482", FIRST)

    assert steps(newest(alice))[2:4] == [
        "85 points are on their way. They wait for your payment.",
        "Then there are 14 days to return the goods.",
    ]


def test_rounding_is_told(shop, alice):
    shop.buy("10482", FIRST, 857)

    assert "€8.57 × 10 per €1.00 = 85.7, rounded down to 85." in steps(newest(alice))


def test_the_rule_of_that_day_is_told_even_when_another_runs_now(shop, alice, programme):
    shop.buy("10482", FIRST)

    change_rule(programme_id=programme.id, points=20, at=FIRST + timedelta(days=1))

    assert "€8.50 × 10 per €1.00 = 85." in steps(newest(alice))


def test_the_share_paid_with_points_is_told_to_earn_nothing(shop, alice):
    tenders = (tender("money", 600), tender("points", 400))
    shop.sync("10482", FIRST, lines=(line(sold_minor=1000, quantity=1),), tenders=tenders)

    assert steps(newest(alice))[:3] == [
        "€10.00 of the order counts.",
        "€4.00 was paid with points or a gift card, and that share earns nothing.",
        "With 10 points for every €1.00, the rest makes 60.",
    ]


def test_a_foreign_currency_is_told_with_its_rate(shop, alice, programme):
    Channel.objects.filter(key="web").update(currency="GBP")
    add_exchange_rate(
        programme_id=programme.id, currency="GBP", rate=Decimal("1.2"), starts_at=FIRST, at=FIRST
    )
    shop.sync("10482", FIRST, lines=(line(sold_minor=1000, quantity=1),), currency="GBP")

    assert steps(newest(alice))[:2] == [
        "£10.00 of the order counts.",
        "At 1 GBP = 1.2 EUR, with 10 points for every €1.00, that makes 120.",
    ]


def test_an_order_that_grew_tells_what_was_missing(shop, alice):
    shop.buy("10482", FIRST, 850)
    shop.sync("10482", FIRST + timedelta(days=1), lines=(line(sold_minor=1000, quantity=1),), placed_at=FIRST)

    assert "The order had brought points before; 15 points were missing." in steps(newest(alice))


def test_a_return_tells_what_the_order_stood_for_and_where_the_points_were_taken(shop, alice):
    shop.buy("10482", FIRST)

    shop.take_back("10482", FIRST + timedelta(days=1), placed_at=FIRST)

    assert steps(newest(alice)) == [
        "The order stood for 85 points.",
        "For what you keep of it, you keep 0 points.",
        "85 points were still on their way.",
    ]


@pytest.mark.parametrize(
    ("policy", "last"),
    [
        (DebtPolicy.DEBT, "60 points were used already; your next points fill this."),
        (DebtPolicy.LET_GO, "We let 60 points go that were already used."),
    ],
)
def test_a_return_of_used_points_tells_what_happens_to_the_rest(shop, alice, programme, policy, last):
    change_settings(programme_id=programme.id, debt_policy=policy.value, at=FIRST)
    shop.buy("10482", FIRST - timedelta(days=30))
    hold = shop.hold(60, FIRST, until=FIRST + timedelta(days=1))
    shop.capture(hold.entry_id, FIRST)

    shop.take_back("10482", FIRST + timedelta(days=1), placed_at=FIRST - timedelta(days=30))

    assert steps(newest(alice))[-2:] == ["25 points came off your ready points.", last]


def test_points_that_filled_a_debt_say_so_when_they_become_ready(shop, alice):
    shop.buy("10100", FIRST - timedelta(days=30))
    hold = shop.hold(85, FIRST - timedelta(days=10), until=FIRST)
    shop.capture(hold.entry_id, FIRST - timedelta(days=10))
    shop.take_back("10100", FIRST - timedelta(days=9), placed_at=FIRST - timedelta(days=30))
    shop.give(200, FIRST)

    shop.write_down(FIRST)

    released = newest(alice, source_kind="lot", debt_change=-85)
    assert steps(released)[-1] == "85 of them filled what was missing from before."


def test_expired_points_tell_when_they_came_and_until_when_they_could_be_used(shop, alice):
    shop.buy("10100", datetime(2025, 1, 1, 12, tzinfo=UTC))

    shop.write_down(FIRST)

    assert steps(newest(alice)) == [
        "You got them on Jan. 1, 2025.",
        "They could be used until the end of January 31.",
    ]


def test_a_gift_tells_the_message_of_the_shop(shop, alice):
    shop.give(50, FIRST, message="sorry the coffee was cold")

    assert steps(newest(alice))[0] == "sorry the coffee was cold"


def test_nobody_is_told_why_anothers_points_changed(shop, alice, bob):
    shop.give(50, FIRST)

    with pytest.raises(Entry.DoesNotExist):
        why(entry_id=newest(alice).id, member_id=bob.id)
