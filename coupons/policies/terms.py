"""The terms of a coupon as plain values, and which lines of a basket they speak of."""

from dataclasses import dataclass
from datetime import datetime

from commerce.policies.basket import Basket, BasketLine
from commerce.policies.goods import Goods
from coupons.policies.kinds import CouponKind, SaleGoods

WHOLE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One version: what it takes off and from whom. Why each: see `CouponVersion`.

    `get_only` are the goods that one gets by "buy some, get some"; None for those that are bought.
    Units: minor units of the coupon's currency; `share` is in hundredths of a percent, `WHOLE` for all.
    """

    version_id: int
    kind: CouponKind
    amount_minor: int = 0
    share: int = WHOLE
    most_minor: int | None = None
    pieces: int | None = None
    buy_pieces: int = 1
    get_pieces: int = 1
    most_times: int | None = None
    only: Goods | None = None
    get_only: Goods | None = None
    without: Goods | None = None
    sale_goods: SaleGoods = SaleGoods.ANY
    minimum_minor: int | None = None
    first_order_only: bool = False
    channels: frozenset[str] = frozenset()
    segment_ids: frozenset[int] = frozenset()
    customer_ids: frozenset[int] = frozenset()
    lane: str = "main"
    is_exclusive: bool = False
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    @property
    def reduces(self) -> Goods | None:
        """The goods that something comes off; None for all."""
        return self.get_only or self.only

    def lines_among(self, basket: Basket) -> list[BasketLine]:
        """Give the lines that these terms speak of; postage and fees are never among them."""
        goods = [line for line in basket.lines if line.amount_minor > 0 and line.is_goods]
        if self.only is None and self.without is None and self.sale_goods is SaleGoods.ANY:
            return goods
        return [line for line in goods if self.buys(line) or self.gives(line)]

    def buys(self, line: BasketLine) -> bool:
        """Tell whether a line is of the goods that are to be bought."""
        return (self.only is None or _fits(self.only, line)) and not self._leaves_out(line)

    def gives(self, line: BasketLine) -> bool:
        """Tell whether a line is of the goods that one gets."""
        if self.get_only is None:
            return self.buys(line)
        return _fits(self.get_only, line) and not self._leaves_out(line)

    def _leaves_out(self, line: BasketLine) -> bool:
        if self.sale_goods is not SaleGoods.ANY and line.is_reduced is (self.sale_goods is SaleGoods.NONE):
            return True
        return self.without is not None and _fits(self.without, line)


def _fits(goods: Goods, line: BasketLine) -> bool:
    return goods.fits(sku=line.sku, brand=line.brand, category_path=line.category_path)
