"""What an owner asks of a scheme of levels: complete and sensible, or refused beside the field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from loyalty.policies.perks import PerkUnreadable, read_perks

MOST_TIERS = 8
LARGEST_FACTOR = 10
# Above it, the yearly cost is shown and asked about: nobody means 150 where 1.5 was typed.
FACTOR_TO_ASK = 3
LARGEST_THRESHOLD = 10**12
MOST_GRACE_DAYS = 180
# The levels that a shop starts from, in hundreds of the currency: switched off until they have names.
DEFAULT_THRESHOLDS = (100, 300, 1000)


class TierProblem(StrEnum):
    """Why a field cannot stay as it is."""

    NO_TIERS = "no_tiers"
    MANY_TIERS = "many_tiers"
    NO_NAME = "no_name"
    SAME_NAME = "same_name"
    THRESHOLD = "threshold"
    SAME_THRESHOLD = "same_threshold"
    FALLING_THRESHOLD = "falling_threshold"
    FACTOR = "factor"
    FALLING_FACTOR = "falling_factor"
    PERKS = "perks"
    DAYS = "days"


# By the place of the level, counted from 0 (None: the scheme itself), and the field.
TierProblems = dict[tuple[int | None, str], TierProblem]


@dataclass(frozen=True, slots=True)
class TierPlan:
    """One level as an owner asks for it, from the lowest up. `level_id` is None for a new one."""

    name: str
    threshold: int
    factor: Decimal = Decimal(1)
    perks: tuple[Mapping[str, Any], ...] = ()
    level_id: int | None = None


def problems_of_tiers(tiers: Sequence[TierPlan], *, grace_days: int, notice_days: int) -> TierProblems:
    """Say what is wrong with a scheme, field by field; nothing when it can stand."""
    problems: TierProblems = {}
    if not tiers:
        problems[None, "tiers"] = TierProblem.NO_TIERS
    if len(tiers) > MOST_TIERS:
        problems[None, "tiers"] = TierProblem.MANY_TIERS
    for field, days in (("grace_days", grace_days), ("notice_days", notice_days)):
        if not 0 <= days <= MOST_GRACE_DAYS:
            problems[None, field] = TierProblem.DAYS
    for place, tier in enumerate(tiers):
        below = tiers[place - 1] if place else None
        checks = {
            "threshold": _problem_of_threshold(tier, below),
            "factor": _problem_of_factor(tier, below),
            "perks": _problem_of_perks(tier),
            "name": _problem_of_name(tier, tiers[:place]),
        }
        problems |= {(place, field): problem for field, problem in checks.items() if problem}
    return problems


def list_unnamed(tiers: Sequence[TierPlan]) -> TierProblems:
    """Say which levels have no name yet: a draft may wait for one, a scheme that is switched on may not."""
    return {(place, "name"): TierProblem.NO_NAME for place, tier in enumerate(tiers) if not tier.name.strip()}


def _problem_of_threshold(tier: TierPlan, below: TierPlan | None) -> TierProblem | None:
    if not 1 <= tier.threshold <= LARGEST_THRESHOLD:
        return TierProblem.THRESHOLD
    if below is not None and tier.threshold == below.threshold:
        return TierProblem.SAME_THRESHOLD
    if below is not None and tier.threshold < below.threshold:
        return TierProblem.FALLING_THRESHOLD
    return None


def _problem_of_factor(tier: TierPlan, below: TierPlan | None) -> TierProblem | None:
    if not 1 <= tier.factor <= LARGEST_FACTOR or tier.factor != round(tier.factor, 2):
        return TierProblem.FACTOR
    return TierProblem.FALLING_FACTOR if below is not None and tier.factor < below.factor else None


def _problem_of_perks(tier: TierPlan) -> TierProblem | None:
    try:
        read_perks(tier.perks)
    except PerkUnreadable:
        return TierProblem.PERKS
    return None


def _problem_of_name(tier: TierPlan, below: Sequence[TierPlan]) -> TierProblem | None:
    name = tier.name.strip().casefold()
    is_taken = name and name in {one.name.strip().casefold() for one in below}
    return TierProblem.SAME_NAME if is_taken else None
