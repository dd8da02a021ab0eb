"""How many of the points that a purchase earned still stand after returns."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from backstage.policies.apportion import apportion


class SoldLine(NamedTuple):
    """What was sold on one line and what of it came back, both cumulative. Units: minor units; pieces.

    `returned_minor` None means that only a quantity is known; it then counts pro rata.
    """

    key: str
    sold_minor: int
    quantity: Decimal = Decimal(1)
    returned_quantity: Decimal = Decimal(0)
    returned_minor: int | None = None

    @property
    def kept_minor(self) -> Fraction:
        """What the customer still keeps of the line, exactly."""
        if self.returned_minor is not None:
            return Fraction(max(0, self.sold_minor - self.returned_minor))
        if not self.returned_quantity or not self.quantity:
            return Fraction(self.sold_minor)
        return self.sold_minor * max(
            Fraction(0), 1 - Fraction(self.returned_quantity) / Fraction(self.quantity)
        )

    @property
    def is_untouched(self) -> bool:
        """Whether nothing of the line has come back."""
        return not self.returned_minor and not self.returned_quantity


def standing_points(
    lines: Sequence[SoldLine],
    earned: Mapping[str, int],
    *,
    refunded_minor: int = 0,
    is_cancelled: bool = False,
) -> dict[str, int]:
    """Say per line what still stands: `floor(earned × (sold − returned) ÷ sold)`, 0 where nothing was sold.

    Cumulative and exact: many small returns take back exactly what one large one would. Money refunded
    without a line is spread over what is still kept, by largest remainder in minor units, ties by key.
    """
    if is_cancelled:
        return dict.fromkeys(earned, 0)
    if not refunded_minor and all(line.is_untouched for line in lines):
        return dict(earned)
    by_key = {line.key: line for line in lines}
    kept = {key: line.kept_minor for key, line in by_key.items()}
    refunds = _spread_refund(refunded_minor, kept)
    return {
        key: _line_standing(points, by_key.get(key), kept.get(key, Fraction(0)) - refunds.get(key, 0))
        for key, points in earned.items()
    }


def _spread_refund(refunded_minor: int, kept: Mapping[str, Fraction]) -> dict[str, int]:
    positive = {key: amount for key, amount in kept.items() if amount > 0}
    if not refunded_minor or not positive:
        return {}
    return apportion(refunded_minor, positive)


def _line_standing(earned_points: int, line: SoldLine | None, kept_minor: Fraction) -> int:
    if line is None:  # the pseudo-line of an order without a line that counts
        return earned_points
    if line.sold_minor <= 0:
        return 0
    return int(earned_points * max(Fraction(0), kept_minor) / line.sold_minor)
