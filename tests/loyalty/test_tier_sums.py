"""The statement that sums up what counts towards a level says what the rule says, whatever was bought."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest

from backstage.policies import SHOP
from commerce.operations.customers import merge_customers
from commerce.operations.sync import sync_purchases
from commerce.policies.returns import returned_minor
from commerce.policies.snapshot import LineSnapshot, Snapshot, TenderSnapshot, Who
from loyalty.models import Award, Entry, Member
from loyalty.operations.awards import settle_awards
from loyalty.operations.programme import add_exchange_rate
from loyalty.policies.tiers.counting import Bought, LevelPoints, total_of
from loyalty.policies.tiers.periods import Span
from loyalty.policies.tiers.scheme import Metric
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.tiers.sums import get_totals, list_to_change
from tests.loyalty.levels import switch_on
from tests.loyalty.shop import NOON, OPENED, customer, day, open_shop

pytestmark = pytest.mark.django_db

NAMES = ("alice", "bob", "carol", "dave")
# What one unit of a currency is worth in euros.
RATES = {"EUR": Fraction(1), "PLN": Fraction("0.23456789"), "SEK": Fraction("0.09")}


def draw_line(random: Random, key: str) -> LineSnapshot:
    sold, quantity = random.choice((0, 1, 333, random.randrange(50_000))), random.choice((1, 2, 3))
    returned = random.choice((0, 0, 0, quantity, random.randrange(quantity + 1)))
    amount = random.choice((None, sold * returned // quantity)) if returned else None
    return LineSnapshot(
        key=key,
        sku=key,
        name="Goods",
        quantity=quantity,
        sold_minor=sold,
        returned_quantity=returned,
        returned_minor=amount,
        is_goods=key != "shipping",
    )


def draw_order(random: Random, number: int) -> Snapshot:
    lines = tuple(
        draw_line(random, key) for key in random.sample(("1", "2", "shipping"), random.randrange(1, 4))
    )
    kept = sum(line.sold_minor - back_of(line) for line in lines)
    total = sum(line.sold_minor for line in lines)
    otherwise = random.choice((0, 0, 0, total // 3, total, total + 5))
    return Snapshot(
        channel="web",
        reference=str(number),
        as_of=NOON,
        who=Who(external_id=random.choice(NAMES)),
        currency=random.choice(("EUR", "EUR", "EUR", "PLN", "SEK", "USD")),
        placed_at=NOON - timedelta(hours=random.randrange(24 * 30)),
        status=random.choice(("paid", "paid", "paid", "cancelled")),
        lines=lines,
        refunded_minor=random.choice((0, 0, kept // 2, kept)),
        tenders=(TenderSnapshot(kind=random.choice(("points", "gift_card")), amount_minor=otherwise),)
        if otherwise
        else (),
    )


def back_of(line: LineSnapshot) -> int:
    return returned_minor(
        sold_minor=line.sold_minor,
        quantity=line.quantity,
        returned_quantity=line.returned_quantity,
        returned_minor=line.returned_minor,
    )


def bought(order: Snapshot) -> Bought:
    return Bought(
        order.placed_at,
        sum(line.sold_minor for line in order.lines),
        sum(back_of(line) for line in order.lines) + order.refunded_minor,
        sum(tender.amount_minor for tender in order.tenders),
        RATES[order.currency],
        order.status == "cancelled",
    )


@pytest.mark.parametrize("metric", ["spend", "orders", "points"])
def test_the_statement_agrees_with_the_rule_for_every_member_and_time(metric):
    programme = open_shop(enrolment="automatic")
    for currency in ("PLN", "SEK"):
        add_exchange_rate(
            programme_id=programme.id,
            currency=currency,
            rate=Decimal(RATES[currency].numerator) / RATES[currency].denominator,
            starts_at=OPENED,
            at=OPENED,
        )
    scheme = switch_on(programme, metric=metric)
    random = Random(f"levels by {metric}")
    orders = [draw_order(random, number) for number in range(300)]
    results = sync_purchases(orders, at=NOON)
    settle_awards(purchase_ids=[one.purchase_id for one in results if one.purchase_id], at=NOON)
    merge_customers(source=customer("dave").id, target=customer("carol").id, at=NOON, by=SHOP)
    merge_customers(source=customer("carol").id, target=customer("bob").id, at=NOON, by=SHOP)
    rules = get_programme_rules(programme.id)
    running = rules.scheme_at(NOON)
    told = {award.purchase.reference for award in Award.objects.select_related("purchase")}

    whose = {"alice": ["alice"], "bob": ["bob", "carol", "dave"]}
    spans = {
        member(name): Span(day(-random.randrange(10, 31)), day(-random.randrange(10)) + timedelta(seconds=1))
        for name in whose
    }
    expected = {
        member(name): total_of(
            Metric(metric),
            spans[member(name)],
            [
                bought(order)
                for order in orders
                if order.who.external_id in names and order.currency in RATES and order.reference in told
            ],
            [
                LevelPoints(entry.qualifying_at, entry.qualifying_change)
                for entry in Entry.objects.filter(member_id=member(name)).exclude(qualifying_at=None)
            ],
        )
        for name, names in whose.items()
    }

    assert get_totals(rules, running, spans) == expected
    assert min(expected.values()) > 0
    assert scheme.id == running.id


def member(name: str) -> int:
    return Member.objects.get(customer=customer(name)).id


@pytest.mark.parametrize("metric", ["spend", "orders", "points"])
def test_the_range_finds_exactly_those_who_have_earned_more_than_they_have(metric, monkeypatch):
    monkeypatch.setattr("loyalty.operations.tiers.upkeep.PLACED_AT_ONCE", 0)
    programme = open_shop(enrolment="automatic")
    random = Random(f"range by {metric}")
    results = sync_purchases([draw_order(random, number) for number in range(200)], at=NOON)
    settle_awards(purchase_ids=[one.purchase_id for one in results if one.purchase_id], at=NOON)
    merge_customers(source=customer("dave").id, target=customer("carol").id, at=NOON, by=SHOP)
    switch_on(programme, metric=metric, at=NOON)
    rules = get_programme_rules(programme.id)
    scheme = rules.scheme_at(NOON)
    members = [member(name) for name in ("alice", "bob", "carol")]
    span = Span(NOON - timedelta(days=365), NOON + timedelta(days=1))

    totals = get_totals(rules, scheme, dict.fromkeys(members, span))
    found = list_to_change(rules, scheme, lo=min(members), hi=max(members) + 9, today=NOON.date(), at=NOON)

    # Whom somebody was merged into is always looked at again.
    assert found == sorted({member("carol")} | {one for one, total in totals.items() if scheme.earned(total)})
