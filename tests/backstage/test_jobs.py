"""Recurring work is done once, whoever starts it and whatever breaks."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection, transaction

from backstage import clock
from backstage.models import AuditRecord, JobChunk, JobRun
from backstage.operations.jobs import begin_run, pause_run, resume_run, run_due, run_job, work_run
from backstage.policies import SYSTEM, By
from backstage.policies.jobs import slot_at
from backstage.queries import list_due_jobs
from backstage.registry import UnknownKey, jobs
from backstage.schedule import encore_schedule
from backstage.tasks import run_job as run_job_task
from tests.backstage.conftest import AT, SLOT, Counting, at_once

CAROL = By("staff", "7", "Carol")
ONCE = {1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1}


@pytest.mark.django_db
def test_a_run_counts_what_was_due_and_what_was_done(counting):
    run = run_job(name="count", at=AT, slot=SLOT)

    assert (run.state, run.at, run.counted, run.done, run.failed, run.error) == ("done", AT, 6, 6, 0, "")
    assert counting.worked() == ONCE
    assert list(run.chunks.order_by("number").values_list("lo", "hi", "counted", "attempts")) == [
        (1, 2, 2, 1),
        (3, 4, 2, 1),
        (5, 6, 2, 1),
    ]


@pytest.mark.django_db
def test_a_slot_that_is_over_is_returned_untouched(counting):
    first = run_job(name="count", at=AT, slot=SLOT)
    counting.due = 8

    second = run_job(name="count", at=AT + timedelta(minutes=5), slot=SLOT)

    assert (second.pk, second.at, second.counted) == (first.pk, AT, 6)
    assert counting.worked() == ONCE


@pytest.mark.django_db
def test_a_run_without_a_slot_is_always_new(counting):
    runs = {run_job(name="count", at=AT).pk for _time in range(2)}

    assert len(runs) == 2
    assert counting.worked() == ONCE


@pytest.mark.django_db
def test_a_run_that_finds_nothing_is_done_at_once(counting):
    counting.due = 0

    run = run_job(name="count", at=AT, slot=SLOT)

    assert (run.state, run.counted, run.done) == ("done", 0, 0)
    assert not JobChunk.objects.exists()


@pytest.mark.django_db
def test_a_job_nobody_knows_is_refused_with_the_nearest_name(counting):
    with pytest.raises(UnknownKey, match=r"no job called 'cuont'. Did you mean 'count'\?"):
        run_job(name="cuont", at=AT)

    assert not JobRun.objects.exists()


@pytest.mark.django_db
def test_a_chunk_that_raises_leaves_nothing_and_the_others_go_on(counting, caplog):
    def break_second(chunk):
        if chunk.lo == 3:
            raise ValueError("lot 3 is odd")

    counting.before_work = break_second

    run = run_job(name="count", at=AT, slot=SLOT)

    assert (run.state, run.done, run.failed, run.error) == ("failed", 4, 2, "ValueError: lot 3 is odd")
    assert counting.worked() == {1: 1, 2: 1, 5: 1, 6: 1}
    assert run.chunks.get(number=2).error == "ValueError: lot 3 is odd"
    assert "count, chunk" in caplog.text


@pytest.mark.django_db
def test_the_next_run_picks_up_what_a_failed_one_left(counting):
    def break_all(chunk):
        raise RuntimeError("no")

    counting.before_work = break_all
    assert run_job(name="count", at=AT, slot=SLOT).state == "failed"
    counting.before_work = lambda chunk: None

    run = run_job(name="count", at=AT, slot="2026-03-03T13:00:00Z")

    assert (run.state, run.done) == ("done", 6)
    assert counting.worked() == ONCE


@pytest.mark.django_db
def test_a_deadlocked_chunk_is_tried_again(counting):
    attempts = []

    def deadlock_twice(chunk):
        attempts.append(chunk.lo)
        if attempts.count(1) < 3 and chunk.lo == 1:
            raise OperationalError("deadlock detected")

    counting.before_work = deadlock_twice

    run = run_job(name="count", at=AT, slot=SLOT)

    assert (run.state, run.done) == ("done", 6)
    assert attempts == [1, 1, 1, 3, 5]
    assert run.chunks.get(number=1).attempts == 3


@pytest.mark.django_db
def test_a_chunk_that_is_always_deadlocked_fails_after_three_attempts(counting):
    def deadlock(chunk):
        raise OperationalError("deadlock detected")

    counting.due = 2
    counting.before_work = deadlock

    run = run_job(name="count", at=AT, slot=SLOT)

    assert (run.state, run.failed, run.chunks.get().attempts) == ("failed", 2, 3)
    assert counting.worked() == {}


@pytest.mark.django_db
def test_an_error_that_no_text_column_takes_is_kept_as_far_as_it_goes(counting, caplog):
    def explode(chunk):
        raise ValueError("a\0b\ud800c\nKey (address)=(alice@example.com)")

    counting.due, counting.before_work = 2, explode

    run = run_job(name="count", at=AT, slot=SLOT)

    assert (run.state, run.error) == ("failed", "ValueError: ab?c")


@pytest.mark.django_db
def test_a_plan_that_raises_fails_the_run_and_says_why(counting):
    def explode(at):
        raise ZeroDivisionError("no members")

    jobs.register("broken", replace(counting.job, name="broken", plan=explode))

    run = run_job(name="broken", at=AT, slot=SLOT)

    assert (run.state, run.error, run.done) == ("failed", "ZeroDivisionError: no members", 0)
    assert counting.worked() == {}


@pytest.mark.django_db
def test_a_paused_run_stops_between_chunks_and_goes_on_when_resumed(counting):
    def pause_in_second(chunk):
        if chunk.lo == 3:
            pause_run(run_id=JobRun.objects.get().pk, by=CAROL, at=AT)

    counting.before_work = pause_in_second

    paused = run_job(name="count", at=AT, slot=SLOT)

    assert (paused.state, paused.done) == ("paused", 4)
    assert counting.worked() == {1: 1, 2: 1, 3: 1, 4: 1}

    with transaction.atomic():
        assert resume_run(run_id=paused.pk, by=CAROL, at=AT)
    run = work_run(run_id=paused.pk)

    assert (run.state, run.done) == ("done", 6)
    assert counting.worked() == ONCE
    told = AuditRecord.objects.filter(object_kind="job_run").order_by("id")
    assert list(told.values_list("kind", "by_label")) == [("job_paused", "Carol"), ("job_resumed", "Carol")]


@pytest.mark.django_db
def test_a_paused_run_holds_the_whole_job_back(counting):
    run = begin_run(job=counting.job, at=AT, by=SYSTEM, slot=SLOT)
    with transaction.atomic():
        pause_run(run_id=run.pk, by=CAROL, at=AT)

    held = run_job(name="count", at=AT, slot="2026-03-03T13:00:00Z")

    assert (held.pk, held.state) == (run.pk, "paused")
    assert JobRun.objects.count() == 1
    assert counting.worked() == {}


@pytest.mark.django_db
def test_a_finished_run_can_be_neither_paused_nor_resumed(counting):
    run = run_job(name="count", at=AT, slot=SLOT)

    with transaction.atomic():
        switched = [pause_run(run_id=run.pk, by=CAROL, at=AT), resume_run(run_id=run.pk, by=CAROL, at=AT)]

    assert switched == [False, False]
    assert not AuditRecord.objects.filter(object_kind="job_run").exists()


@pytest.mark.django_db
def test_a_job_does_not_overlap_its_own_earlier_run(counting):
    alive = begin_run(job=counting.job, at=AT, by=SYSTEM, slot=SLOT)

    run = run_job(name="count", at=AT, slot="2026-03-03T13:00:00Z")

    assert (run.pk, run.state) == (alive.pk, "running")
    assert counting.worked() == {}


@pytest.mark.django_db
def test_a_run_that_was_left_behind_is_finished_before_the_next_one(counting):
    left = begin_run(job=counting.job, at=AT, by=SYSTEM, slot=SLOT)
    JobRun.objects.filter(pk=left.pk).update(seen_at=clock.real_now() - timedelta(minutes=3))

    run = run_job(name="count", at=AT, slot="2026-03-03T13:00:00Z")

    assert (run.slot, run.state, run.done) == ("2026-03-03T13:00:00Z", "done", 0)
    left.refresh_from_db()
    assert (left.state, left.done) == ("done", 6)
    assert counting.worked() == ONCE


@pytest.mark.django_db
def test_cron_runs_each_job_once_per_slot(counting):
    now = datetime(2026, 3, 3, 12, 59, tzinfo=UTC)

    first = run_due(at=AT, real_now=now)
    again = run_due(at=AT, real_now=now + timedelta(seconds=59))
    next_hour = run_due(at=AT, real_now=now + timedelta(minutes=1))

    assert "count" in [run.job for run in first]
    assert again == []
    assert "count" in [run.job for run in next_hour]
    assert counting.worked() == ONCE


@pytest.mark.django_db
def test_what_is_due_is_asked_in_one_query(counting, django_assert_num_queries):
    with django_assert_num_queries(1):
        due = list_due_jobs(now=AT)

    assert "count" in [entry.job.name for entry in due]


@pytest.mark.django_db
def test_the_celery_task_runs_the_job_in_its_current_slot(counting, clock):
    run_job_task(name="count")
    run_job_task(name="count", something_a_later_version_sends=True)

    run = JobRun.objects.get()
    assert (run.at, run.state, run.done) == (clock.now(), "done", 6)


def test_the_schedule_names_every_job_and_ticks_at_least_each_ten_minutes(counting):
    schedule = encore_schedule()

    assert schedule["encore.count"] == {
        "task": "encore.backstage.run_job",
        "schedule": timedelta(minutes=10),
        "kwargs": {"name": "count"},
        "options": {"expires": 600.0},
    }
    assert schedule["encore.take_up_stale_runs"]["schedule"] == timedelta(minutes=1)


def test_a_slot_is_cut_from_utc_so_the_hour_that_summer_time_repeats_is_two_slots():
    before = datetime.fromisoformat("2026-10-25T02:30:00+02:00")
    after = datetime.fromisoformat("2026-10-25T02:30:00+01:00")

    slots = [slot_at(now=moment, every=timedelta(hours=1)) for moment in (before, after)]

    assert slots == ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"]


@pytest.mark.django_db(transaction=True)
def test_two_beats_in_one_slot_are_one_run(counting):
    counting.due = 40

    runs = at_once(*[lambda: run_job(name="count", at=AT, slot=SLOT)] * 2)

    assert len({run.pk for run in runs}) == 1
    assert JobRun.objects.get().state == "done"
    assert counting.worked() == dict.fromkeys(range(1, 41), 1)


@pytest.mark.django_db(transaction=True)
def test_several_workers_share_the_chunks_and_none_is_worked_twice(counting):
    counting.due = 40
    run = begin_run(job=counting.job, at=AT, by=SYSTEM, slot=SLOT)

    at_once(*[lambda: work_run(run_id=run.pk)] * 4)

    run.refresh_from_db()
    assert (run.state, run.counted, run.done, run.failed) == ("done", 40, 40, 0)
    assert counting.worked() == dict.fromkeys(range(1, 41), 1)
    assert set(run.chunks.values_list("attempts", flat=True)) == {1}


@pytest.mark.django_db(transaction=True)
def test_workers_really_work_at_the_same_time_where_the_database_can(counting):
    together = threading.Barrier(2 if connection.vendor == "postgresql" else 1, timeout=10)
    counting.due, counting.size = 2, 1
    counting.before_work = lambda chunk: together.wait()

    run = run_job(name="count", at=AT, slot=SLOT, workers=2)

    assert (run.state, run.done) == ("done", 2)


KILLED_WORKER = """
import sys, time
import django
django.setup()
from backstage import registry
from backstage.operations.jobs import run_job
from tests.backstage.conftest import AT, SLOT, Counting

counting = Counting()
registry.jobs.register("count", counting.job)
registry.audit_kinds.register("counted", registry.AuditKind(name="counted", sentence=""))

def hang(chunk):
    if chunk.lo == 3:
        print("in the middle", flush=True)
        time.sleep(60)

counting.before_work = hang
run_job(name="count", at=AT, slot=SLOT)
"""


def database_url() -> str:
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    place = f"{settings['HOST']}:{settings['PORT']}" if settings["PORT"] else settings["HOST"]
    return f"postgres://{settings['USER']}:{settings['PASSWORD']}@{place}/{settings['NAME']}"


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_leaves_its_chunk_open_and_whole_for_the_next(counting: Counting):
    environment = {**os.environ, "DATABASE_URL": database_url(), "PYTHONPATH": os.getcwd()}
    worker = subprocess.Popen(
        [sys.executable, "-c", KILLED_WORKER], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert worker.stdout.readline() == "in the middle\n"
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.communicate(timeout=10)
    left = JobRun.objects.get()
    assert (left.state, left.done) == ("running", 2)
    assert counting.worked() == {1: 1, 2: 1}

    run = run_job(name="count", at=AT, slot=SLOT)

    assert (run.pk, run.state, run.done, run.failed) == (left.pk, "done", 6, 0)
    assert counting.worked() == ONCE
