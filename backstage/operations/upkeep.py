"""The jobs and invariants of backstage itself."""

from datetime import datetime, timedelta

from django.db.models import Count, Max, Min, QuerySet

from backstage import ddl
from backstage.models import JobRun
from backstage.operations.check import check_ledger
from backstage.policies import Chunk, Finding, JobState, Progress
from backstage.registry import invariants

KEPT = timedelta(days=7)


def plan_check(_at: datetime) -> list[Chunk]:
    """Plan one chunk: every invariant in one snapshot."""
    return [Chunk(lo=0, hi=0, counted=len(invariants))]


def work_check(chunk: Chunk, _at: datetime, _chunk_id: int) -> Progress:
    """Ask the books, and say what they answered where the owner looks for failed jobs."""
    breached = [answer for answer in check_ledger().answers if not answer.is_clean]
    said = [
        f"{answer.invariant}: {answer.error or answer.findings[0].detail} (found: {len(answer.findings)})"
        for answer in breached
    ]
    return Progress(done=chunk.counted - len(breached), failed=len(breached), error="\n".join(said))


def plan_forgetting(at: datetime) -> list[Chunk]:
    """Plan one chunk over the runs that found nothing and ended more than a week before `at`."""
    found = _forgettable(at).aggregate(lo=Min("pk"), hi=Max("pk"), counted=Count("pk"))
    return [Chunk(**found)] if found["counted"] else []


def work_forgetting(chunk: Chunk, at: datetime, _chunk_id: int) -> Progress:
    """Delete them. A run that did something stays: what it wrote names its chunks."""
    deleted, _by_model = _forgettable(at).filter(pk__range=(chunk.lo, chunk.hi)).delete()
    return Progress(done=deleted)


def find_missing_triggers() -> list[Finding]:
    """Return the append-only triggers that should stand and do not."""
    return [
        Finding(
            "append_only_triggers",
            [name],
            f"Trigger {name} is missing or disabled; `migrate` makes it again.",
        )
        for name in ddl.missing_triggers()
    ]


def find_differing_functions() -> list[Finding]:
    """Return the stored functions that are missing or are not what the code says."""
    return [
        Finding(
            "stored_functions",
            [name],
            f"Function {name} is missing or differs from the code; `migrate` makes it again.",
        )
        for name in ddl.differing_functions()
    ]


def _forgettable(at: datetime) -> QuerySet[JobRun]:
    return JobRun.objects.filter(
        state=JobState.DONE, counted=0, chunks__isnull=True, finished_at__lt=at - KEPT
    )
