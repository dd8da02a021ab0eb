"""The admin of coupons: sites and sheets for them, codes that spread, and the margin that has to be left."""

from coupons.admin.alerts import CodeAlertAdmin
from coupons.admin.margin import BrandAgreementAdmin, MarginFloorAdmin
from coupons.admin.sites import PublisherSiteAdmin
from coupons.admin.submissions import SubmissionAdmin

__all__ = [
    "BrandAgreementAdmin",
    "CodeAlertAdmin",
    "MarginFloorAdmin",
    "PublisherSiteAdmin",
    "SubmissionAdmin",
]
