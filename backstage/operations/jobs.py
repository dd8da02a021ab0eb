"""Running recurring work.

The table is the queue (Note [Chunks]): whoever wants to help calls `work_run`, as often and from as many
processes as they like.

Note [Chunks]

1. A run is one row per (job, slot). The unique constraint decides who began it; everyone else joins.
2. Under the lock of the run, `plan` cuts what is due into chunks, once.
3. A worker opens a transaction, locks the first open chunk that nobody else holds, works it, marks it as
   done and commits. Work and mark are one commit, so no chunk counts twice and a killed worker leaves
   nothing half done.
4. A chunk that raises is rolled back and marked as failed; the others go on. What it left is still due, and
   the next run finds it.
5. Whoever finds no chunk left closes the run, if no chunk is open any more.

A lease with a time-out instead of the lock would have to be longer than the slowest chunk, and would still
let a slow worker be overtaken by a second one.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from uuid import uuid4

from django.db import OperationalError, connection, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When

from backstage import clock
from backstage.locks import lock_next_chunk, lock_run
from backstage.models import JobChunk, JobRun
from backstage.operations import audit
from backstage.policies import SYSTEM, By, Chunk, JobState, Progress
from backstage.queries import find_holding_run, list_due_jobs, list_stale_runs
from backstage.registry import Job, jobs
from backstage.transactions import read_snapshot, require_transaction

logger = logging.getLogger("encore.backstage")


class ChunkLostError(RuntimeError):
    """Another worker brought this chunk to an end meanwhile; what we did for it is rolled back."""

    def __init__(self, *, chunk_id: int) -> None:
        super().__init__(f"Chunk {chunk_id} was finished by another worker.")
        self.chunk_id = chunk_id


Watcher = Callable[[JobRun], None]

# A deadlock or a lock time-out is nobody's fault and worth another try; three in a row are a fault.
ATTEMPTS = 3


def run_job(
    *,
    name: str,
    at: datetime,
    by: By = SYSTEM,
    slot: str | None = None,
    workers: int = 1,
    progress: Watcher | None = None,
) -> JobRun:
    """Run a job as of `at`, and return its run.

    A slot that is over is returned untouched, one that is not is taken up again. Without a slot the run is a
    person's own and always new. A job does not overlap itself: while the run of another slot is paused or at
    work, that one is returned and nothing begins; one that was left behind is finished first.

    Replay: the same slot again changes nothing.
    Raises: UnknownKey. What goes wrong inside the job is in `JobRun.state` and `JobRun.error`.
    """
    job = jobs.get(name)
    if slot is not None:
        for run_id in list_stale_runs(now=clock.real_now(), job=name):
            work_run(run_id=run_id, workers=workers, progress=progress)
        holding = find_holding_run(job=name, slot=slot, now=clock.real_now())
        if holding:
            return holding
    run = begin_run(job=job, at=at, by=by, slot=slot or f"manual:{uuid4()}")
    return run if run.is_over else work_run(run_id=run.pk, workers=workers, progress=progress)


def run_due(*, at: datetime, real_now: datetime, workers: int = 1) -> list[JobRun]:
    """Take up what was left behind, then run every job whose slot has come. Cron calls it once a minute."""
    runs = take_up_stale_runs(now=real_now, workers=workers)
    for due in list_due_jobs(now=real_now):
        runs.append(run_job(name=due.job.name, at=at, slot=due.slot, workers=workers))
    return runs


def take_up_stale_runs(*, now: datetime, workers: int = 1) -> list[JobRun]:
    """Finish the runs that a crash left behind, or that a person has just resumed."""
    return [work_run(run_id=run_id, workers=workers) for run_id in list_stale_runs(now=now)]


def begin_run(*, job: Job, at: datetime, by: By, slot: str) -> JobRun:
    """Return the run of this slot; make it if nobody has."""
    now = clock.real_now()
    run, _created = JobRun.objects.get_or_create(
        job=job.name,
        slot=slot,
        defaults={
            "at": at,
            "started_at": now,
            "seen_at": now,
            "by_kind": by.kind,
            "by_id": by.id,
            "by_label": by.label,
        },
    )
    return run


def work_run(*, run_id: int, workers: int = 1, progress: Watcher | None = None) -> JobRun:
    """Plan a run if nobody has, work its chunks until none is left to take, and close it if none is open.

    Any number of threads and processes may do this at once.
    """
    run = JobRun.objects.get(pk=run_id)
    job = jobs.get(run.job)
    if plan_run(job=job, run=run):
        # SQLite has one writer at a time; more of them would only wait for each other.
        if workers > 1 and connection.vendor != "sqlite":
            _work_in_threads(job, run, workers, progress)
        else:
            _work_until_none_is_left(job, run, progress)
        _close_if_all_over(run)
    run.refresh_from_db()
    return run


def plan_run(*, job: Job, run: JobRun) -> bool:
    """Cut the run into chunks, once; tell whether there is a plan to work."""
    try:
        with transaction.atomic():
            locked = lock_run(run_id=run.pk)
            if locked.planned_at is None and locked.state == JobState.RUNNING:
                _store_plan(locked, job.plan(locked.at))
            return not locked.is_over
    except Exception as error:
        logger.exception("job %s could not be planned", job.name)
        JobRun.objects.filter(pk=run.pk, planned_at=None, state=JobState.RUNNING).update(
            state=JobState.FAILED,
            error=describe(error),
            finished_at=clock.real_now(),
            seen_at=clock.real_now(),
        )
        return False


def pause_run(*, run_id: int, by: By, at: datetime) -> bool:
    """Stop a run after the chunks that are being worked; False when it is not running."""
    return _switch(run_id, JobState.RUNNING, JobState.PAUSED, "job_paused", by, at)


def resume_run(*, run_id: int, by: By, at: datetime) -> bool:
    """Let a paused run go on; False when it is not paused. A sweep takes it up within three minutes."""
    return _switch(run_id, JobState.PAUSED, JobState.RUNNING, "job_resumed", by, at)


def describe(error: BaseException) -> str:
    """Return an error as one line for the admin; the traceback is in the log.

    Only the first line: in the second, PostgreSQL quotes the row, which may hold somebody's address. What no
    text column takes is replaced, for a message that cannot be stored would hide what it is about.
    """
    line = f"{type(error).__name__}: {error}".splitlines()[0][:500]
    return line.replace("\0", "").encode("utf-8", "replace").decode()


def _store_plan(run: JobRun, chunks: Sequence[Chunk]) -> None:
    JobChunk.objects.bulk_create(
        [
            JobChunk(run=run, number=number, lo=chunk.lo, hi=chunk.hi, counted=chunk.counted)
            for number, chunk in enumerate(chunks, start=1)
        ],
        batch_size=1000,
    )
    run.planned_at = run.seen_at = clock.real_now()
    run.counted = sum(chunk.counted for chunk in chunks)
    run.save(update_fields=["planned_at", "seen_at", "counted"])


def _work_in_threads(job: Job, run: JobRun, workers: int, progress: Watcher | None) -> None:
    def work() -> None:
        try:
            _work_until_none_is_left(job, run, progress)
        finally:
            connection.close()  # the thread's own

    with ThreadPoolExecutor(max_workers=workers) as pool:
        for future in [pool.submit(work) for _number in range(workers)]:
            future.result()


def _work_until_none_is_left(job: Job, run: JobRun, progress: Watcher | None) -> None:
    work_next = _read_next_chunk if job.reads_only else _work_next_chunk
    while work_next(job, run):
        if progress:
            progress(JobRun.objects.get(pk=run.pk))


def _work_next_chunk(job: Job, run: JobRun) -> bool:
    """Work one chunk in one transaction; False when there is none to take."""
    chunk = None
    try:
        with transaction.atomic():
            chunk = lock_next_chunk(run_id=run.pk)
            if chunk is None:
                return False
            _mark_done(chunk, job.work(Chunk(chunk.lo, chunk.hi, chunk.counted), run.at, chunk.pk))
    except Exception as error:
        if chunk is None:
            raise  # the database could not even be asked; the run stays open for the next sweep
        _mark_failed(job, chunk, error)
    return True


def _read_next_chunk(job: Job, run: JobRun) -> bool:
    """Work one chunk of a job that only reads, in a snapshot that cannot hold the chunk's lock at the same
    time.

    The claim is committed first. A crash after it costs a second reading, which changes nothing.
    """
    with transaction.atomic():
        chunk = lock_next_chunk(run_id=run.pk)
    if chunk is None:
        return False
    try:
        with read_snapshot():
            progress = job.work(Chunk(chunk.lo, chunk.hi, chunk.counted), run.at, chunk.pk)
        with transaction.atomic():
            _mark_done(chunk, progress)
    except Exception as error:
        _mark_failed(job, chunk, error)
    return True


def _mark_done(chunk: JobChunk, progress: Progress) -> None:
    """Mark the chunk first and the run last: the run's row is the one that every worker wants."""
    now = clock.real_now()
    marked = (
        JobChunk.objects.filter(pk=chunk.pk)
        .open()
        .update(done_at=now, error=progress.error, attempts=F("attempts") + 1)
    )
    if marked != 1:
        raise ChunkLostError(chunk_id=chunk.pk)
    JobRun.objects.filter(pk=chunk.run_id).update(
        done=F("done") + progress.done,
        failed=F("failed") + progress.failed,
        seen_at=now,
        error=progress.error or F("error"),
    )


def _mark_failed(job: Job, chunk: JobChunk, error: Exception) -> None:
    if isinstance(error, OperationalError) and chunk.attempts + 1 < ATTEMPTS:
        logger.warning("job %s, chunk %s: %s; trying again", job.name, chunk.pk, describe(error))
        JobChunk.objects.filter(pk=chunk.pk).open().update(attempts=F("attempts") + 1)
        return
    logger.error("job %s, chunk %s failed", job.name, chunk.pk, exc_info=error)
    now = clock.real_now()
    with transaction.atomic():
        marked = (
            JobChunk.objects.filter(pk=chunk.pk)
            .open()
            .update(failed_at=now, error=describe(error), attempts=F("attempts") + 1)
        )
        if marked:  # else another worker has taken it up meanwhile and brought it to an end
            JobRun.objects.filter(pk=chunk.run_id).update(
                failed=F("failed") + chunk.counted, seen_at=now, error=describe(error)
            )


def _close_if_all_over(run: JobRun) -> None:
    chunks = JobChunk.objects.filter(run_id=OuterRef("pk"))
    went_wrong = Q(failed__gt=0) | Exists(chunks.filter(failed_at__isnull=False))
    JobRun.objects.filter(
        ~Exists(chunks.open()), pk=run.pk, state=JobState.RUNNING, planned_at__isnull=False
    ).update(
        state=Case(When(went_wrong, then=Value(JobState.FAILED.value)), default=Value(JobState.DONE.value)),
        finished_at=clock.real_now(),
        seen_at=clock.real_now(),
    )


def _switch(run_id: int, from_state: JobState, to_state: JobState, kind: str, by: By, at: datetime) -> bool:
    require_transaction()
    if JobRun.objects.filter(pk=run_id, state=from_state).update(state=to_state) != 1:
        return False
    audit.record(
        kind=kind,
        object_kind="job_run",
        object_id=run_id,
        by=by,
        at=at,
        before={"state": from_state.value},
        after={"state": to_state.value},
    )
    return True
