"""How many points something earns: the one engine that awards, hints, previews and forecasts all ask."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from backstage.policies.apportion import apportion_whole
from loyalty.policies.basket import SHIPPING_LINE, Basket, BasketLine
from loyalty.policies.campaigns import Campaign, CampaignKind, Combination

# A factor of one, in the hundredths that weights are counted in.
ONE = 100


class Rounding(StrEnum):
    """What happens to the part of a point that an order earns; the remainder is lost."""

    DOWN = "down"
    NEAREST = "nearest"
    UP = "up"


@dataclass(frozen=True, slots=True)
class BaseRule:
    """`points` for every `per_minor` minor units of the programme's currency."""

    id: int
    points: int
    per_minor: int
    counts_tax: bool = True
    counts_shipping: bool = False
    rounding: Rounding = Rounding.DOWN


@dataclass(frozen=True, slots=True)
class EarningRules:
    """What earns on one occasion: the base rule, the campaigns that the order is in, and how they combine."""

    base: BaseRule | None
    campaigns: tuple[Campaign, ...] = ()
    combination: Combination = Combination.BEST


@dataclass(frozen=True, slots=True)
class Level:
    """The level that a member had, and its factor in hundredths: 150 is one and a half."""

    id: int
    percent: int = ONE


@dataclass(frozen=True, slots=True)
class PlanFactor:
    """The version of a plan that a member had paid for, and its factor in hundredths."""

    id: int
    percent: int = ONE


@dataclass(frozen=True, slots=True)
class Room:
    """What a campaign may still give: to this member by its cap, to everyone by its budget; None is any."""

    member_points: int | None = None
    budget_points: int | None = None


@dataclass(frozen=True, slots=True)
class EarningFacts:
    """What is true about this purchase. `rate` turns its minor units into the programme's; `room` is by
    campaign id.
    """

    rate: Fraction = field(default=Fraction(1))
    level: Level | None = None
    room: Mapping[int, Room] = field(default_factory=dict)
    plan: PlanFactor | None = None


class Source(StrEnum):
    """What gave points."""

    BASE = "base"
    LEVEL = "level"
    PLAN = "plan"
    CAMPAIGN = "campaign"


class Outcome(StrEnum):
    """What became of what a source had to give."""

    GIVEN = "given"
    TRIMMED = "trimmed"
    BUDGET_SPENT = "budget_spent"
    OUTDONE = "outdone"


class Reason(NamedTuple):
    """What one source gave, to which lines. `id` is the version of the rule, campaign or plan, or the level.

    `full_points` is what it would have given without caps, budgets and better campaigns, or beside the better
    one of level and plan.
    """

    source: Source
    id: int
    points: int
    lines: dict[str, int]
    full_points: int
    outcome: Outcome = Outcome.GIVEN
    campaign_id: int | None = None


class QuotedLine(NamedTuple):
    """What one line counts for and earns. Units: minor units of the basket's currency; points."""

    counted_minor: int
    points: int


@dataclass(frozen=True, slots=True)
class Quote:
    """The points of a basket, per line, and how they came about."""

    points: int
    counted_minor: int
    sold_minor: int
    paid_otherwise_minor: int
    lines: dict[str, QuotedLine]
    reasons: tuple[Reason, ...] = ()


NOTHING = Quote(0, 0, 0, 0, {})


def quote(basket: Basket, rules: EarningRules, facts: EarningFacts) -> Quote:
    """Decide how many points a basket earns under the rules of its occasion.

    Level or plan, and campaigns, add to what the base rule gives, never to each other; of level and plan the
    higher factor counts, of equals the level's. The order is rounded once, by the rule's named rounding; each
    source gets the whole points that it adds to those before it (base, level or plan, campaigns by id), and
    spreads them over its own lines by largest remainder. The share of the order that
    was paid with points or a gift card earns nothing. No money is rounded on the way.
    """
    rule = rules.base
    if rule is None:
        return NOTHING
    counted = {line.key: _counted_minor(line, rule) for line in basket.lines}
    sold_minor = basket.sold_minor
    paid_otherwise_minor = min(basket.not_money_minor, sold_minor)
    sum_ = _Sum(rule, facts.rate, sold_minor - paid_otherwise_minor, sold_minor)
    reasons = [_weighed(sum_, Source.BASE, rule.id, ONE, counted)]
    reasons += _standing_factors(facts, sum_, counted)
    if rules.campaigns:
        reasons += _extras(basket, rules, facts, sum_, counted)
    return Quote(
        sum(reason.points for reason in reasons),
        sum(counted.values()),
        sold_minor,
        paid_otherwise_minor,
        _lines(counted, reasons),
        tuple(reasons),
    )


def round_points(numerator: int, denominator: int, rounding: Rounding) -> int:
    """Round `numerator / denominator` to whole points: down, up, or to the nearest with a half going up."""
    if rounding is Rounding.DOWN:
        return numerator // denominator
    if rounding is Rounding.UP:
        return -(-numerator // denominator)
    return (2 * numerator + denominator) // (2 * denominator)


# -- the exact sum and its one rounding ----------------------------------------------------------------------


@dataclass(slots=True)
class _Sum:
    """What the order earns exactly so far. Weights are hundredths of minor units: factors stay whole."""

    rule: BaseRule
    rate: Fraction
    money_minor: int
    sold_minor: int
    weight: int = 0

    def points_with(self, weight: int) -> int:
        """Give the whole points that a weight adds to what is there."""
        return self._points(self.weight + weight) - self._points(self.weight)

    def reaches(self, counted_minor: int, from_minor: int) -> bool:
        """Tell whether what was paid in money for these goods comes to an amount in the programme's units."""
        paid = counted_minor * self.money_minor * self.rate.numerator
        return bool(self.sold_minor) and paid >= from_minor * self.sold_minor * self.rate.denominator

    def _points(self, weight: int) -> int:
        if weight == 0 or self.money_minor == 0:
            return 0
        numerator = weight * self.money_minor * self.rule.points * self.rate.numerator
        denominator = ONE * self.sold_minor * self.rule.per_minor * self.rate.denominator
        return round_points(numerator, denominator, self.rule.rounding)


def _counted_minor(line: BasketLine, rule: BaseRule) -> int:
    counts = line.is_goods or (rule.counts_shipping and line.key == SHIPPING_LINE)
    if not counts:
        return 0
    return max(0, line.amount_minor - (0 if rule.counts_tax else line.tax_minor))


def _weighed(sum_: _Sum, source: Source, id_: int, percent: int, counted: Mapping[str, int]) -> Reason:
    weight = percent * sum(counted.values())
    points = sum_.points_with(weight)
    sum_.weight += weight
    return Reason(source, id_, points, _spread(points, counted), points)


def _standing_factors(facts: EarningFacts, sum_: _Sum, counted: Mapping[str, int]) -> list[Reason]:
    """Let the higher factor of level and plan count; what the other would have given is kept beside it.

    So what a plan is worth to somebody with a level is only what it adds to that.
    """
    level, plan = facts.level, facts.plan
    offers = [(Source.LEVEL, level.id, level.percent - ONE)] if level and level.percent != ONE else []
    offers += [(Source.PLAN, plan.id, plan.percent - ONE)] if plan and plan.percent != ONE else []
    if not offers:
        return []
    best = max(offers, key=lambda offer: offer[2])  # of equals the first, which is the level
    outdone = [
        Reason(source, id_, 0, {}, sum_.points_with(more * sum(counted.values())), Outcome.OUTDONE)
        for source, id_, more in offers
        if (source, id_, more) != best
    ]
    source, id_, more = best
    return [*outdone, _weighed(sum_, source, id_, more, counted)]


def _spread(points: int, counted: Mapping[str, int]) -> dict[str, int]:
    """Spread whole points over the lines that count. Where nothing counts, no source gives points."""
    if not points:
        return {}
    return {key: share for key, share in apportion_whole(points, counted).items() if share}


def _lines(counted: Mapping[str, int], reasons: list[Reason]) -> dict[str, QuotedLine]:
    points = dict.fromkeys(counted, 0)
    for reason in reasons:
        for key, share in reason.lines.items():
            points[key] = points.get(key, 0) + share
    return {key: QuotedLine(counted.get(key, 0), earned) for key, earned in points.items()}


# -- campaigns -----------------------------------------------------------------------------------------------


def _extras(
    basket: Basket, rules: EarningRules, facts: EarningFacts, sum_: _Sum, counted: Mapping[str, int]
) -> list[Reason]:
    campaigns = sorted(rules.campaigns, key=lambda campaign: campaign.campaign_id)
    reasons = []
    for campaign in campaigns:
        among = {key: counted[key] for key in basket.keys_among(campaign.goods)}
        weight = (campaign.percent - ONE) * sum(among.values())
        weight = weight if campaign.kind is CampaignKind.MULTIPLY else 0
        full = sum_.points_with(weight) if weight else _fixed_points(campaign, basket, sum_, among)
        if rules.combination is Combination.ADD_UP:
            sum_.weight += weight
        reasons.append(_granted(campaign, full, facts.room.get(campaign.campaign_id, Room()), among))
    return reasons if rules.combination is Combination.ADD_UP else _best_one(reasons)


def _fixed_points(campaign: Campaign, basket: Basket, sum_: _Sum, among: Mapping[str, int]) -> int:
    """Give the points of the highest step that is reached, or of the pieces that money was paid for."""
    if campaign.kind is CampaignKind.STEPS:
        counted_minor = sum(among.values())
        reached = [step for step in campaign.steps if sum_.reaches(counted_minor, max(1, step.from_minor))]
        return max(reached).points if reached else 0
    if campaign.kind is CampaignKind.PIECES and sum_.sold_minor:
        pieces = sum(int(line.quantity) for line in basket.lines if among.get(line.key))
        return campaign.piece_points * pieces * sum_.money_minor // sum_.sold_minor
    return 0


def _granted(campaign: Campaign, full: int, room: Room, among: Mapping[str, int]) -> Reason:
    """Trim by the member's cap; a budget gives all of what is left after that, or nothing."""
    points, outcome = full, Outcome.GIVEN
    if room.member_points is not None and points > room.member_points:
        points, outcome = max(0, room.member_points), Outcome.TRIMMED
    if room.budget_points is not None and points > room.budget_points:
        points, outcome = 0, Outcome.BUDGET_SPENT
    return Reason(
        Source.CAMPAIGN, campaign.id, points, _spread(points, among), full, outcome, campaign.campaign_id
    )


def _best_one(reasons: list[Reason]) -> list[Reason]:
    """Keep the points of the campaign that gives most, the oldest of equals; mark the others as outdone."""
    best = max(reasons, key=lambda reason: reason.points)
    return [
        reason
        if reason is best or not reason.points
        else Reason(reason.source, reason.id, 0, {}, reason.full_points, Outcome.OUTDONE, reason.campaign_id)
        for reason in reasons
    ]
