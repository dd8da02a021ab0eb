"""Campaigns: drafted, switched on, changed by a new version, paused, ended. Nothing begun is ever edited."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import DateTimeField, Max, Value
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, By
from loyalty.locks import lock_campaign
from loyalty.models import Campaign, CampaignVersion
from loyalty.operations.programme import lock_for_change
from loyalty.policies.campaign_terms import Plan, Problem, problems_of_plan, problems_of_terms
from loyalty.policies.campaigns import CampaignState
from loyalty.queries.campaign_words import say_problems

OWN_FIELDS = ("name", "public_text", "starts_at", "ends_at", "budget_points")
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


def create_campaign(
    *,
    programme_id: int,
    name: str,
    starts_at: datetime,
    ends_at: datetime | None = None,
    budget_points: int | None = None,
    public_text: Mapping[str, str] | None = None,
    terms: Mapping[str, Any],
    at: datetime | None = None,
    by: By = SHOP,
) -> Campaign:
    """Draft a campaign; it gives nothing until it is switched on.

    `terms` are fields of `CampaignVersion`, at least its kind. Raises: ValidationError naming the fields.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        campaign = Campaign(
            programme_id=programme_id,
            name=name,
            public_text=dict(public_text or {}),
            starts_at=starts_at,
            ends_at=ends_at,
            budget_points=budget_points,
            created_at=at,
        )
        _check_plan(campaign, at=at, begins=False)
        campaign.full_clean()
        campaign.save(force_insert=True)
        _save_version(CampaignVersion(campaign=campaign, number=1), terms)
        _record("campaign_drafted", campaign, by=by, at=at, after={"name": name})
    return campaign


def change_campaign(
    *,
    campaign_id: int,
    own: Mapping[str, Any] | None = None,
    terms: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    by: By = SHOP,
) -> Campaign:
    """Change a campaign: a draft in place, one that is switched on by a new version from now on.

    `own` are fields of `Campaign`, `terms` of its version. What runs keeps its start. Orders keep the version
    that ran when they were placed. Raises: ValidationError naming the fields, CampaignStepRefused.
    """
    at = clock.now() if at is None else at
    own, terms = own or {}, terms or {}
    with transaction.atomic():
        campaign = _lock(campaign_id)
        _require(campaign, "changed", CampaignState.DRAFT, CampaignState.ON, CampaignState.PAUSED)
        before = {field: getattr(campaign, field) for field in own}
        for field, value in own.items():
            setattr(campaign, field, value)
        _check_plan(campaign, at=at, begins=False)
        _check_start_stands(campaign, before, at)
        campaign.full_clean()
        campaign.save()
        newest = _newest(campaign)
        if campaign.state == CampaignState.ON:
            _end_running(campaign, at)
            _open_version(campaign, newest, terms, at=at)
        else:  # what is paused keeps its changes as a draft until it goes on
            _save_version(newest if newest.starts_at is None else _copy(newest), terms)
        _record("campaign_changed", campaign, by=by, at=at, before=before, after={**own, **terms})
    return campaign


def switch_on_campaign(*, campaign_id: int, at: datetime | None = None, by: By = SHOP) -> Campaign:
    """Let a draft run from its start on, or a paused campaign go on from now; its promise is then fixed.

    Raises: ValidationError where its times have passed or its budget is spent, CampaignStepRefused.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        campaign = _lock(campaign_id)
        _require(campaign, "switched on", CampaignState.DRAFT, CampaignState.PAUSED)
        was = campaign.state
        _check_plan(campaign, at=at, begins=was == CampaignState.DRAFT)
        _check_budget(campaign)
        newest = _newest(campaign)
        if campaign.paused_at is not None:
            _end_running(campaign, campaign.paused_at)
        _open_version(campaign, newest, {}, at=at)
        campaign.state, campaign.pause_reason, campaign.paused_at = CampaignState.ON.value, "", None
        campaign.save()
        _record("campaign_switched_on", campaign, by=by, at=at, before={"state": was})
    return campaign


def pause_campaign(
    *, campaign_id: int, reason: str = "", at: datetime | None = None, by: By = SHOP
) -> Campaign:
    """Stop giving from now on until it is switched on again. Raises: CampaignStepRefused."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        campaign = _lock(campaign_id)
        _require(campaign, "paused", CampaignState.ON)
        _end_running(campaign, at)
        campaign.state, campaign.pause_reason, campaign.paused_at = CampaignState.PAUSED.value, reason, at
        campaign.save()
        _record("campaign_paused", campaign, by=by, at=at, after={"reason": reason})
    return campaign


def end_campaign(*, campaign_id: int, at: datetime | None = None, by: By = SHOP) -> Campaign:
    """End a campaign for good; orders placed before keep what they earned. Raises: CampaignStepRefused."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        campaign = _lock(campaign_id)
        _require(campaign, "ended", CampaignState.ON, CampaignState.PAUSED)
        _end_running(campaign, campaign.paused_at or at)
        campaign.state = CampaignState.ENDED.value
        campaign.save()
        _record("campaign_ended", campaign, by=by, at=at)
    return campaign


def discard_campaign(*, campaign_id: int, at: datetime | None = None, by: By = SHOP) -> None:
    """Throw a draft away. Raises: CampaignStepRefused for anything that has been switched on."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        campaign = _lock(campaign_id)
        _require(campaign, "thrown away", CampaignState.DRAFT)
        _record("campaign_discarded", campaign, by=by, at=at, before={"name": campaign.name})
        campaign.versions.all().delete()
        campaign.delete()


# -- versions ------------------------------------------------------------------------------------------------


def _open_version(
    campaign: Campaign, newest: CampaignVersion, terms: Mapping[str, Any], *, at: datetime
) -> None:
    """Begin a version at the campaign's start or now, whichever is later."""
    version = newest if newest.starts_at is None else _copy(newest)
    version.starts_at, version.ends_at = max(at, campaign.starts_at), campaign.ends_at
    _save_version(version, terms)


def _end_running(campaign: Campaign, at: datetime) -> None:
    """End the version that runs or is to run; one that has not begun ends at its start, so it never ran."""
    lasting = campaign.versions.filter(starts_at__isnull=False).exclude(ends_at__lte=at)
    lasting.update(ends_at=Greatest("starts_at", Value(at, DateTimeField())))


def _copy(version: CampaignVersion) -> CampaignVersion:
    newest = version.campaign.versions.aggregate(newest=Max("number"))["newest"]
    fields = {field: getattr(version, field) for field in TERMS_FIELDS}
    return CampaignVersion(campaign=version.campaign, number=newest + 1, **fields)


def _save_version(version: CampaignVersion, terms: Mapping[str, Any]) -> None:
    for field, value in terms.items():
        setattr(version, field, value)
    if problems := problems_of_terms({field: getattr(version, field) for field in TERMS_FIELDS}):
        raise ValidationError(say_problems(problems))
    version.full_clean()
    version.save()


def _newest(campaign: Campaign) -> CampaignVersion:
    return campaign.versions.order_by("-number")[0]


# -- what is checked -----------------------------------------------------------------------------------------


def _lock(campaign_id: int) -> Campaign:
    """Lock the programme, whose rules change with this, then the campaign."""
    programme_id = Campaign.objects.values_list("programme_id", flat=True).get(id=campaign_id)
    lock_for_change(programme_id)
    return lock_campaign(campaign_id)


def _require(campaign: Campaign, deed: str, *states: CampaignState) -> None:
    if campaign.state not in states:
        raise CampaignStepRefused(state=campaign.state, deed=deed)


def _check_plan(campaign: Campaign, *, at: datetime, begins: bool) -> None:
    if problems := problems_of_plan(Plan(campaign.starts_at, campaign.ends_at), at=at, begins=begins):
        raise ValidationError(say_problems(problems))


def _check_start_stands(campaign: Campaign, before: Mapping[str, Any], at: datetime) -> None:
    """Refuse to move the start of what has begun: orders since then have been promised something."""
    was = before.get("starts_at", campaign.starts_at)
    if campaign.state != CampaignState.DRAFT and was <= at and campaign.starts_at != was:
        raise ValidationError(say_problems({"starts_at": Problem.START_STAYS}))


def _check_budget(campaign: Campaign) -> None:
    if campaign.budget_points is not None and campaign.spent_points >= campaign.budget_points:
        problem = _("All %(points)s points are given. Raise the budget before you switch it on again.")
        raise ValidationError({"budget_points": problem % {"points": campaign.budget_points}})


def _record(
    kind: str,
    campaign: Campaign,
    *,
    by: By,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    audit.record(
        kind=kind,
        object_kind="campaign",
        object_id=str(campaign.id),
        by=by,
        at=at,
        before=before,
        after=after,
    )
