"""Which runs of the suite there are, and how they add up."""

import os
import socket
from pathlib import Path

import psycopg
import pytest

from tests.harness import postgres_server, tally
from tests.harness.lanes import WORKERS, Outcome, plan, report, run

URL = "postgres://postgres@127.0.0.1:5432/encore"


def lanes(url=URL, **options):
    return [(lane.name, lane.vendor, lane.group) for lane in plan(url, **options)]


def test_by_default_the_fast_tests_run_on_both_databases_and_what_needs_none_on_one():
    assert lanes(everything=False) == [
        ("SQLite", "sqlite", "not slow and not browser"),
        ("PostgreSQL", "postgresql", "not slow and not browser and not once"),
    ]


def test_everything_adds_the_slow_group_the_browser_and_the_newer_django():
    assert lanes(everything=True, django61="/usr/bin/python3.13", browser="/usr/bin/python3")[2:] == [
        ("SQLite, slow group", "sqlite", "slow and not browser"),
        ("PostgreSQL, slow group", "postgresql", "slow and not browser and not once"),
        ("PostgreSQL, browser", "postgresql", "browser"),
        ("PostgreSQL, Django 6.1", "postgresql", "not slow and not browser and not once"),
    ]


def test_every_lane_uses_all_cores_but_the_one_whose_browser_does_so_itself():
    everything = plan(URL, everything=True, django61="/usr/bin/python3.13", browser="/usr/bin/python3")

    assert [lane.name for lane in everything if lane.options != WORKERS] == ["PostgreSQL, browser"]


def run_here(folder: Path, *options: str, **files: str) -> Outcome:
    """Run the lane of SQLite over some files of tests."""
    for name, code in files.items():
        (folder / f"test_{name}.py").write_text(code)
    lane = plan("", everything=False)[0]
    return run(lane, [str(folder), "-c", os.devnull, "-p", "no:django", "-q", *options])


WEEK = """
import pytest

@pytest.fixture
def broken():
    raise ValueError

def test_stands(): pass
def test_falls(): assert False
def test_breaks(broken): pass
def test_is_skipped(): pytest.skip("not today")
"""


@pytest.mark.once
def test_what_became_of_every_test_is_counted_over_all_workers(tmp_path):
    outcome = run_here(tmp_path, week=WEEK, weekend="def test_stands(): pass")

    assert (outcome.passed, outcome.failed, outcome.skipped) == (2, 2, 1)


@pytest.mark.once
def test_a_worker_that_dies_ends_the_lane_as_failed(tmp_path):
    outcome = run_here(tmp_path, week="import os\ndef test_stands(): pass\ndef test_dies(): os._exit(0)")

    assert (outcome.passed, outcome.failed) == (1, 1)


@pytest.mark.once
def test_who_asks_for_no_workers_gets_none(tmp_path):
    outcome = run_here(tmp_path, "-n0", week="def test_stands(worker_id): assert worker_id == 'master'")

    assert (outcome.passed, outcome.failed) == (1, 0)


def test_without_postgresql_the_newer_django_is_tried_on_sqlite():
    assert lanes(url="", everything=True, django61="/usr/bin/python3.13") == [
        ("SQLite", "sqlite", "not slow and not browser"),
        ("SQLite, slow group", "sqlite", "slow and not browser"),
        ("SQLite, Django 6.1", "sqlite", "not slow and not browser and not once"),
    ]


def test_the_last_line_is_the_sum_of_all_lanes(capsys):
    code = report({"SQLite": Outcome(passed=5, seconds=2.4), "PostgreSQL": Outcome(passed=4, failed=1)})

    lines = capsys.readouterr().out.splitlines()
    assert code == 1
    assert lines[1:3] == ["SQLite      5 passed, 0 failed in 2 s", "PostgreSQL  4 passed, 1 failed in 0 s"]
    assert lines[-1] == "9 passed, 1 failed"


def test_a_run_without_a_single_test_proves_nothing_and_fails():
    assert report({"SQLite": Outcome()}) == 1


def test_what_was_left_out_is_said_with_its_reason(capsys):
    code = report({"SQLite": Outcome(passed=5), "PostgreSQL": Outcome(left_out="no server and no binaries")})

    assert code == 0
    assert "PostgreSQL  left out: no server and no binaries" in capsys.readouterr().out


def test_a_test_that_broke_in_its_set_up_counts_as_failed():
    stats = {"passed": [1, 2], "failed": [3], "error": [4], "skipped": [5]}

    assert tally.count(stats) == {"passed": 2, "failed": 2, "skipped": 1}


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.loopback
@pytest.mark.parametrize("installed", [True, False], ids=["from the system", "from the wheel"])
def test_a_server_of_our_own_starts_answers_and_is_gone_afterwards(monkeypatch, installed):
    if not installed:
        monkeypatch.setattr(postgres_server, "find_installed", lambda: None)

    with postgres_server.started() as (address, source):
        with psycopg.connect(f"{address}/postgres") as connection:
            answer = connection.execute("SELECT 1").fetchone()
        port = int(address.rpartition(":")[2])

    assert answer == (1,)
    assert source.startswith("one started from")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.slow
@pytest.mark.once
def test_a_server_of_our_own_does_not_run_as_root():
    with postgres_server.started() as (address, _), psycopg.connect(f"{address}/postgres") as connection:
        folder = connection.execute("SHOW data_directory").fetchone()[0]
        owner = Path(folder).stat().st_uid  # PostgreSQL starts only for the owner of its folder

    assert owner != 0


@pytest.mark.slow
@pytest.mark.once
def test_a_run_that_was_killed_leaves_no_database_behind():
    with postgres_server.started() as (address, _):
        with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE test_encore_77_suite_gw1")
            connection.execute("CREATE DATABASE shop")

        postgres_server.sweep(address, "test_encore_77_suite")

        with psycopg.connect(f"{address}/postgres") as connection:
            left = connection.execute("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1")
            assert [name for (name,) in left.fetchall()] == ["postgres", "shop"]
