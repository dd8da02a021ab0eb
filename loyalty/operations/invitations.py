"""Inviting: who is chosen, when each is invited, what is opened and withdrawn.

Two steps, both over sets:

1. A list asks its segment once, and one INSERT … SELECT chooses all who are in and no members. So a snapshot
   is the picture of one moment, however many there are, and the costly question is asked once.
2. The chosen are invited in chunks: the days of an invitation begin, and whoever has joined, was merged away
   or was erased meanwhile is passed over.

The unique constraint decides who is chosen once, and conditional updates who is invited once, so two runs at
the same time, or one that is killed and begun again, invite nobody twice.
"""

import logging
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, Max, Min, OuterRef, Q, QuerySet

from backstage import clock
from backstage.operations import audit
from backstage.plain_sql import execute
from backstage.policies import SHOP, By, Chunk, Progress
from commerce.models import Customer
from commerce.policies.segments import SegmentError
from commerce.queries.segments import read_segment
from loyalty.models import Invitation, InvitationList, Member
from loyalty.policies.invitations import ListState, expires_after
from loyalty.queries.invitations import select_invitable

logger = logging.getLogger(__name__)

# A living list asks its segment once a day.
EVERY = timedelta(days=1)
INVITATIONS_PER_CHUNK = 20_000


class CannotWithdraw(ValueError):
    """The invitation was used already, or withdrawn before."""

    def __init__(self, *, invitation_id: int) -> None:
        self.invitation_id = invitation_id
        super().__init__(f"Invitation {invitation_id} was used or withdrawn already.")


# -- choosing ------------------------------------------------------------------------------------------------


def choose(*, list_id: int, at: datetime) -> int:
    """Ask the segment of a list and choose whoever is in and no member; give how many are new.

    In the caller's transaction. What was frozen long ago and cannot be read any more chooses nobody, so that
    it keeps no other list from its turn. Replay: who was chosen stays chosen, once. Queries: 2.
    """
    running = InvitationList.objects.get(id=list_id)
    try:
        # A condition whose app is gone matches nobody.
        definition = read_segment(conditions=running.conditions, allow_missing=True)
    except SegmentError as error:
        logger.error("invitation list %s chooses nobody: %s", list_id, error)
        return 0
    found = select_invitable(definition=definition, programme_id=running.programme_id, at=at)
    moment = connection.ops.adapt_datetimefield_value(at)
    chosen = execute(
        f"INSERT INTO {Invitation._meta.db_table} (invitation_list_id, customer_id, created_at, guests)"
        f" SELECT {_number(running.id)}, chosen.id, {_moment()}, {_number(running.guests)}"
        f" FROM ({found.text}) AS chosen WHERE true ON CONFLICT (invitation_list_id, customer_id) DO NOTHING",
        [moment, *found.params],
    )
    return int(chosen.rowcount)


def plan_invitations(at: datetime) -> list[Chunk]:
    """Choose for every list whose turn it is, then cut whoever waits for an invitation into ranges.

    A list asks when it was switched on, and a living one every day from then on; the guarded update lets one
    of two planners ask. Queries: 3, and 2 more for each list that asks.
    """
    due = Q(asked_at__isnull=True) | Q(is_living=True, asked_at__lte=at - EVERY)
    running = InvitationList.objects.filter(due, state=ListState.ON.value)
    for list_id in running.order_by("id").values_list("id", flat=True):
        if InvitationList.objects.filter(due, id=list_id, state=ListState.ON.value).update(asked_at=at):
            choose(list_id=list_id, at=at)
    return _ranges(_waiting())


def _ranges(waiting: QuerySet[Invitation]) -> list[Chunk]:
    ends = waiting.aggregate(first=Min("id"), last=Max("id"))
    if ends["first"] is None:
        return []
    chunks = []
    for low in range(ends["first"], ends["last"] + 1, INVITATIONS_PER_CHUNK):
        high = min(low + INVITATIONS_PER_CHUNK - 1, ends["last"])
        if counted := waiting.filter(id__range=(low, high)).count():
            chunks.append(Chunk(low, high, counted))
    return chunks


# -- inviting ------------------------------------------------------------------------------------------------


def work_invitations(chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
    """Invite the chosen of one range, in the caller's transaction.

    Replay: who was invited is left alone. Queries: 1, and 2 for each list in the range.
    """
    within = _unsent().filter(id__range=(chunk.lo, chunk.hi))
    lists = InvitationList.objects.filter(
        Exists(within.filter(invitation_list_id=OuterRef("id"))), state=ListState.ON.value
    )
    done = 0
    for running in lists.select_related("programme").order_by("id"):
        own = within.filter(invitation_list=running)
        done += own.filter(_is_passed_over(running.programme_id)).update(withdrawn_at=at)
        ends = expires_after(at, running.valid_days, running.programme.zone)
        done += own.update(sent_at=at, expires_at=ends)
    return Progress(done=done)


def _waiting() -> QuerySet[Invitation]:
    return _unsent().filter(invitation_list__state=ListState.ON.value)


def _unsent() -> QuerySet[Invitation]:
    """Find the chosen, without a join: an UPDATE that has one is not guarded against another of its kind."""
    return Invitation.objects.filter(sent_at__isnull=True, withdrawn_at__isnull=True)


def _is_passed_over(programme_id: int) -> Q:
    """Ask whether somebody has joined, was merged away or was erased since they were chosen."""
    members = Member.objects.filter(programme_id=programme_id, customer_id=OuterRef("customer_id"))
    gone = Customer.objects.filter(
        Q(merged_into__isnull=False) | Q(erased_at__isnull=False), id=OuterRef("customer_id")
    )
    return Q(Exists(gone)) | Q(Exists(members))


# -- one invitation ------------------------------------------------------------------------------------------


def note_opened(*, invitation_id: int, at: datetime | None = None) -> bool:
    """Note that a person has opened an invitation; False where it was known, or was never sent.

    Replay: the first time stays. Queries: 1.
    """
    at = clock.now() if at is None else at
    unopened = Invitation.objects.filter(id=invitation_id, opened_at__isnull=True, sent_at__isnull=False)
    return unopened.update(opened_at=at) == 1


def withdraw_invitation(*, invitation_id: int, at: datetime | None = None, by: By = SHOP) -> None:
    """Take one invitation back before it is used. Raises: CannotWithdraw; nothing is changed then."""
    at = clock.now() if at is None else at
    with transaction.atomic():
        unused = Invitation.objects.filter(
            id=invitation_id, member__isnull=True, withdrawn_at__isnull=True, guests_joined=0
        )
        if unused.update(withdrawn_at=at) != 1:
            raise CannotWithdraw(invitation_id=invitation_id)
        audit.record(
            kind="invitation_withdrawn", object_kind="invitation", object_id=invitation_id, by=by, at=at
        )


def note_export(*, list_id: int, count: int, at: datetime, by: By) -> None:
    """Record that the links of a list leave the shop in a file: each of them lets somebody in."""
    with transaction.atomic():
        audit.record(
            kind="invitation_links_exported",
            object_kind="invitation_list",
            object_id=list_id,
            by=by,
            at=at,
            after={"links": count},
        )


def _number(value: int) -> str:
    return str(int(value))


def _moment() -> str:
    return "%s::timestamptz" if connection.vendor == "postgresql" else "%s"
