"""A campaign that somebody asks to have switched on, in words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from commerce.queries.goods import name_articles
from loyalty.models import Campaign
from loyalty.queries import sentences
from loyalty.queries.campaign_words import list_conditions, say_promise

APPROVAL_KIND = "start_campaign"


def describe_start(payload: Mapping[str, Any]) -> str:
    """Say in one sentence what will happen. Queries: 0."""
    budget = payload["budget_points"]
    if budget is None:
        return _("Switch on the campaign “%(name)s”, without a budget") % {"name": payload["name"]}
    told = {"name": payload["name"], "points": sentences.points(budget)}
    return _("Switch on the campaign “%(name)s”, with a budget of %(points)s") % told


def find_start(payload: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Give what somebody needs to decide: what it promises, to whom, and where to look. Queries: 4."""
    campaign = Campaign.objects.select_related("programme").filter(pk=payload["campaign_id"]).first()
    if campaign is None:
        return {"campaign": None}
    newest = campaign.versions.order_by("-number")[0]
    return {
        "campaign": campaign,
        "promise": say_promise(newest, campaign.programme.currency, name_articles(newest.skus)),
        "conditions": list_conditions(newest),
    }
