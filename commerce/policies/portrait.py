"""What the best customers are like, beside all who bought; what too few people stand behind is not told."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# A share of fewer people says more about them than about customers.
FEWEST: Final = 10
# What fewer of the best have in common is left out: it would point at somebody.
FEWEST_ALIKE: Final = 3


class Trait(StrEnum):
    """What a share is about."""

    CATEGORY = "category"
    BRAND = "brand"
    PRODUCT = "product"
    CHANNEL = "channel"
    WEEKDAY = "weekday"
    PLACE = "place"
    AGE = "age"


# The ages in which people are told, by their first year. Nobody's year of birth is shown.
AGE_BANDS: Final = (0, 25, 35, 45, 55, 65)


@dataclass(frozen=True, slots=True)
class Share:
    """One thing with its share among the best and among all, in whole per cent."""

    name: str
    best_percent: int
    all_percent: int


@dataclass(frozen=True, slots=True)
class Side:
    """What one side did in the period: the best, or all. Units: minor units of the portrait's currency."""

    customers: int
    orders: int
    revenue_minor: int
    gaps: int
    gap_days: int

    @property
    def average_order_minor(self) -> int | None:
        """What an order came to, rounded down; None without orders."""
        return self.revenue_minor // self.orders if self.orders else None

    @property
    def days_between(self) -> int | None:
        """Days from one order to the next, rounded down; None where nobody ordered twice."""
        return self.gap_days // self.gaps if self.gaps else None

    def orders_tenths(self, days: int) -> int | None:
        """Orders of one customer in a year, in tenths; None without customers. `days` is the period's."""
        if not self.customers or not days:
            return None
        return self.orders * 3650 // (self.customers * days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """The best so many per cent beside all who brought revenue in a period of so many `days`.

    `shares` has the traits that enough people stand behind; `untold` those that are known of too few.
    """

    currency: str
    percent: int
    days: int
    best: Side
    everybody: Side
    shares: dict[Trait, Sequence[Share]]
    untold: Sequence[Trait]

    @property
    def is_too_small(self) -> bool:
        """Whether so few are the best that nothing can be told about them."""
        return self.best.customers < FEWEST


@dataclass(frozen=True, slots=True)
class Count:
    """How often one thing occurs among the best and among all, in whatever it is counted in."""

    name: str
    best: int
    everybody: int


def share_out(
    counts: Sequence[Count], *, best: int = 0, everybody: int = 0, most: int = 0, in_order: bool = False
) -> list[Share]:
    """Turn counts into shares of their sums, or of `best` and `everybody` where several may hold at once.

    The `most` that are most common among the best come first, or all in the order given. What too few of the
    best have in common is left out.

    >>> share_out([Count("web", 30, 50), Count("store", 10, 50)], most=1)
    [Share(name='web', best_percent=75, all_percent=50)]
    """
    of_best = best or sum(count.best for count in counts)
    of_all = everybody or sum(count.everybody for count in counts)
    shown = [count for count in counts if count.best >= FEWEST_ALIKE]
    if not in_order:
        shown = sorted(shown, key=lambda count: (-count.best, count.name))[:most]
    return [
        Share(count.name, _percent(count.best, of_best), _percent(count.everybody, of_all)) for count in shown
    ]


def _percent(part: int, whole: int) -> int:
    return (part * 200 + whole) // (2 * whole) if whole else 0
