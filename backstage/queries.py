"""Questions about runs and approvals, and to the books."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db import connection
from django.db.models import Count, Max, Q
from django.utils.translation import gettext as _

from backstage import clock
from backstage.models import Approval, JobChunk, JobRun
from backstage.policies import ApprovalState, By, Finding, JobState
from backstage.policies.jobs import STALE_AFTER, slot_at
from backstage.registry import Invariant, Job, approval_kinds, jobs

# A job may miss its turn while a long one runs; one that is silent for this many turns does not run at all.
SILENT_TURNS = 3
SHORTEST_SILENCE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class DueJob:
    """A job and the slot it has not been run in yet."""

    job: Job
    slot: str


def list_due_jobs(*, now: datetime) -> list[DueJob]:
    """Return every job whose current slot nobody has begun, the most frequent first.

    Time: `now` is the machine's.
    Queries: 1.
    """
    slots = {name: slot_at(now=now, every=job.every) for name, job in jobs.items()}
    begun = Q(pk__in=[])
    for name, slot in slots.items():
        begun |= Q(job=name, slot=slot)
    taken = set(JobRun.objects.filter(begun).values_list("job", flat=True))
    due = [DueJob(job, slots[name]) for name, job in jobs.items() if name not in taken]
    return sorted(due, key=lambda entry: (entry.job.every, entry.job.name))


def list_stale_runs(*, now: datetime, job: str | None = None) -> list[int]:
    """Return runs that somebody began and nobody is working on any more, oldest first.

    Queries: 1.
    """
    runs = JobRun.objects.filter(state=JobState.RUNNING, seen_at__lt=now - STALE_AFTER)
    known = [job] if job else list(jobs)
    return list(runs.filter(job__in=known).order_by("id").values_list("pk", flat=True))


def find_holding_run(*, job: str, slot: str, now: datetime) -> JobRun | None:
    """Return the run of another slot that keeps `job` from starting: paused, or at work this very moment.

    Queries: 1.
    """
    runs = JobRun.objects.filter(job=job).exclude(slot=slot)
    return runs.filter(Q(state=JobState.PAUSED) | Q(pk__in=runs.alive(since=now - STALE_AFTER))).first()


def list_failed_runs(*, since: datetime) -> dict[str, int]:
    """Return the newest run that failed of every job that failed since then, by the job's name.

    Queries: 1.
    """
    failed = JobRun.objects.filter(state=JobState.FAILED, started_at__gte=since)
    return dict(failed.order_by("id").values_list("job", "id"))


def list_silent_jobs(*, now: datetime) -> dict[str, datetime]:
    """Return the jobs that have run before and stay silent now, with their last beginning.

    What has never run is not missed yet. Time: `now` is the machine's. Queries: 1.
    """
    runs = JobRun.objects.filter(job__in=list(jobs)).order_by()
    latest = dict(runs.values("job").annotate(newest=Max("started_at")).values_list("job", "newest"))
    return {
        name: latest[name]
        for name, job in jobs.items()
        if name in latest and now - latest[name] > max(SILENT_TURNS * job.every, SHORTEST_SILENCE)
    }


def has_other_approver(*, by: By) -> bool:
    """Tell whether somebody besides `by` may decide approvals.

    Queries: 1.
    """
    people = ModelBackend().with_perm("encore_backstage.decide_approval", is_active=True)
    if by.kind == "staff" and by.id:
        people = people.exclude(pk=by.id)
    return bool(people.exists())


@dataclass(frozen=True, slots=True)
class WaitingRequest:
    """Something that waits for a second look: what will happen, in one sentence, and who asked."""

    id: int
    sentence: str
    asked_by: By


def list_requests(*, object_kind: str, object_id: str | int) -> list[WaitingRequest]:
    """Return what waits for a second look about one object, oldest first.

    Queries: 1.
    """
    waiting = Approval.objects.filter(
        object_kind=object_kind, object_id=str(object_id), state=ApprovalState.WAITING
    )
    return [
        WaitingRequest(
            row.pk,
            describe_approval(row),
            By(row.requested_by_kind, row.requested_by_id, row.requested_by_label),
        )
        for row in waiting.order_by("id")
    ]


def find_request(*, kind: str, key: str) -> int | None:
    """Return the id of the approval that was asked for under this key, whatever became of it.

    Queries: 1.
    """
    return Approval.objects.filter(kind=kind, key=key).values_list("pk", flat=True).first()


def count_requests_for(*, by: By, at_most: int) -> int:
    """Count what waits for a second look and was asked for by others, or by `by` where nobody else decides.

    Queries: 1.
    """
    waiting = Approval.objects.filter(state=ApprovalState.WAITING)
    waits_for_others = Q(requested_by_kind=by.kind, requested_by_id=by.id, not_before__isnull=True)
    return waiting.exclude(waits_for_others)[:at_most].count()


def describe_approval(approval: Approval) -> str:
    """Say in one sentence what will happen, or has happened, once it is approved.

    Queries: 0.
    """
    if approval.kind not in approval_kinds:
        return _("%(kind)s (the app that brought it is not installed any more)") % {"kind": approval.kind}
    return approval_kinds.get(approval.kind).describe(approval.payload)


def get_time_taken(run: JobRun) -> timedelta:
    """Return how long a run took, or has taken so far."""
    return (run.finished_at or run.seen_at) - run.started_at


@dataclass(frozen=True, slots=True)
class ChunkCounts:
    """How the chunks of a run stand."""

    all: int
    done: int
    failed: int


def count_chunks(*, run_id: int) -> ChunkCounts:
    """Count the chunks of a run.

    Queries: 1.
    """
    counts = JobChunk.objects.filter(run_id=run_id).aggregate(
        all=Count("pk"), done=Count("done_at"), failed=Count("failed_at")
    )
    return ChunkCounts(**counts)


def list_failed_chunks(*, run_id: int, limit: int = 20) -> list[JobChunk]:
    """Return the first chunks of a run that failed.

    Queries: 1.
    """
    failed = JobChunk.objects.filter(run_id=run_id, failed_at__isnull=False)
    return list(failed.order_by("number")[:limit])


# One finding for each row, up to here: a bad change may break every row, and a page is enough to see it.
MOST_FINDINGS = 100


@dataclass(frozen=True, slots=True)
class Law:
    """One question to the books: a SELECT of the rows that break it, none when all is well.

    `broken` gives an id and the numbers that `detail` has gaps for, in the dialect that PostgreSQL and SQLite
    share. `book` says whose law it is. `late_after` makes it a law of liveness: `broken` then takes one
    parameter, the moment that long ago.
    """

    name: str
    question: str
    broken: str
    detail: str
    late_after: timedelta | None = None
    book: str = "ledger"

    @property
    def full_name(self) -> str:
        """The name among the invariants of all apps."""
        return f"{self.book}.{self.name}"

    def invariant(self) -> Invariant:
        """Put the law into the form of the door."""
        return Invariant(
            name=self.full_name,
            question=self.question,
            find=self.find,
            liveness=self.late_after is not None,
        )

    def find(self) -> list[Finding]:
        """Return the rows that break the law, lowest ids first. Queries: 1."""
        with connection.cursor() as cursor:
            cursor.execute(f"{self.broken} ORDER BY 1 LIMIT {MOST_FINDINGS}", self._parameters())
            columns = [column[0] for column in cursor.description]
            rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        return [Finding(self.full_name, [row[columns[0]]], self.detail % row) for row in rows]

    def _parameters(self) -> Sequence[Any]:
        if self.late_after is None:
            return []
        return [connection.ops.adapt_datetimefield_value(clock.now() - self.late_after)]
