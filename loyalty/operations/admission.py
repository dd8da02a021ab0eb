"""Letting in whoever holds an invitation, and nobody else where the programme asks for one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import BigIntegerField, Case, DateTimeField, F, QuerySet, Value, When

from commerce.queries.kept_goods import list_families
from loyalty.models import Invitation, InvitationGuest, InvitationList
from loyalty.policies.invitations import ListState, Standing, standing_at
from loyalty.policies.programme import Admission
from loyalty.policies.rules import ProgrammeRules
from loyalty.queries.invitation_links import find_by_token
from loyalty.queries.invitations import facts_of, find_invitation


class CannotJoin(ValueError):
    """The programme takes no members now, or not this one."""


class NotLetIn(CannotJoin):
    """Nobody is let in by this: not invited, or the invitation does not stand open. `standing` says how it
    stands, and is None for whoever holds none; `is_someone_elses` where it was made for another customer.
    """

    def __init__(self, *, standing: Standing | None = None, is_someone_elses: bool = False) -> None:
        self.standing = standing
        self.is_someone_elses = is_someone_elses
        said = "The programme takes only customers who are invited, and this one is not. Invite them first."
        if is_someone_elses:
            said = "This invitation was made for another customer and can't be passed on."
        elif standing is not None:
            said = f"This invitation is {standing.value}; it lets nobody in."
        super().__init__(said)


@dataclass(frozen=True, slots=True)
class Ticket:
    """An open invitation that is about to be used, by whom it was made for or by a guest."""

    invitation_id: int
    is_guest: bool


def find_ticket(*, rules: ProgrammeRules, customer_id: int, token: str, at: datetime) -> Ticket | None:
    """Find what lets a customer in: the link that they hold, else an invitation of their own.

    None where they need none. `customer_id` is the one that merges lead to. Queries: 2, and 1 with a link.
    Raises: NotLetIn.
    """
    if token:
        return _read_ticket(rules, customer_id, token, at)
    own = find_invitation(customer_id=customer_id, programme_id=rules.id, at=at)
    if own is not None:
        return Ticket(own.id, is_guest=False)
    if rules.admission is Admission.BY_INVITATION:
        raise NotLetIn
    return None


def _read_ticket(rules: ProgrammeRules, customer_id: int, token: str, at: datetime) -> Ticket:
    invitation = find_by_token(token)
    if invitation is None or invitation.invitation_list.programme_id != rules.id:
        raise NotLetIn
    family = list_families(customer_ids=[customer_id])
    is_guest = invitation.customer_id not in family
    if is_guest and not invitation.guests:
        raise NotLetIn(is_someone_elses=True)
    standing = standing_at(facts_of(invitation), at, is_guest=is_guest)
    if standing is not Standing.OPEN:
        raise NotLetIn(standing=standing)
    return Ticket(invitation.id, is_guest)


def use_ticket(*, ticket: Ticket, member_id: int, at: datetime) -> None:
    """Note that a member has joined with an invitation, in the transaction that made the member.

    Of two who use it at once the database lets one through. Queries: 1, or 2 for a guest.
    Raises: NotLetIn where it was used, withdrawn or stopped meanwhile; nothing is left of the member then.
    """
    # No join: the ORM would put it into `id IN (SELECT …)` together with the guards, and PostgreSQL does not
    # ask those again when somebody else has just changed the row.
    running = InvitationList.objects.filter(state=ListState.ON.value)
    invitation = Invitation.objects.filter(
        id=ticket.invitation_id,
        withdrawn_at__isnull=True,
        sent_at__lte=at,
        expires_at__gt=at,
        invitation_list_id__in=running.values("id"),
    )
    if ticket.is_guest:
        if _with_room(invitation).update(guests_joined=F("guests_joined") + 1) != 1:
            raise NotLetIn(standing=Standing.USED)
        InvitationGuest.objects.create(invitation_id=ticket.invitation_id, member_id=member_id, joined_at=at)
        return
    if invitation.filter(member__isnull=True).update(member_id=member_id, joined_at=at) == 1:
        return
    # In two tabs at once, the second one finds it used by the very member that it has come upon.
    if not invitation.filter(member_id=member_id).exists():
        raise NotLetIn(standing=Standing.USED)


def _with_room(invitation: QuerySet[Invitation]) -> QuerySet[Invitation]:
    return invitation.filter(guests_joined__lt=F("guests"))


def use_many(*, joined: Mapping[int, tuple[int, datetime]]) -> None:
    """Note who has joined with which invitation, by a purchase: invitation id → member id and moment.

    An invitation that was used meanwhile stays as it is. Queries: 1; 0 without any.
    """
    if not joined:
        return
    of_member = [When(id=key, then=Value(member_id)) for key, (member_id, _moment) in joined.items()]
    of_moment = [When(id=key, then=Value(moment)) for key, (_member, moment) in joined.items()]
    unused = Invitation.objects.filter(id__in=joined, member__isnull=True, withdrawn_at__isnull=True)
    unused.update(
        member_id=Case(*of_member, output_field=BigIntegerField()),
        joined_at=Case(*of_moment, output_field=DateTimeField()),
    )
