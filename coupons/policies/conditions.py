"""What a basket and its buyer must be for a coupon: each condition says whether it holds and what is missing.

All are asked, not only until the first that fails: whoever mends one thing should not then hear of the next.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from commerce.policies.basket import Basket, BasketLine
from coupons.policies.offer import Buyer, KnownCode, Offer
from coupons.policies.states import CodeState, CouponState

Fact = int | str | datetime | None


class Condition(StrEnum):
    """What is asked."""

    SWITCHED_ON = "switched_on"
    STARTED = "started"
    NOT_ENDED = "not_ended"
    CODE_READY = "code_ready"
    CODE_LEFT = "code_left"
    PLACES_LEFT = "places_left"
    BUDGET_LEFT = "budget_left"
    CURRENCY = "currency"
    CHANNEL = "channel"
    KNOWN_CUSTOMER = "known_customer"
    OWN_CUSTOMER = "own_customer"
    SEGMENT = "segment"
    FIRST_ORDER = "first_order"
    CUSTOMER_LEFT = "customer_left"
    GOODS = "goods"
    AGREEMENT = "agreement"
    MINIMUM = "minimum"
    SOMETHING_OFF = "something_off"
    MARGIN = "margin"


@dataclass(frozen=True, slots=True)
class Check:
    """One condition, whether it holds, and the numbers that say what would fix it."""

    condition: Condition
    passes: bool
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A basket that asks for a coupon, by a code or because the coupon needs none."""

    basket: Basket
    left: Mapping[str, int]
    buyer: Buyer
    at: datetime
    offer: Offer
    lines: Sequence[BasketLine]
    excluded: Sequence[BasketLine] = ()
    code: KnownCode | None = None


def list_checks(asking: Asking) -> list[Check]:
    """Ask every condition that the terms have."""
    return [
        *_about_time(asking),
        *_about_places(asking),
        *_about_buyer(asking),
        *_about_basket(asking),
    ]


def _about_time(asking: Asking) -> Iterator[Check]:
    offer, at, terms = asking.offer, asking.at, asking.offer.terms
    yield Check(Condition.SWITCHED_ON, offer.state is CouponState.ON or offer.state is CouponState.ENDED)
    starts_at = max(offer.starts_at, terms.starts_at or offer.starts_at)
    yield Check(Condition.STARTED, starts_at <= at, {"starts_at": starts_at})
    ends = [offer.ends_at, asking.code.ends_at if asking.code else None]
    ends_at = min((end for end in ends if end is not None), default=None)
    # The version's own end matters only where a change is being written at this moment.
    is_over = offer.state is CouponState.ENDED or (ends_at is not None and ends_at <= at)
    yield Check(Condition.NOT_ENDED, not is_over, {"ends_at": ends_at})


def _about_places(asking: Asking) -> Iterator[Check]:
    offer, code = asking.offer, asking.code
    if code is not None:
        yield Check(Condition.CODE_READY, code.state is CodeState.READY)
        if code.limit_total is not None:
            yield Check(Condition.CODE_LEFT, code.used_count < code.limit_total)
    if offer.limit_total is not None:
        facts = {"limit": offer.limit_total}
        yield Check(Condition.PLACES_LEFT, offer.used_count < offer.limit_total, facts)


def _about_buyer(asking: Asking) -> Iterator[Check]:
    offer, buyer, terms = asking.offer, asking.buyer, asking.offer.terms
    bound = set(terms.customer_ids)
    if asking.code is not None and asking.code.customer_id is not None:
        bound.add(asking.code.customer_id)
    if bound or terms.segment_ids or offer.limit_each is not None:
        yield Check(Condition.KNOWN_CUSTOMER, buyer.customer_id is not None)
    if bound:
        yield Check(Condition.OWN_CUSTOMER, bool(bound & buyer.family))
    if terms.segment_ids:
        yield Check(Condition.SEGMENT, bool(terms.segment_ids & buyer.segment_ids))
    if terms.first_order_only:
        yield Check(Condition.FIRST_ORDER, not buyer.has_bought)
    if offer.limit_each is not None:
        used = buyer.uses.get(offer.coupon_id, 0)
        facts = {"limit": offer.limit_each, "used": used}
        yield Check(Condition.CUSTOMER_LEFT, used < offer.limit_each, facts)


def _about_basket(asking: Asking) -> Iterator[Check]:
    offer, basket, terms = asking.offer, asking.basket, asking.offer.terms
    if offer.currency:
        yield Check(Condition.CURRENCY, basket.currency == offer.currency, {"currency": offer.currency})
    if terms.channels:
        facts: Mapping[str, Fact] = {"channels": ", ".join(sorted(terms.channels))}
        yield Check(Condition.CHANNEL, basket.channel in terms.channels, facts)
    yield Check(Condition.GOODS, bool(asking.lines or asking.excluded))
    if asking.excluded:
        brands = ", ".join(sorted({line.brand for line in asking.excluded}))
        yield Check(Condition.AGREEMENT, bool(asking.lines), {"brands": brands})
    if terms.minimum_minor is not None:
        # What these goods cost before any code, so that a second code never takes the first one away.
        spent = sum(asking.left[line.key] for line in asking.lines)
        missing = max(0, terms.minimum_minor - spent)
        facts = {"minimum_minor": terms.minimum_minor, "spent_minor": spent, "missing_minor": missing}
        yield Check(Condition.MINIMUM, not missing, {**facts, "currency": basket.currency})


def check_amount(offer: Offer, *, wanted_minor: int, amount_minor: int) -> list[Check]:
    """Ask what depends on how much the coupon would take off: whether anything, whether the margin leaves
    any of what it `wanted`, and whether the budget has it.
    """
    checks = [Check(Condition.SOMETHING_OFF, wanted_minor > 0)]
    if amount_minor < wanted_minor:
        facts = {"wanted_minor": wanted_minor, "amount_minor": amount_minor}
        checks.append(Check(Condition.MARGIN, amount_minor > 0, facts))
    if offer.budget_minor is not None:
        left = offer.budget_minor - offer.spent_minor
        checks.append(Check(Condition.BUDGET_LEFT, amount_minor <= left))
    return checks
