"""A version of a plan that is called off before it holds."""

from datetime import datetime

from loyalty.models import PlanVersion


def call_off_plan_version(*, plan_id: int, starts_at: datetime) -> None:
    """Take back a version that was to begin at `starts_at`, and let the one before it go on.

    Nobody can have paid for it. The programme is locked.
    """
    versions = PlanVersion.objects.filter(plan_id=plan_id)
    versions.filter(starts_at=starts_at, ends_at__isnull=True).delete()
    versions.filter(starts_at__lt=starts_at, ends_at=starts_at).update(ends_at=None)
