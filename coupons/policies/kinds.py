"""What a coupon takes off."""

from enum import StrEnum


class CouponKind(StrEnum):
    """The form of a discount, in the order in which several of them are worked out."""

    PRODUCT = "product"
    BUY_GET = "buy_get"
    PERCENT = "percent"
    AMOUNT = "amount"
    SHIPPING = "shipping"


class SaleGoods(StrEnum):
    """Whether goods count that the shop has reduced already."""

    ANY = "any"
    ONLY = "only"
    NONE = "none"
