"""A plan as plain values: its price, what it brings, and what an owner may ask of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from loyalty.policies.earning import ONE, PlanFactor
from loyalty.policies.perks import Perk, PerkKind, PerkUnreadable, find_perk, perk_rows, read_perks

LARGEST_PRICE = 10**9
MOST_MONTHS = 36
MOST_TRIAL_DAYS = 180
# Shorter than the shortest month: whoever pays on the last day of grace still gets something for it.
MOST_GRACE_DAYS = 28
LARGEST_FACTOR = 10
YEAR_MONTHS = 12


class PlanState(StrEnum):
    """Where a plan stands: CLOSED takes nobody new, ENDED is not renewed either."""

    DRAFT = "draft"
    ON = "on"
    CLOSED = "closed"
    ENDED = "ended"


class PlanProblem(StrEnum):
    """Why a field cannot stay as it is."""

    NO_NAME = "no_name"
    PRICE = "price"
    MONTHS = "months"
    DAYS = "days"
    FACTOR = "factor"
    PERKS = "perks"
    SHIPPING = "shipping"
    FREE_FOR_ALL = "free_for_all"
    LEVEL = "level"
    NOTHING = "nothing"


PlanProblems = dict[str, PlanProblem]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOffer:
    """One version of a plan, and when it was sold: [`starts_at`, `ends_at`).

    `id` is the version's, which periods and awards keep. Units: minor units of the programme's currency;
    `months` is how long a payment lasts; `percent` is the factor in hundredths. `shipping_minor` is what free
    shipping saves on one order; from `free_for_all_minor` on nobody pays for shipping, None where everybody
    always does. `is_sold`: new members may start now.
    """

    id: int
    plan_id: int
    name: str
    price_minor: int
    months: int
    grace_days: int = 0
    trial_days: int = 0
    percent: int = ONE
    perks: tuple[Perk, ...] = ()
    level_id: int | None = None
    shipping_minor: int = 0
    free_for_all_minor: int | None = None
    public_text: Mapping[str, str] = field(default_factory=dict)
    is_sold: bool = True
    is_renewed: bool = True
    starts_at: datetime
    ends_at: datetime | None = None

    @property
    def factor(self) -> PlanFactor:
        """What orders of its members earn by it."""
        return PlanFactor(self.id, self.percent)

    @property
    def shipping(self) -> Perk | None:
        """Its free shipping, if it has that."""
        return find_perk(self.perks, PerkKind.FREE_SHIPPING.value)

    def fee_for(self, months: int) -> int:
        """Give what so many months cost, in minor units; a part of a minor unit counts in full."""
        return -(-self.price_minor * months // self.months)


def fields_of_plan(offer: PlanOffer, *, level: str) -> dict[str, Any]:
    """Give a version as announcements keep it: plain values that can be compared. `level` is what the level
    that it brings is called.
    """
    return {
        "plan_price_minor": offer.price_minor,
        "plan_months": offer.months,
        "plan_percent": offer.percent,
        "plan_perks": perk_rows(offer.perks),
        "plan_level": None if offer.level_id is None else {"level_id": offer.level_id, "name": level},
        "plan_grace_days": offer.grace_days,
        "plan_trial_days": offer.trial_days,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDraft:
    """A version as an owner asks for it. `level_ids` are the levels that the programme has."""

    price_minor: int
    months: int
    grace_days: int
    trial_days: int
    factor: Decimal
    perks: Sequence[Mapping[str, Any]]
    level_id: int | None
    shipping_minor: int
    free_for_all_minor: int | None
    level_ids: frozenset[int] = frozenset()


def problems_of_plan(draft: PlanDraft) -> PlanProblems:
    """Say what is wrong with a version, field by field; nothing when it can stand."""
    limits = (
        ("price_minor", 1 <= draft.price_minor <= LARGEST_PRICE, PlanProblem.PRICE),
        ("months", 1 <= draft.months <= MOST_MONTHS, PlanProblem.MONTHS),
        ("grace_days", 0 <= draft.grace_days <= MOST_GRACE_DAYS, PlanProblem.DAYS),
        ("trial_days", 0 <= draft.trial_days <= MOST_TRIAL_DAYS, PlanProblem.DAYS),
        ("factor", _is_factor(draft.factor), PlanProblem.FACTOR),
        ("level_id", draft.level_id is None or draft.level_id in draft.level_ids, PlanProblem.LEVEL),
    )
    problems = {name: problem for name, is_right, problem in limits if not is_right}
    return problems | _problems_of_what_it_brings(draft)


def _is_factor(factor: Decimal) -> bool:
    return 1 <= factor <= LARGEST_FACTOR and factor == round(factor, 2)


def _problems_of_what_it_brings(draft: PlanDraft) -> PlanProblems:
    try:
        perks = read_perks(draft.perks)
    except PerkUnreadable:
        return {"perks": PlanProblem.PERKS}
    shipping = find_perk(perks, PerkKind.FREE_SHIPPING.value)
    problems: PlanProblems = {}
    # What free shipping saves is what the proof to members counts, so it has to be said, and only then.
    if (shipping is not None) != (1 <= draft.shipping_minor <= LARGEST_PRICE):
        problems["shipping_minor"] = PlanProblem.SHIPPING
    everybody = draft.free_for_all_minor
    if everybody is not None and (shipping is None or everybody <= max(0, shipping.number or 0)):
        problems["free_for_all_minor"] = PlanProblem.FREE_FOR_ALL
    if draft.factor == 1 and not perks and draft.level_id is None:
        problems["perks"] = PlanProblem.NOTHING
    return problems
