"""Rows 9 to 13: what time decides, written down for everyone."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection

from backstage.clock import now
from backstage.operations.jobs import begin_run, plan_run, run_job, work_run
from backstage.policies import SYSTEM
from backstage.registry import jobs
from benchmarks import references
from benchmarks.databases import Copies
from benchmarks.laws import check_laws
from benchmarks.measuring import Deed, Figure, NotMeasured, Size, in_pairs, rate_of
from benchmarks.rows_awards import award_deed
from benchmarks.rows_holds import hold_deed
from benchmarks.shop import Shop
from loyalty.ledger import due
from loyalty.operations.awards import settle_awards


@contextmanager
def chunks_of(lots: int) -> Iterator[None]:
    """Cut jobs into chunks of this many lots."""
    vendor = connection.vendor
    before = due.LOTS_PER_CHUNK[vendor]
    due.LOTS_PER_CHUNK[vendor] = lots
    try:
        yield
    finally:
        due.LOTS_PER_CHUNK[vendor] = before


def run_in_processes(name: str, at, workers: int) -> None:
    """Run a job by so many processes, as so many Celery workers would."""
    run = begin_run(job=jobs.get(name), at=at, by=SYSTEM, slot=f"bench:{time.monotonic_ns()}")
    plan_run(job=jobs.get(name), run=run)
    connection.close()
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work_run, kwargs={"run_id": run.pk}) for _ in range(workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    run.refresh_from_db()
    if run.state != "done":
        raise NotMeasured(f"the job ended {run.state}: {run.error}")


def job_beside_statement(
    copies: Copies, stock: str, size: Size, *, name: str, statement: str, days: int, workers: int, lots: int
) -> Figure:
    """Time a job over all due lots beside one statement that does the same, each on a fresh copy."""
    at = now() + timedelta(days=days)
    counter = "pending" if name == "release_due_points" else "available"

    def product() -> float:
        with copies.fresh(stock), chunks_of(lots):
            count = _count(counter)
            if workers == 1:
                rate = rate_of(count, lambda: run_job(name=name, at=at))
            else:
                rate = rate_of(count, lambda: run_in_processes(name, at, workers))
            if left := _count(counter):
                raise NotMeasured(f"the job left {left} lots")
            check_laws([1])
        return rate

    def reference() -> float:
        with copies.fresh(stock):
            count = _count(counter)
            return rate_of(count, lambda: _execute(statement, [at, at]))

    return in_pairs(reference, product, min(size.pairs, 3), "lots/s")


def cost_of_release(copies: Copies, stock: str, shop: Shop) -> tuple[Figure, Figure]:
    """Count account updates per member and bytes of WAL of the release job, beside one statement's."""
    at = now() + timedelta(days=20)
    with copies.fresh(stock):
        before = _updates()
        with chunks_of(10_000):
            job_bytes = _wal_of(lambda: run_in_processes("release_due_points", at, 4))
        time.sleep(1.5)  # counters of sessions that have ended arrive within a second
        updates = _updates() - before
    with copies.fresh(stock):
        statement_bytes = _wal_of(lambda: _execute(references.RELEASE, [at, at]))
    return (
        Figure(updates / shop.members, updates, shop.members, "updates"),
        Figure(job_bytes / statement_bytes, job_bytes / 1e6, statement_bytes / 1e6, "MB"),
    )


def deadlocks_of_release(copies: Copies, stock: str, shop: Shop, size: Size) -> Figure:
    """Release with four workers in small chunks while awards, holds and returns go on; count deadlocks."""
    at = now() + timedelta(days=20)
    with copies.fresh(stock):
        with chunks_of(500):
            connection.close()
            context = multiprocessing.get_context("fork")
            stop, errors = context.Event(), context.SimpleQueue()
            online = [
                context.Process(target=_keep_on, args=(make, number, stop, errors), daemon=True)
                for make in (
                    award_deed,
                    hold_deed(lambda number: 1 + number % shop.members),
                    return_deed(shop),
                )
                for number in range(2)
            ]
            for process in online:
                process.start()
            try:
                run_in_processes("release_due_points", at, 4)
            finally:
                stop.set()
                for process in online:
                    process.join(10)
        if lost := [process.exitcode for process in online if process.exitcode != 0]:
            raise NotMeasured(f"{len(lost)} online workers did not end well: exit codes {lost}")
        failures = [errors.get() for _ in online]
        time.sleep(1.5)
        deadlocks = _ask("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        check_laws([])
    failed = sum(count for count, _ in failures)
    text = next((text for _, text in failures if text), "")
    return Figure(deadlocks + failed, note=f"{failed} online errors: {text}" if failed else "")


def return_deed(shop: Shop) -> Callable[[int], Deed]:
    """Cancel a settled purchase in turn and settle it again: its points are taken back, pending or ready."""

    def make(process: int) -> Deed:
        numbers = iter(range(1 + process, shop.purchases // 2, 2))

        def deed() -> None:
            number = next(numbers)
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE encore_commerce_purchase SET status = 'cancelled', revision = 2 WHERE id = %s",
                    [number],
                )
            settle_awards(purchase_ids=[number])

        return deed

    return make


def _keep_on(make, number, stop, errors) -> None:
    count, text = 0, ""
    try:
        deed, ends = make(number), time.monotonic() + 120
        while not stop.is_set() and time.monotonic() < ends:
            try:
                deed()
            except Exception as error:
                if "points" not in str(error):  # a member who has spent all is refused, as they should be
                    count, text = count + 1, f"{type(error).__name__}: {error}".splitlines()[0]
            time.sleep(0.002)
    finally:
        errors.put((count, text))


def _execute(statement: str, values: list) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _ask(question: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return int(cursor.fetchone()[0])


def _count(counter: str) -> int:
    return _ask(f"SELECT COUNT(*) FROM encore_loyalty_lot WHERE {counter} > 0")


def _updates() -> int:
    return _ask("SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'encore_loyalty_pointsaccount'")


def _wal_of(work: Callable[[], object]) -> int:
    before = _ask("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
    work()
    return _ask("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn") - before
