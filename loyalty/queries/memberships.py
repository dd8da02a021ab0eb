"""Which programme a page is about, and whose membership it shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from django.db.models import Q, QuerySet, Subquery

from commerce.models import Customer
from commerce.queries.customers import resolve_customer
from loyalty.models import Member, PointsAccount, Programme, TermsVersion
from loyalty.policies.programme import MEMBER_ALLOWS, PROGRAMME_ALLOWS, MemberState, ProgrammeState
from loyalty.queries.balance import accounts_to_read


class Keyed(Protocol):
    """A programme or its rules."""

    @property
    def key(self) -> str: ...


AnyKeyed = TypeVar("AnyKeyed", bound=Keyed)


class ProgrammeNotChosen(LookupError):
    """Which programme is meant was left out where there are several, or names none of them."""

    def __init__(self, *, asked: str, programmes: Sequence[Keyed]) -> None:
        self.asked = asked
        self.programmes = list(programmes)
        keys = ", ".join(programme.key for programme in programmes) or "none yet"
        said = f"There is no programme {asked!r}" if asked else "There are several programmes"
        super().__init__(f"{said}. Say programme= with one of: {keys}.")


@dataclass(frozen=True, slots=True)
class Membership:
    """A member with their account, and the terms that hold in the programme now."""

    account: PointsAccount
    running_terms_id: int | None


def is_staff(*, customer_id: int) -> bool:
    """Tell whether a customer is staff: their login may sign in to the admin. Queries: 1."""
    of_staff = Customer.objects.filter(id=customer_id, user__is_staff=True, user__is_active=True)
    return of_staff.exists()


def hidden_states(*, is_staff: bool) -> set[ProgrammeState]:
    """Give the states in which a programme is nobody's business; what is for staff only is for staff only."""
    return {
        state
        for state, allows in PROGRAMME_ALLOWS.items()
        if not allows.see or (allows.staff_only and not is_staff)
    }


def list_visible_programmes(*, is_staff: bool) -> list[Programme]:
    """Give the programmes that a visitor may know of, by id. Queries: 1."""
    hidden = [state.value for state in hidden_states(is_staff=is_staff)]
    return list(Programme.objects.exclude(state__in=hidden).order_by("id"))


def choose_programme(*, programmes: Sequence[AnyKeyed], key: str = "") -> AnyKeyed:
    """Choose the programme that is meant; only where there is a single one it need not be said.

    Raises: ProgrammeNotChosen. Guessing the first would show a customer the wrong balance.
    """
    chosen = [programme for programme in programmes if not key or programme.key == key]
    if len(chosen) != 1:
        raise ProgrammeNotChosen(asked=key, programmes=programmes)
    return chosen[0]


def find_membership(*, user_id: int, programme: Programme, at: datetime) -> Membership | None:
    """Find the membership of whoever is signed in, through every merge of customers; None for others.

    Queries: 1; 4 where the customer was merged or is no member.
    """
    accounts = _accounts(programme, at)
    account = accounts.filter(member__customer__user_id=user_id).first()
    if account is None or account.member.customer.merged_into_id is not None:
        customer_id = find_customer_id(user_id=user_id)
        account = accounts.filter(member__customer_id=customer_id).first() if customer_id else None
    if account is None or not MEMBER_ALLOWS[MemberState(account.member.state)].see:
        return None
    account.member.programme = programme
    return Membership(account, account.running_terms_id)


class Hinted(NamedTuple):
    """A member as far as a hint on a shop's page asks."""

    id: int
    state: MemberState


def find_hinted(*, user_id: int, programme_id: int) -> Hinted | None:
    """Find the member that a login stands for, for a hint; None for whoever is no member. Queries: 1.

    A login whose customer was merged twice over counts as no member here: the hint is then worded for a
    guest, which does no harm, and resolving every merge would cost each product page another query.
    """
    of_login = Q(customer__user_id=user_id, customer__merged_into=None) | Q(customer__merged__user_id=user_id)
    rows = Member.objects.filter(of_login, programme_id=programme_id).values_list("id", "state")
    row = rows.order_by("id").first()
    return None if row is None else Hinted(row[0], MemberState(row[1]))


def find_customer_id(*, user_id: int) -> int | None:
    """Find the customer whom a login stands for, with merges resolved. Queries: 2."""
    customer_id = (
        Customer.objects.filter(user_id=user_id, erased_at=None).values_list("id", flat=True).first()
    )
    return None if customer_id is None else resolve_customer(customer_id)


def _accounts(programme: Programme, at: datetime) -> QuerySet[Any]:
    terms = TermsVersion.objects.filter(programme=programme, starts_at__lte=at).order_by("-number")
    accounts = accounts_to_read().filter(member__programme=programme).select_related("member__customer")
    return accounts.annotate(running_terms_id=Subquery(terms.values("id")[:1])).order_by("id")
