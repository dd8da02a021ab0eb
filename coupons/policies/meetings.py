"""Where a coupon meets others: how much both take off together, the worst basket, codes that look alike.

Per cents cannot be added up: lanes, stages and highest amounts decide. So the engine is asked, over the
baskets that people buy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from commerce.policies.goods import may_share
from commerce.policies.recorded_baskets import RecordedBasket, RecordedBaskets
from coupons.policies.evaluation import Limits
from coupons.policies.offer import Offer
from coupons.policies.previews import NO_LIMITS, Kept, among, as_if_meant, discount_of, kept_of, sum_lines

MOST_AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class Meeting:
    """Another coupon for some of the same goods, people and time.

    `share` is the most that both take off one basket together, `alone` the most that one of them would;
    both are 0 where no recorded basket gets both.
    """

    name: str
    coupon_id: int
    is_automatic: bool
    starts_at: datetime
    ends_at: datetime | None
    share: Fraction
    alone: Fraction

    @property
    def adds_up(self) -> bool:
        """Whether a basket gets more from both than from one of them."""
        return self.share > self.alone


@dataclass(frozen=True, slots=True)
class Worst:
    """The basket that loses most with everything live, and which coupons it gets. Units: minor units."""

    basket: RecordedBasket
    off_minor: int
    share: Fraction
    coupon_ids: tuple[int, ...]
    kept: Kept


def overlaps(one: Offer, other: Offer) -> bool:
    """Tell whether a basket could meet both: some of the same time, currency, places, people and goods."""
    if one.currency and other.currency and one.currency != other.currency:
        return False
    starts_at = max(one.starts_at, other.starts_at)
    if any(end is not None and end <= starts_at for end in (one.ends_at, other.ends_at)):
        return False
    return (
        _may_have(one.terms.channels, other.terms.channels)
        and _may_have(one.terms.customer_ids, other.terms.customer_ids)
        and may_share(one.terms.reduces, other.terms.reduces)
    )


def _may_have(one: frozenset[str] | frozenset[int], other: frozenset[str] | frozenset[int]) -> bool:
    return not one or not other or bool(set(one) & set(other))


def meet(
    offer: Offer,
    other: Offer,
    recorded: RecordedBaskets,
    at: datetime,
    *,
    is_automatic: bool,
    limits: Limits = NO_LIMITS,
) -> Meeting:
    """Say what two coupons take off together at worst, over the recorded baskets."""
    pair = [as_if_meant(offer), as_if_meant(other)]
    share = alone = Fraction(0)
    for one in among(recorded, offer):
        alones = [discount_of(one.basket, [single], at, limits) for single in pair]
        if not all(alones):
            continue  # it gets one of them at most
        best = max(_share_off(one, off) for off in alones)
        both = _share_off(one, discount_of(one.basket, pair, at, limits))
        if (both - best, both) > (share - alone, share):
            share, alone = both, best
    ends = [end for end in (offer.ends_at, other.ends_at) if end is not None]
    return Meeting(
        name=other.name,
        coupon_id=other.coupon_id,
        is_automatic=is_automatic,
        starts_at=max(offer.starts_at, other.starts_at),
        ends_at=min(ends, default=None),
        share=share,
        alone=alone,
    )


def _share_off(one: RecordedBasket, off: Mapping[int, Mapping[str, int]]) -> Fraction:
    before = sum(one.basket.to_pay().values())
    return Fraction(sum(sum_lines(off).values()), before) if before else Fraction(0)


def find_worst(
    offer: Offer,
    others: Sequence[Offer],
    recorded: RecordedBaskets,
    at: datetime,
    limits: Limits = NO_LIMITS,
) -> Worst | None:
    """Find the recorded basket that fares worst with everything live; None where none gets the coupon.

    That is the one that loses most where some are sold below cost, else the one with the largest share off.
    Of many others, those that take most off alone are tried: the engine looks at every combination, and
    somebody waits for the answer.
    """
    baskets = among(recorded, offer)
    meant = [as_if_meant(one) for one in others]
    meant.sort(
        key=lambda one: (
            -sum(_share_off(basket, discount_of(basket.basket, [one], at, limits)) for basket in baskets)
        )
    )
    everything = [as_if_meant(offer), *meant[:MOST_AT_ONCE]]
    found = []
    for one in baskets:
        off = discount_of(one.basket, everything, at, limits)
        if offer.coupon_id in off:
            by_line = sum_lines(off)
            found.append(
                Worst(
                    one,
                    sum(by_line.values()),
                    _share_off(one, off),
                    tuple(sorted(off)),
                    kept_of(one, by_line),
                )
            )
    return min(found, key=lambda one: (min(0, one.kept.after or 0), -one.share), default=None)


def is_one_letter_apart(one: str, other: str) -> bool:
    """Tell whether a slip of the finger turns one code into the other: a letter more, less, or another one,
    or two letters changed about.
    """
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    if len(one) == len(other):
        wrong = [number for number in range(len(one)) if one[number] != other[number]]
        if len(wrong) == 1:
            return True
        first, last = wrong[0], wrong[-1]
        is_swap = last - first == 1 and one[first] == other[last] and one[last] == other[first]
        return len(wrong) == 2 and is_swap
    short, long = sorted((one, other), key=len)
    return any(long[:number] + long[number + 1 :] == short for number in range(len(long)))
