"""Up to which share somebody switches coupons on alone, and a coupon that waits for approval, in words."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from backstage.policies import By
from commerce.policies.segments.words import say_number
from commerce.queries.goods import name_articles
from coupons.conf import COUPON_ALONE_PERCENT
from coupons.models import Coupon, CouponVersion
from coupons.policies.second_look import worst_share
from coupons.policies.terms import WHOLE
from coupons.queries.coupon_preview import VERSION_COLUMNS
from coupons.queries.offer_words import list_terms, say_discount
from coupons.queries.offers import terms_of

APPROVAL_KIND = "start_coupon"


def get_alone_share(*, by: By) -> int:
    """Give up to which share this person switches coupons on alone; only staff is limited. Queries: 0.

    Units: hundredths of a percent.
    """
    return WHOLE if by.kind != "staff" else COUPON_ALONE_PERCENT.get() * 100


def share_of(version: CouponVersion) -> int:
    """Give the largest share of its goods that a version may take off, in hundredths of a percent."""
    return worst_share(terms_of({name: getattr(version, name) for name in VERSION_COLUMNS}))


def needs_second_look(version: CouponVersion, *, by: By) -> bool:
    """Tell whether this person may not let this version begin alone. What has begun was looked at then."""
    return version.starts_at is None and share_of(version) > get_alone_share(by=by)


def say_share(share: int) -> str:
    """Write a share as a percentage: 33.34."""
    percent = (Decimal(share) / 100).normalize()
    return say_number(percent.quantize(Decimal(1)) if percent == percent.to_integral_value() else percent)


def say_over(share: int, *, by: By) -> str:
    """Tell somebody why this needs a second look, and what would do without."""
    gaps = {"share": say_share(share), "limit": say_share(get_alone_share(by=by))}
    sentence = _(
        "It may take %(share)s%% off what it speaks of, and more than %(limit)s%% needs a second person. "
        "A lower share, a minimum spend, or a highest amount with a minimum spend do without."
    )
    return sentence % gaps


# -- what waits ----------------------------------------------------------------------------------------------


def describe_start(payload: Mapping[str, Any]) -> str:
    """Say in one sentence what will happen. Queries: 0."""
    gaps = {"name": payload["name"], "share": say_share(payload["share"])}
    return _("Switch on the coupon “%(name)s”, which may take %(share)s%% off") % gaps


def find_start(payload: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Give what somebody needs to decide: what it takes off, from what, and where to look. Queries: 3."""
    coupon = Coupon.objects.filter(pk=payload["coupon_id"]).first()
    if coupon is None:
        return {"coupon": None}
    newest = coupon.versions.order_by("-number")[0]
    names = name_articles({*newest.skus, *newest.get_skus, *newest.except_skus})
    return {
        "coupon": coupon,
        "promise": say_discount(newest, coupon.currency),
        "conditions": list_terms(coupon, newest, names),
    }
