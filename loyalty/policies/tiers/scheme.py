"""A scheme of levels as plain values: what is measured, over which time, and from how much on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from loyalty.policies.earning import Level
from loyalty.policies.perks import Perk


class Metric(StrEnum):
    """What counts towards a level: money kept, level points, or orders of which something is kept."""

    SPEND = "spend"
    POINTS = "points"
    ORDERS = "orders"


class Window(StrEnum):
    """Over which time it is counted."""

    ROLLING = "rolling"
    CALENDAR = "calendar"
    LIFETIME = "lifetime"


class Fall(StrEnum):
    """Where a level that is lost leads to: the next lower one, or the one that was earned."""

    STEP = "step"
    EARNED = "earned"


class LevelSource(StrEnum):
    """What a member has a level from. The best of them counts."""

    EARNED = "earned"
    HAND = "hand"
    PLAN = "plan"


class Turn(StrEnum):
    """Why a level began or ended."""

    REACHED = "reached"
    KEPT = "kept"
    FELL = "fell"
    GRANTED = "granted"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Tier:
    """One level of a version of a scheme. `level_id` is what stays the same from version to version.

    Units: `threshold` is minor units of the programme's currency, level points, or orders, as the scheme
    measures; `percent` is the factor in hundredths, 150 for one and a half.
    """

    id: int
    level_id: int
    name: str
    threshold: int
    percent: int
    perks: tuple[Perk, ...] = ()

    @property
    def level(self) -> Level:
        """What orders of its members earn by it."""
        return Level(self.level_id, self.percent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """One version of the levels of a programme, and when it ran: [`starts_at`, `ends_at`).

    `tiers` stand from the lowest to the highest. Units: `grace_days` and `notice_days` in local days.
    """

    id: int
    metric: Metric
    window: Window
    fall: Fall
    grace_days: int
    notice_days: int
    tiers: tuple[Tier, ...]
    starts_at: datetime
    ends_at: datetime | None

    def earned(self, total: int) -> Tier | None:
        """Give the highest level that a total reaches."""
        reached = [tier for tier in self.tiers if tier.threshold <= total]
        return reached[-1] if reached else None

    def find(self, level_id: int | None) -> Tier | None:
        """Find a level; one that this version knows no more is none."""
        return next((tier for tier in self.tiers if tier.level_id == level_id), None)

    def rank(self, level_id: int | None) -> int:
        """Count a level from 1, the lowest; 0 is none, also for a level that this version knows no more."""
        return 1 + next((n for n, tier in enumerate(self.tiers) if tier.level_id == level_id), -1)

    def at_rank(self, rank: int) -> Tier | None:
        """Give the level that `rank` counts."""
        return self.tiers[rank - 1] if rank > 0 else None

    def best(self, level_ids: Iterable[int]) -> Tier | None:
        """Give the highest of some levels."""
        return self.at_rank(max((self.rank(level_id) for level_id in level_ids), default=0))

    def above(self, level_id: int | None) -> Tier | None:
        """Give the next higher level; above none is the lowest."""
        rank = self.rank(level_id)
        return self.tiers[rank] if rank < len(self.tiers) else None
