"""Coupons as their pages show them: when they run, the strip of weeks, their use."""

from datetime import datetime, timedelta
from fractions import Fraction
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backstage import clock
from backstage.policies.charts import Chart, Number, Series
from commerce.policies.segments.words import say_money, say_number
from coupons.models import Coupon, CouponVersion
from coupons.policies.meetings import overlaps
from coupons.policies.states import CouponState, Standing
from coupons.queries.coupon_preview import list_live
from coupons.queries.coupon_use import USE_DAYS, Use
from coupons.queries.preview_words import say_percent

WEEKS = 6
STANDINGS = {
    Standing.DRAFT: gettext_lazy("Draft"),
    Standing.SCHEDULED: gettext_lazy("Scheduled"),
    Standing.RUNNING: gettext_lazy("Running"),
    Standing.PAUSED: gettext_lazy("Paused"),
    Standing.ENDED: gettext_lazy("Ended"),
}


def say_period(coupon: Coupon) -> str:
    """Say from when to when a coupon runs, in its own days."""
    start = say_day(coupon.starts_at, coupon)
    if coupon.ends_at is None:
        return _("from %(start)s on") % {"start": start}
    # The end is exclusive: what ends at midnight runs until the end of the day before.
    last = say_day(coupon.ends_at - timedelta(microseconds=1), coupon)
    return _("from %(start)s to the end of %(end)s") % {"start": start, "end": last}


def say_day(at: datetime, coupon: Coupon) -> str:
    """Write the day of a moment in the coupon's zone."""
    return date_format(at.astimezone(ZoneInfo(coupon.time_zone)).date(), "DATE_FORMAT")


def say_when(version: CouponVersion, coupon: Coupon) -> str:
    """Say when a version ran."""
    if version.starts_at is None:
        return _("not yet")
    if version.starts_at == version.ends_at:
        return _("never ran")
    start = say_moment(version.starts_at, coupon)
    if version.ends_at is None:
        return _("from %(start)s on") % {"start": start}
    return _("from %(start)s to %(end)s") % {"start": start, "end": say_moment(version.ends_at, coupon)}


def say_moment(at: datetime, coupon: Coupon) -> str:
    """Write a moment in the coupon's zone."""
    return date_format(at.astimezone(ZoneInfo(coupon.time_zone)), "DATETIME_FORMAT")


def lay_out_strip(at: datetime) -> dict[str, Any] | None:
    """Lay out what is on in the next six weeks, in per cent of the strip's width, and say what overlaps."""
    end = at + timedelta(weeks=WEEKS)
    shown = Coupon.objects.filter(state=CouponState.ON, starts_at__lt=end).exclude(ends_at__lte=at)
    bars = []
    for coupon in shown.order_by("starts_at", "id")[:20]:
        left, right = max(at, coupon.starts_at), min(end, coupon.ends_at or end)
        bars.append(
            {
                "coupon": coupon,
                "period": say_period(coupon),
                "left": round(100 * ((left - at) / (end - at)), 1),
                "width": round(100 * ((right - left) / (end - at)), 1),
            }
        )
    if not bars:
        return None
    weeks = [
        date_format(timezone.localtime(at + timedelta(weeks=n)), "MONTH_DAY_FORMAT") for n in range(WEEKS)
    ]
    return {"bars": bars, "weeks": weeks, "overlaps": _say_overlaps(at)}


def _say_overlaps(at: datetime) -> str:
    """Say how many pairs of coupons add up on the same goods; what only competes harms nobody."""
    live = [offer for offer, _ in list_live(at)]
    pairs = [
        (one, other)
        for one, other in combinations(live, 2)
        if one.terms.lane != other.terms.lane
        and not (one.terms.is_exclusive or other.terms.is_exclusive)
        and overlaps(one, other)
    ]
    if not pairs:
        return ""
    one, other = pairs[0]
    sentence = ngettext(
        "%(n)s pair of coupons adds up on the same goods: “%(one)s” and “%(other)s”.",
        "%(n)s pairs of coupons add up on the same goods, such as “%(one)s” and “%(other)s”.",
        len(pairs),
    )
    return sentence % {"n": say_number(len(pairs)), "one": one.name, "other": other.name}


def tell_use(use: Use, coupon: Coupon) -> dict[str, Any]:
    """Write what a coupon has done, with its bars by day."""
    currency = coupon.currency
    limit = "" if coupon.limit_total is None else say_number(coupon.limit_total)
    told = {
        "uses": say_number(use.uses),
        "limit": limit,
        "customers": say_number(use.customers),
        "off": say_money(use.off_minor, currency) if currency else "",
        "budget": say_money(coupon.budget_minor, currency) if coupon.budget_minor is not None else "",
        "kept": "",
        "chart": _draw(use, coupon) if use.uses else None,
    }
    if use.known and use.sold_minor and currency:
        gaps = {
            "kept": say_money(use.kept_minor, currency),
            "sold": say_money(use.sold_minor, currency),
            "share": _share(use),
            "n": say_number(use.known),
        }
        sentence = ngettext(
            "%(kept)s of %(sold)s (%(share)s), in the newest %(n)s order whose costs are known",
            "%(kept)s of %(sold)s (%(share)s), in the newest %(n)s orders whose costs are known",
            use.known,
        )
        told["kept"] = sentence % gaps
    return told


def _share(use: Use) -> str:
    return say_percent(Fraction(use.kept_minor, use.sold_minor))


def _draw(use: Use, coupon: Coupon) -> Chart:
    today = clock.now().astimezone(ZoneInfo(coupon.time_zone)).date()
    days = [today - timedelta(days=number) for number in range(USE_DAYS)][::-1]
    values: list[Number | None] = [use.by_day.get(day, 0) for day in days]
    total = sum(use.by_day.values())
    return Chart(
        title=_("Orders with it"),
        subtitle=_("day by day, the last four weeks"),
        summary=ngettext("%(n)s order in four weeks.", "%(n)s orders in four weeks.", total)
        % {"n": say_number(total)},
        labels=[date_format(day, "MONTH_DAY_FORMAT") for day in days],
        series=[Series(_("Orders"), values)],
    )
