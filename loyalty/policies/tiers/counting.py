"""What of purchases counts towards a level. `loyalty.queries.tiers.sums` says the same to the database."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from loyalty.policies.tiers.periods import Span
from loyalty.policies.tiers.scheme import Metric


@dataclass(frozen=True, slots=True)
class Bought:
    """A purchase that counts, as far as levels ask. Units: minor units of its currency, shipping included.

    `otherwise_minor` was paid with points or a gift card; `rate` turns its minor units into the programme's.
    """

    placed_at: datetime
    sold_minor: int
    returned_minor: int = 0
    otherwise_minor: int = 0
    rate: Fraction = Fraction(1)
    is_cancelled: bool = False

    @property
    def kept_minor(self) -> int:
        """What of it the customer keeps."""
        return 0 if self.is_cancelled else max(0, self.sold_minor - self.returned_minor)

    @property
    def money_minor(self) -> int:
        """What of that was paid in money, in the programme's currency, rounded down once.

        Money and other tenders lose the same share by a return, as the points of the order do.
        """
        if self.kept_minor <= 0:
            return 0
        money_minor = max(0, self.sold_minor - self.otherwise_minor)
        return int(self.kept_minor * money_minor * self.rate / self.sold_minor)


@dataclass(frozen=True, slots=True)
class LevelPoints:
    """Level points that were given or taken, and the moment that they count at."""

    counts_at: datetime
    points: int


def total_of(metric: Metric, span: Span, bought: Iterable[Bought], points: Iterable[LevelPoints]) -> int:
    """Sum what counts within a time; an order counts as long as anything of it is kept."""
    if metric is Metric.POINTS:
        return sum(one.points for one in points if span.starts_at <= one.counts_at < span.ends_at)
    within = [one for one in bought if span.starts_at <= one.placed_at < span.ends_at]
    if metric is Metric.ORDERS:
        return sum(1 for one in within if one.kept_minor > 0)
    return sum(one.money_minor for one in within)
