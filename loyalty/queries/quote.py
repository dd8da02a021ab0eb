"""What a basket would earn now: hints on product pages ask the engine that awards ask."""

from collections.abc import Sequence
from datetime import datetime

from backstage import clock
from loyalty.models import Member
from loyalty.policies.basket import Basket, BasketLine
from loyalty.policies.campaigns import Campaign, Occasion, matching
from loyalty.policies.earning import NOTHING, EarningFacts, EarningRules, Level, PlanFactor, Quote
from loyalty.policies.earning import quote as quote_basket
from loyalty.policies.rules import ProgrammeRules
from loyalty.queries.campaigns import get_room
from loyalty.queries.occasions import Order, get_occasions
from loyalty.queries.plans.memberships import get_factors
from loyalty.queries.programmes import get_programme_rules
from loyalty.queries.tiers.levels import find_level

# No stored order has this number: a basket comes after all of them.
NOT_YET_AN_ORDER = 2**62


def quote(
    *,
    basket: Basket,
    currency: str,
    programme_id: int,
    channel: str = "",
    member_id: int | None = None,
    at: datetime | None = None,
) -> Quote:
    """Decide how many points a basket would earn if it were bought at `at`, by default now.

    Campaigns that are for some channels, levels, segments or orders count only where `channel` and
    `member_id` say that this is one, and so do the member's level and plan. Nothing where the programme does
    not earn then, or knows no rate for the currency. Queries: 1, or 10 after the rules have changed; for a
    member 1 more while levels are on and 1 where plans were sold; up to 6 more while a campaign runs. Raises:
    Programme.DoesNotExist, Member.DoesNotExist.
    """
    at = clock.now() if at is None else at
    rules = get_programme_rules(programme_id)
    tier = find_level(rules, member_id=member_id, at=at) if member_id is not None else None
    level, plan = tier.level if tier else None, None
    occasion = _occasion(rules, channel, member_id, level, at) if rules.campaigns_at(at) else None
    if member_id is not None:
        level, plan = get_factors(rules, {(member_id, at): level})[member_id, at]
    return quote_under(
        rules,
        basket=basket,
        currency=currency,
        at=at,
        occasion=occasion,
        member_id=member_id,
        level=level,
        plan=plan,
    )


def quote_under(
    rules: ProgrammeRules,
    *,
    basket: Basket,
    currency: str,
    at: datetime,
    occasion: Occasion | None = None,
    member_id: int | None = None,
    level: Level | None = None,
    more: Sequence[Campaign] = (),
    plan: PlanFactor | None = None,
) -> Quote:
    """Decide it under rules that are at hand, and under `more` campaigns that are still being thought about.

    `level` is what the member has then. Without an occasion only campaigns that are for everybody count.
    Queries: 0; up to 2 while a campaign runs.
    """
    rule, rate = rules.rule_at(at), rules.rate_at(currency, at)
    if rule is None or rate is None or not rules.earns_at(at):
        return NOTHING
    occasion = Occasion(at.astimezone(rules.zone)) if occasion is None else occasion
    campaigns = (*matching(rules.campaigns_at(at), occasion), *matching(more, occasion))
    return quote_basket(
        basket,
        EarningRules(rule, campaigns, rules.combination_at(at)),
        EarningFacts(rate, level, get_room(campaigns, member_id=member_id), plan),
    )


def single(amount_minor: int) -> Basket:
    """Make a basket of one article at a price that includes its tax."""
    return Basket((BasketLine("single", amount_minor),))


def _occasion(
    rules: ProgrammeRules, channel: str, member_id: int | None, level: Level | None, at: datetime
) -> Occasion:
    if member_id is None:
        return Occasion(at.astimezone(rules.zone), channel)
    customer_id = Member.objects.values_list("customer_id", flat=True).get(id=member_id)
    order = Order(NOT_YET_AN_ORDER, customer_id, channel, at, level.id if level else None)
    return get_occasions(rules, [order], at=at)[NOT_YET_AN_ORDER]
