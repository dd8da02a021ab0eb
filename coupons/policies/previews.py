"""What a coupon would do to baskets as people buy them, told by the engine that counts at the checkout.

A preview asks what would happen to whoever the coupon is meant for. So whom it is for, how often, and when
are taken out of the terms (`as_if_meant`); which goods, from what amount, in which lane stays.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from commerce.policies.basket import Basket
from commerce.policies.recorded_baskets import RecordedBasket, RecordedBaskets
from coupons.policies.evaluation import Ask, Limits, evaluate_candidates
from coupons.policies.offer import Buyer, Offer
from coupons.policies.states import CouponState

NOBODY = Buyer()
NO_LIMITS = Limits()


def as_if_meant(offer: Offer) -> Offer:
    """Give a coupon as whoever it is for meets it while it runs: without limits, dates and conditions on
    people.
    """
    terms = replace(
        offer.terms,
        customer_ids=frozenset(),
        segment_ids=frozenset(),
        channels=frozenset(),
        first_order_only=False,
        starts_at=None,
        ends_at=None,
    )
    return replace(
        offer,
        state=CouponState.ON,
        ends_at=None,
        limit_total=None,
        limit_per_customer=None,
        budget_minor=None,
        terms=terms,
    )


def discount_of(
    basket: Basket, offers: Sequence[Offer], at: datetime, limits: Limits
) -> dict[int, dict[str, int]]:
    """Give what these coupons take off a basket together within the limits of discounts, by coupon id and
    line; only what is not zero.
    """
    asks = [Ask(replace(offer, starts_at=min(offer.starts_at, at))) for offer in offers]
    evaluation = evaluate_candidates(basket, asks, NOBODY, at, limits=limits)
    return {one.coupon_id: dict(one.by_line) for one in evaluation.applied}


@dataclass(frozen=True, slots=True)
class Kept:
    """What is left of a basket after tax and cost, before and after; None where a cost is not known.

    `unknown` are the goods whose cost nobody told. Units: minor units.
    """

    paid_before: int
    paid_after: int
    before: int | None
    after: int | None
    unknown: tuple[str, ...]

    @property
    def more_orders(self) -> Fraction | None:
        """How many more orders bring as much as before, as a share; None where no number of them would."""
        if not self.before or self.after is None or self.after <= 0:
            return None
        return Fraction(self.before, self.after) - 1


@dataclass(frozen=True, slots=True)
class Thin:
    """An article with the least left of it in any basket: what is paid, what is kept, and what is in stock.

    Units: minor units of the whole line.
    """

    name: str
    sku: str
    paid_minor: int
    kept_minor: int
    stock: int | None

    @property
    def is_below_cost(self) -> bool:
        """Whether it is sold for less than it costs."""
        return self.kept_minor < 0


@dataclass(frozen=True, slots=True)
class Preview:
    """What a coupon would do. Units: minor units.

    `typical` is a typical order, or the typical one among those that get something where it gets nothing.
    `reached` of `orders` would have got something, `given_minor` in all. `worth_minor` is what all uses
    together would cost at most, None where nothing limits them.
    """

    typical: RecordedBasket | None
    kept: Kept | None
    gets_nothing: bool
    orders: int
    days: int
    reached: int
    given_minor: int
    worth_minor: int | None
    thinnest: Thin | None
    below_cost: tuple[Thin, ...]
    unknown_cost: int


def preview(offer: Offer, recorded: RecordedBaskets, at: datetime, limits: Limits = NO_LIMITS) -> Preview:
    """Say what a coupon would do to recorded baskets, as whoever it is meant for would buy them."""
    meant = as_if_meant(offer)
    off = [(one, sum_lines(discount_of(one.basket, [meant], at, limits))) for one in among(recorded, offer)]
    gaining = [(one, by_line) for one, by_line in off if by_line]
    typical, gets_nothing = _typical(recorded, gaining)
    by_line = next((lines for one, lines in gaining if one is typical), None)
    if by_line is None and typical is not None:
        by_line = sum_lines(discount_of(typical.basket, [meant], at, limits))
    thin = _thinnest(gaining)
    return Preview(
        typical=typical,
        kept=kept_of(typical, by_line or {}) if typical else None,
        gets_nothing=gets_nothing,
        orders=sum(one.orders for one, _ in off),
        days=recorded.days,
        reached=sum(one.orders for one, _ in gaining),
        given_minor=sum(one.orders * sum(lines.values()) for one, lines in gaining),
        worth_minor=_worth(offer, sum((by_line or {}).values())),
        thinnest=thin[0] if thin else None,
        below_cost=tuple(one for one in thin if one.is_below_cost),
        unknown_cost=len({line.sku for one, _ in gaining for line in one.goods if line.cost_minor is None}),
    )


def among(recorded: RecordedBaskets, offer: Offer) -> list[RecordedBasket]:
    """Give the baskets of the channels that a coupon is for."""
    channels = offer.terms.channels
    return [one for one in recorded.baskets if not channels or one.basket.channel in channels]


def _typical(
    recorded: RecordedBaskets, gaining: Sequence[tuple[RecordedBasket, Mapping[str, int]]]
) -> tuple[RecordedBasket | None, bool]:
    """Choose the order to show: a typical one if it gets something, else a typical one of those that do."""
    if not gaining:
        return recorded.typical, True
    if any(one is recorded.typical for one, _ in gaining):
        return recorded.typical, False
    by_size = sorted((one for one, _ in gaining), key=lambda one: one.goods_minor)
    return by_size[len(by_size) // 2], False


def kept_of(one: RecordedBasket, by_line: Mapping[str, int]) -> Kept:
    """Say what is left of the goods of a basket before and after a discount."""
    before = [one.kept_minor(line) for line in one.goods]
    after = [one.kept_minor(line, by_line.get(line.key, 0)) for line in one.goods]
    off = sum(by_line.get(line.key, 0) for line in one.goods)
    return Kept(
        paid_before=one.goods_minor,
        paid_after=one.goods_minor - off,
        before=_sum(before),
        after=_sum(after),
        unknown=tuple(one.names.get(line.key, line.key) for line in one.goods if line.cost_minor is None),
    )


def _sum(parts: Sequence[int | None]) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def sum_lines(off: Mapping[int, Mapping[str, int]]) -> dict[str, int]:
    """Add up what coupons take off each line."""
    found: dict[str, int] = {}
    for by_line in off.values():
        for key, amount in by_line.items():
            found[key] = found.get(key, 0) + amount
    return found


def _worth(offer: Offer, each: int) -> int | None:
    limits = [
        *([offer.budget_minor] if offer.budget_minor is not None else []),
        *([offer.limit_total * each] if offer.limit_total is not None else []),
    ]
    return min(limits, default=None)


def _thinnest(gaining: Iterable[tuple[RecordedBasket, Mapping[str, int]]]) -> list[Thin]:
    """Give for each article that gets something the line with the least left of it; the thinnest first."""
    worst: dict[str, Thin] = {}
    for one, by_line in gaining:
        for line in one.goods:
            off = by_line.get(line.key, 0)
            kept = one.kept_minor(line, off)
            if not off or kept is None:
                continue
            thin = Thin(
                one.names.get(line.key, line.sku),
                line.sku,
                line.amount_minor - off,
                kept,
                None if line.stock is None else int(line.stock),
            )
            name = line.sku or thin.name
            if name not in worst or _share(thin) < _share(worst[name]):
                worst[name] = thin
    return sorted(worst.values(), key=lambda thin: (_share(thin), thin.name))


def _share(thin: Thin) -> Fraction:
    """Say what share is kept of what is paid; what is given away for nothing is the least of all."""
    return Fraction(thin.kept_minor, thin.paid_minor) if thin.paid_minor else Fraction(-(10**9))
