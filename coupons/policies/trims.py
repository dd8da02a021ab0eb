"""Which pieces the margin guard cuts, from what to what: the same guard that cuts at the checkout."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from commerce.policies.basket import Basket
from commerce.policies.recorded_baskets import RecordedBaskets
from coupons.policies.evaluation import Limits
from coupons.policies.margin import Cut, CutReason, Guard
from coupons.policies.offer import Offer
from coupons.policies.plans import Plan
from coupons.policies.previews import among, as_if_meant, discount_of


@dataclass(frozen=True, slots=True)
class Trim:
    """One cut as a step: what one coupon would take off a line, and what is left of that. Minor units."""

    coupon_id: int
    key: str
    from_minor: int
    to_minor: int
    reason: CutReason
    by_id: int

    @property
    def amount_minor(self) -> int:
        """How much less comes off."""
        return self.from_minor - self.to_minor


@dataclass(frozen=True, slots=True)
class Trimmed:
    """The largest cut of an article by one floor or agreement, and how many orders have any of it."""

    name: str
    trim: Trim
    orders: int


def list_trims(cuts: Sequence[Cut], off: Mapping[int, Mapping[str, int]]) -> list[Trim]:
    """Put cuts in their order beside what still comes `off`, by coupon and line."""
    after: dict[tuple[int, str], int] = {}
    trims = []
    for cut in reversed(cuts):
        place = cut.coupon_id, cut.key
        left = after.get(place, off.get(cut.coupon_id, {}).get(cut.key, 0))
        after[place] = left + cut.amount_minor
        trims.append(Trim(*place, after[place], left, cut.reason, cut.by_id))
    return trims[::-1]


def trim_alone(basket: Basket, offer: Offer, at: datetime, limits: Limits) -> list[Trim]:
    """Say what the guard cuts of one coupon alone, also where nothing of it is left and it is refused."""
    excluding = Limits(agreements=[one for one in limits.agreements if not one.allows_coupons])
    wanted = Plan(discount_of(basket, [offer], at, excluding))
    kept = Guard(basket, basket.to_pay(), limits.floors, limits.agreements).keep(wanted)
    return list_trims(kept.cuts, kept.plan.off)


def find_trimmed(offer: Offer, recorded: RecordedBaskets, at: datetime, limits: Limits) -> list[Trimmed]:
    """Say which pieces of recorded orders a coupon would be cut on; the largest cut first."""
    if not (limits.floors or limits.agreements):
        return []
    worst: dict[object, Trimmed] = {}
    for orders, name, trim in _trims_among(as_if_meant(offer), recorded, at, limits):
        place = name, trim.reason, trim.by_id
        one = worst.get(place, Trimmed(name, trim, 0))
        larger = max(one.trim, trim, key=lambda trim: trim.amount_minor)
        worst[place] = Trimmed(name, larger, one.orders + orders)
    return sorted(worst.values(), key=lambda one: (-one.trim.amount_minor, one.name, one.trim.by_id))


def _trims_among(
    meant: Offer, recorded: RecordedBaskets, at: datetime, limits: Limits
) -> Iterator[tuple[int, str, Trim]]:
    for one in among(recorded, meant):
        for trim in trim_alone(one.basket, meant, at, limits):
            yield one.orders, one.names.get(trim.key, trim.key), trim
