"""What a use of a coupon still stands for after goods came back."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from commerce.policies.basket import SHIPPING


@dataclass(frozen=True, slots=True)
class Back:
    """How much of a line has come back in all, of how much was sold: pieces or money, both alike."""

    returned: Fraction
    sold: Fraction

    @property
    def share(self) -> Fraction:
        """The part that came back, 1 for all; a line of which nothing was sold came back whole."""
        return min(Fraction(1), self.returned / self.sold) if self.sold else Fraction(1)


def returned_of(by_line: Mapping[str, int], backs: Mapping[str, Back]) -> int:
    """Give how much of a discount came back with the goods, rounded down for each line: cumulative and exact.

    What is told of all lines together is told under the empty key, for discounts of lines that the order
    calls otherwise. Postage comes back when it is told.
    """
    total = 0
    for key, amount in by_line.items():
        back = backs.get(key) or (backs.get("") if key != SHIPPING else None)
        if back is not None:
            total += int(amount * back.share)
    return total
