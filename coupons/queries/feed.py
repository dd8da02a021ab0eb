"""The coupons that everybody may be told about, and for a site with the codes that are its own."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from babel.numbers import get_currency_precision
from django.db.models import Q
from django.utils.translation import get_language

from commerce.models import Product
from coupons.models import Code, Coupon, CouponVersion, PublisherSite, Submission
from coupons.policies.feed import (
    Entry,
    FeedState,
    Published,
    feed_state,
    is_kept,
    last_change,
    next_change,
)
from coupons.policies.kinds import CouponKind
from coupons.policies.sites import SubmissionState
from coupons.policies.states import CodeKind, CodeState, CouponState
from coupons.queries.offer_words import list_terms, say_discount, say_until


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed says at a moment, in the active language.

    `changed_at` is the moment since which it reads so, None where nobody knows; `changes_at` the next moment
    at which the clock changes it.
    """

    entries: Sequence[Entry]
    changed_at: datetime | None
    changes_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Told:
    """A coupon with what was read beside it."""

    coupon: Coupon
    version: CouponVersion
    code: Code | None
    begun: tuple[datetime, ...]
    published: Published


def get_feed(at: datetime, *, keep_days: int, site: PublisherSite | None = None) -> Feed:
    """Give the public coupons as they stand at a moment; those that are over for so many days more.

    With a site, its own codes stand where it has some. Only coupons marked public are ever in it, and of
    those none that is bound to customers. Queries: 4; 5 for a site.
    """
    told = [one for one in _list_told(at, keep_days, site) if is_kept(one.published, at, keep_days)]
    names = name_articles(one.version for one in told)
    entries = [entry for one in told if (entry := _entry(one, names, at))]
    moments = [last_change(one.published, one.begun, at) for one in told]
    known = [moment for moment in moments if moment is not None]
    return Feed(
        entries=entries,
        changed_at=max(known) if known and len(known) == len(moments) else None,
        changes_at=next_change([one.published for one in told], at),
    )


def find_feed_state(coupon: Coupon, at: datetime) -> FeedState | None:
    """Say where a coupon stands for a site that publishes it; None for one that nobody is told of.

    The site's own code decides, not the shared one. Queries: 0.
    """
    return feed_state(_published(coupon, None), at) if coupon.is_public else None


def _list_told(at: datetime, keep_days: int, site: PublisherSite | None) -> list[_Told]:
    since = at - timedelta(days=keep_days)
    coupons = list(
        Coupon.objects.filter(is_public=True)
        .exclude(state=CouponState.DRAFT)
        .filter(
            Q(ends_at__isnull=True) | Q(ends_at__gt=since), Q(ended_at__isnull=True) | Q(ended_at__gt=since)
        )
        .order_by("starts_at", "id")
    )
    ids = [coupon.pk for coupon in coupons]
    versions: dict[int, list[CouponVersion]] = defaultdict(list)
    begun = CouponVersion.objects.filter(coupon_id__in=ids, starts_at__isnull=False)
    for version in begun.order_by("coupon_id", "number"):
        versions[version.coupon_id].append(version)
    codes = _list_codes(ids, site)
    return [
        _told(coupon, versions[coupon.pk], codes.get(coupon.pk))
        for coupon in coupons
        if versions[coupon.pk] and not versions[coupon.pk][-1].customer_ids
        if coupon.is_automatic or coupon.pk in codes
    ]


def _list_codes(coupon_ids: Sequence[int], site: PublisherSite | None) -> dict[int, Code]:
    """Find the code of each coupon that may be told: the site's own before the one that everybody shares."""
    shared = Code.objects.filter(coupon_id__in=coupon_ids, batch__isnull=True, kind=CodeKind.SHARED)
    # A void one stands only where no other has taken its place.
    ordered = sorted(shared.order_by("id"), key=lambda code: code.state != CodeState.VOID)
    found = {code.coupon_id: code for code in ordered if code.customer_id is None}
    if site is None:
        return found
    own = Submission.objects.filter(site=site, coupon_id__in=coupon_ids, code__isnull=False)
    own = own.exclude(state=SubmissionState.WITHDRAWN).select_related("code").order_by("id")
    return {**found, **{sheet.coupon_id: sheet.code for sheet in own if sheet.code is not None}}


def _told(coupon: Coupon, versions: Sequence[CouponVersion], code: Code | None) -> _Told:
    code = None if coupon.is_automatic else code
    begun = [version.starts_at for version in versions] + [code.created_at if code else None]
    return _Told(
        coupon,
        versions[-1],
        code,
        tuple(moment for moment in begun if moment is not None),
        _published(coupon, code),
    )


def _published(coupon: Coupon, code: Code | None) -> Published:
    ends = [coupon.ends_at, code.ends_at if code else None]
    has_places = coupon.limit_total is None or coupon.used_count < coupon.limit_total
    has_budget = coupon.budget_minor is None or coupon.spent_minor < coupon.budget_minor
    return Published(
        state=CouponState(coupon.state),
        starts_at=coupon.starts_at,
        ends_at=min((end for end in ends if end is not None), default=None),
        paused_at=coupon.paused_at,
        ended_at=coupon.ended_at,
        has_places=has_places and has_budget,
        code_is_good=code is None or (code.state == CodeState.READY and _has_uses(code)),
    )


def _has_uses(code: Code) -> bool:
    return code.limit_total is None or code.used_count < code.limit_total


def name_articles(versions: Iterable[CouponVersion]) -> dict[str, str]:
    """Give the names of the articles that versions speak of, by number. Queries: 1."""
    skus = {sku for version in versions for sku in (*version.skus, *version.get_skus, *version.except_skus)}
    return dict(Product.objects.filter(sku__in=skus).exclude(name="").values_list("sku", "name"))


def _entry(told: _Told, names: dict[str, str], at: datetime) -> Entry | None:
    coupon, version = told.coupon, told.version
    state = feed_state(told.published, at)
    if state is None:
        return None
    kind = CouponKind(version.kind)
    until = say_until(coupon)
    return Entry(
        coupon_id=coupon.pk,
        state=state,
        title=say_discount(version, coupon.currency),
        text=read_text(coupon),
        conditions=(*list_terms(coupon, version, names), *([until] if until else [])),
        code=told.code.written or told.code.code if told.code else "",
        kind=kind,
        percent=version.percent,
        discount=_amount(version.amount_minor, coupon.currency),
        minimum=_amount(version.minimum_minor, coupon.currency),
        currency=coupon.currency,
        starts_at=coupon.starts_at,
        ends_at=told.published.ends_at,
        time_zone=coupon.time_zone,
        categories=tuple(version.category_paths),
        brands=tuple(version.brands),
        first_order_only=version.first_order_only,
        needs_no_code=coupon.is_automatic,
    )


def read_text(coupon: Coupon) -> str:
    """Give what customers read about a coupon in the active language; else in another; else its name."""
    texts = {code: text for code, text in coupon.public_text.items() if text}
    language = (get_language() or "en").partition("-")[0]
    return str(texts.get(language) or texts.get("en") or next(iter(texts.values()), coupon.name))


def _amount(minor: int | None, currency: str) -> Decimal | None:
    if minor is None or not currency:
        return None
    return Decimal(minor).scaleb(-get_currency_precision(currency))
