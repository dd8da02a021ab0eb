"""What campaigns may still give while orders are settled, one after the other, under their counters' lock."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from loyalty.policies.awarding import AwardExtras
from loyalty.policies.campaigns import Campaign
from loyalty.policies.earning import Room

Use = tuple[int, int]  # campaign id, member id


@dataclass(slots=True)
class Counter:
    """A campaign's total as it stands. `is_spent`: its budget has refused an order, so it gives no more."""

    spent_points: int
    budget_points: int | None = None
    is_spent: bool = False


@dataclass(slots=True)
class Allowance:
    """The counters of some campaigns, read under their locks, and what this settlement changes of them.

    Orders are asked one after the other. What an order had before is its own to have again: it is given back
    before its room is measured, so that a corrected order never loses to its own earlier self.
    """

    counters: Mapping[int, Counter]
    used: Mapping[Use, int] = field(default_factory=dict)
    changes: dict[Use, int] = field(default_factory=lambda: defaultdict(int))
    ran_out: set[int] = field(default_factory=set)

    def give_back(self, member_id: int | None, extras: AwardExtras) -> None:
        """Return what an order had from campaigns, before it is asked anew."""
        if member_id is not None:
            for campaign_id, (_, standing, _) in extras.items():
                self.changes[int(campaign_id), member_id] -= standing

    def take(self, member_id: int, extras: AwardExtras) -> None:
        """Count what an order has from campaigns now."""
        for campaign_id, (_, standing, _) in extras.items():
            self.changes[int(campaign_id), member_id] += standing

    def room_for(
        self, member_id: int, campaigns: Iterable[Campaign], own: AwardExtras | None = None
    ) -> dict[int, Room]:
        """Say what these campaigns may still give to an order of this member, which had `own` before."""
        return {
            one.campaign_id: Room(
                self._left_for(member_id, one),
                self._left(one.campaign_id, (own or {}).get(str(one.campaign_id))),
            )
            for one in campaigns
        }

    def total_change(self, campaign_id: int) -> int:
        """Give by how much a campaign's total changes."""
        return sum(points for (changed_id, _), points in self.changes.items() if changed_id == campaign_id)

    def _left_for(self, member_id: int, campaign: Campaign) -> int | None:
        if campaign.cap_points is None:
            return None
        use = campaign.campaign_id, member_id
        return max(0, campaign.cap_points - self.used.get(use, 0) - self.changes.get(use, 0))

    def _left(self, campaign_id: int, own: Sequence[int] | None) -> int | None:
        counter = self.counters[campaign_id]
        if counter.is_spent or campaign_id in self.ran_out:
            return own[1] if own else 0
        if counter.budget_points is None:
            return None
        return max(0, counter.budget_points - counter.spent_points - self.total_change(campaign_id))
