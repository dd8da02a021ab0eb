"""Joining, leaving, pausing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import choice

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, SYSTEM, By, Chunk, Progress
from commerce.operations.changed import mark_changed
from commerce.operations.member_numbers import note_member_numbers
from commerce.queries.customers import list_merged, resolve_customer
from loyalty.ledger.posting import post
from loyalty.models import Award, Member, PointsAccount, TermsVersion
from loyalty.operations.actions import welcome
from loyalty.operations.admission import CannotJoin, find_ticket, use_ticket
from loyalty.policies.card_number import ALPHABET, BODY_LENGTH, with_check
from loyalty.policies.programme import UNDO_LEAVING_DAYS, MemberState
from loyalty.policies.requests import Forfeit
from loyalty.queries.memberships import is_staff
from loyalty.queries.programmes import get_programme_rules


class NotPossible(ValueError):
    """A member's state does not allow what was asked."""

    def __init__(self, *, member_id: int, state: str, wanted: str) -> None:
        self.member_id = member_id
        self.state = state
        super().__init__(f"Member {member_id} is {state} and can't be {wanted}.")


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A membership, whether it is new, and the purchases that are to be awarded because of it."""

    member_id: int
    number: str
    is_new: bool
    purchase_ids: tuple[int, ...] = ()


def enrol(
    *,
    customer_id: int,
    programme_id: int,
    purchase_id: int | None = None,
    terms_id: int | None = None,
    token: str = "",
    at: datetime | None = None,
    by: By = SHOP,
) -> Enrolled:
    """Make a customer a member, with an account of points, on their request.

    `token` is the secret of the invitation that they came with; without it, an invitation of their own counts
    all the same. The caller has made sure who the customer is.

    `purchase_id` is the order that led to joining: it counts, whenever it was placed. Who has left comes back
    to the same card; after 14 days, to an empty account. Replay: a member stays the member that they are.
    What they bought within the backdate window becomes due again and is awarded by the next `settle_awards`:
    by the caller with `purchase_ids`, or by the job within a minute. Raises: CannotJoin while the programme
    takes nobody, or only staff; NotLetIn where it takes only those who are invited.
    """
    at = clock.now() if at is None else at
    customer_id = resolve_customer(customer_id)
    rules = get_programme_rules(programme_id)
    if not rules.joins_at(at):
        raise CannotJoin("The programme takes no new members now. Switch it on, then ask again.")
    if rules.is_for_staff_at(at) and not is_staff(customer_id=customer_id):
        raise CannotJoin(
            "Only staff can try this programme so far: customers whose login may sign in to the admin. "
            "Switch it on, then ask again."
        )
    with transaction.atomic():
        known = Member.objects.filter(programme_id=programme_id, customer_id=customer_id).first()
        if known is not None:
            _take_back_in(known, at=at, by=by)
            return Enrolled(known.id, known.number, False)
        ticket = find_ticket(rules=rules, customer_id=customer_id, token=token, at=at)
        (member,) = insert_members(
            programme_id=programme_id, joined_at={customer_id: at}, by_request=True, purchase_id=purchase_id
        ).values()
        if ticket is not None:
            use_ticket(ticket=ticket, member_id=member.id, at=at)
        if terms_id is not None:
            accept_terms(member_id=member.id, terms_id=terms_id, at=at)
        audit.record(kind="member_joined", object_kind="member", object_id=member.id, by=by, at=at)
        welcome(rules, member_ids=[member.id], at=at, by=by)
        purchase_ids = _count_earlier_purchases(
            member, counts_from=at - timedelta(days=rules.backdate_days), at=at
        )
    return Enrolled(member.id, member.number, True, purchase_ids)


def _take_back_in(member: Member, *, at: datetime, by: By) -> None:
    """Let a member who has left be one again. After 14 days their points end first, as they were told."""
    if member.state != MemberState.LEFT or member.left_at is None:
        return
    if at >= member.left_at + timedelta(days=UNDO_LEAVING_DAYS):
        post([_forfeit(member.id, member.left_at)], at=at, by=by)
    _change_state(member.id, (MemberState.LEFT,), MemberState.ACTIVE, "member_came_back", at=at, by=by)


def _forfeit(member_id: int, left_at: datetime) -> Forfeit:
    return Forfeit(member_id=member_id, key=f"left:{left_at:%Y%m%d%H%M%S%f}", reason="left")


def _count_earlier_purchases(member: Member, *, counts_from: datetime, at: datetime) -> tuple[int, ...]:
    """Make the awards due again that found no member when they were decided and find one now."""
    waiting = Award.objects.filter(
        Q(purchase__placed_at__gte=counts_from) | Q(purchase_id=member.joined_with),
        programme_id=member.programme_id,
        purchase__customer_id__in=list_merged(customer_id=member.customer_id),
        member__isnull=True,
    )
    purchase_ids = tuple(waiting.order_by("purchase_id").values_list("purchase_id", flat=True))
    waiting.update(applied_revision=0)
    mark_changed(purchase_ids=purchase_ids, at=at)
    return purchase_ids


def insert_members(
    *, programme_id: int, joined_at: Mapping[int, datetime], by_request: bool, purchase_id: int | None = None
) -> dict[int, Member]:
    """Insert members with their accounts, by customer id; whoever is a member already is left as they are.

    Queries: 5, whatever the number. Two processes that enrol the same customer end with one member.
    """
    rows = [
        Member(
            programme_id=programme_id,
            customer_id=customer_id,
            number=new_number(),
            joined_at=moment,
            joined_by_request=by_request,
            joined_with=purchase_id,
        )
        for customer_id, moment in sorted(joined_at.items())
    ]
    Member.objects.bulk_create(rows, ignore_conflicts=True)
    members = Member.objects.filter(programme_id=programme_id, customer_id__in=joined_at)
    by_customer = {member.customer_id: member for member in members.order_by("id")}
    if missing := joined_at.keys() - by_customer.keys():
        raise IntegrityError(f"card numbers ran into taken ones for customers {sorted(missing)}; try again")
    PointsAccount.objects.bulk_create(
        [PointsAccount(member=member) for member in by_customer.values()], ignore_conflicts=True
    )
    moment = min(joined_at.values())
    note_member_numbers(
        numbers={customer_id: member.number for customer_id, member in by_customer.items()}, at=moment
    )
    return by_customer


def new_number() -> str:
    """Draw a card number: 23⁸ possibilities, so nobody guesses a neighbour's."""
    return with_check("".join(choice(ALPHABET) for _ in range(BODY_LENGTH)))


def accept_terms(*, member_id: int, terms_id: int, at: datetime | None = None) -> None:
    """Keep which version of the terms a member accepted, and when."""
    at = clock.now() if at is None else at
    terms = TermsVersion.objects.get(id=terms_id)
    Member.objects.filter(id=member_id, programme_id=terms.programme_id).update(
        terms=terms, terms_accepted_at=at
    )


def leave(*, member_id: int, at: datetime | None = None, by: By = SHOP) -> None:
    """Take a member out of the programme. It can be undone for 14 days; then the points end by entries."""
    _change_state(
        member_id, (MemberState.ACTIVE, MemberState.PAUSED), MemberState.LEFT, "member_left", at=at, by=by
    )


def undo_leaving(*, member_id: int, at: datetime | None = None, by: By = SHOP) -> None:
    """Take a member back as if they had not left. Raises: NotPossible after 14 days."""
    at = clock.now() if at is None else at
    member = Member.objects.get(id=member_id)
    if member.left_at is not None and at >= member.left_at + timedelta(days=UNDO_LEAVING_DAYS):
        raise NotPossible(member_id=member_id, state="left for more than 14 days", wanted="taken back")
    _change_state(member_id, (MemberState.LEFT,), MemberState.ACTIVE, "member_came_back", at=at, by=by)


def pause(*, member_id: int, at: datetime | None = None, by: By = SHOP) -> None:
    """Stop earning and spending for a member, who then reads "your account is paused, ask us"."""
    _change_state(member_id, (MemberState.ACTIVE,), MemberState.PAUSED, "member_paused", at=at, by=by)


def resume(*, member_id: int, at: datetime | None = None, by: By = SHOP) -> None:
    """Let a paused member earn and spend again."""
    _change_state(member_id, (MemberState.PAUSED,), MemberState.ACTIVE, "member_resumed", at=at, by=by)


def plan_forfeiting(at: datetime) -> list[Chunk]:
    """Find those who left 14 days ago or more and still have points, as chunks of one range each hundred."""
    ids = list(_gone(at).order_by("id").values_list("id", flat=True))
    parts = [ids[start : start + 100] for start in range(0, len(ids), 100)]
    return [Chunk(part[0], part[-1], len(part)) for part in parts]


def work_forfeiting(chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
    """End the points of one chunk of those who left, by entries, in the caller's transaction."""
    rows = _gone(at).filter(id__range=(chunk.lo, chunk.hi)).order_by("id").values_list("id", "left_at")
    requests = [_forfeit(member_id, left_at) for member_id, left_at in rows if left_at is not None]
    post(requests, at=at, by=SYSTEM, batch=chunk_id)
    return Progress(done=len(requests))


def _gone(at: datetime) -> QuerySet[Member]:
    has_points = Q(account__pending__gt=0) | Q(account__available__gt=0) | Q(account__held__gt=0)
    before = at - timedelta(days=UNDO_LEAVING_DAYS)
    return Member.objects.filter(has_points, state=MemberState.LEFT.value, left_at__lte=before)


def _change_state(
    member_id: int,
    from_states: tuple[MemberState, ...],
    to_state: MemberState,
    audit_kind: str,
    *,
    at: datetime | None,
    by: By,
) -> None:
    at = clock.now() if at is None else at
    with transaction.atomic():
        changed = Member.objects.filter(
            id=member_id, state__in=[state.value for state in from_states]
        ).update(state=to_state.value, left_at=at if to_state is MemberState.LEFT else None)
        if changed != 1:
            raise NotPossible(
                member_id=member_id, state=Member.objects.get(id=member_id).state, wanted=to_state.value
            )
        audit.record(kind=audit_kind, object_kind="member", object_id=member_id, by=by, at=at)
