"""Versions of coupons, as operations copy, open, end and store them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, Max, Value
from django.db.models.functions import Greatest

from coupons.models import Coupon, CouponVersion
from coupons.policies.coupon_terms import problems_of_terms
from coupons.queries.coupon_words import say_problems

TERMS_FIELDS = (
    "kind",
    "amount_minor",
    "percent",
    "most_minor",
    "pieces",
    "buy_pieces",
    "get_pieces",
    "most_times",
    "skus",
    "brands",
    "category_paths",
    "get_skus",
    "get_brands",
    "get_category_paths",
    "except_skus",
    "except_brands",
    "except_category_paths",
    "sale_goods",
    "minimum_minor",
    "first_order_only",
    "channels",
    "segment_ids",
    "customer_ids",
    "lane",
    "is_exclusive",
)


def open_version(
    coupon: Coupon, *, newest: CouponVersion, terms: Mapping[str, Any], at: datetime
) -> CouponVersion:
    """Begin a version at the coupon's start or now, whichever is later; it ends when it is told to."""
    version = newest if newest.starts_at is None else copy_version(newest)
    version.starts_at, version.ends_at = max(at, coupon.starts_at), None
    save_version(version, terms=terms)
    return version


def end_running(coupon: Coupon, *, at: datetime) -> None:
    """End the version that runs or is to run; one that has not begun ends at its start, so it never ran."""
    lasting = coupon.versions.filter(starts_at__isnull=False).exclude(ends_at__lte=at)
    lasting.update(ends_at=Greatest("starts_at", Value(at, DateTimeField())))


def copy_version(version: CouponVersion) -> CouponVersion:
    """Make the next version, with the same promise and no times. It is not stored yet."""
    newest = version.coupon.versions.aggregate(newest=Max("number"))["newest"]
    fields = {field: getattr(version, field) for field in TERMS_FIELDS}
    return CouponVersion(coupon=version.coupon, number=newest + 1, **fields)


def save_version(version: CouponVersion, *, terms: Mapping[str, Any]) -> None:
    """Change a version's promise and store it. Raises: ValidationError naming the fields."""
    for field, value in terms.items():
        setattr(version, field, value)
    told = {field: getattr(version, field) for field in TERMS_FIELDS}
    if problems := problems_of_terms(told, currency=version.coupon.currency):
        raise ValidationError(say_problems(problems))
    version.full_clean()
    version.save()


def find_newest(coupon: Coupon) -> CouponVersion:
    """Find the version that runs or was drafted last."""
    return coupon.versions.order_by("-number")[0]
