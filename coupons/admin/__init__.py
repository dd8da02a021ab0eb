"""The admin of coupons: batches of codes, sites that publish them, and codes that spread."""

from coupons.admin.alerts import CodeAlertAdmin
from coupons.admin.batches import CodeBatchAdmin
from coupons.admin.codes import CodeAdmin
from coupons.admin.sites import PublisherSiteAdmin
from coupons.admin.submissions import SubmissionAdmin

__all__ = ["CodeAdmin", "CodeAlertAdmin", "CodeBatchAdmin", "PublisherSiteAdmin", "SubmissionAdmin"]
