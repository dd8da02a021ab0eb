"""What a basket gets, and why not more: the rules of `policies.evaluation`, after one read of constant size.

    1. The codes, with their coupons, versions and batches; and the stamp of the offers that need no code and
       of the limits of discounts, which are kept in memory.
    2. What is left of those, and what has timed out.
    3. For a customer, who that is and what they had; and, where somebody asks, their segments.
    4. Where there are floors, what goods cost of which the basket does not say it.

The number of statements depends neither on how many coupons run nor on what a code turns out to be, so that
nobody learns from the time it takes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from commerce.policies.basket import Basket
from commerce.queries.baskets import know_costs, reduce_basket
from coupons.policies.codes import is_code, normal_code
from coupons.policies.evaluation import Ask, Evaluation, Limits, evaluate_candidates
from coupons.policies.offer import Buyer
from coupons.queries.buyers import read_buyer
from coupons.queries.offers import count_what_is_left, read_asked

# More than anybody has; a basket with a list of a thousand guesses would look them all up.
MOST_CODES = 20


class TooManyCodes(ValueError):
    """More codes at once than anybody has."""

    def __init__(self, *, count: int) -> None:
        self.count = count
        super().__init__(f"{count} codes were given for one basket. At most {MOST_CODES} are looked up.")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was read for a basket: its coupons and codes, and who buys."""

    basket: Basket
    limits: Limits
    asks: list[Ask]
    buyer: Buyer
    typed: dict[str, str]  # normal codes to what somebody typed, in their order
    stale: dict[int, dict[int | None, int]]  # uses that have timed out, by coupon and customer


def evaluate(
    basket: Basket,
    codes: Sequence[str],
    customer: int | None,
    at: datetime,
    *,
    tells_all: bool = False,
) -> Evaluation:
    """Say what a basket gets for these codes and by itself, and of each code whether it counts or why not.

    Nothing is reserved. `customer` is the buyer's id, None for nobody known; merges are followed. With
    `tells_all`, the owner's view, everything is explained, offers without a code too.
    Queries: 2 for nobody, 4 for a customer, 2 more where a coupon is for a segment, 1 more where a floor asks
    for costs; 3 more after a change of coupons. Raises: TooManyCodes, Customer.DoesNotExist.
    """
    return evaluate_asks(read_asks(basket, codes, customer, at), at, tells_all=tells_all)


def evaluate_asks(asked: Asked, at: datetime, *, tells_all: bool = False) -> Evaluation:
    """Work out what was read. Queries: 0."""
    known = {ask.typed for ask in asked.asks}
    evaluation = evaluate_candidates(
        asked.basket,
        asked.asks,
        asked.buyer,
        at,
        limits=asked.limits,
        unknown=[code for code in asked.typed if code not in known],
        tells_all=tells_all,
    )
    order = {code: number for number, code in enumerate(asked.typed)}
    answers = sorted(evaluation.answers, key=lambda answer: order.get(answer.code, len(order)))
    return replace(
        evaluation,
        answers=tuple(replace(one, code=asked.typed.get(one.code, "")) for one in answers),
        applied=tuple(replace(one, code=asked.typed.get(one.code, "")) for one in evaluation.applied),
    )


def read_asks(
    basket: Basket,
    codes: Sequence[str],
    customer: int | None,
    at: datetime,
    *,
    reference: str = "",
) -> Asked:
    """Read all that decides about a basket. `reference` is its order, where there is one already."""
    typed = {code: text for text in codes if (code := normal_code(text))}
    if len(typed) > MOST_CODES:
        raise TooManyCodes(count=len(typed))
    asks, running = read_asked([code for code in typed if is_code(code)], at)
    asks, automatic, stale = count_what_is_left(asks=asks, automatic=running.offers, at=at)
    asks += [Ask(offer) for offer in automatic]
    buyer = read_buyer(
        customer_id=customer,
        coupon_ids={ask.offer.coupon_id for ask in asks},
        segment_ids={segment_id for ask in asks for segment_id in ask.offer.terms.segment_ids},
        stale=stale,
        at=at,
        channel=basket.channel,
        reference=reference,
    )
    known = know_costs(basket) if running.limits.floors else basket
    return Asked(
        basket=reduce_basket(known, customer_id=buyer.customer_id, at=at),
        limits=running.limits,
        asks=asks,
        buyer=buyer,
        typed=typed,
        stale=stale,
    )
