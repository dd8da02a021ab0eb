"""What a basket would earn now: hints on product pages ask the engine that awards ask."""

from datetime import datetime

from backstage import clock
from loyalty.policies.basket import Basket, BasketLine
from loyalty.policies.earning import NOTHING, EarningFacts, EarningRules, Quote
from loyalty.policies.earning import quote as quote_basket
from loyalty.policies.rules import ProgrammeRules
from loyalty.queries.programmes import get_programme_rules


def quote(*, basket: Basket, currency: str, programme_id: int, at: datetime | None = None) -> Quote:
    """Decide how many points a basket would earn if it were bought at `at`, by default now.

    Nothing where the programme does not earn then, or knows no rate for the currency. Queries: 1, or 6 after
    the rules have changed.
    """
    at = clock.now() if at is None else at
    return quote_under(get_programme_rules(programme_id), basket=basket, currency=currency, at=at)


def quote_under(rules: ProgrammeRules, *, basket: Basket, currency: str, at: datetime) -> Quote:
    """Decide it under rules that are at hand. Queries: 0."""
    rule, rate = rules.rule_at(at), rules.rate_at(currency, at)
    if rule is None or rate is None or not rules.earns_at(at):
        return NOTHING
    return quote_basket(basket, EarningRules(rule), EarningFacts(rate))


def single(amount_minor: int) -> Basket:
    """Make a basket of one article at a price that includes its tax."""
    return Basket((BasketLine("single", amount_minor),))
