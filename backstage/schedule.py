"""What a shop's own Celery beat must do for us."""

from datetime import timedelta
from typing import Any

from backstage.registry import Job, jobs

MINUTE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=10)


def encore_schedule() -> dict[str, dict[str, Any]]:
    """Return the beat entries of every registered job, by unique names.

    A project adds them to its own: `app.conf.beat_schedule = {**mine, **encore_schedule()}`, after
    `django.setup()`.

    Every entry ticks at least each ten minutes, whatever the job's own period, and only the first tick of a
    slot runs the job. Beat counts an interval from its own start, so a daily entry of a beat that is
    deployed daily would never fire.
    """
    entries = {f"encore.{name}": _entry(job) for name, job in jobs.items()}
    entries["encore.take_up_stale_runs"] = {
        "task": "encore.backstage.take_up_stale_runs",
        "schedule": MINUTE,
        "options": {"expires": MINUTE.total_seconds()},
    }
    return entries


def _entry(job: Job) -> dict[str, Any]:
    tick = min(job.every, LONGEST_PAUSE)
    return {
        "task": "encore.backstage.run_job",
        "schedule": tick,
        "kwargs": {"name": job.name},
        # A message that waited for a whole tick has been overtaken by the next one.
        "options": {"expires": tick.total_seconds()},
    }
