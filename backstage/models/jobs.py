"""Runs of recurring work."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from backstage.policies import JobState

# Values, not enum members: a migration would write down the class and break when it moves.
STATE_LABELS = {
    JobState.RUNNING.value: _("running"),
    JobState.PAUSED.value: _("paused"),
    JobState.DONE.value: _("done"),
    JobState.FAILED.value: _("failed"),
}
UNFINISHED = [JobState.RUNNING.value, JobState.PAUSED.value]
OVER = [JobState.DONE.value, JobState.FAILED.value]


class JobRunQuerySet(models.QuerySet["JobRun"]):
    """Runs by what can happen to them."""

    def unfinished(self) -> "JobRunQuerySet":
        """Keep runs that somebody works on, should work on, or has paused."""
        return self.filter(state__in=UNFINISHED)

    def alive(self, *, since: datetime) -> "JobRunQuerySet":
        """Keep running ones that gave a sign of life at or after `since`."""
        return self.filter(state=JobState.RUNNING, seen_at__gte=since)


class JobRun(models.Model):
    """One run of one job: running, paused, then done or failed; a failed one is over too.

    Written by `operations.jobs` alone. `slot` is unique per job, so two schedulers, or one that fires twice,
    end in one run. `at` is the business time that decides what is due; every other time here is the
    machine's. The queue is in the database and not in the broker, because a broker forgets a message whose
    worker was killed, or delivers it twice.
    """

    job = models.CharField(_("job"), max_length=100)
    slot = models.CharField(_("slot"), max_length=100)
    state = models.CharField(_("state"), max_length=10, choices=STATE_LABELS, default=JobState.RUNNING.value)
    at = models.DateTimeField(_("as of"))
    started_at = models.DateTimeField(_("started"))
    planned_at = models.DateTimeField(_("planned"), null=True)
    seen_at = models.DateTimeField(_("last sign of life"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    counted = models.PositiveBigIntegerField(_("found due"), default=0)
    done = models.PositiveBigIntegerField(_("done"), default=0)
    failed = models.PositiveBigIntegerField(_("failed"), default=0)
    error = models.TextField(_("what went wrong"), blank=True, default="")
    by_kind = models.CharField(max_length=20)
    by_id = models.CharField(max_length=100, blank=True, default="")
    by_label = models.CharField(max_length=200, blank=True, default="")

    objects = JobRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("job run")
        verbose_name_plural = _("job runs")
        constraints = [
            models.UniqueConstraint(fields=["job", "slot"], name="encore_jobrun_slot"),
            models.CheckConstraint(
                condition=Q(state__in=OVER, finished_at__isnull=False)
                | Q(state__in=UNFINISHED, finished_at__isnull=True),
                name="encore_jobrun_finished",
            ),
        ]
        indexes = [
            models.Index(fields=["started_at", "id"], name="encore_jobrun_started"),
            models.Index(
                fields=["job"],
                condition=Q(state__in=UNFINISHED),
                name="encore_jobrun_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job} {self.slot}"

    @property
    def is_over(self) -> bool:
        """Whether nothing of this run will be worked any more."""
        return self.state in OVER


class JobChunkQuerySet(models.QuerySet["JobChunk"]):
    """Chunks by what can happen to them."""

    def open(self) -> "JobChunkQuerySet":
        """Keep chunks that nobody has finished or failed."""
        return self.filter(done_at__isnull=True, failed_at__isnull=True)


class JobChunk(models.Model):
    """One share of a run: a range of ids, open, then done or failed.

    A worker locks the row, works the range and marks it in one transaction; a killed worker therefore leaves
    it open and unchanged, and there is no lease that somebody would have to sweep. The id is kept in what
    the work writes (a ledger entry's `batch`) and is never used again.
    """

    # No index of its own: the unique constraint below begins with the run.
    run = models.ForeignKey(
        JobRun, models.CASCADE, related_name="chunks", db_index=False, verbose_name=_("run")
    )
    number = models.PositiveIntegerField(_("number"))
    lo = models.BigIntegerField(_("from id"))
    hi = models.BigIntegerField(_("to id"))
    counted = models.PositiveBigIntegerField(_("found due"))
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    done_at = models.DateTimeField(_("done"), null=True)
    failed_at = models.DateTimeField(_("failed"), null=True)
    error = models.TextField(_("what went wrong"), blank=True, default="")

    objects = JobChunkQuerySet.as_manager()

    class Meta:
        verbose_name = _("chunk")
        verbose_name_plural = _("chunks")
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="encore_jobchunk_number"),
            models.CheckConstraint(condition=Q(lo__lte=F("hi")), name="encore_jobchunk_range"),
            models.CheckConstraint(
                condition=Q(done_at__isnull=True) | Q(failed_at__isnull=True), name="encore_jobchunk_one_end"
            ),
        ]
        indexes = [
            # The next chunk is found without walking past the finished ones.
            models.Index(
                fields=["run", "number"],
                condition=Q(done_at__isnull=True, failed_at__isnull=True),
                name="encore_jobchunk_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.lo}–{self.hi}"
