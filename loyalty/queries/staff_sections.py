"""What loyalty adds to staff's pages about a purchase and about a customer."""

from collections.abc import Mapping
from typing import Any

from backstage import clock
from commerce.queries.customers import resolve_customer
from loyalty.models import Award, Entry, Member
from loyalty.policies.card_number import in_groups
from loyalty.policies.programme import MemberState
from loyalty.policies.states import EntryKind
from loyalty.queries import figures, sentences
from loyalty.queries.staff import NO_POINTS, list_balances
from loyalty.queries.why import why


def find_awards(purchase_id: int) -> Mapping[str, Any] | None:
    """Tell what a purchase earned in each programme, and why. Queries: 1, and at most 9 for each award."""
    awards = (
        Award.objects.filter(purchase_id=purchase_id).select_related("programme", "purchase").order_by("id")
    )
    return {"awards": [_read_award(award) for award in awards]}


def _read_award(award: Award) -> Mapping[str, Any]:
    return {
        "programme": award.programme.name,
        "standing": sentences.points(award.standing_points),
        "earned": figures.number(award.earned_points),
        "was_more": award.earned_points != award.standing_points,
        "is_due": award.applied_revision < award.purchase.revision,
        "reason": str(NO_POINTS.get(award.reason, award.reason)),
        "member_id": award.member_id,
        "steps": _steps(award),
    }


def _steps(award: Award) -> tuple[str, ...]:
    """Tell the sum of the newest grant. Entries are found by member first, hence the member."""
    if award.member_id is None or not award.posts:
        return ()
    keys = [f"purchase:{award.purchase_id}:{number}" for number in range(1, award.posts + 1)]
    granted = Entry.objects.filter(member_id=award.member_id, key__in=keys, kind=EntryKind.ACCRUE.value)
    entry_id = granted.order_by("-id").values_list("id", flat=True).first()
    return why(entry_id=entry_id).steps if entry_id else ()


def find_memberships(customer_id: int) -> Mapping[str, Any] | None:
    """Tell in which programmes a customer is a member, with the balances. Queries: at most 7."""
    rows = Member.objects.filter(customer_id=resolve_customer(customer_id), merged_into__isnull=True)
    members = list(rows.select_related("programme", "account").order_by("id"))
    if not members:
        return None
    balances = list_balances(accounts=[member.account for member in members], at=clock.now())
    return {
        "members": [
            {
                "id": member.pk,
                "programme": member.programme.name,
                "card": in_groups(member.number),
                "points": sentences.points(balances[member.pk].available - balances[member.pk].debt),
                "state": "" if member.state == MemberState.ACTIVE else member.get_state_display(),
            }
            for member in members
        ]
    }
