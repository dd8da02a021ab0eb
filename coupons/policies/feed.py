"""What everybody may be told about coupons: entries of the public feed, where each stands, schema.org Offers.

A site that publishes coupons must be told about the end of one as surely as about its beginning. So an entry
stays in the feed for a while after it is over, as `expired`, or as `withdrawn` where the shop ended it early.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from coupons.policies.kinds import CouponKind
from coupons.policies.states import CouponState

# XML has no place for these, and no reader has a use for them.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


class FeedState(StrEnum):
    """Where a coupon stands for whoever publishes it."""

    ACTIVE = "active"
    UPCOMING = "upcoming"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A coupon as far as it decides where its entry stands.

    `has_places` is False where it is used up, `code_is_good` False where its code is paused or void.
    """

    state: CouponState
    starts_at: datetime
    ends_at: datetime | None
    paused_at: datetime | None
    ended_at: datetime | None
    has_places: bool = True
    code_is_good: bool = True


def feed_state(coupon: Published, at: datetime) -> FeedState | None:
    """Say where a coupon stands at a moment; None for a draft, which nobody is told of.

    Whose end has come is expired, whatever else became of it. One that is paused, used up, or without a good
    code is withdrawn, and may come back.
    """
    if coupon.state is CouponState.DRAFT:
        return None
    if coupon.ends_at is not None and coupon.ends_at <= (coupon.ended_at or at):
        return FeedState.EXPIRED
    if coupon.state in (CouponState.ENDED, CouponState.PAUSED):
        return FeedState.WITHDRAWN
    if not (coupon.has_places and coupon.code_is_good):
        return FeedState.WITHDRAWN
    return FeedState.UPCOMING if at < coupon.starts_at else FeedState.ACTIVE


def is_kept(coupon: Published, at: datetime, days: int) -> bool:
    """Tell whether an entry is still shown: until so many days after its end."""
    ends = [moment for moment in (coupon.ends_at, coupon.ended_at) if moment is not None]
    return not ends or at < min(ends) + timedelta(days=days)


def last_change(coupon: Published, begun: Iterable[datetime], at: datetime) -> datetime | None:
    """Give the moment since which an entry reads as it does; None where it has none that is known.

    `begun` are the moments at which its versions and codes came about. That a coupon is used up, or its code
    paused, is written nowhere with a time; whoever is told a time then would miss such a change.
    """
    if not (coupon.has_places and coupon.code_is_good):
        return None
    moments = [coupon.starts_at, coupon.ends_at, coupon.paused_at, coupon.ended_at, *begun]
    return max((moment for moment in moments if moment is not None and moment <= at), default=None)


def next_change(coupons: Iterable[Published], at: datetime) -> datetime | None:
    """Give the next moment at which the clock alone changes an entry; None where none is known."""
    moments = [moment for one in coupons for moment in (one.starts_at, one.ends_at)]
    return min((moment for moment in moments if moment is not None and moment > at), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One coupon as it is told: in one language, money as people write it without its sign.

    `conditions` are whole sentences. `code` is empty where none is needed. `discount` is the amount off, the
    price of a piece for cheaper goods, or None.
    """

    coupon_id: int
    state: FeedState
    title: str
    text: str
    conditions: Sequence[str]
    code: str
    kind: CouponKind
    percent: Decimal | None
    discount: Decimal | None
    minimum: Decimal | None
    currency: str
    starts_at: datetime
    ends_at: datetime | None
    time_zone: str
    categories: Sequence[str] = ()
    brands: Sequence[str] = ()
    first_order_only: bool = False
    needs_no_code: bool = False


AVAILABILITY = {
    FeedState.ACTIVE: "https://schema.org/InStock",
    FeedState.UPCOMING: "https://schema.org/PreOrder",
    FeedState.EXPIRED: "https://schema.org/Discontinued",
    FeedState.WITHDRAWN: "https://schema.org/Discontinued",
}


def offer_of(entry: Entry, *, shop: str, link: str) -> dict[str, Any]:
    """Write an entry as a schema.org Offer, in plain values that JSON has.

    An Offer has no property of its own for the code or the percentage: both stand under
    `additionalProperty`. Source: schema.org/Offer.
    """
    offer: dict[str, Any] = {
        "@type": "Offer",
        "identifier": f"coupon-{entry.coupon_id}",
        "name": entry.title,
        "description": " ".join([entry.text, *entry.conditions]).strip(),
        "category": "Coupon",
        "availability": AVAILABILITY[entry.state],
        "validFrom": entry.starts_at.isoformat(),
        "url": link,
        "seller": {"@type": "Organization", "name": shop},
    }
    if entry.ends_at is not None:
        offer["validThrough"] = entry.ends_at.isoformat()
    if entry.minimum is not None:
        offer["eligibleTransactionVolume"] = {
            "@type": "PriceSpecification",
            "minPrice": str(entry.minimum),
            "priceCurrency": entry.currency,
        }
    if further := _further(entry):
        offer["additionalProperty"] = [
            {"@type": "PropertyValue", "name": name, "value": value} for name, value in further.items()
        ]
    return offer


def _further(entry: Entry) -> dict[str, str]:
    told: Mapping[str, str | None] = {
        "discountCode": entry.code or None,
        "discountPercent": str(entry.percent) if entry.percent is not None else None,
        "discountAmount": str(entry.discount) if entry.kind is CouponKind.AMOUNT else None,
        "discountCurrency": entry.currency if entry.kind is CouponKind.AMOUNT else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def without_control(text: str) -> str:
    """Leave out the characters that an XML file cannot hold."""
    return CONTROL.sub("", text)
