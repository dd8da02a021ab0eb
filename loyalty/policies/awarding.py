"""What a purchase should stand for, given the facts that were frozen when it was first seen."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from backstage.policies.apportion import apportion_whole
from loyalty.policies.basket import Basket, BasketLine
from loyalty.policies.campaigns import Combination
from loyalty.policies.earning import (
    EarningFacts,
    EarningRules,
    Level,
    Outcome,
    PlanFactor,
    Quote,
    Room,
    Source,
    quote,
)
from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.standing import SoldLine, standing_points

# Kept per line key: points earned, points standing, id of the terms that they were granted under.
AwardLines = dict[str, list[int]]
# Kept per campaign that the order is in: points that it added, those of them that still stand, and what it
# would have added without caps, budgets and better campaigns. JSON knows keys as text alone.
AwardExtras = dict[str, list[int]]


class SaleLine(NamedTuple):
    """One line of a purchase as the shop last told it. Units: minor units, tax included; pieces."""

    key: str
    sku: str
    brand: str
    category_path: str
    quantity: Decimal
    sold_minor: int
    tax_minor: int
    returned_quantity: Decimal
    returned_minor: int | None
    is_goods: bool


@dataclass(frozen=True, slots=True)
class Sale:
    """A purchase as the shop last told it. `not_money_minor` was paid with points or a gift card."""

    currency: str
    lines: tuple[SaleLine, ...]
    not_money_minor: int = 0
    refunded_minor: int = 0
    is_cancelled: bool = False

    @property
    def has_returns(self) -> bool:
        """Whether anything of it has come back, or money for it."""
        return bool(self.refunded_minor) or any(
            line.returned_minor or line.returned_quantity for line in self.lines
        )


@dataclass(frozen=True, slots=True)
class Target:
    """What a purchase should stand for, per line and per terms, and how that came about.

    `ran_out` names the campaigns whose budget could not bear it; `plan_points` are those of what stands that
    are there for a plan alone.
    """

    lines: AwardLines
    explanation: dict[str, Any]
    extras: AwardExtras = field(default_factory=dict)
    ran_out: frozenset[int] = frozenset()
    plan_points: int = 0

    @property
    def earned_points(self) -> int:
        """What the goods as sold have earned."""
        return sum(earned for earned, _, _ in self.lines.values())

    @property
    def standing_points(self) -> int:
        """What of that still stands."""
        return sum(standing for _, standing, _ in self.lines.values())


def decide_target(
    rules: ProgrammeRules, frozen: Mapping[str, Any], sale: Sale, room: Mapping[int, Room] | None = None
) -> Target:
    """Quote the goods as sold under the frozen facts, and let returns lower what stands, line by line.

    A line added, removed or re-priced re-quotes the whole order under the same facts; a return never does.
    `room` is what campaigns with a budget or a cap may still give to this order, by campaign id.
    """
    if "reason" in frozen:
        return Target({}, {})
    quoted = quote(basket_of(sale), frozen_rules(rules, frozen), frozen_facts(frozen, room or {}))
    earned = {key: line.points for key, line in quoted.lines.items() if line.points}
    standing = standing_points(
        [_sold(line) for line in sale.lines],
        earned,
        refunded_minor=sale.refunded_minor,
        is_cancelled=sale.is_cancelled,
    )
    terms = _terms_of_lines(rules, frozen["terms"], sale, earned)
    return Target(
        {key: [points, standing[key], terms[key]] for key, points in earned.items()},
        _explanation(frozen, sale, quoted),
        _extras(quoted, earned, standing),
        frozenset(
            reason.campaign_id
            for reason in quoted.reasons
            if reason.campaign_id is not None and reason.outcome is Outcome.BUDGET_SPENT
        ),
        _standing_share(plan_share(quoted), earned, standing),
    )


def frozen_rules(rules: ProgrammeRules, frozen: Mapping[str, Any]) -> EarningRules:
    """Give the versions that the frozen facts name."""
    if "campaigns" not in frozen:
        return EarningRules(rules.rule(frozen["rule"]))
    campaigns = rules.campaigns_by_id()
    return EarningRules(
        rules.rule(frozen["rule"]),
        tuple(campaigns[version_id] for version_id in frozen.get("campaigns", ())),
        Combination(frozen.get("combination", Combination.BEST)),
    )


def frozen_facts(frozen: Mapping[str, Any], room: Mapping[int, Room]) -> EarningFacts:
    """Give the frozen facts as the engine takes them."""
    level = Level(*frozen["level"]) if "level" in frozen else None
    plan = PlanFactor(*frozen["plan"]) if "plan" in frozen else None
    return EarningFacts(_rate(frozen["rate"]), level, room, plan)


@lru_cache(maxsize=1024)
def _rate(text: str) -> Fraction:
    return Fraction(text)


def _explanation(frozen: Mapping[str, Any], sale: Sale, quoted: Quote) -> dict[str, Any]:
    """Keep the sum with its parts; the base rule alone needs no list of them."""
    told: dict[str, Any] = {
        "rule": frozen["rule"],
        "counted_minor": quoted.counted_minor,
        "sold_minor": quoted.sold_minor,
        "paid_otherwise_minor": quoted.paid_otherwise_minor,
        "points": quoted.points,
        "currency": sale.currency,
        "rate": frozen["rate"],
    }
    if len(quoted.reasons) > 1:
        told["reasons"] = [
            {
                "source": reason.source.value,
                "id": reason.id,
                "points": reason.points,
                "full": reason.full_points,
                "outcome": reason.outcome.value,
                "lines": reason.lines,
            }
            for reason in quoted.reasons
        ]
    return told


def _extras(quoted: Quote, earned: Mapping[str, int], standing: Mapping[str, int]) -> AwardExtras:
    return {
        str(reason.campaign_id): [
            reason.points,
            _standing_share(reason.lines, earned, standing),
            reason.full_points,
        ]
        for reason in quoted.reasons
        if reason.source is Source.CAMPAIGN
    }


def plan_share(quoted: Quote) -> dict[str, int]:
    """Give the points of each line that are there for a plan alone: what its factor gives, less what the
    member's own level would have given.
    """
    given = next((reason for reason in quoted.reasons if reason.source is Source.PLAN), None)
    if given is None or not given.points:
        return {}
    outdone = sum(reason.full_points for reason in quoted.reasons if reason.source is Source.LEVEL)
    added = max(0, given.points - outdone)
    return apportion_whole(added, given.lines) if added else {}


def _standing_share(lines: Mapping[str, int], earned: Mapping[str, int], standing: Mapping[str, int]) -> int:
    """Sum what still stands of a part of each line's points."""
    return sum(points * standing[key] // earned[key] for key, points in lines.items())


def room_as_before(extras: AwardExtras) -> dict[int, Room]:
    """Leave each campaign the room for what it gave, so that goods which are the same earn the same."""
    return {int(campaign_id): Room(earned) for campaign_id, (earned, _, _) in extras.items()}


def is_same_offer(before: AwardExtras, now: AwardExtras) -> bool:
    """Tell whether campaigns have the same to give as before, because the goods as sold are the same."""
    return {key: full for key, (_, _, full) in before.items()} == {
        key: full for key, (_, _, full) in now.items()
    }


def standing_by_terms(lines: AwardLines) -> dict[int, int]:
    """Sum what stands by terms: one lot is granted, or one part taken back, for each."""
    standing: dict[int, int] = defaultdict(int)
    for _, points, terms_id in lines.values():
        standing[terms_id] += points
    return dict(standing)


def basket_of(sale: Sale) -> Basket:
    """Give what was sold as the engine takes it."""
    return Basket(
        tuple(
            BasketLine(
                line.key,
                line.sold_minor,
                line.tax_minor,
                line.is_goods,
                line.sku,
                line.brand,
                line.category_path,
                line.quantity,
            )
            for line in sale.lines
        ),
        sale.not_money_minor,
    )


def _sold(line: SaleLine) -> SoldLine:
    return SoldLine(line.key, line.sold_minor, line.quantity, line.returned_quantity, line.returned_minor)


def _terms_of_lines(
    rules: ProgrammeRules, frozen_terms: Mapping[str, int], sale: Sale, keys: Iterable[str]
) -> dict[str, int]:
    """Choose the terms of each line: its product group's where that had some, else those of all other
    goods.
    """
    other_goods = frozen_terms["0"]
    if not rules.groups:
        return dict.fromkeys(keys, other_goods)
    groups = {
        line.key: rules.group_of(sku=line.sku, brand=line.brand, category_path=line.category_path)
        for line in sale.lines
    }
    return {key: frozen_terms.get(str(groups.get(key) or 0), other_goods) for key in keys}
