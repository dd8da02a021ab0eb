"""What the margin guard cut, in words: which piece, from what to what, and by which floor or agreement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commerce.policies.segments.words import say_money, say_number
from coupons.models import BrandAgreement, MarginFloor
from coupons.policies.margin import CutReason
from coupons.policies.trims import Trim, Trimmed
from coupons.queries.margin_words import say_agreement, say_of, say_share

MOST_SAID = 3


@dataclass(frozen=True, slots=True)
class Guards:
    """The floors and agreements that have cut something, by id."""

    floors: Mapping[int, MarginFloor]
    agreements: Mapping[int, BrandAgreement]


def read_guards(trims: Iterable[Trim]) -> Guards:
    """Read what has cut something. Queries: 1 for floors, 1 for agreements; 0 where there are none."""
    ids: dict[CutReason, set[int]] = {reason: set() for reason in CutReason}
    for trim in trims:
        ids[trim.reason].add(trim.by_id)
    floors = MarginFloor.objects.select_related("coupon").filter(id__in=ids[CutReason.FLOOR])
    agreements = BrandAgreement.objects.filter(id__in=ids[CutReason.AGREEMENT])
    return Guards({row.id: row for row in floors}, {row.id: row for row in agreements})


def say_trim(trim: Trim, name: str, guards: Guards, currency: str) -> str:
    """Say one cut. Queries: 0."""
    gaps = {
        "name": name,
        "from": say_money(trim.from_minor, currency),
        "to": say_money(trim.to_minor, currency),
    }
    if trim.reason is CutReason.AGREEMENT:
        agreement = guards.agreements[trim.by_id]
        gaps |= {"brand": agreement.brand, "agreed": say_agreement(agreement)}
        return (
            _("%(name)s: cut from %(from)s to %(to)s off, by the agreement on %(brand)s (%(agreed)s).") % gaps
        )
    floor = guards.floors[trim.by_id]
    gaps |= {"share": say_share(floor.percent), "of": say_of(floor)}
    return _("%(name)s: cut from %(from)s to %(to)s off, by the floor of %(share)s for %(of)s.") % gaps


def list_trimmed(trimmed: Sequence[Trimmed], currency: str) -> list[str]:
    """Say the largest cuts among recorded orders, a sentence for each. Queries: 2, or 0 without any."""
    said = trimmed[:MOST_SAID]
    guards = read_guards(one.trim for one in said)
    return [_say_trimmed(one, guards, currency) for one in said]


def _say_trimmed(one: Trimmed, guards: Guards, currency: str) -> str:
    sentence = ngettext(
        "%(cut)s In %(n)s of these orders.",
        "%(cut)s In %(n)s of these orders, this is the largest cut.",
        one.orders,
    )
    return sentence % {"n": say_number(one.orders), "cut": say_trim(one.trim, one.name, guards, currency)}
