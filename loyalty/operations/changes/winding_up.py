"""What becomes of members' points when a programme closes.

Until the last day points on their way become ready as planned. What would be ready only in the last 14 days,
or later, becomes ready at once, so that nothing is lost without a chance to use it. After the last day what
is left ends by entries; who has a reservation open first finishes it, or sees it time out.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from backstage.policies import SYSTEM, Chunk, Progress
from loyalty.ledger.posting import post
from loyalty.models import Lot, Member
from loyalty.policies.programme import ProgrammeState
from loyalty.policies.requests import Forfeit, ReleaseEarly, Request

# Points that become ready later than so many days before the end could hardly be used.
LAST_DAYS = 14
MEMBERS_PER_CHUNK = 200


def plan_winding_up(at: datetime) -> list[Chunk]:
    """Cut the members of closing and closed programmes who have points to wind up into ranges. Queries: 1."""
    ids = list(_due(at).order_by("id").values_list("id", flat=True))
    parts = [ids[start : start + MEMBERS_PER_CHUNK] for start in range(0, len(ids), MEMBERS_PER_CHUNK)]
    return [Chunk(part[0], part[-1], len(part)) for part in parts]


def work_winding_up(chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
    """Make ready what would come too late, and end what is left after the end, in the caller's transaction.

    Replay: what is written is no longer due. Queries: 1, and those of one posting.
    """
    requests = list(_requests(_due(at).filter(id__range=(chunk.lo, chunk.hi)), at))
    if requests:
        post(requests, at=at, by=SYSTEM, batch=chunk_id)
    return Progress(done=len(requests))


def _requests(members: QuerySet[Member], at: datetime) -> Iterator[Request]:
    rows = members.order_by("id").values_list("id", "programme__closes_at")
    # A purchase that arrives late may leave points to wind up again, so the key names this round.
    for member_id, closes_at in rows:
        assert closes_at is not None  # noqa: S101 (`_due` asks for it)
        key = f"{{}}:{closes_at:%Y%m%d}:{at:%Y%m%d%H%M%S%f}"
        if closes_at <= at:
            yield Forfeit(member_id=member_id, key=key.format("closed"), reason="closed")
        else:
            late = closes_at - timedelta(days=LAST_DAYS)
            yield ReleaseEarly(member_id=member_id, key=key.format("closing"), reason="closing", late=late)


def _due(at: datetime) -> QuerySet[Member]:
    """Find those with something to write down; a merged account has no points left."""
    closing = Q(programme__state__in=(ProgrammeState.CLOSING.value, ProgrammeState.CLOSED.value))
    members = Member.objects.filter(closing, programme__closes_at__isnull=False)
    comes_too_late = Lot.objects.filter(
        Q(releases_at__isnull=True)
        | Q(releases_at__gt=OuterRef("programme__closes_at") - timedelta(days=LAST_DAYS)),
        member_id=OuterRef("id"),
        pending__gt=0,
    ).exclude(releases_at__lte=at)
    over = Q(programme__closes_at__lte=at, account__held=0) & (
        Q(account__pending__gt=0) | Q(account__available__gt=0)
    )
    return members.filter(over | (Q(programme__closes_at__gt=at) & Exists(comes_too_late)))
