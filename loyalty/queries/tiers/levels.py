"""Which level members have, now or at a moment of the past."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from backstage.plain_sql import Columns, within
from loyalty.models import TierHolding
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.tiers.scheme import LevelSource, Scheme, Tier
from loyalty.policies.tiers.standing import Held, Turn

_HOLDING = Columns(TierHolding, "member_id", "level_id", "begins_at", "ends_at")
_EARNED = Columns(TierHolding, "member_id", "level_id", "begins_at", "begin_reason", "tests_on", "id")


def list_tiers(rules: ProgrammeRules, *, at: datetime) -> tuple[Tier, ...]:
    """Give the levels that were switched on at a moment, from the lowest up; nothing while they were off.
    Queries: 0.
    """
    scheme = rules.scheme_at(at)
    return scheme.tiers if scheme else ()


def get_levels(
    rules: ProgrammeRules, asked: Iterable[tuple[int, datetime]], *, besides: LevelSource | None = None
) -> dict[tuple[int, datetime], Tier]:
    """Give the level that each of these members had at a moment, as far as they had one.

    Of what was earned and what was given the best counts; what is from the source `besides` does not.
    Queries: 1; 0 while levels were off at all moments.
    """
    schemes = {(member_id, at): rules.scheme_at(at) for member_id, at in asked}
    members = {member_id for (member_id, _), scheme in schemes.items() if scheme is not None}
    if not members:
        return {}
    held = _holdings(members, besides)
    levels: dict[tuple[int, datetime], Tier] = {}
    for (member_id, at), scheme in schemes.items():
        if scheme is not None and (tier := _best(scheme, held.get(member_id, ()), at)) is not None:
            levels[member_id, at] = tier
    return levels


def find_level(rules: ProgrammeRules, *, member_id: int, at: datetime) -> Tier | None:
    """Find the level that a member had at a moment. Queries: 1; 0 while levels were off."""
    return get_levels(rules, [(member_id, at)]).get((member_id, at))


def holdings_at(at: datetime) -> QuerySet[TierHolding, TierHolding]:
    """Give what members had at a moment, from every source."""
    return TierHolding.objects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at), begins_at__lte=at)


def list_earned(member_ids: Collection[int]) -> dict[int, Held]:
    """Give the earned level that each of these members holds now, by member. Queries: 1; 0 for nobody."""
    if not member_ids:
        return {}
    these, value = within("member_id", set(member_ids))
    rows = _EARNED.read(
        f"WHERE {these} AND ends_at IS NULL AND source = '{LevelSource.EARNED.value}'", [value]
    )
    return {
        member_id: Held(level_id, begins_at, Turn(turn), tests_on, holding_id)
        for member_id, level_id, begins_at, turn, tests_on, holding_id in rows
    }


@dataclass(frozen=True, slots=True)
class _Holding:
    level_id: int
    begins_at: datetime
    ends_at: datetime | None

    def lasts_at(self, at: datetime) -> bool:
        return self.begins_at <= at and (self.ends_at is None or at < self.ends_at)


def _holdings(member_ids: Collection[int], besides: LevelSource | None) -> dict[int, list[_Holding]]:
    these, value = within("member_id", member_ids)
    these += f" AND source <> '{besides.value}'" if besides else ""
    held: dict[int, list[_Holding]] = defaultdict(list)
    for member_id, level_id, begins_at, ends_at in _HOLDING.read(f"WHERE {these}", [value]):
        held[member_id].append(_Holding(level_id, begins_at, ends_at))
    return held


def _best(scheme: Scheme, held: Sequence[_Holding], at: datetime) -> Tier | None:
    return scheme.best(holding.level_id for holding in held if holding.lasts_at(at))
