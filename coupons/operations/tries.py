"""How often one source may try codes: a bucket of wrong tries that empties by itself.

A right code costs nothing. The state of a bucket is one moment, when all its tries are forgiven; so nothing
has to run for a source to be let in again. Nobody learns from the answer whether a code exists.
"""

import math
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from backstage.operations import audit
from backstage.policies import SYSTEM, Chunk, Progress
from coupons.conf import CODE_TRIES, CODE_TRY_SECONDS
from coupons.locks import lock_tries
from coupons.models import CodeTries

# Guessing by one source is told once in this time.
TELL_AGAIN_AFTER = timedelta(hours=24)
TRIES_PER_CHUNK = 5_000


def hash_source(source: str) -> str:
    """Return what is kept of an address or a session: a keyed hash."""
    return salted_hmac("encore.code_tries", source, algorithm="sha256").hexdigest()


def wait_for_try(*, source: str, at: datetime) -> int:
    """Say how many seconds this source has to wait before it may try a code; 0 when it may.

    Locks: the source's tries, until the end of the transaction, so that many requests at once are counted
    one after the other. Queries: 2.
    """
    tries = _lock(source, at)
    too_far = tries.free_at - at - _step() * (CODE_TRIES.get() - 1)
    return max(0, math.ceil(too_far.total_seconds()))


def count_wrong_try(*, source: str, at: datetime) -> None:
    """Count a wrong code; the log is told where the source has used up its tries by it.

    Locks: the source's tries. Queries: 3, and 1 for the log.
    """
    tries = _lock(source, at)
    tries.free_at = max(tries.free_at, at) + _step()
    is_full = tries.free_at - at > _step() * (CODE_TRIES.get() - 1)
    if is_full and (tries.told_at is None or tries.told_at <= at - TELL_AGAIN_AFTER):
        tries.told_at = at
        audit.record(
            kind="codes_guessed", object_kind="source", object_id=tries.source_hash[:12], by=SYSTEM, at=at
        )
    tries.save(update_fields=["free_at", "told_at"])


def plan_forgetting(at: datetime) -> list[Chunk]:
    """Cut what sources have tried, and may be forgotten, into ranges of ids. Queries: 1."""
    ids = list(_over(at).order_by("id").values_list("id", flat=True))
    parts = [ids[start : start + TRIES_PER_CHUNK] for start in range(0, len(ids), TRIES_PER_CHUNK)]
    return [Chunk(part[0], part[-1], len(part)) for part in parts]


def work_forgetting(chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
    """Forget sources whose tries were forgiven more than a day ago. Queries: 1."""
    done, _by_model = _over(at).filter(id__range=(chunk.lo, chunk.hi)).delete()
    return Progress(done=done)


def _over(at: datetime) -> QuerySet[CodeTries]:
    return CodeTries.objects.filter(free_at__lt=at - TELL_AGAIN_AFTER)


def _lock(source: str, at: datetime) -> CodeTries:
    new = CodeTries(source_hash=hash_source(source), free_at=at)
    CodeTries.objects.bulk_create([new], ignore_conflicts=True)
    return lock_tries(source_hash=new.source_hash)


def _step() -> timedelta:
    return timedelta(seconds=CODE_TRY_SECONDS.get())
