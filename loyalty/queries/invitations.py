"""Who may be invited, who is let in by an invitation, and how far a list has come."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, QuerySet, Sum

from backstage.plain_sql import execute
from commerce.models import Customer
from commerce.policies.segments import Definition, Period
from commerce.queries.kept_goods import list_families
from commerce.queries.revenue_curve import select_revenue
from commerce.queries.segments import find_customers, select_segment
from commerce.queries.segments.compiler import Sql
from loyalty.models import Invitation, Member
from loyalty.policies.invitations import Facts, ListState, Standing, standing_at

# What is not invitable is left out by these words, with the customer's id in the gap.
_NOT_A_MEMBER = (
    f"NOT EXISTS (SELECT 1 FROM {Member._meta.db_table} AS member"
    " WHERE member.programme_id = %s AND member.customer_id = {})"
)


@dataclass(frozen=True, slots=True)
class Reach:
    """Who would be invited. `found` are in the segment, `invitable` of them are no members yet.

    `spent_minor` is what the invitable ones kept for in the year before, in the programme's currency.
    """

    found: int
    invitable: int
    spent_minor: int


@dataclass(frozen=True, slots=True)
class Funnel:
    """How far a list has come: chosen, invited, opened, joined, and guests who came with their links."""

    chosen: int = 0
    invited: int = 0
    opened: int = 0
    joined: int = 0
    guests: int = 0
    withdrawn: int = 0
    expired: int = 0


# -- whom a list would invite --------------------------------------------------------------------------------


def get_reach(
    *, definition: Definition, programme_id: int, currency: str, zone: ZoneInfo, at: datetime
) -> Reach:
    """Count who is in a segment, who of them would be invited, and what those spent. Queries: 1."""
    found = select_segment(definition=definition, at=at)
    year = Period(count=12, unit="months")
    money = select_revenue(currency=currency, period=year, zone=zone, at=at)
    is_new = _NOT_A_MEMBER.format("found.id")
    row = execute(
        f"SELECT COUNT(*), SUM(CASE WHEN {is_new} THEN 1 ELSE 0 END),"
        f" SUM(CASE WHEN {is_new} THEN spent ELSE 0 END) FROM ({found.text}) AS found"
        f" LEFT JOIN ({money.text}) AS money ON money.customer_id = found.id",
        [programme_id, programme_id, *found.params, *money.params],
    ).fetchone()
    return Reach(*(int(cell or 0) for cell in row))


def select_invitable(*, definition: Definition, programme_id: int, at: datetime) -> Sql:
    """Return the statement that selects the `id` of whoever is in and no member, for an INSERT to read."""
    found = select_segment(definition=definition, at=at)
    return Sql(
        f"SELECT found.id FROM ({found.text}) AS found WHERE {_NOT_A_MEMBER.format('found.id')}",
        (*found.params, programme_id),
    )


def list_invitable(*, definition: Definition, programme_id: int, at: datetime, limit: int) -> list[Customer]:
    """Give a few of those who would be invited, by id. Queries: 1."""
    members = Member.objects.filter(programme_id=programme_id).values("customer_id")
    found = find_customers(definition=definition, at=at).exclude(id__in=members)
    return list(found.order_by("id")[:limit])


# -- whom an invitation lets in ------------------------------------------------------------------------------


def facts_of(invitation: Invitation) -> Facts:
    """Give what decides how an invitation stands; its list must be at hand."""
    return Facts(
        state=ListState(invitation.invitation_list.state),
        sent_at=invitation.sent_at,
        expires_at=invitation.expires_at,
        is_joined=invitation.member_id is not None,
        is_withdrawn=invitation.withdrawn_at is not None,
        guests_left=invitation.guests - invitation.guests_joined,
    )


def find_invitation(*, customer_id: int, programme_id: int, at: datetime) -> Invitation | None:
    """Find the open invitation of a customer, through merges: the one that is good longest. Queries: 2."""
    family = list_families(customer_ids=[customer_id])
    return _open(family, programme_id=programme_id, at=at).order_by("-expires_at", "id").first()


def list_invited(
    *, asked: Iterable[tuple[int, datetime]], programme_id: int
) -> dict[int, tuple[int, datetime]]:
    """Give, by customer, an invitation and the first of the moments asked about at which it stood open.

    Queries: 2, whatever the number; 0 without customers.
    """
    moments = sorted(asked, key=lambda pair: pair[1])
    families = list_families(customer_ids={customer_id for customer_id, _moment in moments})
    if not moments:
        return {}
    own: dict[int, list[Invitation]] = defaultdict(list)
    for invitation in _open(families, programme_id=programme_id).order_by("id"):
        own[families[invitation.customer_id]].append(invitation)
    found: dict[int, tuple[int, datetime]] = {}
    for customer_id, moment in moments:
        for invitation in own[customer_id]:
            if standing_at(facts_of(invitation), moment) is Standing.OPEN:
                found.setdefault(customer_id, (invitation.id, moment))
    return found


def _open(
    customer_ids: Collection[int], *, programme_id: int, at: datetime | None = None
) -> QuerySet[Invitation]:
    """Give what may let these customers in; with `at`, what does."""
    rows = Invitation.objects.select_related("invitation_list").filter(
        customer_id__in=customer_ids,
        invitation_list__programme_id=programme_id,
        invitation_list__state=ListState.ON.value,
        sent_at__isnull=False,
        withdrawn_at__isnull=True,
        member__isnull=True,
    )
    return rows if at is None else rows.filter(sent_at__lte=at, expires_at__gt=at)


# -- how far it has come -------------------------------------------------------------------------------------


def list_funnels(*, list_ids: Collection[int], at: datetime) -> dict[int, Funnel]:
    """Count the invitations of these lists by how far they have come. Queries: 1.

    Counted and not kept in counters: a counter on the list would be the one row that every opening waits for.
    """
    rows = Invitation.objects.filter(invitation_list_id__in=set(list_ids)).values("invitation_list_id")
    counted = rows.annotate(
        chosen=Count("id"),
        invited=Count("sent_at"),
        opened=Count("opened_at"),
        joined=Count("joined_at"),
        came=Sum("guests_joined"),
        withdrawn=Count("withdrawn_at"),
        expired=Count("id", filter=Q(member__isnull=True, withdrawn_at__isnull=True, expires_at__lte=at)),
    )
    names = ("chosen", "invited", "opened", "joined", "came", "withdrawn", "expired")
    told = counted.order_by("invitation_list_id").values_list("invitation_list_id", *names)
    return {list_id: Funnel(*numbers) for list_id, *numbers in told}
