"""Points by hand in words, for whoever has to approve them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backstage.queries import find_request
from backstage.registry import Text
from loyalty.models import Entry, Member
from loyalty.policies.adjustments import Adjustment, Deed, read_adjustment
from loyalty.policies.card_number import in_groups
from loyalty.policies.terms import ExpiryKind
from loyalty.queries import figures, sentences
from loyalty.queries.balance import Balance, get_balance

APPROVAL_KIND = "adjust_points"
REASONS: Mapping[str, Text] = {
    "goodwill": gettext_lazy("Goodwill"),
    "correction": gettext_lazy("Correction"),
    "lost_receipt": gettext_lazy("Lost receipt"),
    "old_card": gettext_lazy("Moved from an old card"),
    "event": gettext_lazy("Event"),
    "other": gettext_lazy("Other"),
}


def was_done_or_asked(*, member_id: int, key: str) -> bool:
    """Tell whether this key stands for points that were given or taken, or for a request. Queries: 2."""
    is_done = Entry.objects.filter(member_id=member_id, key=key).exists()
    return is_done or find_request(kind=APPROVAL_KIND, key=key) is not None


def describe_adjustment(payload: Mapping[str, Any]) -> str:
    """Say in one sentence what will happen. Queries: 0."""
    told = {"points": sentences.points(payload["points"]), "card": in_groups(payload["card"])}
    if Deed(payload["deed"]) is Deed.GIVE:
        return _("Give %(points)s to the member with card %(card)s") % told
    return _("Take %(points)s back from the member with card %(card)s") % told


def find_adjustment(payload: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Give what somebody needs to decide: whose points, what becomes of them, why, and what is told.

    Queries: 1, and those of `get_balance`.
    """
    adjustment = read_adjustment(payload)
    member = Member.objects.select_related("customer", "programme").get(pk=adjustment.member_id)
    balance = get_balance(member_id=member.pk, at=at)
    return {
        "member_id": member.pk,
        "name": member.customer.name or _("No name"),
        "facts": list(_tell(adjustment, member, balance)),
    }


def _tell(adjustment: Adjustment, member: Member, balance: Balance) -> Iterator[tuple[str, str]]:
    yield _("Points now"), sentences.points(balance.available - balance.debt)
    yield _("Reason"), str(REASONS.get(adjustment.reason, adjustment.reason))
    if adjustment.deed is Deed.GIVE:
        yield _tell_end(adjustment, member, balance)
    if adjustment.counts_for_level:
        yield _("Level"), _("Counts for the level")
    if adjustment.message:
        yield _("Message to the customer"), adjustment.message


def _tell_end(adjustment: Adjustment, member: Member, balance: Balance) -> tuple[str, str]:
    if adjustment.lapse_months is not None:
        kind = ExpiryKind.INACTIVITY.value
        return _("Points end"), sentences.ends(kind, adjustment.lapse_months, at_month_end=False, day="")
    if adjustment.expires_at is None:
        return _("Points end"), _("never")
    last_day = figures.last_day(adjustment.expires_at, member.programme.zone, now=balance.at)
    return _("Last day to use them"), last_day


def say_only_ready(points: int) -> str:
    """Say that fewer points can be taken back than were asked for."""
    if not points:
        return _("No points are ready, so none can be taken back.")
    sentence = ngettext(
        "Only %(n)s point is ready. Take back at most %(n)s.",
        "Only %(n)s points are ready. Take back at most %(n)s.",
        points,
    )
    return sentence % {"n": figures.number(points)}
