"""What people put into a basket, from orders that were placed: the most common ones, and a typical one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from commerce.policies.basket import Basket, BasketLine


@dataclass(frozen=True, slots=True)
class RecordedBasket:
    """A basket as it was bought, before coupons, by so many orders; it stands for the newest of them.

    `names` is what the lines are called, by key. Units: minor units.
    """

    basket: Basket
    orders: int = 1
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def goods(self) -> list[BasketLine]:
        """The lines that are goods and cost something."""
        return [line for line in self.basket.lines if line.is_goods and line.amount_minor > 0]

    @property
    def goods_minor(self) -> int:
        """What the goods cost together."""
        return sum(line.amount_minor for line in self.goods)

    def kept_minor(self, line: BasketLine, off_minor: int = 0) -> int | None:
        """Say what is left of a line after tax and cost, if so much is taken off; None where nobody knows the
        cost.

        Tax falls with what is paid, in proportion, rounded down.
        """
        if line.cost_minor is None:
            return None
        paid = line.amount_minor - off_minor
        return paid - line.tax_minor * paid // line.amount_minor - line.cost_minor


@dataclass(frozen=True, slots=True)
class RecordedBaskets:
    """The most common baskets first, of so many orders in so many days; `is_sample` where there were more."""

    baskets: Sequence[RecordedBasket] = ()
    typical: RecordedBasket | None = None
    orders: int = 0
    days: int = 1
    is_sample: bool = False


def count_alike(baskets: Iterable[RecordedBasket]) -> list[RecordedBasket]:
    """Put baskets of the same goods together, the most common first, then the newest; they come newest first.

    The same goods are the same articles in the same numbers, whatever they cost at the time.
    """
    alike: dict[object, tuple[RecordedBasket, int]] = {}
    for one in baskets:
        content = _content(one)
        first, orders = alike.get(content, (one, 0))
        alike[content] = (first, orders + one.orders)
    counted = [RecordedBasket(one.basket, orders, one.names) for one, orders in alike.values()]
    return sorted(counted, key=lambda one: -one.orders)


def find_typical(baskets: Sequence[RecordedBasket]) -> RecordedBasket | None:
    """Find the basket in the middle by what its goods cost, counting each order; None without any."""
    by_size = sorted((one for one in baskets if one.goods), key=lambda one: one.goods_minor)
    middle = sum(one.orders for one in by_size) // 2
    for one in by_size:
        middle -= one.orders
        if middle < 0:
            return one
    return None


def _content(one: RecordedBasket) -> object:
    lines = sorted(
        (line.sku or one.names.get(line.key, line.key), line.quantity)
        for line in one.basket.lines
        if line.is_goods
    )
    return one.basket.channel, one.basket.currency, tuple(lines)
