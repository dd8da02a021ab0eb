"""What can be done with a campaign by a button, taken back for a minute, or asked for."""

from datetime import datetime

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backstage.admin.base import by_staff
from backstage.admin.deeds import ASK, Deed
from backstage.registry import Text
from loyalty.admin.campaign_view import say_moment
from loyalty.models import Campaign
from loyalty.operations import campaigns as operations
from loyalty.operations.campaign_undo import undo_ending, undo_switching_on
from loyalty.queries.campaign_limits import get_budget_limit, say_budget_limit
from loyalty.queries.campaigns import Standing

# What may be done from where, in the order of the buttons.
OFFERED: dict[Standing, tuple[str, ...]] = {
    Standing.DRAFT: ("start", "discard"),
    Standing.SCHEDULED: ("pause", "end"),
    Standing.RUNNING: ("pause", "end"),
    Standing.PAUSED: ("start", "end"),
    Standing.ENDED: (),
}
# A draft that is thrown away is gone; everything else can be taken back.
DEEDS = {
    "start": Deed(
        operate=operations.switch_on_campaign,
        said=gettext_lazy("It is switched on."),
        meaning=gettext_lazy("Orders placed from now on are in it."),
        label=gettext_lazy("Start now"),
        undo=undo_switching_on,
    ),
    "pause": Deed(
        operate=operations.pause_campaign,
        said=gettext_lazy("Paused. It gives nothing until you switch it on again."),
        meaning=gettext_lazy("Orders placed from now on are not in it, until you switch it on again."),
        label=gettext_lazy("Pause"),
        undo=operations.switch_on_campaign,
    ),
    "end": Deed(
        operate=operations.end_campaign,
        said=gettext_lazy("Ended. Orders placed before keep what they earned."),
        meaning=gettext_lazy("It ends for good. Orders placed before keep what they earned."),
        label=gettext_lazy("End it"),
        undo=undo_ending,
    ),
    "discard": Deed(
        operate=operations.discard_campaign,
        said=gettext_lazy("The draft is thrown away."),
        meaning=gettext_lazy("The draft is thrown away. It has given nothing."),
        label=gettext_lazy("Throw the draft away"),
    ),
}


def list_deeds(
    request: HttpRequest, campaign: Campaign, standing: Standing, at: datetime
) -> list[tuple[str, Text, Text]]:
    """Give the buttons: name, meaning, label. Who may not start it alone may ask for it. Queries: 1."""
    limit = get_budget_limit(programme=campaign.programme, by=by_staff(request.user))
    asks = not limit.allows(campaign.budget_points)
    return [_tell(name, campaign, at, asks=asks) for name in OFFERED[standing]]


def _tell(name: str, campaign: Campaign, at: datetime, *, asks: bool) -> tuple[str, Text, Text]:
    if name == "start" and asks:
        return "ask", *ASK
    if name == "start" and campaign.starts_at > at:
        moment = say_moment(campaign.starts_at, campaign.programme)
        return name, _("Orders placed from then on are in it."), _("Start on %(moment)s") % {"moment": moment}
    return name, DEEDS[name].meaning, DEEDS[name].label


def say_over_limit(request: HttpRequest, campaign: Campaign) -> str:
    """Tell somebody with which campaigns they need nobody. Queries: 1."""
    limit = get_budget_limit(programme=campaign.programme, by=by_staff(request.user))
    return _("This is over your limit.") + " " + say_budget_limit(limit)
