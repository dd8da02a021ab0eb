"""Taking back what was just done with a campaign."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from backstage import clock
from backstage.policies import SHOP, By
from backstage.policies.undo import UNDO_TIME
from loyalty.models import Campaign
from loyalty.operations.campaign_rows import (
    CampaignStepRefused,
    copy_version,
    end_running,
    find_newest,
    lock_to_change,
    record_deed,
    require_state,
    save_version,
)
from loyalty.operations.campaigns import check_limit, switch_on_locked
from loyalty.policies.campaigns import CampaignState


def undo_switching_on(*, campaign_id: int, at: datetime | None = None, by: By = SHOP) -> Campaign:
    """Take back that a campaign was just switched on: to a draft if it has yet to begin, else to a pause.

    An order of the moments between keeps what it was promised. Raises: CampaignStepRefused.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        campaign = lock_to_change(campaign_id)
        require_state(campaign, CampaignState.ON, deed="taken back")
        newest = find_newest(campaign)
        end_running(campaign, at=at)
        if _has_begun(campaign, at):
            campaign.state, campaign.paused_at = CampaignState.PAUSED.value, at
        else:
            campaign.state = CampaignState.DRAFT.value
            save_version(copy_version(newest), terms={})
        campaign.save()
        record_deed(campaign, kind="campaign_taken_back", by=by, at=at, after={"state": campaign.state})
    return campaign


def _has_begun(campaign: Campaign, at: datetime) -> bool:
    """Tell whether any version has run: orders may name it, so the campaign is a draft no more."""
    return campaign.versions.filter(starts_at__lt=F("ends_at"), starts_at__lte=at).exists()


def undo_ending(*, campaign_id: int, at: datetime | None = None, by: By = SHOP) -> Campaign:
    """Take back that a campaign was just ended: it is paused, as it was, or goes on from now.

    For a minute; what has ended stays ended then, because its end was told. Raises: CampaignStepRefused,
    OverBudgetLimit, ValidationError where its own end has come meanwhile.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        campaign = lock_to_change(campaign_id)
        require_state(campaign, CampaignState.ENDED, deed="taken back")
        if campaign.ended_at is None or at - campaign.ended_at > UNDO_TIME:
            raise CampaignStepRefused(state="ended for more than a minute", deed="taken back")
        was_paused, ended_at = campaign.paused_at is not None, campaign.ended_at
        campaign.state, campaign.ended_at = CampaignState.PAUSED.value, None
        campaign.paused_at = campaign.paused_at or ended_at
        campaign.save()
        record_deed(campaign, kind="campaign_taken_back", by=by, at=at, after={"state": campaign.state})
        if not was_paused:
            check_limit(campaign, by=by)
            switch_on_locked(campaign=campaign, at=at, by=by)
    return campaign
