"""The codes of one coupon, as its page shows them: those that stand alone, and its batches."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import ngettext

from commerce.policies.segments.words import say_number
from coupons.admin.batch_words import say_state
from coupons.models import Code, CodeBatch, Coupon
from coupons.policies.states import CodeState, CouponState

MAKE = "encore_coupons.add_codebatch"
# So many are shown, the newest batches first; the sums are of all.
MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class CodesOf:
    """The codes of a coupon. `make_address` is empty where this person, or nobody any more, makes some."""

    alone: list[Code]
    batches: list[dict[str, Any]]
    sums: str
    is_missing: bool
    make_address: str


def tell_codes(request: HttpRequest, coupon: Coupon, at: datetime) -> CodesOf:
    """Say which codes a coupon has. No code is counted: batches count theirs.

    Queries: 2, or 3 where it has neither a code that stands alone nor a batch.
    """
    alone = list_alone(coupon)
    batches = list(coupon.batches.order_by("-id"))
    usable = [batch for batch in batches if batch.state != CodeState.VOID]
    needs_some = not coupon.is_automatic and coupon.state != CouponState.ENDED
    has_none = not (alone or usable) and not coupon.codes.exclude(state=CodeState.VOID).exists()
    return CodesOf(
        alone=alone,
        batches=[_tell_batch(batch, at) for batch in batches[:MOST_SHOWN]],
        sums=_say_sums(batches) if batches else "",
        is_missing=needs_some and has_none,
        make_address=address_to_make(coupon.pk) if needs_some and request.user.has_perm(MAKE) else "",
    )


def list_alone(coupon: Coupon) -> list[Code]:
    """List the codes that stand alone: the shared one, and those of sites. Queries: 1."""
    rows = coupon.codes.filter(batch__isnull=True, customer__isnull=True).exclude(state=CodeState.VOID)
    return list(rows.order_by("kind", "id")[:MOST_SHOWN])


def address_to_make(coupon_id: int) -> str:
    """Give the address of the form that makes codes of a coupon."""
    return reverse("admin:encore_coupons_codebatch_add") + "?" + urlencode({"coupon": coupon_id})


def _tell_batch(batch: CodeBatch, at: datetime) -> dict[str, Any]:
    return {
        "name": batch.name,
        "address": reverse("admin:encore_coupons_codebatch_change", args=[batch.pk]),
        "state": say_state(batch, at)[1],
        "made": say_number(batch.made_count),
        "used": say_number(batch.used_count),
        "free": say_number(0 if batch.state == CodeState.VOID else batch.free_count),
    }


def _say_sums(batches: list[CodeBatch]) -> str:
    made, used = sum(row.made_count for row in batches), sum(row.used_count for row in batches)
    sentence = ngettext(
        "%(made)s code in batches, %(used)s of them used.",
        "%(made)s codes in batches, %(used)s of them used.",
        made,
    )
    return sentence % {"made": say_number(made), "used": say_number(used)}
