"""Codes are made: drawn, brought into order, stored by chunks; a killed worker leaves nothing half done.

Each chunk is one transaction under the lock of its batch: what it stores and what the batch counts commit
together or not at all. How many are missing is read under that lock and never taken from the plan, so that a
run that is taken up again, or a second worker, makes no code too many.
"""

from datetime import datetime
from secrets import token_bytes

from django.db import IntegrityError, connection, transaction
from django.db.models import F

from backstage.plain_sql import Told, execute
from backstage.policies import Chunk, Progress
from commerce.operations.rows import copy_texts
from coupons.locks import lock_batch
from coupons.models import Code, CodeBatch
from coupons.policies.code_text import Share, cut_evenly, draw_texts
from coupons.policies.states import CodeKind, CodeState

# SQLite has one writer: a chunk keeps the shop waiting for about a tenth of a second on either database.
CHUNK = {"postgresql": 25_000, "sqlite": 10_000}
# Few codes are made while whoever asked for them waits.
AT_ONCE = 5_000

_TOLD = Told(Code, ("code",))


class BatchMovedError(RuntimeError):
    """Another worker filled this batch meanwhile; what was made for it here is rolled back."""

    def __init__(self, *, batch_id: int, count: int) -> None:
        self.batch_id, self.count = batch_id, count
        super().__init__(f"Batch {batch_id} has no place for {count} more codes; another worker was faster.")


def make_codes(*, batch_id: int, at_most: int, at: datetime) -> int:
    """Make up to `at_most` of the codes that a batch lacks, and return how many that were.

    None where it is paused or void. Replay: what is made is not made again. Locks: the batch.
    Raises: BatchMovedError, which the lock rules out.
    """
    with transaction.atomic():
        batch = lock_batch(batch_id)
        count = min(at_most, batch.wanted_count - batch.made_count)
        if batch.state != CodeState.READY or count <= 0:
            return 0
        _store(batch, count, at)
        fits = CodeBatch.objects.filter(
            id=batch_id, state=CodeState.READY, made_count__lte=F("wanted_count") - count
        )
        if fits.update(made_count=F("made_count") + count) != 1:
            raise BatchMovedError(batch_id=batch_id, count=count)
    return count


def _store(batch: CodeBatch, count: int, at: datetime) -> None:
    """Store so many new codes; those that exist already, one in millions, are drawn anew."""
    done, whole = batch.made_count - batch.filled_from, batch.wanted_count - batch.filled_from
    share = Share(start=done, count=count, whole=whole)
    codes: list[str] = []
    while len(codes) < count:
        drawn = draw_texts(
            count=count - len(codes), places=batch.random_places, share=share, token_bytes=token_bytes
        )
        codes = sorted({*codes, *(batch.prefix + text for text in drawn)})
        if len(codes) == count and (taken := _try_to_store(batch, codes, at)):
            codes = [code for code in codes if code not in taken]


def _try_to_store(batch: CodeBatch, codes: list[str], at: datetime) -> set[str]:
    """Store these codes, or none and tell which exist. To ask first would cost more than to store."""
    same = {
        "coupon": batch.coupon_id,
        "batch": batch.pk,
        "kind": CodeKind.UNIQUE.value,
        "limit_total": 1,
        "created_at": at,
    }
    try:
        with transaction.atomic():
            copy_texts(Code, "code", codes, same=same)
    except IntegrityError:
        table, values = _TOLD.tell([(code,) for code in codes])
        found = execute(
            f"SELECT code FROM {Code._meta.db_table} WHERE code IN (SELECT told.code FROM {table})", values
        )
        taken = {row[0] for row in found.fetchall()}
        if not taken:
            raise
        return taken
    return set()


# -- the job -------------------------------------------------------------------------------------------------


def plan_making(_at: datetime) -> list[Chunk]:
    """Cut what batches lack into chunks; paused and void ones lack nothing. Queries: 1."""
    lacking = CodeBatch.objects.filter(state=CodeState.READY, made_count__lt=F("wanted_count")).order_by("id")
    return [
        Chunk(lo=batch_id, hi=batch_id, counted=count)
        for batch_id, wanted, made in lacking.values_list("id", "wanted_count", "made_count")
        for count in cut_evenly(wanted - made, at_most=CHUNK[connection.vendor])
    ]


def work_making(chunk: Chunk, at: datetime, _chunk_id: int) -> Progress:
    """Make one chunk. Locks: the batch."""
    return Progress(done=make_codes(batch_id=chunk.lo, at_most=chunk.counted, at=at))
