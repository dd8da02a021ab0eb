"""Counting what campaigns give: budgets and caps, exact because their rows are locked until the commit.

The counters are the last locks of a settlement (`loyalty.locks`), and are taken only for orders that are in a
campaign. Whoever settles an order reads them here, decides, posts, and writes them back.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import F, Q

from loyalty.locks import lock_campaigns
from loyalty.models import Award, Campaign, CampaignUse, Member
from loyalty.policies.allowance import Allowance, Counter
from loyalty.policies.campaigns import CampaignState
from loyalty.policies.errors import WriteConflict

# Why a campaign was paused: its budget could not bear an order.
BUDGET_SPENT = "budget"


def open_allowance(*, campaign_ids: Collection[int], member_ids: Collection[int]) -> Allowance:
    """Lock the counters of these campaigns and read what these members had from them.

    Locks: campaigns by ascending id; the members' accounts come first. Queries: 2.
    """
    counters = {
        row.id: Counter(
            row.spent_points,
            row.budget_points,
            is_spent=row.state == CampaignState.PAUSED and row.pause_reason == BUDGET_SPENT,
        )
        for row in lock_campaigns(campaign_ids)
    }
    uses = CampaignUse.objects.filter(campaign_id__in=counters, member_id__in=set(member_ids))
    return Allowance(counters, {(use.campaign_id, use.member_id): use.points for use in uses.order_by("id")})


def store_uses(allowance: Allowance, *, at: datetime) -> None:
    """Write down what a settlement changed; pause the campaigns that could not bear an order.

    Raises: WriteConflict when a total would pass its budget, or fall below nothing. Queries: 1, and 1 for
    each campaign that gave or got back points.
    """
    changes = {use: points for use, points in allowance.changes.items() if points}
    _store_members(
        {use: allowance.used.get(use, 0) + points for use, points in changes.items()},
    )
    for campaign_id in sorted({campaign_id for campaign_id, _ in changes}):
        _store_total(campaign_id, allowance.total_change(campaign_id))
    if allowance.ran_out:
        Campaign.objects.filter(id__in=allowance.ran_out, state=CampaignState.ON).update(
            state=CampaignState.PAUSED, pause_reason=BUDGET_SPENT, paused_at=at
        )


def recount_uses(*, member_ids: Iterable[int]) -> None:
    """Count anew what these members have from campaigns, after awards have come or gone by a merge.

    An award counts for the member that merges lead to. The totals stay as they are. Locks: the campaigns.
    """
    members = set(member_ids)
    merged = Member.objects.filter(Q(id__in=members) | Q(merged_into_id__in=members))
    holders = dict(merged.values_list("id", "merged_into_id"))
    points: dict[tuple[int, int], int] = defaultdict(int)
    awards = Award.objects.filter(member_id__in=holders).exclude(extras={}).order_by("id")
    for member_id, extras in awards.values_list("member_id", "extras"):
        for campaign_id, (_, standing, _) in extras.items():
            points[int(campaign_id), holders[member_id] or member_id] += standing
    before = CampaignUse.objects.filter(member_id__in=members)
    lock_campaigns({*before.values_list("campaign_id", flat=True), *(one for one, _ in points)})
    before.update(points=0)
    _store_members(points)


def _store_members(points: dict[tuple[int, int], int]) -> None:
    rows = [CampaignUse(campaign_id=one, member_id=member, points=n) for (one, member), n in points.items()]
    CampaignUse.objects.bulk_create(
        sorted(rows, key=lambda row: (row.campaign_id, row.member_id)),
        update_conflicts=True,
        unique_fields=["campaign", "member"],
        update_fields=["points"],
    )


def _store_total(campaign_id: int, change: int) -> None:
    within = Q(budget_points__isnull=True) | Q(budget_points__gte=F("spent_points") + change)
    if change < 0:  # giving back may not be refused, whatever the budget has become meanwhile
        within = Q(spent_points__gte=-change)
    changed = Campaign.objects.filter(within, id=campaign_id).update(spent_points=F("spent_points") + change)
    if changed != 1:
        raise WriteConflict(f"campaign {campaign_id} cannot count {change} points more; nothing was written")
