"""What goes out to outside programmes: one file a day with everything that waits."""

from datetime import date, datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Sum

from backstage import clock
from backstage.operations import audit
from backstage.policies import SYSTEM, By, Chunk, Progress
from loyalty.locks import lock_outside
from loyalty.models import Hold, OutsideProgramme, Transfer, TransferFile
from loyalty.models.ledger import HoldState
from loyalty.policies.calendar import local_date
from loyalty.policies.errors import WriteConflict
from loyalty.policies.outside import TransferState


def make_transfer_file(
    *, outside_id: int, at: datetime | None = None, by: By = SYSTEM
) -> TransferFile | None:
    """Put everything that waits into the file of this local day; None where nothing waits.

    Replay: the day's file is answered as it stands; what was asked since goes out tomorrow. What is not
    reserved any more, because time ran out or the member has left, is called off. Locks: the outside
    programme, so that a day makes one file.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        outside = lock_outside(outside_id)
        day = local_date(at, outside.programme.zone)
        standing = TransferFile.objects.filter(outside=outside, day_on=day).first()
        if standing is not None:
            return standing
        waiting = Transfer.objects.filter(outside=outside, state=TransferState.WAITING)
        given_back = Hold.objects.filter(entry_id=OuterRef("hold_id"), state=HoldState.VOIDED)
        not_held = waiting.filter(Q(held_until_at__lte=at) | Exists(given_back))
        not_held.update(state=TransferState.CALLED_OFF, answered_at=at)
        ids = list(waiting.filter(asked_at__lte=at).values_list("id", flat=True))
        if not ids:
            return None
        return _store(outside, day, ids, at, by)


def _store(outside: OutsideProgramme, day: date, ids: list[int], at: datetime, by: By) -> TransferFile:
    transfers = Transfer.objects.filter(id__in=ids)
    sums = transfers.aggregate(points=Sum("points"), units=Sum("units"))
    file = TransferFile.objects.create(
        outside=outside,
        day_on=day,
        rows=len(ids),
        points=sums["points"],
        units=sums["units"],
        made_at=at,
    )
    sent = transfers.filter(state=TransferState.WAITING).update(state=TransferState.SENT, file=file)
    if sent != len(ids):
        raise WriteConflict(f"{sent} of {len(ids)} transfers were still waiting; nothing was written.")
    audit.record(
        kind="transfer_file_made",
        object_kind="transferfile",
        object_id=file.id,
        by=by,
        at=at,
        after={"outside": outside.id, "day": str(day), "rows": file.rows, "units": file.units},
    )
    return file


# -- the job -------------------------------------------------------------------------------------------------


def plan_transfer_files(at: datetime) -> list[Chunk]:
    """Give a chunk for each outside programme that something waits for."""
    waiting = Transfer.objects.filter(state=TransferState.WAITING, asked_at__lte=at)
    ids = waiting.order_by("outside_id").values_list("outside_id", flat=True).distinct()
    return [Chunk(outside_id, outside_id, 1) for outside_id in ids]


def work_transfer_files(chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
    """Make the file of the day, in the runner's transaction."""
    file = make_transfer_file(outside_id=chunk.lo, at=at, by=SYSTEM)
    return Progress(done=1 if file else 0)
