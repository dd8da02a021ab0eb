"""The admin of coupons: the builder, gift cards, sites that publish, codes that spread, and margins."""

from coupons.admin.alerts import CodeAlertAdmin
from coupons.admin.coupons import CouponAdmin
from coupons.admin.gift_card_books import GiftCardHoldAdmin, GiftCardMovementAdmin
from coupons.admin.gift_cards import GiftCardAdmin
from coupons.admin.margin import BrandAgreementAdmin, MarginFloorAdmin
from coupons.admin.sites import PublisherSiteAdmin
from coupons.admin.submissions import SubmissionAdmin

__all__ = [
    "BrandAgreementAdmin",
    "CodeAlertAdmin",
    "CouponAdmin",
    "GiftCardAdmin",
    "GiftCardHoldAdmin",
    "GiftCardMovementAdmin",
    "MarginFloorAdmin",
    "PublisherSiteAdmin",
    "SubmissionAdmin",
]
