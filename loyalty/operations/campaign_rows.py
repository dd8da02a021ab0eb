"""Campaigns and their versions, as operations lock, copy and store them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, Max, Value
from django.db.models.functions import Greatest

from backstage.operations import audit
from backstage.policies import By
from loyalty.locks import lock_campaign
from loyalty.models import Campaign, CampaignVersion
from loyalty.operations.changes.stamp import lock_for_change
from loyalty.policies.campaign_terms import problems_of_terms
from loyalty.policies.campaigns import CampaignState
from loyalty.queries.campaign_words import say_problems

TERMS_FIELDS = (
    "kind",
    "factor",
    "steps",
    "piece_points",
    "skus",
    "brands",
    "category_paths",
    "channels",
    "tier_ids",
    "segment_ids",
    "order_numbers",
    "weekdays",
    "from_minute",
    "to_minute",
    "cap_points",
)


class CampaignStepRefused(ValueError):
    """A campaign cannot do this from where it stands."""

    def __init__(self, *, state: str, deed: str) -> None:
        self.state, self.deed = state, deed
        super().__init__(f"A campaign that is {state} can't be {deed}.")


def lock_to_change(campaign_id: int) -> Campaign:
    """Lock the programme, whose rules change with this, then the campaign."""
    programme_id = Campaign.objects.values_list("programme_id", flat=True).get(id=campaign_id)
    lock_for_change(programme_id)
    return lock_campaign(campaign_id)


def require_state(campaign: Campaign, *states: CampaignState, deed: str) -> None:
    """Refuse a deed from where the campaign stands. Raises: CampaignStepRefused."""
    if campaign.state not in states:
        raise CampaignStepRefused(state=campaign.state, deed=deed)


def open_version(
    campaign: Campaign, *, newest: CampaignVersion, terms: Mapping[str, Any], at: datetime
) -> None:
    """Begin a version at the campaign's start or now, whichever is later."""
    version = newest if newest.starts_at is None else copy_version(newest)
    version.starts_at, version.ends_at = max(at, campaign.starts_at), campaign.ends_at
    save_version(version, terms=terms)


def end_running(campaign: Campaign, *, at: datetime) -> None:
    """End the version that runs or is to run; one that has not begun ends at its start, so it never ran."""
    lasting = campaign.versions.filter(starts_at__isnull=False).exclude(ends_at__lte=at)
    lasting.update(ends_at=Greatest("starts_at", Value(at, DateTimeField())))


def copy_version(version: CampaignVersion) -> CampaignVersion:
    """Make the next version, with the same promise and no times. It is not stored yet."""
    newest = version.campaign.versions.aggregate(newest=Max("number"))["newest"]
    fields = {field: getattr(version, field) for field in TERMS_FIELDS}
    return CampaignVersion(campaign=version.campaign, number=newest + 1, **fields)


def save_version(version: CampaignVersion, *, terms: Mapping[str, Any]) -> None:
    """Change a version's promise and store it. Raises: ValidationError naming the fields."""
    for field, value in terms.items():
        setattr(version, field, value)
    if problems := problems_of_terms({field: getattr(version, field) for field in TERMS_FIELDS}):
        raise ValidationError(say_problems(problems))
    version.full_clean()
    version.save()


def find_newest(campaign: Campaign) -> CampaignVersion:
    """Find the version that runs or was drafted last."""
    return campaign.versions.order_by("-number")[0]


def record_deed(
    campaign: Campaign,
    *,
    kind: str,
    by: By,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write a deed into the log."""
    audit.record(
        kind=kind,
        object_kind="campaign",
        object_id=str(campaign.id),
        by=by,
        at=at,
        before=before,
        after=after,
    )
