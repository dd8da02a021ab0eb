"""Many at once. Each test of a lock has a control beside it that shows what the lock is for."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier

import pytest
from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction

from backstage import transactions
from backstage.operations.check import check_ledger
from backstage.registry import jobs
from backstage.transactions import IsolationError
from loyalty.ledger import hold_at_once, posting
from loyalty.models import Entry, Hold, PointsAccount
from loyalty.policies.errors import HoldClosed, KeyReused, LedgerRefusal, NotEnoughPoints
from loyalty.queries.books import load_first_lots
from tests.factories.loyalty import MemberFactory
from tests.loyalty.ledger import deeds
from tests.loyalty.ledger.deeds import day, points_of
from tests.loyalty.ledger.planting import planted

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 64
AT_ONCE = 16  # connections; the server of a small machine allows few more


@pytest.fixture(autouse=True)
def books_are_right(db, clock):
    """After every race, whatever it was about. The clock is late enough for everything that happens here."""
    clock.move_to(day(1))
    yield
    assert [finding.detail for finding in check_ledger().findings] == []


def race(*racers: Callable[[], object]) -> list[object]:
    """Run all together, each in a thread with a connection of its own; give results or refusals."""
    start = Barrier(min(len(racers), AT_ONCE))

    def run(racer: Callable[[], object]) -> object:
        start.wait(timeout=30)
        try:
            return racer()
        except (LedgerRefusal, IntegrityError, OperationalError) as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, racers))


def outcome(result: object) -> str:
    if isinstance(result, LedgerRefusal):
        return "refused by the ledger"
    if isinstance(result, IntegrityError):
        return "refused by the database"
    if isinstance(result, OperationalError):
        return f"broken: {result}"
    return "held"


def test_only_one_of_many_gets_the_last_points(alice):
    deeds.give(alice, 100, at=day(0))

    results = race(*[lambda: deeds.hold(alice, 100, at=day(0))] * MANY)

    assert Counter(map(outcome, results)) == {"held": 1, "refused by the ledger": MANY - 1}
    refusals = {
        (result.asked_points, result.available_points)
        for result in results
        if isinstance(result, NotEnoughPoints)
    }
    assert refusals == {(100, 0)}
    assert points_of(alice, day(0)) == {"held": 100}


@pytest.fixture
def two_holds(alice, monkeypatch):
    """Two for the last points; whoever has seen what is there takes a moment to decide."""

    def load_and_think(*given, **more):
        books = load_first_lots(*given, **more)
        time.sleep(0.5)
        return books

    deeds.give(alice, 100, at=day(0))
    monkeypatch.setattr(hold_at_once, "fits", lambda request: False)
    monkeypatch.setattr(posting, "load_first_lots", load_and_think)
    spend = partial(deeds.hold, alice, 100, at=day(0))
    return lambda: sorted(outcome(result) for result in race(spend, spend))


def read_accounts(member_ids):
    return {row.member_id: row for row in PointsAccount.objects.filter(member_id__in=list(member_ids))}


def test_with_the_lock_on_the_second_is_refused_by_the_ledger(two_holds):
    assert two_holds() == ["held", "refused by the ledger"]


if connection.vendor == "postgresql":  # SQLite has one writer at a time: there is no lock to take away

    def test_control_with_the_lock_off_the_second_is_refused_by_the_database(two_holds, monkeypatch):
        monkeypatch.setattr(posting, "lock_accounts", read_accounts)

        assert two_holds() == ["held", "refused by the database"]

    THINK = (
        "    INSERT INTO encore_loyalty_entry",
        "    PERFORM pg_sleep(0.5);\n    INSERT INTO encore_loyalty_entry",
    )

    def two_holds_at_once(alice) -> list[str]:
        deeds.give(alice, 100, at=day(0))
        deeds.settle(alice, at=day(0))
        spend = partial(deeds.hold, alice, 100, at=day(0))
        return sorted(outcome(result) for result in race(spend, spend))

    def test_with_the_lock_on_the_function_lets_one_in_and_the_book_refuses_the_second(alice):
        with planted(THINK):
            assert two_holds_at_once(alice) == ["held", "refused by the ledger"]

    def test_control_with_its_lock_off_the_second_is_refused_by_the_database_too(alice):
        with planted(THINK, ("FOR NO KEY UPDATE", "")):
            assert two_holds_at_once(alice) == ["held", "refused by the database"]

    def test_points_move_on_read_committed_only(alice):
        deeds.give(alice, 10, at=day(0))
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        transactions._verified.discard(connection.connection)  # it has answered before its level changed

        with pytest.raises(IsolationError, match="repeatable read"):
            deeds.hold(alice, 10, at=day(0))

        connection.close()
        assert points_of(alice, day(0)) == {"available": 10}


def test_batches_in_opposite_order_wait_for_each_other_and_never_deadlock(programme):
    members = [MemberFactory(programme=programme) for _ in range(8)]

    def batch(order):
        return lambda: deeds.send(*[deeds.earning(member, 1, at=day(0)) for member in order], at=day(0))

    results = race(*[batch(order) for order in (members, members[::-1])] * 8)

    assert {outcome(result) for result in results} == {"held"}
    assert [points_of(member, day(0)) for member in members] == [{"available": 16}] * 8


def test_one_key_sent_many_times_at_once_has_one_effect(alice):
    deeds.give(alice, 100, at=day(0))

    results = race(*[lambda: deeds.hold(alice, 100, at=day(0), until=day(9), key="order-7")] * MANY)

    assert len(set(results)) == 1
    assert Hold.objects.get().entry_id == results[0]
    assert points_of(alice, day(0)) == {"held": 100}


def test_one_key_with_two_contents_at_once_has_one_effect(alice):
    deeds.give(alice, 100, at=day(0))

    ten, twenty = (partial(deeds.hold, alice, points, at=day(0), key="order-7") for points in (10, 20))
    results = race(*[ten, twenty] * 8)

    refused = [result for result in results if isinstance(result, KeyReused)]
    assert len(refused) == 8
    assert Hold.objects.count() == 1


def test_captured_and_given_up_at_once_a_reservation_is_one_of_the_two(alice):
    deeds.give(alice, 10, at=day(0))
    held = deeds.hold(alice, 10, at=day(0), until=day(9))

    captured, given_up = race(
        lambda: deeds.capture(alice, held, at=day(0)), lambda: deeds.void(alice, held, at=day(0))
    )

    if outcome(captured) == "held":
        assert isinstance(given_up, HoldClosed)
        assert points_of(alice, day(0)) == {}
    else:
        assert isinstance(captured, HoldClosed)
        assert points_of(alice, day(0)) == {"available": 10}


def test_jobs_and_deeds_at_once_agree_with_what_time_has_decided(alice, bob):
    """Reservations time out, points become ready and end, and at that very moment they are asked for."""
    for member in (alice, bob):
        deeds.give(member, 10, at=day(0), ends_at=day(0.75))
        deeds.earn(member, 20, at=day(0), ready_at=day(0.5))
    holds = {member: deeds.hold(member, 10, at=day(0), until=day(0.25)) for member in (alice, bob)}
    chunks = iter(range(1, 1000))

    def run(name):
        def work():
            for chunk in jobs.get(name).plan(day(1)):
                with transaction.atomic():
                    jobs.get(name).work(chunk, day(1), next(chunks))

        return work

    names = ("release_due_points", "expire_due_points", "void_stale_holds")
    results = race(
        *[run(name) for name in names] * 2,
        lambda: deeds.capture(alice, holds[alice], at=day(1)),
        lambda: deeds.settle(bob, at=day(1)),
    )

    assert {outcome(result) for result in results} == {"held"}
    assert points_of(alice, day(1)) == {"available": 10}
    assert points_of(bob, day(1)) == {"available": 20}
    assert points_of(bob, day(0.6)) == {"available": 30}
    assert Entry.objects.filter(member=bob).count() == 7


@pytest.mark.slow
def test_sixteen_processes_share_the_last_points(alice, tmp_path):
    """Processes, as web workers are. SQLite takes them one by one and never says that it is locked."""
    deeds.give(alice, 100, at=day(0))
    connection.close()
    script = tmp_path / "spend.py"
    script.write_text(SPEND)
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
        "PYTHONPATH": os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, str(script), str(alice.id), day(0).isoformat()]
    processes = [
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(16)
    ]
    for process in processes:  # each says when it is ready, and all are let loose together
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()

    said = Counter(process.communicate(timeout=60)[0].strip() for process in processes)

    assert said == {"held": 1, "100 asked for, 0 available": 15}


def database_url() -> str:
    database = settings.DATABASES["default"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    return os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{database['NAME']}"


SPEND = """
import sys
from datetime import datetime

import django

django.setup()

from django.db import connection, transaction

from backstage.policies import SYSTEM
from loyalty.ledger import moves
from loyalty.policies.errors import NotEnoughPoints
from os import getpid

connection.ensure_connection()
print("ready", flush=True)
sys.stdin.readline()
at = datetime.fromisoformat(sys.argv[2])
try:
    with transaction.atomic():
        moves.hold(
            member_id=int(sys.argv[1]),
            points=100,
            key=f"process:{getpid()}",
            expires_at=at.replace(year=2030),
            at=at,
            by=SYSTEM,
        )
except NotEnoughPoints as refusal:
    print(f"{refusal.asked_points} asked for, {refusal.available_points} available")
else:
    print("held")
"""
