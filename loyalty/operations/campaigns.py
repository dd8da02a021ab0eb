"""Campaigns: drafted, switched on, changed by a new version, paused, ended. Nothing begun is ever edited."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from backstage import clock
from backstage.policies import SHOP, By
from loyalty.models import Campaign, CampaignVersion
from loyalty.operations.campaign_rows import (
    TERMS_FIELDS,
    CampaignStepRefused,
    copy_version,
    end_running,
    find_newest,
    lock_to_change,
    open_version,
    record_deed,
    require_state,
    save_version,
)
from loyalty.policies.campaign_terms import Plan, Problem, problems_of_plan
from loyalty.policies.campaigns import CampaignState
from loyalty.queries.campaign_limits import get_budget_limit
from loyalty.queries.campaign_words import say_problems

__all__ = [
    "OWN_FIELDS",
    "TERMS_FIELDS",
    "CampaignStepRefused",
    "OverBudgetLimit",
    "change_campaign",
    "check_limit",
    "create_campaign",
    "discard_campaign",
    "end_campaign",
    "pause_campaign",
    "switch_on_campaign",
    "switch_on_locked",
]
OWN_FIELDS = ("name", "public_text", "starts_at", "ends_at", "budget_points")


class OverBudgetLimit(ValueError):
    """This person may not switch on a campaign with this budget, or with none."""

    def __init__(self, *, budget_points: int | None, limit_points: int) -> None:
        self.budget_points = budget_points
        self.limit_points = limit_points
        what = "without a budget" if budget_points is None else f"with a budget of {budget_points} points"
        super().__init__(
            f"You may switch on campaigns of at most {limit_points} points, and this is one {what}. "
            "Lower the budget, or ask for approval with request_start."
        )


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
        save_version(CampaignVersion(campaign=campaign, number=1), terms=terms)
        record_deed(campaign, kind="campaign_drafted", by=by, at=at, after={"name": name})
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
    that ran when they were placed. Raises: ValidationError naming the fields, CampaignStepRefused;
    OverBudgetLimit where staff raises the budget of what is switched on over their limit.
    """
    at = clock.now() if at is None else at
    own, terms = own or {}, terms or {}
    with transaction.atomic():
        campaign = lock_to_change(campaign_id)
        require_state(campaign, CampaignState.DRAFT, CampaignState.ON, CampaignState.PAUSED, deed="changed")
        before = {field: getattr(campaign, field) for field in own}
        for field, value in own.items():
            setattr(campaign, field, value)
        _check_plan(campaign, at=at, begins=False)
        _check_start_stands(campaign, before, at)
        if campaign.state == CampaignState.ON and "budget_points" in own:
            check_limit(campaign, by=by)
        campaign.full_clean()
        campaign.save()
        newest = find_newest(campaign)
        if campaign.state == CampaignState.ON:
            end_running(campaign, at=at)
            open_version(campaign, newest=newest, terms=terms, at=at)
        else:  # what is paused keeps its changes as a draft until it goes on
            save_version(newest if newest.starts_at is None else copy_version(newest), terms=terms)
        record_deed(campaign, kind="campaign_changed", by=by, at=at, before=before, after={**own, **terms})
    return campaign


def switch_on_campaign(*, campaign_id: int, at: datetime | None = None, by: By = SHOP) -> Campaign:
    """Let a draft run from its start on, or a paused campaign go on from now; its promise is then fixed.

    Raises: ValidationError where its times have passed or its budget is spent, CampaignStepRefused;
    OverBudgetLimit for staff whose role may not, who can ask by `request_start`.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        campaign = lock_to_change(campaign_id)
        check_limit(campaign, by=by)
        switch_on_locked(campaign=campaign, at=at, by=by)
    return campaign


def switch_on_locked(*, campaign: Campaign, at: datetime, by: By) -> None:
    """Switch on a campaign that the caller has locked, whoever may do so. Raises: as `switch_on_campaign`."""
    require_state(campaign, CampaignState.DRAFT, CampaignState.PAUSED, deed="switched on")
    was = campaign.state
    _check_plan(campaign, at=at, begins=was == CampaignState.DRAFT)
    _check_budget(campaign)
    newest = find_newest(campaign)
    if campaign.paused_at is not None:
        end_running(campaign, at=campaign.paused_at)
    open_version(campaign, newest=newest, terms={}, at=at)
    campaign.state, campaign.pause_reason, campaign.paused_at = CampaignState.ON.value, "", None
    campaign.save()
    record_deed(campaign, kind="campaign_switched_on", by=by, at=at, before={"state": was})


def pause_campaign(
    *, campaign_id: int, reason: str = "", at: datetime | None = None, by: By = SHOP
) -> Campaign:
    """Stop giving from now on until it is switched on again. Raises: CampaignStepRefused."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        campaign = lock_to_change(campaign_id)
        require_state(campaign, CampaignState.ON, deed="paused")
        end_running(campaign, at=at)
        campaign.state, campaign.pause_reason, campaign.paused_at = CampaignState.PAUSED.value, reason, at
        campaign.save()
        record_deed(campaign, kind="campaign_paused", by=by, at=at, after={"reason": reason})
    return campaign


def end_campaign(*, campaign_id: int, at: datetime | None = None, by: By = SHOP) -> Campaign:
    """End a campaign for good; orders placed before keep what they earned. Raises: CampaignStepRefused."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        campaign = lock_to_change(campaign_id)
        require_state(campaign, CampaignState.ON, CampaignState.PAUSED, deed="ended")
        end_running(campaign, at=campaign.paused_at or at)
        campaign.state, campaign.ended_at = CampaignState.ENDED.value, at
        campaign.save()
        record_deed(campaign, kind="campaign_ended", by=by, at=at)
    return campaign


def discard_campaign(*, campaign_id: int, at: datetime | None = None, by: By = SHOP) -> None:
    """Throw a draft away. Raises: CampaignStepRefused for anything that has been switched on."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        campaign = lock_to_change(campaign_id)
        require_state(campaign, CampaignState.DRAFT, deed="thrown away")
        record_deed(campaign, kind="campaign_discarded", by=by, at=at, before={"name": campaign.name})
        campaign.versions.all().delete()
        campaign.delete()


# -- what is checked -----------------------------------------------------------------------------------------


def _check_plan(campaign: Campaign, *, at: datetime, begins: bool) -> None:
    if problems := problems_of_plan(Plan(campaign.starts_at, campaign.ends_at), at=at, begins=begins):
        raise ValidationError(say_problems(problems))


def _check_start_stands(campaign: Campaign, before: Mapping[str, Any], at: datetime) -> None:
    """Refuse to move the start of what has begun: orders since then have been promised something."""
    was = before.get("starts_at", campaign.starts_at)
    if campaign.state != CampaignState.DRAFT and was <= at and campaign.starts_at != was:
        raise ValidationError(say_problems({"starts_at": Problem.START_STAYS}))


def check_limit(campaign: Campaign, *, by: By) -> None:
    """Refuse a budget that is over the limit of whoever switches on. Raises: OverBudgetLimit."""
    limit = get_budget_limit(programme=campaign.programme, by=by)
    if limit.points is not None and not limit.allows(campaign.budget_points):
        raise OverBudgetLimit(budget_points=campaign.budget_points, limit_points=limit.points)


def _check_budget(campaign: Campaign) -> None:
    if campaign.budget_points is not None and campaign.spent_points >= campaign.budget_points:
        problem = _("All %(points)s points are given. Raise the budget before you switch it on again.")
        raise ValidationError({"budget_points": problem % {"points": campaign.budget_points}})
