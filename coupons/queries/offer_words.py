"""What a coupon takes off and what it asks for, in whole sentences for customers."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commerce.policies.segments.words import say_money, say_number
from coupons.models import Coupon, CouponVersion
from coupons.policies.kinds import CouponKind, SaleGoods


def say_discount(version: CouponVersion, currency: str) -> str:
    """Say in a few words what a coupon takes off: "20% off", "Free shipping"."""
    kind = CouponKind(version.kind)
    if kind is CouponKind.PERCENT:
        return _("%(percent)s%% off") % {"percent": say_number(_plain(version.percent))}
    if kind is CouponKind.AMOUNT:
        return _("%(amount)s off") % {"amount": say_money(version.amount_minor or 0, currency)}
    if kind is CouponKind.SHIPPING:
        return _("Free shipping") if not version.amount_minor else _("Cheaper shipping")
    if kind is CouponKind.BUY_GET:
        return _say_buy_get(version)
    if not version.amount_minor:
        return _("Free goods")
    return _("%(price)s a piece") % {"price": say_money(version.amount_minor, currency)}


def _say_buy_get(version: CouponVersion) -> str:
    gaps = {
        "buy": version.buy_pieces,
        "get": version.get_pieces,
        "percent": say_number(_plain(version.percent)),
    }
    if version.percent == 100:
        return _("Buy %(buy)s, get %(get)s free") % gaps
    return _("Buy %(buy)s, get %(get)s for %(percent)s%% less") % gaps


def list_terms(coupon: Coupon, version: CouponVersion, names: Mapping[str, str]) -> list[str]:
    """Say what a coupon asks for, one sentence for each; `names` are articles by number."""
    return [*_about_goods(version, names), *_about_order(coupon, version), *_about_times(coupon, version)]


def _about_goods(version: CouponVersion, names: Mapping[str, str]) -> Iterator[str]:
    to_get = _goods(version.get_category_paths, version.get_brands, version.get_skus, names)
    if only := _goods(version.category_paths, version.brands, version.skus, names):
        yield (_("To buy: %(goods)s.") if to_get else _("Only for: %(goods)s.")) % {"goods": only}
    if to_get:
        yield _("To get: %(goods)s.") % {"goods": to_get}
    if without := _goods(version.except_category_paths, version.except_brands, version.except_skus, names):
        yield _("Not for: %(goods)s.") % {"goods": without}
    if version.sale_goods == SaleGoods.NONE:
        yield _("Not for reduced goods.")
    if version.sale_goods == SaleGoods.ONLY:
        yield _("For reduced goods only.")
    if version.pieces:
        sentence = ngettext("For %(n)s piece.", "For %(n)s pieces.", version.pieces)
        yield sentence % {"n": say_number(version.pieces)}


def _about_order(coupon: Coupon, version: CouponVersion) -> Iterator[str]:
    if version.minimum_minor:
        yield _("From %(amount)s on.") % {"amount": say_money(version.minimum_minor, coupon.currency)}
    if version.most_minor:
        yield _("At most %(amount)s off.") % {"amount": say_money(version.most_minor, coupon.currency)}
    if version.first_order_only:
        yield _("For your first order only.")
    if version.segment_ids or version.customer_ids:
        yield _("For some of our customers only.")


def _about_times(coupon: Coupon, version: CouponVersion) -> Iterator[str]:
    if coupon.limit_per_customer:
        sentence = ngettext(
            "%(n)s time for each customer.", "%(n)s times for each customer.", coupon.limit_per_customer
        )
        yield sentence % {"n": say_number(coupon.limit_per_customer)}
    if version.is_exclusive:
        yield _("Not together with other offers.")
    if coupon.limit_total:
        yield _("Only while there are some left.")


def say_until(coupon: Coupon) -> str:
    """Say until when a coupon is good, in its own days; nothing for one without an end."""
    if coupon.ends_at is None:
        return ""
    # The end is exclusive: what ends at midnight is good until the end of the day before.
    last = (coupon.ends_at - timedelta(microseconds=1)).astimezone(ZoneInfo(coupon.time_zone))
    return _("Good until %(day)s.") % {"day": date_format(last.date(), "DATE_FORMAT")}


def _goods(paths: Sequence[str], brands: Sequence[str], skus: Sequence[str], names: Mapping[str, str]) -> str:
    told = [path.rpartition("/")[2] for path in paths] + list(brands) + [names.get(sku, sku) for sku in skus]
    return ", ".join(told)


def _plain(percent: Decimal | None) -> Decimal:
    """Write 20.00 as 20 and 12.50 as 12.5."""
    value = (percent or Decimal(0)).normalize()
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value
