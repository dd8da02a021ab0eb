"""A believable past for the demo's shop: who bought what on which day. Pure and decided by its seed.

Weekends and December are busier; a third of the buyers are regulars; some goods come back; some orders are
cancelled; four out of ten are bought by guests.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from config.demo.goods import ARTICLES, NAMES, Article

ZONE = ZoneInfo("Europe/Oslo")
WEEKDAYS = (0.8, 0.8, 0.9, 1.0, 1.3, 1.6, 1.1)
MONTHS = (0.8, 0.8, 0.9, 1.0, 1.0, 0.9, 0.7, 0.8, 1.0, 1.1, 1.3, 1.9)


@dataclass(slots=True)
class Buyer:
    """Somebody who buys, how often, and whether they join. Number 1 is the member whom the demo signs in."""

    number: int
    name: str
    weight: float
    joins: bool
    has_joined: bool = False

    @property
    def email(self) -> str:
        """An address nobody has: `.example` is reserved."""
        return f"buyer{self.number}@kaffe.example"

    @property
    def external_id(self) -> str:
        """The shop's own number of this customer."""
        return f"K{1000 + self.number}"


@dataclass(frozen=True, slots=True)
class Bought:
    """One article in a basket."""

    article: Article
    quantity: int


@dataclass(slots=True)
class Sale:
    """One order, when it was placed, what coupons took off by line, and what becomes of it later."""

    reference: str
    channel: str
    placed_at: datetime
    buyer: Buyer | None
    basket: list[Bought]
    returned_on: date | None = None
    returned_line: int = 0
    cancelled_on: date | None = None
    off: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Day:
    """What happened on one day: new orders, and older ones that changed."""

    on: date
    placed: list[Sale] = field(default_factory=list)
    changed: list[Sale] = field(default_factory=list)


def make_buyers(random: Random, count: int) -> list[Buyer]:
    """Make the shop's customers: a few come often, most come now and then."""
    buyers = []
    for number in range(1, count + 1):
        name = NAMES[number - 1] if number <= len(NAMES) else f"{random.choice(NAMES).split()[0]} {number}"
        weight = 6.0 if number == 1 else random.paretovariate(1.3)
        buyers.append(Buyer(number, name, min(weight, 8.0), joins=number == 1 or random.random() < 0.7))
    return buyers


def make_days(*, seed: int, last_day: date, days: int, buyers: int, orders_a_day: float) -> Iterator[Day]:
    """Tell the shop's days in order, ending with `last_day`."""
    random = Random(seed)  # noqa: S311 (a story, not a secret)
    people = make_buyers(random, buyers)
    weights = [buyer.weight for buyer in people]
    later: dict[date, list[Sale]] = {}
    number = 10_000
    for offset in range(days - 1, -1, -1):
        today = Day(last_day - timedelta(days=offset))
        today.changed = later.pop(today.on, [])
        busy = WEEKDAYS[today.on.weekday()] * MONTHS[today.on.month - 1]
        for _ in range(max(1, round(random.gauss(orders_a_day * busy, 2)))):
            number += 1
            sale = _make_sale(random, f"{number}", today.on, random.choices(people, weights)[0])
            today.placed.append(sale)
            _decide_fate(random, sale, later)
        today.placed.sort(key=lambda sale: sale.placed_at)
        yield today


def _make_sale(random: Random, reference: str, on: date, buyer: Buyer) -> Sale:
    in_store = random.random() < 0.45
    is_guest = random.random() < (0.45 if in_store else 0.2) and buyer.number != 1
    local = datetime.combine(on, time(random.randint(8, 19), random.randint(0, 59)), tzinfo=ZONE)
    basket = _fill(random, in_store=in_store)
    channel = "store" if in_store else "web"
    return Sale(reference, channel, local.astimezone(UTC), None if is_guest else buyer, basket)


def _fill(random: Random, *, in_store: bool) -> list[Bought]:
    shelf = [article for article in ARTICLES if in_store or not article.category_path.startswith("bar")]
    chosen = random.choices(shelf, [article.weight for article in shelf], k=random.choice((1, 1, 2, 2, 3, 4)))
    unique = {article.sku: article for article in chosen}
    return [Bought(article, random.choice((1, 1, 1, 2))) for article in unique.values()]


def _decide_fate(random: Random, sale: Sale, later: dict[date, list[Sale]]) -> None:
    """Let some web orders be cancelled or partly returned within the next days."""
    if sale.channel != "web":
        return
    fate = random.random()
    if fate < 0.02:
        sale.cancelled_on = sale.placed_at.date() + timedelta(days=random.randint(1, 3))
        later.setdefault(sale.cancelled_on, []).append(sale)
    elif fate < 0.09:
        sale.returned_on = sale.placed_at.date() + timedelta(days=random.randint(3, 13))
        sale.returned_line = random.randrange(len(sale.basket))
        later.setdefault(sale.returned_on, []).append(sale)
