"""What a campaign would do, told before it is saved: by the engine that awards, on orders that were placed.

A preview reads the newest orders of the last 90 days, asks what each would earn with and without the
campaign, and sums up the difference. Nothing is written, and nothing is guessed that can be computed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from commerce.models import Channel, Segment
from commerce.policies.goods import may_share
from commerce.policies.purchase_head import PurchaseHead
from commerce.queries.customers import resolve_customers
from commerce.queries.segments import find_customers, read_segment
from loyalty.models import CampaignVersion, Member, Programme
from loyalty.policies.allowance import Allowance, Counter
from loyalty.policies.awarding import Sale, basket_of
from loyalty.policies.campaigns import Campaign, CampaignState, Occasion, matching
from loyalty.policies.changes.cost import Cost, nominal_cost
from loyalty.policies.earning import EarningFacts, EarningRules, Level, Outcome, Quote, Source, quote
from loyalty.policies.rules import ProgrammeRules
from loyalty.queries.campaign_basket import try_basket
from loyalty.queries.campaigns import campaign_of
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.sales import MOST_RECENT, count_days, get_sales, list_recent
from loyalty.queries.tiers.levels import get_levels

# Without an end, the cost is told for so many days.
ENDLESS_DAYS = 30
# Of all points ever given, so many get used in the end, unless a shop knows better.
USED = Fraction(7, 10)


@dataclass(frozen=True, slots=True)
class Asked:
    """A campaign that is being thought about: its promise, its time and its budget.

    `basket` is one to try it on: pieces by article number.
    """

    campaign: Campaign
    starts_at: datetime
    ends_at: datetime | None
    budget_points: int | None = None
    basket: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """One order with what it would earn. `kind`: typical, with_goods or largest of the past, or own."""

    kind: str
    amount_minor: int
    names: tuple[str, ...]
    quoted: Quote

    @property
    def extra(self) -> int:
        """What the campaign adds."""
        return sum(reason.points for reason in self.quoted.reasons if reason.source is Source.CAMPAIGN)

    @property
    def is_trimmed(self) -> bool:
        """Whether a cap has cut it."""
        return any(reason.outcome is Outcome.TRIMMED for reason in self.quoted.reasons)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Another campaign for the same time and goods, and when both run."""

    name: str
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a campaign would do. Units: points; minor units of the programme's currency.

    `orders` were looked at, all those of the last 90 days unless `is_sample`; so many `members` would have
    got something. Points and money are for the campaign's own length, `days`. `cost` compares what the orders
    that gain promise without it and with it. `unpriced` are articles of the basket that nobody knows a price
    of.
    """

    orders: int
    is_sample: bool
    members: int
    days: int
    points: int
    promised_minor: int
    likely_minor: int
    runs_out: bool
    samples: tuple[Sample, ...]
    overlaps: tuple[Overlap, ...]
    cost: Cost
    unpriced: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Order:
    head: PurchaseHead
    sale: Sale
    customer_id: int
    occasion: Occasion
    level: Level | None


class _Tried(NamedTuple):
    """What an order earns anyway, and what the campaign would add."""

    order: _Order
    base: int
    points: int


def preview_campaign(*, programme: Programme, asked: Asked, at: datetime) -> Preview:
    """Say what a campaign would do on the orders of the last 90 days. Queries: at most 16."""
    rules = get_programme_rules(programme.id)
    orders = _recent_orders(rules, asked.campaign, at)
    own, unpriced = _own(rules, asked, at)
    totals = _try(rules, asked, orders)
    days = _length(asked)
    seen_days = count_days([order.head for order in orders], at=at)
    points = sum(tried.points for tried in totals) * days // seen_days
    runs_out = asked.budget_points is not None and points > asked.budget_points
    points = min(points, asked.budget_points) if asked.budget_points is not None else points
    worth = programme.worth_at(at)
    promised = Fraction(points * worth.minor, worth.points)
    return Preview(
        orders=len(orders),
        is_sample=len(orders) == MOST_RECENT,
        members=len({tried.order.customer_id for tried in totals if tried.points}),
        days=days,
        points=points,
        promised_minor=int(promised),
        likely_minor=int(promised * USED),
        runs_out=runs_out,
        samples=(*_samples(rules, asked, totals), *own),
        overlaps=tuple(_overlaps(programme, asked)),
        cost=_compare(totals) or nominal_cost(rules.rule_at(at) or rules.rules[0].rule, asked.campaign),
        unpriced=unpriced,
    )


def _length(asked: Asked) -> int:
    if asked.ends_at is None:
        return ENDLESS_DAYS
    return max(1, _whole_days(asked.ends_at - asked.starts_at))


def _whole_days(span: timedelta) -> int:
    """Count days, one that has begun as a whole one."""
    return -(-span // timedelta(days=1))


# -- the orders ----------------------------------------------------------------------------------------------


def _recent_orders(rules: ProgrammeRules, campaign: Campaign, at: datetime) -> list[_Order]:
    """Read the newest orders of known customers that count for this programme, oldest first."""
    channels = dict(Channel.objects.values_list("id", "key"))
    heads = list_recent(rules=rules, at=at)
    sales = get_sales(heads)
    roots = resolve_customers(customer_ids={head.customer_id for head in heads if head.customer_id})
    inside = _segments(campaign, at)
    levels = _levels(rules, heads, roots, at)
    seen: dict[int, int] = {}
    orders = []
    for head in heads:
        customer_id = roots[head.customer_id or 0]
        seen[customer_id] = seen.get(customer_id, 0) + 1
        occasion = Occasion(
            head.placed_at.astimezone(rules.zone),
            channels[head.channel_id],
            level.id if (level := levels.get(head.id)) else None,
            frozenset(key for key, members in inside.items() if customer_id in members),
            seen[customer_id],
        )
        orders.append(_Order(head, sales[head.id], customer_id, occasion, level))
    return orders


def _levels(
    rules: ProgrammeRules, heads: Sequence[PurchaseHead], roots: Mapping[int, int], at: datetime
) -> dict[int, Level]:
    """Give the level that each order was placed with; of before there were levels, the member's of today."""
    if not rules.schemes:
        return {}
    rows = Member.objects.filter(programme_id=rules.id, customer_id__in=set(roots.values()))
    members = dict(rows.values_list("customer_id", "id"))
    asked = {
        head.id: (
            members[roots[head.customer_id or 0]],
            head.placed_at if rules.scheme_at(head.placed_at) else at,
        )
        for head in heads
        if roots[head.customer_id or 0] in members
    }
    found = get_levels(rules, asked.values())
    return {head_id: found[key].level for head_id, key in asked.items() if key in found}


def _segments(campaign: Campaign, at: datetime) -> dict[int, set[int]]:
    found = {}
    for segment in Segment.objects.filter(id__in=campaign.audience.segment_ids).order_by("id"):
        definition = read_segment(conditions=segment.conditions, allow_missing=True)
        inside = find_customers(definition=definition, at=at).order_by("id")
        found[segment.id] = set(inside.values_list("id", flat=True))
    return found


# -- what they would earn ------------------------------------------------------------------------------------


def _quote(
    rules: ProgrammeRules, campaign: Campaign, order: _Order, allowance: Allowance | None = None
) -> Quote:
    at = order.head.placed_at
    rule, rate = rules.rule_at(at) or rules.rules[0].rule, rules.rate_at(order.head.currency, at)
    campaigns = tuple(matching([campaign], order.occasion)) if rate is not None else ()
    room = allowance.room_for(order.customer_id, campaigns) if allowance else {}
    facts = EarningFacts(rate or Fraction(0), order.level, room)
    return quote(basket_of(order.sale), EarningRules(rule, campaigns, rules.combination_at(at)), facts)


def _try(rules: ProgrammeRules, asked: Asked, orders: Iterable[_Order]) -> list[_Tried]:
    """Give the extra points of each order, one after the other, so that caps bind as they would."""
    allowance = Allowance({asked.campaign.campaign_id: Counter(0)})
    found = []
    for order in orders:
        quoted = _quote(rules, asked.campaign, order, allowance)
        extra = sum(reason.points for reason in quoted.reasons if reason.source is Source.CAMPAIGN)
        allowance.take(order.customer_id, {str(asked.campaign.campaign_id): [extra, extra, extra]})
        found.append(_Tried(order, quoted.points - extra, extra))
    return found


def _compare(totals: Iterable[_Tried]) -> Cost | None:
    """Compare what the orders that gain promise without the campaign and with it; None without any."""
    gaining = [tried for tried in totals if tried.points]
    base = sum(tried.base for tried in gaining)
    if not base:
        return None
    return Cost(Fraction(base), Fraction(base + sum(tried.points for tried in gaining)))


def _samples(rules: ProgrammeRules, asked: Asked, totals: Sequence[_Tried]) -> tuple[Sample, ...]:
    """Choose a typical order, a typical one that gets something, and one of the largest tenth."""
    by_size = sorted((tried.order for tried in totals), key=_size)
    gaining = sorted((tried.order for tried in totals if tried.points), key=_size)
    chosen: dict[str, _Order] = {}
    if by_size:
        chosen["typical"] = by_size[len(by_size) // 2]
        chosen["largest"] = by_size[len(by_size) * 19 // 20]
    if gaining:
        chosen["with_goods"] = gaining[len(gaining) // 2]
    kinds = [kind for kind in ("typical", "with_goods", "largest") if kind in chosen]
    return tuple(_sample(rules, asked.campaign, kind, chosen[kind]) for kind in kinds)


def _sample(rules: ProgrammeRules, campaign: Campaign, kind: str, order: _Order) -> Sample:
    allowance = Allowance({campaign.campaign_id: Counter(0)})
    quoted = _quote(rules, campaign, order, allowance)
    names = tuple(line.sku for line in order.sale.lines if line.is_goods)[:3]
    return Sample(kind, _size(order), names, quoted)


def _own(rules: ProgrammeRules, asked: Asked, at: datetime) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    """Try it on the owner's own basket; give with it the articles without a price."""
    tried = try_basket(rules=rules, campaign=asked.campaign, pieces=asked.basket, at=at)
    if not tried.names:
        return (), tried.unpriced
    return (Sample("own", tried.amount_minor, tried.names, tried.quoted),), tried.unpriced


def _size(order: _Order) -> int:
    return sum(line.sold_minor for line in order.sale.lines if line.is_goods)


# -- other campaigns -----------------------------------------------------------------------------------------


def _overlaps(programme: Programme, asked: Asked) -> Iterable[Overlap]:
    """Find the campaigns that are switched on for some of the same time and goods."""
    others = CampaignVersion.objects.filter(
        campaign__programme=programme, campaign__state=CampaignState.ON, starts_at__isnull=False
    ).exclude(campaign_id=asked.campaign.campaign_id)
    for row in others.select_related("campaign").order_by("campaign_id", "number"):
        starts_at, ends_at = max(row.starts_at or asked.starts_at, asked.starts_at), _sooner(row, asked)
        if (ends_at is None or starts_at < ends_at) and may_share(
            campaign_of(row).goods, asked.campaign.goods
        ):
            yield Overlap(row.campaign.name, starts_at, ends_at)


def _sooner(row: CampaignVersion, asked: Asked) -> datetime | None:
    ends = [end for end in (row.ends_at, asked.ends_at) if end is not None]
    return min(ends, default=None)
