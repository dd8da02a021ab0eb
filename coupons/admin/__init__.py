"""The admin of coupons: gift cards, sites and sheets for them, codes that spread, margins to be left."""

from coupons.admin.alerts import CodeAlertAdmin
from coupons.admin.gift_card_books import GiftCardHoldAdmin, GiftCardMovementAdmin
from coupons.admin.gift_cards import GiftCardAdmin
from coupons.admin.margin import BrandAgreementAdmin, MarginFloorAdmin
from coupons.admin.sites import PublisherSiteAdmin
from coupons.admin.submissions import SubmissionAdmin

__all__ = [
    "BrandAgreementAdmin",
    "CodeAlertAdmin",
    "GiftCardAdmin",
    "GiftCardHoldAdmin",
    "GiftCardMovementAdmin",
    "MarginFloorAdmin",
    "PublisherSiteAdmin",
    "SubmissionAdmin",
]
