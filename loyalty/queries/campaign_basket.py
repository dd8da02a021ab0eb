"""A basket of the owner's own choice, tried under a campaign that is being thought about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from commerce.queries.goods import list_articles
from loyalty.policies.allowance import Allowance, Counter
from loyalty.policies.basket import Basket, BasketLine
from loyalty.policies.campaigns import Campaign
from loyalty.policies.earning import NOTHING, EarningFacts, EarningRules, Quote, quote
from loyalty.policies.rules import ProgrammeRules


@dataclass(frozen=True, slots=True)
class TriedBasket:
    """What a basket costs and would earn. `unpriced` are articles that nobody knows a price of; they are left
    out. Units: minor units of the programme's currency.
    """

    amount_minor: int = 0
    names: tuple[str, ...] = ()
    quoted: Quote = NOTHING
    unpriced: tuple[str, ...] = ()


def try_basket(
    *, rules: ProgrammeRules, campaign: Campaign, pieces: Mapping[str, int], at: datetime
) -> TriedBasket:
    """Try a campaign on pieces by article number, as somebody would buy them whom it is for, while it runs.

    Queries: at most 2; 0 without any.
    """
    if not pieces:
        return TriedBasket()
    articles = list_articles(pieces.keys())
    lines, names, unpriced = [], [], []
    for sku, count in pieces.items():
        article = articles.get(sku)
        rate = rules.rate_at(article.currency, at) if article else None
        if article is None or article.price_minor is None or rate is None:
            unpriced.append(sku)
            continue
        amount_minor = int(article.price_minor * count * rate)
        line = BasketLine(
            sku, amount_minor, 0, True, sku, article.brand, article.category_path, Decimal(count)
        )
        lines.append(line)
        names.append(article.name or sku)
    room = Allowance({campaign.campaign_id: Counter(0)}).room_for(0, (campaign,))
    rule = rules.rule_at(at) or rules.rules[0].rule
    earning = EarningRules(rule, (campaign,), rules.combination_at(at))
    return TriedBasket(
        sum(line.amount_minor for line in lines),
        tuple(names),
        quote(Basket(tuple(lines)), earning, EarningFacts(room=room)) if lines else NOTHING,
        tuple(unpriced),
    )
