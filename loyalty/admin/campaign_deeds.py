"""What can be done with a campaign by a button, taken back for a minute, or asked for."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage import clock
from backstage.admin.base import by_staff
from backstage.admin.undo import offer_undo, read_undo, say_undone
from backstage.operations.approvals import ReasonMissingError
from backstage.registry import Text
from loyalty.models import Campaign
from loyalty.operations import campaigns as operations
from loyalty.operations.campaign_requests import request_start
from loyalty.operations.campaign_undo import undo_ending, undo_switching_on
from loyalty.queries.campaign_limits import get_budget_limit, say_budget_limit
from loyalty.queries.campaigns import Standing

Operate = Callable[..., Any]
# What may be done from where, in the order of the buttons.
DEEDS: dict[Standing, tuple[str, ...]] = {
    Standing.DRAFT: ("start", "discard"),
    Standing.SCHEDULED: ("pause", "end"),
    Standing.RUNNING: ("pause", "end"),
    Standing.PAUSED: ("start", "end"),
    Standing.ENDED: (),
}
OPERATIONS: Mapping[str, tuple[Operate, Text]] = {
    "start": (operations.switch_on_campaign, gettext_lazy("It is switched on.")),
    "pause": (
        operations.pause_campaign,
        gettext_lazy("Paused. It gives nothing until you switch it on again."),
    ),
    "end": (operations.end_campaign, gettext_lazy("Ended. Orders placed before keep what they earned.")),
    "discard": (operations.discard_campaign, gettext_lazy("The draft is thrown away.")),
}
# A draft that is thrown away is gone; everything else can be taken back.
UNDO: Mapping[str, Operate] = {
    "start": undo_switching_on,
    "pause": operations.switch_on_campaign,
    "end": undo_ending,
}


def do(request: HttpRequest, campaign: Campaign, name: str) -> str:
    """Do what a button says; give what the address of the page afterwards ends with."""
    operate, said = OPERATIONS[name]
    if _try(request, campaign, operate, said) and name in UNDO:
        return offer_undo(campaign, name)
    return ""


def undo(request: HttpRequest, campaign: Campaign) -> None:
    """Take back what was done a moment ago."""
    if name := read_undo(request, campaign, UNDO):
        _try(request, campaign, UNDO[name], say_undone())


def ask(request: HttpRequest, campaign: Campaign) -> None:
    """Ask somebody else to switch it on."""
    try:
        with transaction.atomic():
            request_start(
                campaign_id=campaign.pk,
                reason=request.POST.get("reason", ""),
                at=clock.now(),
                now=clock.real_now(),
                by=by_staff(request.user),
            )
        messages.success(request, _("Sent for approval. Nothing has changed yet."))
    except ReasonMissingError as refusal:
        messages.error(request, str(refusal))


def _try(request: HttpRequest, campaign: Campaign, operate: Operate, said: Text) -> bool:
    try:
        operate(campaign_id=campaign.pk, at=clock.now(), by=by_staff(request.user))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except operations.OverBudgetLimit:
        messages.error(request, say_over_limit(request, campaign))
    except operations.CampaignStepRefused as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, str(said))
        return True
    return False


def list_deeds(request: HttpRequest, campaign: Campaign, standing: Standing) -> list[str]:
    """Give the buttons; who may not start it by themselves may ask for it. Queries: 1."""
    limit = get_budget_limit(programme=campaign.programme, by=by_staff(request.user))
    asks = not limit.allows(campaign.budget_points)
    return ["ask" if name == "start" and asks else name for name in DEEDS[standing]]


def say_over_limit(request: HttpRequest, campaign: Campaign) -> str:
    """Tell somebody with which campaigns they need nobody. Queries: 1."""
    limit = get_budget_limit(programme=campaign.programme, by=by_staff(request.user))
    return _("This is over your limit.") + " " + say_budget_limit(limit)
