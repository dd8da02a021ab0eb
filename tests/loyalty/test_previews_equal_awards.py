"""What is said before an order is what the order then gets: one engine, thousands of random baskets."""

from decimal import Decimal
from random import Random

import pytest

from commerce.operations.sync import sync_purchases
from commerce.policies.snapshot import LineSnapshot, Snapshot, Who
from loyalty.models import Award, Member
from loyalty.operations.awards import settle_awards
from loyalty.operations.campaigns import create_campaign, switch_on_campaign
from loyalty.policies.basket import SHIPPING_LINE, Basket, BasketLine
from loyalty.queries.quote import quote
from tests.loyalty.plan_shop import pay, sell
from tests.loyalty.shop import NOON, day, gift_card, join, open_shop

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

BASKETS, AT_ONCE = 2_000, 250
SKUS, BRANDS, CATEGORIES = ("A1", "A2", "A3", "B1"), ("", "Mugs & Co"), ("", "kitchen", "kitchen/mugs", "tea")
CAMPAIGNS = (
    {"kind": "multiply", "factor": Decimal("1.5"), "category_paths": ["kitchen"]},
    {"kind": "multiply", "factor": Decimal(3), "brands": ["Mugs & Co"], "channels": ["web"]},
    {"kind": "steps", "steps": [[2000, 30], [5000, 100]]},
    {"kind": "pieces", "piece_points": 7, "skus": ["A1", "B1"]},
)


def draw_line(random: Random, key: str) -> LineSnapshot:
    """Draw an article at any price, also for nothing, and any number of pieces, also a part of one."""
    return LineSnapshot(
        key=key,
        sku=random.choice(SKUS),
        name="Goods",
        brand=random.choice(BRANDS),
        category_path=random.choice(CATEGORIES),
        quantity=Decimal(random.choice(("1", "2", "3", "0.5", "2.25"))),
        sold_minor=random.choice((0, 1, 99, 333, 1000, random.randrange(20_000))),
        tax_minor=0,
    )


def draw_order(random: Random, number: int) -> Snapshot:
    lines = [draw_line(random, str(place)) for place in range(random.randrange(1, 6))]
    if random.random() < 0.3:
        lines.append(
            LineSnapshot(key=SHIPPING_LINE, sku="", name="Post", quantity=1, sold_minor=490, is_goods=False)
        )
    total = sum(line.sold_minor for line in lines)
    paid_otherwise = random.choice((0, 0, 0, total // 3, total))
    return Snapshot(
        channel="web",
        reference=str(number),
        as_of=NOON,
        who=Who(external_id=random.choice(("alice", "bob", "carol"))),
        currency="EUR",
        placed_at=NOON,
        lines=tuple(lines),
        tenders=(gift_card(paid_otherwise),) if paid_otherwise else (),
    )


def basket_of(order: Snapshot) -> Basket:
    """Give what a shop would ask about before this order is placed."""
    lines = [
        BasketLine(
            line.key,
            line.sold_minor,
            is_goods=line.is_goods,
            sku=line.sku,
            brand=line.brand,
            category_path=line.category_path,
            quantity=Decimal(line.quantity),
        )
        for line in order.lines
    ]
    return Basket(tuple(lines), sum(tender.amount_minor for tender in order.tenders))


@pytest.mark.parametrize("combination", ["best", "add_up"])
@pytest.mark.parametrize("rounding", ["down", "nearest"])
def test_a_preview_says_what_the_order_then_gets_line_by_line(combination, rounding):
    programme = open_shop(combination=combination, rule={"points": 3, "per_minor": 70, "rounding": rounding})
    members = {name: join(name, programme) for name in ("alice", "bob", "carol")}
    pay(sell(programme, factor=Decimal("2.25")), members["bob"], at=day(-1))
    for number, terms in enumerate(CAMPAIGNS):
        campaign = create_campaign(
            programme_id=programme.id, name=f"More {number}", starts_at=day(-1), terms=terms, at=day(-2)
        )
        switch_on_campaign(campaign_id=campaign.id, at=day(-1))
    random = Random(f"{combination} {rounding}")
    orders = [draw_order(random, number) for number in range(BASKETS)]

    previews = {
        order.reference: quote(
            basket=basket_of(order),
            currency="EUR",
            programme_id=programme.id,
            channel="web",
            member_id=members[order.who.external_id].id,
            at=NOON,
        )
        for order in orders
    }
    settle(orders)

    assert Member.objects.count() == len(members)
    awards = dict(Award.objects.values_list("purchase__reference", "lines"))
    given = {
        reference: {key: earned for key, (earned, _, _) in lines.items()}
        for reference, lines in awards.items()
    }
    promised = {
        reference: {key: line.points for key, line in preview.lines.items() if line.points}
        for reference, preview in previews.items()
    }
    assert given == promised
    assert len({preview.points for preview in previews.values()}) > BASKETS // 5  # they do differ


def settle(orders: list[Snapshot]) -> None:
    for start in range(0, len(orders), AT_ONCE):
        results = sync_purchases(orders[start : start + AT_ONCE], at=NOON)
        ids = [result.purchase_id for result in results]
        assert None not in ids
        settle_awards(purchase_ids=ids, at=NOON)
