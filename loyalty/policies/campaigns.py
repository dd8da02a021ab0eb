"""Campaigns as plain values: which orders they are for, and what they promise."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from commerce.policies.goods import Goods

DAY_MINUTES = 24 * 60


class CampaignKind(StrEnum):
    """What a campaign adds to what an order earns anyway."""

    MULTIPLY = "multiply"
    STEPS = "steps"
    PIECES = "pieces"


class Combination(StrEnum):
    """What happens when an order is in several campaigns."""

    BEST = "best"
    ADD_UP = "add_up"


class CampaignState(StrEnum):
    """Where a campaign stands; whether an ON one is scheduled, running or over is a question of the clock."""

    DRAFT = "draft"
    ON = "on"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """From this amount on, so many points. Units: minor units of the programme's currency; points."""

    from_minor: int
    points: int


@dataclass(frozen=True, slots=True)
class Hours:
    """Days of the week (Monday is 0) and minutes of the day [from, to) in the programme's zone.

    A window that ends before it starts runs past midnight and belongs to the day on which it began.
    """

    weekdays: frozenset[int] = frozenset()
    from_minute: int = 0
    to_minute: int = DAY_MINUTES

    def contain(self, local: datetime) -> bool:
        """Tell whether a local moment lies within them."""
        minute, weekday = local.hour * 60 + local.minute, local.weekday()
        if self.from_minute < self.to_minute:
            return self.from_minute <= minute < self.to_minute and self._on(weekday)
        if minute >= self.from_minute:
            return self._on(weekday)
        return minute < self.to_minute and self._on((weekday - 1) % 7)

    def _on(self, weekday: int) -> bool:
        return not self.weekdays or weekday in self.weekdays


@dataclass(frozen=True, slots=True)
class Audience:
    """Whose orders: of these channels, levels and segments, and the how-manieth. Empty means any."""

    channels: frozenset[str] = frozenset()
    tier_ids: frozenset[int] = frozenset()
    segment_ids: frozenset[int] = frozenset()
    order_numbers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Occasion:
    """What is true of an order when it is first seen. `local` is its moment in the programme's zone."""

    local: datetime
    channel: str = ""
    tier_id: int | None = None
    segment_ids: frozenset[int] = frozenset()
    order_number: int | None = None


@dataclass(frozen=True, slots=True)
class Campaign:
    """One version of a campaign's promise.

    `id` is the version's, which awards keep; `campaign_id` is what budget and caps are counted by. `percent`
    is the factor in hundredths, 200 for double. Only what its kind names is used.
    """

    id: int
    campaign_id: int
    kind: CampaignKind
    percent: int = 100
    steps: tuple[Step, ...] = ()
    piece_points: int = 0
    goods: Goods | None = None
    hours: Hours = field(default_factory=Hours)
    audience: Audience = field(default_factory=Audience)
    cap_points: int | None = None
    is_limited: bool = False

    def is_for(self, occasion: Occasion) -> bool:
        """Tell whether an order of this occasion is in the campaign."""
        audience = self.audience
        return (
            self.hours.contain(occasion.local)
            and _in(audience.channels, occasion.channel)
            and _in(audience.tier_ids, occasion.tier_id)
            and _in(audience.order_numbers, occasion.order_number)
            and (not audience.segment_ids or bool(audience.segment_ids & occasion.segment_ids))
        )


def _in(wanted: frozenset[object] | frozenset[str] | frozenset[int], value: object) -> bool:
    return not wanted or value in wanted


def matching(campaigns: Iterable[Campaign], occasion: Occasion) -> list[Campaign]:
    """Choose the campaigns that an order of this occasion is in, in the order of their ids."""
    return sorted((one for one in campaigns if one.is_for(occasion)), key=lambda one: one.campaign_id)
