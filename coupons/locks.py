"""Every row lock of the app."""

from backstage.transactions import require_transaction
from coupons.models import Code, CodeAlert, CodeBatch, PublisherSite, Submission


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


def lock_batch(batch_id: int) -> CodeBatch:
    """Lock one batch of codes, to change it or to make codes of it; codes come before it. Raises:
    CodeBatch.DoesNotExist.
    """
    require_transaction()
    return CodeBatch.objects.select_for_update(no_key=True).get(id=batch_id)


def lock_batch_code(code_id: int) -> Code:
    """Lock one code of a batch, to change it; its batch comes after it. Raises: Code.DoesNotExist."""
    require_transaction()
    return Code.objects.select_for_update(no_key=True).get(id=code_id, batch__isnull=False)
