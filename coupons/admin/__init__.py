"""The admin of coupons: the builder and a page for each, sites that publish them, and codes that spread."""

from coupons.admin.alerts import CodeAlertAdmin
from coupons.admin.coupons import CouponAdmin
from coupons.admin.sites import PublisherSiteAdmin
from coupons.admin.submissions import SubmissionAdmin

__all__ = ["CodeAlertAdmin", "CouponAdmin", "PublisherSiteAdmin", "SubmissionAdmin"]
