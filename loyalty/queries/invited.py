"""The invitations of a list, as staff looks at them: a page of them, all links for a file, one customer."""

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from backstage.policies.spreadsheets import safe_cell
from commerce.models import Customer, Identity
from commerce.policies.identities import IdentityKind
from commerce.policies.segments import Definition
from commerce.queries.customers import find_customers_by_text, resolve_customers
from commerce.queries.segments import WhyNot, why_not
from loyalty.models import Invitation, InvitationGuest, InvitationList, Member
from loyalty.policies.calendar import local_date
from loyalty.policies.invitations import ListState, Standing, standing_at
from loyalty.queries.invitation_links import token_of
from loyalty.queries.invitations import facts_of

COLUMNS = ("name", "language", "email", "phone", "link", "good until")
ROWS_AT_ONCE = 1_000
MOST_FOUND = 5


@dataclass(frozen=True, slots=True)
class Invited:
    """One invitation with how it stands."""

    invitation: Invitation
    standing: Standing


@dataclass(frozen=True, slots=True)
class Answer:
    """Why a customer is not invited: they are, or have joined, or what keeps them out of the segment."""

    customer: Customer
    invited: Invited | None
    has_joined: bool
    segment: WhyNot


@dataclass(frozen=True, slots=True)
class WayIn:
    """The list by which a member came; `is_guest` with a link that somebody passed on."""

    list_id: int
    name: str
    is_guest: bool


def find_way_in(*, member_id: int) -> WayIn | None:
    """Find the invitation that let a member in; None where none did. Queries: 2 at most."""
    columns = ("invitation_list_id", "invitation_list__name")
    own = Invitation.objects.filter(member_id=member_id).order_by("id").values_list(*columns).first()
    if own is not None:
        list_id, name = own
        return WayIn(list_id, name, is_guest=False)
    passed_on = InvitationGuest.objects.filter(member_id=member_id).order_by("id")
    found = passed_on.values_list(*(f"invitation__{column}" for column in columns)).first()
    if found is None:
        return None
    list_id, name = found
    return WayIn(list_id, name, is_guest=True)


def list_invited_page(
    *, invitation_list: InvitationList, at: datetime, after_id: int = 0, limit: int
) -> list[Invited]:
    """Give invitations of a list by id, those above `after_id`. Queries: 1."""
    rows = invitation_list.invitations.filter(id__gt=after_id).select_related("customer").order_by("id")
    return [_read(row, invitation_list, at) for row in rows[:limit]]


def _read(row: Invitation, invitation_list: InvitationList, at: datetime) -> Invited:
    row.invitation_list = invitation_list
    return Invited(row, standing_at(facts_of(row), at))


# -- why not? ------------------------------------------------------------------------------------------------


def list_answers(
    *, invitation_list: InvitationList, definition: Definition, text: str, at: datetime
) -> list[Answer]:
    """Say of whom a text finds why they are invited or not; of two merged ones, the survivor's.

    Queries: 9, and 2 for each customer, of whom there are five at most.
    """
    found = find_customers_by_text(text)
    ids = sorted(set(resolve_customers(customer_ids=found).values()))[:MOST_FOUND]
    customers = Customer.objects.in_bulk(ids)
    members = Member.objects.filter(programme_id=invitation_list.programme_id, customer_id__in=ids)
    joined = set(members.values_list("customer_id", flat=True))
    rows = invitation_list.invitations.filter(customer_id__in=ids).order_by("id")
    invited = {row.customer_id: _read(row, invitation_list, at) for row in rows}
    return [
        Answer(
            customers[customer_id],
            invited.get(customer_id),
            customer_id in joined,
            why_not(definition=definition, customer_id=customer_id, at=at),
        )
        for customer_id in ids
    ]


# -- all links -----------------------------------------------------------------------------------------------


def find_links(*, invitation_list: InvitationList, at: datetime) -> QuerySet[Invitation]:
    """Find the invitations that a letter would still be good for: open, and not used."""
    return invitation_list.invitations.filter(
        sent_at__lte=at, expires_at__gt=at, member__isnull=True, withdrawn_at__isnull=True
    )


def write_links(
    *, invitation_list: InvitationList, at: datetime, address: Callable[[str], str]
) -> Iterator[bytes]:
    """Write every open invitation with its link, line by line, as a file for a spreadsheet.

    `address` makes a whole address of a token. Nothing that a customer typed becomes a formula.
    Queries: 2 for each thousand; a million lines take the memory of a thousand.
    """
    yield _write([COLUMNS]).encode("utf-8-sig")
    if invitation_list.state != ListState.ON:
        return
    zone, last_id = invitation_list.programme.zone, 0
    links = find_links(invitation_list=invitation_list, at=at).select_related("customer").order_by("id")
    while rows := list(links.filter(id__gt=last_id)[:ROWS_AT_ONCE]):
        known = _identities([row.customer_id for row in rows])
        yield _write(
            [
                (
                    row.customer.name,
                    row.customer.language,
                    known[row.customer_id, IdentityKind.EMAIL.value],
                    known[row.customer_id, IdentityKind.PHONE.value],
                    address(token_of(row.pk)),
                    _last_day(row, zone),
                )
                for row in rows
            ]
        ).encode()
        last_id = rows[-1].pk


def _last_day(row: Invitation, zone: ZoneInfo) -> str:
    # Bounds are exclusive: the last day is the one that ends there.
    return "" if row.expires_at is None else str(local_date(row.expires_at - timedelta(microseconds=1), zone))


def _identities(customer_ids: Sequence[int]) -> dict[tuple[int, str], str]:
    """Give one address and one number of each customer: a proven one before another, then the newest."""
    kinds = (IdentityKind.EMAIL.value, IdentityKind.PHONE.value)
    rows = Identity.objects.filter(customer_id__in=customer_ids, kind__in=kinds).order_by("id")
    found: dict[tuple[int, str], str] = defaultdict(str)
    proven: set[tuple[int, str]] = set()
    for row in rows:
        place = (row.customer_id, row.kind)
        if row.verified_at is not None or place not in proven:
            found[place] = row.value
        if row.verified_at is not None:
            proven.add(place)
    return found


def _write(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([safe_cell(cell) for cell in row] for row in rows)
    return text.getvalue()
