"""What is bought, as plain values, and how much of it counts."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from commerce.policies.goods import Goods

SHIPPING_LINE = "shipping"


class BasketLine(NamedTuple):
    """What one line was sold for. Units: minor units of the basket's currency, tax included; pieces."""

    key: str
    amount_minor: int
    tax_minor: int = 0
    is_goods: bool = True
    sku: str = ""
    brand: str = ""
    category_path: str = ""
    quantity: Decimal = Decimal(1)

    def is_among(self, goods: Goods | None) -> bool:
        """Tell whether the line is of these goods; None means all goods, which postage is not."""
        if goods is None:
            return self.is_goods
        return goods.fits(sku=self.sku, brand=self.brand, category_path=self.category_path)


@dataclass(frozen=True, slots=True)
class Basket:
    """What is bought and how much of it is paid with points or a gift card (`not_money_minor`)."""

    lines: tuple[BasketLine, ...]
    not_money_minor: int = 0

    @property
    def sold_minor(self) -> int:
        """What all lines together were sold for; a line below zero adds nothing."""
        return sum(line.amount_minor for line in self.lines if line.amount_minor > 0)

    def keys_among(self, goods: Goods | None) -> list[str]:
        """Give the keys of the lines of these goods."""
        return [line.key for line in self.lines if line.is_among(goods)]
