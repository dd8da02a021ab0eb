"""How many points something earns: the one engine that awards, hints, previews and forecasts all ask."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from loyalty.policies.apportion import apportion_whole

# The pseudo-line that carries points of an order without any line that counts.
ORDER_LINE = "order"
SHIPPING_LINE = "shipping"


class Rounding(StrEnum):
    """What happens to the part of a point that an order earns; the remainder is lost."""

    DOWN = "down"
    NEAREST = "nearest"
    UP = "up"


@dataclass(frozen=True, slots=True)
class BasketLine:
    """What one line was sold for. Units: minor units of the basket's currency; `amount_minor` includes
    tax.
    """

    key: str
    amount_minor: int
    tax_minor: int = 0
    is_goods: bool = True
    sku: str = ""
    brand: str = ""
    category_path: str = ""


@dataclass(frozen=True, slots=True)
class Basket:
    """What is bought and how much of it is paid with points or a gift card (`not_money_minor`)."""

    lines: tuple[BasketLine, ...]
    not_money_minor: int = 0


@dataclass(frozen=True, slots=True)
class BaseRule:
    """`points` for every `per_minor` minor units of the programme's currency."""

    id: int
    points: int
    per_minor: int
    counts_tax: bool = True
    counts_shipping: bool = False
    rounding: Rounding = Rounding.DOWN


@dataclass(frozen=True, slots=True)
class EarningFacts:
    """What is true about this purchase. `rate` turns its minor units into the programme's."""

    rate: Fraction = field(default=Fraction(1))


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """What one line counts for and earns. Units: minor units of the basket's currency; points."""

    counted_minor: int
    points: int


@dataclass(frozen=True, slots=True)
class Quote:
    """The points of a basket, per line, and how they came about."""

    points: int
    counted_minor: int
    sold_minor: int
    paid_otherwise_minor: int
    rule_id: int | None
    lines: dict[str, QuotedLine]


def quote(basket: Basket, rules: Sequence[BaseRule], facts: EarningFacts) -> Quote:
    """Decide how many points a basket earns under the running rules.

    The order is rounded once, by the rule's named rounding, and the points are spread over the lines by
    largest remainder. The share of the order that was paid with points or a gift card earns nothing. No money
    is rounded on the way: all sums are exact integers until that one rounding.
    """
    if not rules:
        return Quote(0, 0, 0, 0, None, {})
    (rule,) = rules
    counted = {line.key: _counted_minor(line, rule) for line in basket.lines}
    counted_minor = sum(counted.values())
    sold_minor = sum(line.amount_minor for line in basket.lines if line.amount_minor > 0)
    not_money_minor = min(basket.not_money_minor, sold_minor)
    points = _order_points(rule, facts.rate, counted_minor, sold_minor, not_money_minor)
    shares = apportion_whole(points, counted) if points else dict.fromkeys(counted, 0)
    lines = {key: QuotedLine(counted[key], shares[key]) for key in counted}
    return Quote(points, counted_minor, sold_minor, not_money_minor, rule.id, lines)


def _counted_minor(line: BasketLine, rule: BaseRule) -> int:
    counts = line.is_goods or (rule.counts_shipping and line.key == SHIPPING_LINE)
    if not counts:
        return 0
    return max(0, line.amount_minor - (0 if rule.counts_tax else line.tax_minor))


def _order_points(
    rule: BaseRule, rate: Fraction, counted_minor: int, sold_minor: int, not_money_minor: int
) -> int:
    if counted_minor == 0 or sold_minor == not_money_minor:
        return 0
    numerator = counted_minor * (sold_minor - not_money_minor) * rule.points * rate.numerator
    denominator = sold_minor * rule.per_minor * rate.denominator
    return round_points(numerator, denominator, rule.rounding)


def round_points(numerator: int, denominator: int, rounding: Rounding) -> int:
    """Round `numerator / denominator` to whole points: down, up, or to the nearest with a half going up."""
    if rounding is Rounding.DOWN:
        return numerator // denominator
    if rounding is Rounding.UP:
        return -(-numerator // denominator)
    return (2 * numerator + denominator) // (2 * denominator)
