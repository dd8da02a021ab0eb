"""A basket as plain values: what somebody is about to buy, before coupons.

`to_pay` is where every discount begins. What the shop has taken off already, and what an app above takes off
by other means (points that are held, for one), comes first and is spread over the lines to the cent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from backstage.policies.apportion import apportion_whole

SHIPPING = "shipping"


class BasketError(ValueError):
    """A basket that cannot be: two lines of one key, a line called like postage, postage below zero."""


@dataclass(frozen=True, slots=True)
class BasketLine:
    """One line: what all its pieces cost together, tax included, before coupons; below zero it is a discount.

    `is_reduced` are goods that the shop has reduced already; `cost_minor` is what all pieces cost the shop,
    None for unknown; `stock` what is left of them, None for unknown; `tax_minor` is the tax within the
    amount. Units: minor units; pieces.
    """

    key: str
    amount_minor: int
    quantity: Decimal = Decimal(1)
    sku: str = ""
    brand: str = ""
    category_path: str = ""
    is_goods: bool = True
    is_reduced: bool = False
    cost_minor: int | None = None
    tax_minor: int = 0
    stock: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Reduction:
    """What comes off the whole basket by other means than coupons, and what that costs the shop.

    `source` is who says so ("points"); one that is trimmable may be lowered to keep a margin.
    """

    source: str
    amount_minor: int
    cost_minor: int | None = None
    is_trimmable: bool = False


@dataclass(frozen=True, slots=True)
class Basket:
    """What is about to be bought in one channel, in one currency. Raises: BasketError."""

    channel: str
    currency: str
    lines: tuple[BasketLine, ...]
    shipping_minor: int = 0
    reductions: tuple[Reduction, ...] = ()

    def __post_init__(self) -> None:
        keys = [line.key for line in self.lines]
        if len(set(keys)) < len(keys):
            raise BasketError("Two lines of the basket have one key. Give each line a key of its own.")
        if SHIPPING in keys:
            raise BasketError("A line is called 'shipping'. Give postage as shipping_minor.")
        if self.shipping_minor < 0 or any(reduction.amount_minor < 0 for reduction in self.reductions):
            raise BasketError("Postage and reductions are amounts of at least 0.")

    def to_pay(self) -> dict[str, int]:
        """Give what is left to pay for each line and for postage, by key, before coupons; never below zero.

        Lines below zero and reductions are taken off the other lines, in proportion and to the cent, and off
        postage only where the lines are not enough.
        """
        left = {line.key: line.amount_minor for line in self.lines if line.amount_minor > 0}
        off = sum(-line.amount_minor for line in self.lines if line.amount_minor < 0)
        off += sum(reduction.amount_minor for reduction in self.reductions)
        off_lines = min(off, sum(left.values()))
        left = take_from(left, off_lines)
        if self.shipping_minor:
            left[SHIPPING] = max(0, self.shipping_minor - (off - off_lines))
        return left

    def with_reductions(self, more: Iterable[Reduction]) -> "Basket":
        """Give the same basket with these reductions too."""
        return replace(self, reductions=(*self.reductions, *more))


def take_from(left: Mapping[str, int], off: int) -> dict[str, int]:
    """Take an amount off, in proportion to what is left of each; it must not be more than all of them."""
    if not off:
        return dict(left)
    parts = apportion_whole(off, left)
    return {key: amount - parts[key] for key, amount in left.items()}
