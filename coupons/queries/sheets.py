"""The sheets of coupon sites: where each stands now, and how often its code was used."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils import translation

from coupons.models import Code, Coupon, CouponVersion, PublisherSite, Submission
from coupons.policies.sites import OUT_THERE, SubmissionState, submission_standing
from coupons.policies.states import CodeKind, CodeState, CouponState
from coupons.queries.feed import find_feed_state, name_articles, read_text
from coupons.queries.leaks import count_uses
from coupons.queries.offer_words import list_terms, say_discount, say_until

RECENT_DAYS = 28


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet with where it stands now, and the use of its code: in all, lately, and what it took off.

    Units: minor units of the coupon's currency.
    """

    submission: Submission
    standing: SubmissionState
    uses: int
    recent: int
    off_minor: int


def list_sheets(submissions: Iterable[Submission], at: datetime) -> list[Sheet]:
    """Give sheets with the use of their codes; coupon and code are read beside them. Queries: 2."""
    rows = list(submissions)
    ids = [row.code_id for row in rows if row.code_id is not None]
    ever, lately = count_uses(ids), count_uses(ids, since=at - timedelta(days=RECENT_DAYS))
    return [
        Sheet(
            row,
            standing_of(row, at),
            *_use(ever, lately, row.code_id),
        )
        for row in rows
    ]


def _use(
    ever: dict[int, tuple[int, int]], lately: dict[int, tuple[int, int]], code_id: int | None
) -> tuple[int, int, int]:
    uses, off = ever.get(code_id or 0, (0, 0))
    return uses, lately.get(code_id or 0, (0, 0))[0], off


def standing_of(submission: Submission, at: datetime) -> SubmissionState:
    """Say where a sheet stands now: what a site shows of a coupon that is over has to come down."""
    return submission_standing(SubmissionState(submission.state), find_feed_state(submission.coupon, at))


def has_to_come_down(at: datetime) -> Q:
    """Give the condition that a sheet has to be withdrawn, as `standing_of` says it of one."""
    coupon = (
        Q(coupon__is_public=False)
        | Q(coupon__state__in=[CouponState.PAUSED, CouponState.ENDED, CouponState.DRAFT])
        | Q(coupon__ends_at__lte=at)
        | Q(coupon__limit_total__lte=F("coupon__used_count"))
        | Q(coupon__budget_minor__lte=F("coupon__spent_minor"))
    )
    return Q(state=SubmissionState.TO_WITHDRAW) | (Q(state__in=[*OUT_THERE]) & coupon)


def list_coupons_for(site: PublisherSite) -> list[Coupon]:
    """List the coupons that a sheet can be made of: public, not ended, and none for this site yet.

    Queries: 1.
    """
    taken = Submission.objects.filter(site=site).exclude(state=SubmissionState.WITHDRAWN)
    rows = Coupon.objects.filter(is_public=True).exclude(state=CouponState.ENDED)
    return list(rows.exclude(id__in=taken.values("coupon_id")).order_by("name", "id"))


@dataclass(frozen=True, slots=True)
class Draft:
    """What a sheet begins with: texts in the site's language, and a code that says whose it is."""

    title: str
    text: str
    terms_text: str
    code: str


def draft_sheet(site: PublisherSite, coupon: Coupon) -> Draft:
    """Write a first sheet from the coupon's own terms. Queries: at most 3."""
    version = CouponVersion.objects.filter(coupon=coupon).order_by("-number").first()
    if version is None:
        return Draft(coupon.name, "", "", "")
    names = name_articles([version])
    with translation.override(site.language):
        until = say_until(coupon)
        terms = [*list_terms(coupon, version, names), *([until] if until else [])]
        title, text = say_discount(version, coupon.currency), read_text(coupon)
    return Draft(title, text, " ".join(terms), "" if coupon.is_automatic else _suggest(site, coupon))


def _suggest(site: PublisherSite, coupon: Coupon) -> str:
    """Make a code of the shared one and the site's name: BEANS20-KLUB."""
    shared = Code.objects.filter(coupon=coupon, kind=CodeKind.SHARED).exclude(state=CodeState.VOID).first()
    letters = _letters(site.name)[:4] or "SITE"
    return f"{shared.code if shared else _letters(coupon.name)[:8] or 'CODE'}-{letters}"


def _letters(text: str) -> str:
    return "".join(letter for letter in text.upper() if letter.isascii() and letter.isalnum())
