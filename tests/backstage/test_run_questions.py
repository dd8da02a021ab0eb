"""What the owner is told of runs: which jobs failed, and which have fallen silent."""

from datetime import timedelta

import pytest

from backstage.models import JobRun
from backstage.policies import JobState
from backstage.queries import list_failed_runs, list_silent_jobs
from tests.backstage.conftest import AT

pytestmark = pytest.mark.django_db


def begin(job: str, *, ago: timedelta, state: JobState = JobState.DONE) -> JobRun:
    began = AT - ago
    is_over = state in (JobState.DONE, JobState.FAILED)
    return JobRun.objects.create(
        job=job,
        slot=began.isoformat(),
        state=state,
        at=began,
        started_at=began,
        seen_at=began,
        finished_at=began if is_over else None,
    )


def test_a_job_that_failed_is_named_with_its_newest_failure():
    begin("count", ago=timedelta(hours=3), state=JobState.FAILED)
    newest = begin("count", ago=timedelta(hours=2), state=JobState.FAILED)
    begin("tidy", ago=timedelta(hours=1))
    begin("mend", ago=timedelta(days=2), state=JobState.FAILED)

    assert list_failed_runs(since=AT - timedelta(days=1)) == {"count": newest.id}


def test_a_job_that_missed_three_turns_is_silent_and_one_that_never_ran_is_not(
    counting, django_assert_num_queries
):
    last = begin("count", ago=timedelta(hours=3, minutes=1))

    with django_assert_num_queries(1):
        silent = list_silent_jobs(now=AT)

    assert silent == {"count": last.started_at}


def test_a_job_that_ran_within_three_turns_is_not_silent(counting):
    begin("count", ago=timedelta(hours=2, minutes=59))

    assert list_silent_jobs(now=AT) == {}
