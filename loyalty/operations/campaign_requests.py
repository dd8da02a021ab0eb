"""Asking somebody else to switch a campaign on, whose budget is over one's own limit."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from backstage import clock
from backstage.operations import approvals
from backstage.policies import By
from backstage.policies.approvals import ChangeRefusedError
from loyalty.locks import lock_campaign
from loyalty.models import Campaign
from loyalty.operations.campaigns import OWN_FIELDS, TERMS_FIELDS, CampaignStepRefused, switch_on_locked
from loyalty.operations.changes.stamp import lock_for_change
from loyalty.queries.campaign_requests import APPROVAL_KIND


def request_start(*, campaign_id: int, reason: str, at: datetime | None = None, now: datetime, by: By) -> int:
    """Ask somebody else to switch a campaign on as it stands; give the id of the approval.

    Time: `now` is the machine's, from which a lone owner's delay runs. Replay: asked again while it is the
    same, the request that stands is given. Raises: ReasonMissingError.
    """
    at = clock.now() if at is None else at
    campaign = Campaign.objects.select_related("programme").get(id=campaign_id)
    with transaction.atomic():
        approval = approvals.request(
            kind=APPROVAL_KIND,
            object_kind="campaign",
            object_id=campaign_id,
            payload={
                "campaign_id": campaign_id,
                "name": campaign.name,
                "budget_points": campaign.budget_points,
                "looks": _looks(campaign),
            },
            reason=reason,
            by=by,
            at=at,
            now=now,
        )
    return approval.id


def _looks(campaign: Campaign) -> str:
    """Condense what was asked for, so that it is not something else that gets approved."""
    newest = campaign.versions.order_by("-number")[0]
    told = [getattr(campaign, name) for name in OWN_FIELDS] + [getattr(newest, name) for name in TERMS_FIELDS]
    return sha256(repr([str(value) for value in told]).encode()).hexdigest()[:32]


def apply_start(*, payload: Mapping[str, Any], at: datetime, by: By) -> None:
    """Switch on what was asked for, now that `by` has approved it, whatever the limits say.

    In the transaction of the approval. Locks: programme, campaign. Raises: ChangeRefusedError when it cannot
    be done any more.
    """
    found = Campaign.objects.filter(id=payload["campaign_id"]).values_list("programme_id", flat=True).first()
    if found is None:
        raise ChangeRefusedError(_("The draft was thrown away. Refuse this."))
    lock_for_change(found)
    campaign = lock_campaign(payload["campaign_id"])
    if _looks(campaign) != payload["looks"]:
        raise ChangeRefusedError(_("The campaign was changed meanwhile. Refuse this, and ask again."))
    try:
        switch_on_locked(campaign=campaign, at=at, by=by)
    except CampaignStepRefused as refusal:
        raise ChangeRefusedError(
            _("The campaign is switched on or has ended already. Refuse this.")
        ) from refusal
    except ValidationError as refusal:
        raise ChangeRefusedError(" ".join(refusal.messages)) from refusal
