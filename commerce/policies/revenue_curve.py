"""How much of the revenue the best customers bring, and how many of them are worth an invitation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

HALF: Final = 50
# Where half of the revenue takes more than so many per cent of the customers, there are no few best ones.
MOST_FOR_HALF: Final = 35
# Fewer customers than that make no curve.
LEAST_CUSTOMERS: Final = 20


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The first `percent` of the customers by revenue: how many, what they brought, and the least of them.

    Units: minor units of the curve's currency.
    """

    percent: int
    customers: int
    revenue_minor: int
    least_minor: int


@dataclass(frozen=True, slots=True)
class RevenueCurve:
    """The points from 1 to 100 %, without those that nobody is at; `customers` brought any revenue at all."""

    currency: str
    customers: int
    revenue_minor: int
    points: Sequence[CurvePoint]

    def at(self, percent: int) -> CurvePoint:
        """Give the curve at so many per cent; where no customer ends there, the point before it."""
        reached = [point for point in self.points if point.percent <= percent]
        return reached[-1] if reached else CurvePoint(percent, 0, 0, 0)

    def share(self, percent: int) -> int:
        """Give the share of the revenue that the first so many per cent bring, in whole per cent, rounded."""
        if not self.revenue_minor:
            return 0
        return (self.at(percent).revenue_minor * 200 + self.revenue_minor) // (2 * self.revenue_minor)

    def values(self) -> list[int]:
        """Give the share at 0 to 100 %, for a chart."""
        return [self.share(percent) for percent in range(101)]


@dataclass(frozen=True, slots=True)
class Proposal:
    """So many per cent to invite: those who bring half. `bend` is where the curve turns flat.

    `is_flat`: the customers are so much alike that leaving most of them out loses good ones. `is_small`: too
    few of them for a curve.
    """

    percent: int
    share: int
    bend: int
    is_flat: bool = False
    is_small: bool = False


def propose(curve: RevenueCurve) -> Proposal:
    """Propose how many to invite: the fewest per cent who bring half of the revenue.

    >>> points = [CurvePoint(25, 1, 80, 80), CurvePoint(50, 2, 90, 10), CurvePoint(100, 4, 100, 5)]
    >>> propose(RevenueCurve("EUR", 4, 100, points)).percent
    25
    """
    if not curve.revenue_minor:
        return Proposal(0, 0, 0, is_small=True)
    half = next(point.percent for point in curve.points if 2 * point.revenue_minor >= curve.revenue_minor)
    return Proposal(
        percent=half,
        share=curve.share(half),
        bend=find_bend(curve),
        is_flat=half > MOST_FOR_HALF,
        is_small=curve.customers < LEAST_CUSTOMERS,
    )


def find_bend(curve: RevenueCurve) -> int:
    """Give where the curve is furthest above the straight line of customers who are all alike.

    Up to there the next per cent of customers brings more than one per cent of the revenue.
    """

    def above(point: CurvePoint) -> int:
        return point.revenue_minor * 100 - point.percent * curve.revenue_minor

    return max(curve.points, key=lambda point: (above(point), -point.percent)).percent
