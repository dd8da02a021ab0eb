"""What a plan is worth: what it adds in points, and what its free shipping saves, order by order.

A member reads only what is really there for the plan. Somebody who thinks about joining reads what the orders
of the last year would have been: there, only shipping that was really charged counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from loyalty.policies.awarding import Sale, decide_target
from loyalty.policies.basket import SHIPPING_LINE
from loyalty.policies.earning import ONE
from loyalty.policies.plans.offer import PlanOffer
from loyalty.policies.rules import ProgrammeRules


@dataclass(frozen=True, slots=True)
class Delivery:
    """An order as free shipping asks about it. Units: minor units of the programme's currency.

    `is_sent`: it was bought where things are sent.
    """

    goods_minor: int
    shipping_minor: int
    is_sent: bool


@dataclass(frozen=True, slots=True)
class Saving:
    """What a plan gave, or would have given. Units: points; minor units; orders."""

    points: int = 0
    shipping_minor: int = 0
    shipped: int = 0

    def __add__(self, other: "Saving") -> "Saving":
        return Saving(
            self.points + other.points,
            self.shipping_minor + other.shipping_minor,
            self.shipped + other.shipped,
        )


def read_delivery(sale: Sale, *, rate: Fraction, is_sent: bool) -> Delivery:
    """Read an order as free shipping asks about it; `rate` turns its money into the programme's."""
    goods = sum(line.sold_minor for line in sale.lines if line.is_goods)
    shipping = sum(line.sold_minor for line in sale.lines if line.key == SHIPPING_LINE)
    return Delivery(int(goods * rate), int(shipping * rate), is_sent)


def shipping_saved(offer: PlanOffer, order: Delivery) -> Saving:
    """Give what free shipping has saved a member of the plan on an order: what the plan states, or nothing.

    Nothing where shipping was charged all the same, or would have been free for everybody. Whether the
    member's own level gives it is for the caller to know.
    """
    everybody = offer.free_for_all_minor
    is_free_anyway = everybody is not None and order.goods_minor >= everybody
    if not _ships_free(offer, order) or order.shipping_minor or is_free_anyway:
        return Saving()
    return Saving(shipping_minor=offer.shipping_minor, shipped=1)


def shipping_spared(offer: PlanOffer, order: Delivery) -> Saving:
    """Give what free shipping would have spared whoever had the plan: what was really charged."""
    if not _ships_free(offer, order) or not order.shipping_minor:
        return Saving()
    return Saving(shipping_minor=order.shipping_minor, shipped=1)


def points_spared(
    rules: ProgrammeRules, offer: PlanOffer, sale: Sale, *, frozen: Mapping[str, Any], placed_at: datetime
) -> Saving:
    """Give the points that a plan would have added to an order, by the engine that awards points.

    `frozen` are the facts under which the order was awarded; where it earned nothing because its customer was
    no member yet, it is asked under the rules of its day.
    """
    rule, terms = rules.rule_at(placed_at), rules.terms_at(placed_at)
    if "rule" not in frozen and (rule is None or None not in terms or not rules.earns_at(placed_at)):
        return Saving()
    rate = rules.rate_at(sale.currency, placed_at)
    if rate is None:
        return Saving()
    facts = {
        "rule": frozen.get("rule", rule.id if rule else 0),
        "terms": frozen.get("terms") or {str(group or 0): terms_id for group, terms_id in terms.items()},
        "rate": frozen.get("rate") or str(rate),
        "plan": [offer.id, plan_percent(rules, offer, placed_at)],
    }
    if "level" in frozen:
        facts["level"] = frozen["level"]
    return Saving(points=decide_target(rules, facts, sale).plan_points)


def plan_percent(rules: ProgrammeRules, offer: PlanOffer, at: datetime) -> int:
    """Give the factor of a plan in hundredths: its own, or that of the level that it brings."""
    scheme = rules.scheme_at(at) if offer.level_id is not None else None
    brought = scheme.find(offer.level_id) if scheme else None
    return max(offer.percent, brought.percent if brought else ONE)


def _ships_free(offer: PlanOffer, order: Delivery) -> bool:
    perk = offer.shipping
    return perk is not None and order.is_sent and order.goods_minor >= max(1, perk.number or 0)
