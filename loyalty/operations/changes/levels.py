"""A version of the levels, or their end, that is called off before it holds."""

from datetime import datetime

from loyalty.models import Programme, TierScheme


def call_off_levels(*, programme: Programme, starts_at: datetime) -> None:
    """Let the levels go on that were to end at `starts_at`; what was to begin then is a draft again.

    Where there is a new draft by now, it stays a version that never ran. The programme is locked.
    """
    versions = TierScheme.objects.filter(programme=programme)
    has_draft = versions.filter(starts_at=None).exists()
    called_off: dict[str, datetime | None] = {"ends_at": starts_at} if has_draft else {"starts_at": None}
    versions.filter(starts_at=starts_at, ends_at=None).update(**called_off)
    versions.filter(starts_at__lt=starts_at, ends_at=starts_at).update(ends_at=None)
