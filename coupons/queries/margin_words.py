"""Floors and agreements in words."""

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from coupons.models import BrandAgreement, MarginFloor
from coupons.policies.margin import FloorScope


def say_share(percent: Decimal) -> str:
    """Say a percentage. Queries: 0."""
    return _("%(percent)s %%") % {"percent": number_format(percent.normalize() + 0)}


def say_of(floor: MarginFloor) -> str:
    """Say what a floor is for. Queries: 0 where its coupon is at hand."""
    if floor.scope == FloorScope.BRAND:
        return _("goods of %(brand)s") % {"brand": floor.brand}
    if floor.scope == FloorScope.COUPON:
        return _("what “%(coupon)s” takes something off") % {"coupon": floor.coupon}
    if floor.channel:
        return _("whole orders in %(channel)s") % {"channel": floor.channel}
    return _("whole orders everywhere")


def say_agreement(agreement: BrandAgreement) -> str:
    """Say what was agreed. Queries: 0."""
    if not agreement.allows_coupons:
        return _("no coupons")
    if agreement.most_percent is None:
        return _("any coupon")
    return _("coupons up to %(share)s off") % {"share": say_share(agreement.most_percent)}


def say_days(agreement: BrandAgreement) -> str:
    """Say from which day to which it holds, in its own zone. Queries: 0."""
    zone = ZoneInfo(agreement.time_zone)
    first = date_format(agreement.starts_at.astimezone(zone), "DATE_FORMAT")
    if agreement.ends_at is None:
        return _("from %(first)s on") % {"first": first}
    last = date_format((agreement.ends_at - timedelta(microseconds=1)).astimezone(zone), "DATE_FORMAT")
    return _("from %(first)s to %(last)s") % {"first": first, "last": last}
