"""What levels would mean for the members that there are: how many would have which, and what that costs."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from backstage.plain_sql import execute
from loyalty.models import Member, Programme
from loyalty.policies.earning import ONE
from loyalty.policies.tiers.scheme import Scheme, Tier
from loyalty.policies.tiers.terms import FACTOR_TO_ASK
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.tiers.sums import count_by_rank

# In a larger programme the newest members stand for all, so that a preview is there while somebody types.
SAMPLE = 20_000


@dataclass(frozen=True, slots=True)
class LevelCount:
    """A level, with the members who would have it today and the points that they earned in the last year."""

    tier: Tier
    members: int
    points: int

    @property
    def extra_points(self) -> int:
        """What its factor would have added to those points."""
        return self.points * (self.tier.percent - ONE) // ONE


@dataclass(frozen=True, slots=True)
class LevelsPreview:
    """Units: points; minor units of the programme's currency. `asked` is whether the cost needs a tick."""

    members: int
    is_sample: bool
    levels: tuple[LevelCount, ...]
    extra_points: int
    cost_minor: int

    @property
    def without(self) -> int:
        """Members without any level."""
        return self.members - sum(level.members for level in self.levels)

    @property
    def is_for_most(self) -> bool:
        """Whether most members would have the highest level: a digit of its threshold may be lost."""
        return len(self.levels) > 1 and 2 * self.levels[-1].members > self.members > 10

    @property
    def needs_a_tick(self) -> bool:
        """Whether something about it is so far from what shops do that it is asked about."""
        factors = [level.tier.percent for level in self.levels]
        return self.is_for_most or max(factors, default=0) > FACTOR_TO_ASK * ONE


def preview_levels(*, programme: Programme, scheme: Scheme, at: datetime) -> LevelsPreview:
    """Say what a scheme would mean today, by what is recorded. Queries: 3, or 10 after a change of the rules.

    The cost is for a year in which everybody buys as in the last one.
    """
    rules = get_programme_rules(programme.id)
    (newest,) = execute(
        f"SELECT MAX(id) FROM {Member._meta.db_table} WHERE programme_id = %s", [programme.id]
    ).fetchone()
    lo, hi = max(1, (newest or 0) - SAMPLE + 1), newest or 0
    counted = count_by_rank(rules, scheme, lo=lo, hi=hi, at=at)
    levels = tuple(
        LevelCount(tier, *counted.get(scheme.rank(tier.level_id), (0, 0))) for tier in scheme.tiers
    )
    extra = sum(level.extra_points for level in levels)
    worth = programme.worth_at(at)
    return LevelsPreview(
        sum(members for members, _ in counted.values()),
        lo > 1,
        levels,
        extra,
        int(Fraction(extra * worth.minor, worth.points)),
    )
