"""A basket of the owner's own choice, tried under a coupon that is being thought about, and all that is live.

What is read and worked out is what the checkout reads and works out; only the coupon itself is put in as if
it were switched on and had begun. Nothing is reserved, nothing is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from commerce.policies.basket import Basket, BasketLine
from commerce.policies.recorded_baskets import RecordedBasket
from commerce.queries.baskets import know_costs
from commerce.queries.goods import Article, list_articles, list_tax_shares
from coupons.policies.codes import normal_code
from coupons.policies.conditions import Condition
from coupons.policies.evaluation import Ask, Evaluation, evaluate_candidates
from coupons.policies.offer import Buyer, Offer
from coupons.policies.previews import Kept, kept_of
from coupons.policies.states import CouponState
from coupons.policies.trims import Trim, list_trims, trim_alone
from coupons.queries.buyers import read_buyer
from coupons.queries.evaluation import Asked, read_asks
from coupons.registry import ThoughtOf


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnBasket:
    """Pieces and prices by article number, postage, further codes, and who buys, if anybody known does.

    Units: minor units of `currency`; a price is of one piece, tax included.
    """

    channel: str
    currency: str
    pieces: Mapping[str, int]
    prices: Mapping[str, int] = field(default_factory=dict)
    shipping_minor: int = 0
    codes: Sequence[str] = ()
    customer_id: int | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """What a basket gets, what is kept of it, and what was cut. `unpriced` are articles that nobody knows a
    price of; they are left out.
    """

    tried: RecordedBasket
    evaluation: Evaluation
    kept: Kept
    trims: Sequence[Trim]
    unpriced: Sequence[str]


def try_own_basket(asked: ThoughtOf, own: OwnBasket) -> Tried:
    """Try a coupon on a basket, together with everything that is live and the codes that are typed besides.

    Without a customer, the coupon counts as for whoever it is meant for.
    Queries: at most 3 for the goods and 1 for their costs, and those of `evaluate`; for a customer those of
    `read_buyer` once more. Raises: TooManyCodes, Customer.DoesNotExist.
    """
    basket, names, unpriced = _fill(own)
    codes = [code for code in own.codes if normal_code(code) != asked.code]
    found = read_asks(basket, codes, own.customer_id, asked.at)
    offer = _as_if_on(asked.offer, asked.at, is_for_all=own.customer_id is None)
    evaluation = _evaluate(found, offer, asked, own)
    tried = RecordedBasket(found.basket, 1, names)
    off = {one.coupon_id: one.by_line for one in evaluation.applied}
    trims = list_trims(evaluation.cuts, off)
    if _is_cut_to_nothing(evaluation, offer):
        trims += trim_alone(found.basket, offer, asked.at, found.limits)
    return Tried(tried, evaluation, kept_of(tried, evaluation.by_line), trims, unpriced)


def _is_cut_to_nothing(evaluation: Evaluation, offer: Offer) -> bool:
    """Tell whether the coupon is refused because the margin leaves nothing of it."""
    failed = [check for one in evaluation.answers if one.coupon_id == offer.coupon_id for check in one.failed]
    return any(check.condition is Condition.MARGIN for check in failed)


def _fill(own: OwnBasket) -> tuple[Basket, dict[str, str], list[str]]:
    """Put goods into a basket, with their tax as when they were last sold, and what they cost the shop."""
    articles, taxes = list_articles(own.pieces.keys()), list_tax_shares(own.pieces.keys())
    lines, names, unpriced = [], {}, []
    for sku, pieces in own.pieces.items():
        article = articles.get(sku, Article(sku, "", "", "", None, own.currency))
        told = article.price_minor if article.currency == own.currency else None
        price_minor = own.prices.get(sku, told)
        names[sku] = article.name or sku
        if price_minor is None:
            unpriced.append(names[sku])
            continue
        amount_minor = price_minor * pieces
        lines.append(
            BasketLine(
                key=sku,
                amount_minor=amount_minor,
                quantity=Decimal(pieces),
                sku=sku,
                brand=article.brand,
                category_path=article.category_path,
                tax_minor=int(amount_minor * taxes.get(sku, 0)),
            )
        )
    basket = Basket(own.channel, own.currency, tuple(lines), own.shipping_minor)
    return know_costs(basket), names, unpriced


def _as_if_on(offer: Offer, at: datetime, *, is_for_all: bool) -> Offer:
    """Give the coupon as if it were switched on and had begun; where nobody is known, for everybody."""
    terms = replace(offer.terms, starts_at=None, ends_at=None)
    on = replace(offer, state=CouponState.ON, starts_at=min(offer.starts_at, at), terms=terms)
    if not is_for_all:
        return on
    nobodys = replace(terms, customer_ids=frozenset(), segment_ids=frozenset(), first_order_only=False)
    return replace(on, limit_per_customer=None, terms=nobodys)


def _evaluate(found: Asked, offer: Offer, asked: ThoughtOf, own: OwnBasket) -> Evaluation:
    """Let the coupon stand in for what is stored of it, and evaluate as the checkout does."""
    others = [ask for ask in found.asks if ask.offer.coupon_id != offer.coupon_id]
    of_its_own = {ask.typed for ask in found.asks if ask.offer.coupon_id == offer.coupon_id}
    known = {ask.typed for ask in others} | of_its_own
    return evaluate_candidates(
        found.basket,
        [*others, Ask(offer, typed=asked.code)],
        _know_buyer(found.buyer, offer, asked.at, own),
        asked.at,
        limits=found.limits,
        unknown=[code for code in found.typed if code not in known],
        tells_all=True,
    )


def _know_buyer(buyer: Buyer, offer: Offer, at: datetime, own: OwnBasket) -> Buyer:
    """Add what this coupon asks of a customer: their uses of it, and its segments that they are in."""
    if own.customer_id is None:
        return buyer
    more = read_buyer(
        customer_id=own.customer_id,
        coupon_ids={offer.coupon_id},
        segment_ids=offer.terms.segment_ids,
        stale={},
        at=at,
        channel=own.channel,
    )
    return replace(buyer, segment_ids=buyer.segment_ids | more.segment_ids, uses={**buyer.uses, **more.uses})
