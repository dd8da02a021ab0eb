"""What a coupon that is being thought about would do: its preview, and what it collides with.

The engine of the checkout runs over the most common baskets of the last 90 days. Nothing is written, and
nothing is guessed that can be computed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from django.db.models import Q

from commerce.policies.recorded_baskets import RecordedBaskets
from commerce.queries.recorded_baskets import get_recorded_baskets
from coupons import conf
from coupons.models import Code, Coupon, CouponVersion
from coupons.policies.codes import normal_code
from coupons.policies.collisions import Collision, CollisionKind, in_order
from coupons.policies.evaluation import Limits
from coupons.policies.meetings import Meeting, Worst, find_worst, is_one_letter_apart, meet, overlaps
from coupons.policies.offer import Offer
from coupons.policies.previews import Preview, preview
from coupons.policies.states import CodeState, CouponState
from coupons.policies.trims import find_trimmed
from coupons.queries import preview_words as words
from coupons.queries.limits import holding, read_limits
from coupons.queries.offers import terms_of
from coupons.queries.trim_words import list_trimmed
from coupons.registry import ThoughtOf, collision_checks, coupon_previews

# So many others are looked at, those without a code and the newest first; more would take seconds.
MOST_OTHERS, MOST_PAIRS = 40, 12
VERSION_COLUMNS = tuple(field.attname for field in CouponVersion._meta.concrete_fields)


@dataclass(frozen=True, slots=True)
class Told:
    """A preview in sentences, with the warnings, the gravest first."""

    preview: Preview
    recorded: RecordedBaskets
    sentences: Sequence[str]
    collisions: Sequence[Collision]

    @property
    def needs_tick(self) -> bool:
        """Whether somebody has to say that it is meant to be."""
        return any(one.needs_tick for one in self.collisions)


def offer_of(coupon: Coupon, version: CouponVersion) -> Offer:
    """Give a coupon and a version of it, stored or not, as the engine takes them. Queries: 0."""
    return Offer(
        coupon_id=coupon.pk or 0,
        name=coupon.name,
        state=CouponState(coupon.state),
        currency=coupon.currency,
        starts_at=coupon.starts_at,
        ends_at=coupon.ends_at,
        is_public=coupon.is_public,
        limit_total=coupon.limit_total,
        limit_per_customer=coupon.limit_per_customer,
        budget_minor=coupon.budget_minor,
        used_count=coupon.used_count,
        spent_minor=coupon.spent_minor,
        terms=terms_of({name: getattr(version, name) for name in VERSION_COLUMNS}),
    )


def preview_coupon(*, coupon: Coupon, version: CouponVersion, code: str = "", at: datetime) -> Told:
    """Say what a coupon would do, and what it collides with. Nothing has to be stored.

    Queries: at most 11, and those of the apps that add to it.
    """
    asked = ThoughtOf(offer_of(coupon, version), normal_code(code), coupon.is_automatic, at)
    recorded = get_recorded_baskets(at, currency=coupon.currency, channels=version.channels)
    limits = holding(read_limits(at), at)
    found = preview(asked.offer, recorded, at, limits)
    more = [line for _, one in coupon_previews.items() for line in one.say(asked, found)]
    currency = _currency(asked.offer, recorded)
    cuts = list_trimmed(find_trimmed(asked.offer, recorded, at, limits), currency)
    return Told(
        preview=found,
        recorded=recorded,
        sentences=[*words.list_sentences(found, asked.offer, currency), *cuts, *more],
        collisions=in_order(
            [
                *_meetings(asked, found, recorded, limits, currency),
                *_about_budget(asked.offer, found, currency),
                *_about_code(asked),
                *(one for _, check in collision_checks.items() for one in check.find(asked)),
            ]
        ),
    )


def _currency(offer: Offer, recorded: RecordedBaskets) -> str:
    return offer.currency or (recorded.typical.basket.currency if recorded.typical else "")


# -- others --------------------------------------------------------------------------------------------------


def list_live(at: datetime, *, without: int = 0) -> list[tuple[Offer, bool]]:
    """List the coupons that are switched on and not over, with whether each needs no code. Queries: 2."""
    rows = Coupon.objects.filter(state=CouponState.ON).exclude(ends_at__lte=at).exclude(pk=without)
    coupons = list(rows.order_by("-is_automatic", "-id")[:MOST_OTHERS])
    begun = CouponVersion.objects.filter(coupon__in=coupons, starts_at__isnull=False)
    newest = {version.coupon_id: version for version in begun.order_by("coupon_id", "number")}
    return [
        (offer_of(coupon, newest[coupon.pk]), coupon.is_automatic)
        for coupon in coupons
        if coupon.pk in newest
    ]


def _meetings(
    asked: ThoughtOf, found: Preview, recorded: RecordedBaskets, limits: Limits, currency: str
) -> Iterable[Collision]:
    live = list_live(asked.at, without=asked.offer.coupon_id)
    others = [(offer, automatic) for offer, automatic in live if overlaps(asked.offer, offer)]
    met = [
        meet(asked.offer, offer, recorded, asked.at, is_automatic=automatic, limits=limits)
        for offer, automatic in others[:MOST_PAIRS]
    ]
    yield from (_told(one) for one in met if one.share)
    worst = find_worst(asked.offer, [offer for offer, _ in others], recorded, asked.at, limits)
    names = {offer.coupon_id: offer.name for offer, _ in others}
    if worst is not None and len(worst.coupon_ids) > 2:
        yield Collision(CollisionKind.WORST_BASKET, words.say_worst(worst, names, currency))
    yield from _below_cost(found, worst, names, currency)


def _told(one: Meeting) -> Collision:
    kind = CollisionKind.ADDS_UP if one.adds_up else CollisionKind.BEST_ONE
    return Collision(kind, words.say_meeting(one), one.coupon_id)


def _below_cost(
    found: Preview, worst: Worst | None, names: dict[int, str], currency: str
) -> Iterable[Collision]:
    if found.below_cost:
        sentence = words.say_below_cost(found.below_cost, currency)
        yield Collision(CollisionKind.BELOW_COST, sentence)
    elif worst is not None and worst.kept.after is not None and worst.kept.after < 0:
        yield Collision(CollisionKind.BELOW_COST, words.say_worst_below_cost(worst, names, currency))


def _about_budget(offer: Offer, found: Preview, currency: str) -> Iterable[Collision]:
    """Say that the budget will not last, at the pace of the orders that are recorded."""
    if offer.budget_minor is None or offer.ends_at is None or not found.given_minor:
        return
    days = Fraction((offer.ends_at - offer.starts_at).total_seconds()) / 86_400
    expected = int(Fraction(found.given_minor, found.days) * days)
    left = offer.budget_minor - offer.spent_minor
    if expected > left:
        lasts = max(1, int(Fraction(left * found.days, found.given_minor)))
        yield Collision(CollisionKind.OVER_BUDGET, words.say_over_budget(expected, left, lasts, currency))


# -- codes ---------------------------------------------------------------------------------------------------


def _about_code(asked: ThoughtOf) -> Iterable[Collision]:
    code = asked.code
    if not code:
        return
    if code in {normal_code(word) for word in conf.RESERVED_CODES.get().split()}:
        yield Collision(CollisionKind.RESERVED_CODE, words.say_reserved(code))
    for other in list_similar(code, without=asked.offer.coupon_id):
        yield Collision(CollisionKind.SIMILAR_CODE, words.say_similar(other), other.coupon_id)


def list_similar(code: str, *, without: int = 0) -> list[Code]:
    """List the codes that a slip of the finger makes of a code, but for those of one coupon.

    Codes of batches are not looked at: they are random, and a million. Queries: 1.
    """
    half = len(code) // 2
    # Wherever the slip is, one half stays as it is; where it is in the middle, all but two letters do.
    near = Q(code__startswith=code[: max(1, half - 1)]) | Q(code__endswith=code[half + 1 :] or code[-1])
    rows = Code.objects.filter(near, batch__isnull=True).exclude(state=CodeState.VOID)
    rows = rows.exclude(coupon_id=without).select_related("coupon").order_by("code")
    return [row for row in rows if is_one_letter_apart(code, row.code)][:5]
