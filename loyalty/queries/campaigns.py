"""Campaigns: as the engine takes them, and as the owner looks at them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Count, F, Sum

from commerce.policies.goods import Goods
from loyalty.models import Campaign as CampaignRow
from loyalty.models import CampaignUse, CampaignVersion
from loyalty.policies.campaigns import Audience, Campaign, CampaignKind, CampaignState, Hours, Step
from loyalty.policies.earning import ONE, Room


class Standing(StrEnum):
    """What a campaign is doing at a moment: its state and the clock together."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"


def standing_of(campaign: CampaignRow, at: datetime) -> Standing:
    """Say what a campaign is doing at `at`. Queries: 0."""
    if campaign.state != CampaignState.DRAFT and campaign.ends_at is not None and campaign.ends_at <= at:
        return Standing.ENDED
    if campaign.state != CampaignState.ON:
        return Standing(campaign.state)
    return Standing.SCHEDULED if campaign.starts_at > at else Standing.RUNNING


def campaign_of(row: CampaignVersion) -> Campaign:
    """Turn a stored version into the value that the engine works with; its campaign must be at hand."""
    return Campaign(
        id=row.id,
        campaign_id=row.campaign_id,
        kind=CampaignKind(row.kind),
        percent=int(row.factor * ONE),
        steps=tuple(Step(from_minor, points) for from_minor, points in row.steps),
        piece_points=row.piece_points,
        goods=_goods(row),
        hours=Hours(frozenset(row.weekdays), row.from_minute, row.to_minute),
        audience=Audience(
            frozenset(row.channels),
            frozenset(row.tier_ids),
            frozenset(row.segment_ids),
            frozenset(row.order_numbers),
        ),
        cap_points=row.cap_points,
        is_limited=row.campaign.budget_points is not None,
    )


def _goods(row: CampaignVersion) -> Goods | None:
    if not (row.skus or row.brands or row.category_paths):
        return None
    return Goods(frozenset(row.skus), frozenset(row.brands), tuple(row.category_paths))


@dataclass(frozen=True, slots=True)
class Offer:
    """A campaign as its members read it: in their language, with its end."""

    text: str
    ends_at: datetime | None


def list_offers(*, programme_id: int, language: str, at: datetime) -> list[Offer]:
    """Give what runs at `at` and has a text that customers may read, soonest end first.

    What is only for some is told to all: who it is for stands in the text. Queries: 1.
    """
    running = CampaignRow.objects.filter(
        programme_id=programme_id, state=CampaignState.ON, starts_at__lte=at
    ).exclude(ends_at__lte=at)
    return [
        Offer(text, row.ends_at)
        for row in running.order_by(F("ends_at").asc(nulls_last=True), "id")
        if (text := row.public_text.get(language) or row.public_text.get("en", ""))
    ]


def get_room(campaigns: Collection[Campaign], *, member_id: int | None = None) -> dict[int, Room]:
    """Say what campaigns may still give, without locks: for hints and previews, never for an award.

    One that is not switched on (any more) may give nothing; one that is not stored yet may give everything.
    Queries: 0 without campaigns; 1; 2 with a member.
    """
    ids = [campaign.campaign_id for campaign in campaigns]
    if not ids:
        return {}
    rows = {row.id: row for row in CampaignRow.objects.filter(id__in=ids).order_by("id")}
    uses = CampaignUse.objects.filter(campaign_id__in=ids, member_id=member_id) if member_id else ()
    used = {use.campaign_id: use.points for use in uses}
    return {
        one.campaign_id: Room(
            None if one.cap_points is None else max(0, one.cap_points - used.get(one.campaign_id, 0)),
            _left(rows.get(one.campaign_id)),
        )
        for one in campaigns
    }


def _left(row: CampaignRow | None) -> int | None:
    if row is None:
        return None
    if row.state not in (CampaignState.DRAFT, CampaignState.ON):
        return 0
    return None if row.budget_points is None else row.budget_points - row.spent_points


@dataclass(frozen=True, slots=True)
class CampaignFigures:
    """What a campaign has come to: points that still stand, and members who have some."""

    points: int
    members: int


def get_figures(campaign_id: int) -> CampaignFigures:
    """Count what a campaign has given. Queries: 1."""
    uses = CampaignUse.objects.filter(campaign_id=campaign_id, points__gt=0)
    found = uses.aggregate(points=Sum("points"), members=Count("id"))
    return CampaignFigures(found["points"] or 0, found["members"])
