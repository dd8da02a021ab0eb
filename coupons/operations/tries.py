"""Trying a code at the edge that knows who tries: whoever guesses is slowed down, and told of."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from backstage import clock
from backstage.operations import audit
from backstage.policies import SYSTEM, Chunk, Progress
from commerce.policies.basket import Basket
from coupons.conf import CODE_TRIES, CODE_TRY_SECONDS
from coupons.locks import find_tries
from coupons.models import CodeTries
from coupons.policies.codes import normal_code
from coupons.policies.evaluation import Evaluation, Verdict
from coupons.policies.tries import Bucket
from coupons.queries.evaluation import evaluate

# Whoever goes on guessing is told of once a day, not once a try.
TOLD_EVERY = timedelta(days=1)
FORGOTTEN_PER_CHUNK = 1_000


class TooManyTries(ValueError):
    """This source has tried too many codes that do not count. It may try again after `retry_after`."""

    def __init__(self, *, retry_after: timedelta) -> None:
        self.retry_after = retry_after
        seconds = -(-retry_after // timedelta(seconds=1))
        super().__init__(f"Too many codes were tried. Try again in {seconds} seconds.")


def try_code(
    code: str,
    *,
    source: str,
    basket: Basket,
    codes: Sequence[str] = (),
    customer: int | None = None,
    at: datetime | None = None,
) -> Evaluation:
    """Evaluate a basket with one more code that somebody has just typed, unless they guess.

    `source` is what the edge knows of whoever types: an address, a session; only a keyed hash of it is kept.
    A code that counts, or may be explained, costs no try. One that must not be told from an unknown one costs
    what an unknown one does. Locks: the source's tries. Queries: 4 more than `evaluate`, one less for a code
    that is no such code. Raises: TooManyTries, before anything is looked up.
    """
    at = clock.now() if at is None else at
    # A try is taken first and given back where none was needed: many at once could otherwise all look before
    # the first one is counted. The refusal is raised outside, so that what it writes down stays.
    wait = take_try(source=source, at=at)
    if wait:
        raise TooManyTries(retry_after=wait)
    evaluation = evaluate(basket, [*codes, code], customer, at)
    answer = next((one for one in evaluation.answers if normal_code(one.code) == normal_code(code)), None)
    if answer is not None and answer.verdict is not Verdict.NO_SUCH_CODE:
        give_try_back(source=source)
    return evaluation


def _hash(source: str) -> str:
    return salted_hmac("encore.coupons.tries", source, algorithm="sha256").hexdigest()


def _bucket() -> Bucket:
    return Bucket(CODE_TRIES.get(), timedelta(seconds=CODE_TRY_SECONDS.get()))


def take_try(*, source: str, at: datetime) -> timedelta:
    """Take a try, whatever it is that a code is typed for; give how long to wait where there is none.

    Who has to wait is told of. Locks: the source's tries, in a transaction of its own. Queries: 3.
    """
    bucket, source_hash = _bucket(), _hash(source)
    with transaction.atomic():
        full = CodeTries(source_hash=source_hash, free_at=at)
        CodeTries.objects.bulk_create([full], ignore_conflicts=True)
        tries = find_tries(source_hash=source_hash) or full
        wait = bucket.wait(free_at=tries.free_at, at=at)
        if not wait:
            tries.free_at = bucket.after_a_try(free_at=tries.free_at, at=at)
        elif tries.told_at is None or tries.told_at <= at - TOLD_EVERY:
            tries.told_at = at
            audit.record(kind="codes_guessed", object_kind="code_tries", object_id=tries.id, by=SYSTEM, at=at)
        tries.save(update_fields=["free_at", "told_at"])
    return wait


def give_try_back(*, source: str) -> None:
    """Give the last try back, because the code was right. Locks: the source's tries. Queries: 2."""
    with transaction.atomic():
        tries = find_tries(source_hash=_hash(source))
        if tries is not None:
            tries.free_at -= _bucket().interval
            tries.save(update_fields=["free_at"])


def plan_forgetting(at: datetime) -> list[Chunk]:
    """Find the sources whose tries are all made good again, as chunks of ranges of ids."""
    ids = list(_forgettable(at).order_by("id").values_list("id", flat=True))
    parts = [ids[start : start + FORGOTTEN_PER_CHUNK] for start in range(0, len(ids), FORGOTTEN_PER_CHUNK)]
    return [Chunk(part[0], part[-1], len(part)) for part in parts]


def work_forgetting(chunk: Chunk, at: datetime, _chunk_id: int) -> Progress:
    """Forget the sources of one chunk; a new try finds a full bucket, as it would have found theirs."""
    deleted, _by_model = _forgettable(at).filter(id__range=(chunk.lo, chunk.hi)).delete()
    return Progress(done=deleted)


def _forgettable(at: datetime) -> QuerySet[CodeTries]:
    # A day longer than needed, so that who guesses is told of once a day.
    return CodeTries.objects.filter(free_at__lte=at - TOLD_EVERY)
