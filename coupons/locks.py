"""Every row lock of the app."""

from backstage.transactions import require_transaction
from coupons.models import CodeAlert, PublisherSite, Submission


def lock_site(site_id: int) -> PublisherSite:
    """Lock one coupon site, to change it or its sheets; nothing is locked before it. Raises:
    PublisherSite.DoesNotExist.
    """
    require_transaction()
    return PublisherSite.objects.select_for_update(no_key=True).get(id=site_id)


def lock_submission(submission_id: int) -> Submission:
    """Lock one sheet, to take it a step on; its code is locked after it. Raises: Submission.DoesNotExist."""
    require_transaction()
    return Submission.objects.select_for_update(no_key=True).get(id=submission_id)


def lock_alert(alert_id: int) -> CodeAlert:
    """Lock one alert about a code, to settle it; the code is locked after it. Raises:
    CodeAlert.DoesNotExist.
    """
    require_transaction()
    return CodeAlert.objects.select_for_update(no_key=True).get(id=alert_id)
