"""The admin of coupons: sites that publish them, sheets for those, and codes that spread."""

from coupons.admin.alerts import CodeAlertAdmin
from coupons.admin.sites import PublisherSiteAdmin
from coupons.admin.submissions import SubmissionAdmin

__all__ = ["CodeAlertAdmin", "PublisherSiteAdmin", "SubmissionAdmin"]
