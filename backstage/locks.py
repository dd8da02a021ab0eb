"""Every row lock of backstage.

A job's chunk comes before whatever its work locks; the run's counters come last.
"""

from backstage.models import Approval, JobChunk, JobRun
from backstage.policies import JobState


def lock_run(*, run_id: int) -> JobRun:
    """Lock a run and return it as it stands."""
    return JobRun.objects.select_for_update(no_key=True).get(pk=run_id)


def lock_next_chunk(*, run_id: int) -> JobChunk | None:
    """Lock the first open chunk that no other worker holds; None when there is none, or the run is paused.

    SQLite knows no row locks: there the transaction, begun as a writer, is the lock.
    """
    return (
        JobChunk.objects.open()
        .filter(run_id=run_id, run__state=JobState.RUNNING)
        .order_by("number")
        .select_for_update(of=("self",), skip_locked=True, no_key=True)
        .first()
    )


def lock_approval(*, approval_id: int) -> Approval:
    """Lock a request for approval and return it as it stands."""
    return Approval.objects.select_for_update(no_key=True).get(pk=approval_id)
