"""The tables of coupons: terms by versions, codes, and what was redeemed by whom.

A coupon's counters (`used_count`, `spent_minor`) say in one row what all its redemptions come to, so that a
limit is one guarded UPDATE; `check-ledger` compares them with the redemptions.
"""

from coupons.models.codes import Code, CodeBatch, CodeTries
from coupons.models.coupon import Coupon, CouponStamp, CouponVersion
from coupons.models.gift_cards import GiftCard, GiftCardHold, GiftCardLimit, GiftCardMovement
from coupons.models.margin import BrandAgreement, MarginFloor
from coupons.models.redemption import CouponOrder, CouponUse, Redemption
from coupons.models.sites import CodeAlert, PublisherSite, Submission

__all__ = [
    "BrandAgreement",
    "Code",
    "CodeAlert",
    "CodeBatch",
    "CodeTries",
    "Coupon",
    "CouponOrder",
    "CouponStamp",
    "CouponUse",
    "CouponVersion",
    "GiftCard",
    "GiftCardHold",
    "GiftCardLimit",
    "GiftCardMovement",
    "MarginFloor",
    "PublisherSite",
    "Redemption",
    "Submission",
]
