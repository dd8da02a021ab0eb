"""The admin of coupons: the builder, codes, gift cards, sites that publish, leaks, and margins."""

from coupons.admin.alerts import CodeAlertAdmin
from coupons.admin.batches import CodeBatchAdmin
from coupons.admin.codes import CodeAdmin
from coupons.admin.coupons import CouponAdmin
from coupons.admin.gift_card_books import GiftCardHoldAdmin, GiftCardMovementAdmin
from coupons.admin.gift_cards import GiftCardAdmin
from coupons.admin.margin import BrandAgreementAdmin, MarginFloorAdmin
from coupons.admin.sites import PublisherSiteAdmin
from coupons.admin.submissions import SubmissionAdmin

__all__ = [
    "BrandAgreementAdmin",
    "CodeAdmin",
    "CodeAlertAdmin",
    "CodeBatchAdmin",
    "CouponAdmin",
    "GiftCardAdmin",
    "GiftCardHoldAdmin",
    "GiftCardMovementAdmin",
    "MarginFloorAdmin",
    "PublisherSiteAdmin",
    "SubmissionAdmin",
]
