"""Celery's way in.

Messages carry names and ids; the database decides what is due, so a doubled or late one is harmless.
"""

from typing import Any

from celery import shared_task

from backstage import clock
from backstage.conf import JOB_WORKERS
from backstage.operations import jobs
from backstage.policies.jobs import slot_at
from backstage.registry import jobs as known_jobs


@shared_task(name="encore.backstage.run_job", acks_late=True, reject_on_worker_lost=True, ignore_result=True)
def run_job(*, name: str, slot: str | None = None, **_kwargs: Any) -> None:
    """Run a job in its current slot; in an older one when the message says so."""
    slot = slot or slot_at(now=clock.real_now(), every=known_jobs.get(name).every)
    jobs.run_job(name=name, at=clock.now(), slot=slot, workers=JOB_WORKERS.get())


@shared_task(
    name="encore.backstage.take_up_stale_runs", acks_late=True, reject_on_worker_lost=True, ignore_result=True
)
def take_up_stale_runs(**_kwargs: Any) -> None:
    """Finish what a killed worker left behind."""
    jobs.take_up_stale_runs(now=clock.real_now(), workers=JOB_WORKERS.get())
