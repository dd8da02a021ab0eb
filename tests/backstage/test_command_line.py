"""`manage.py encore VERB` says what it did, in words or in JSON, and ends with a code a script can trust."""

import io
import json
import os
import subprocess
import sys

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from backstage.management import verbs as verb
from backstage.management.commands.encore import Command
from backstage.management.terminal import Terminal
from backstage.models import JobRun
from backstage.operations.check import check_ledger
from backstage.policies import Finding
from backstage.registry import Invariant, invariants

CLEAN = Invariant(name="clean", question="Is it clean?", find=lambda: [])
WRONG = Invariant(
    name="wrong", question="Do lots add up?", find=lambda: [Finding("wrong", [4, 7], "lot 4 lacks 3 points")]
)
LATE = Invariant(
    name="late", question="Is nothing late?", find=lambda: [Finding("late", [9], "9 is late")], liveness=True
)


def explode() -> list[Finding]:
    raise ZeroDivisionError("no lots")


BROKEN = Invariant(name="broken", question="Can it be asked?", find=explode, liveness=True)


def say(*words: str) -> tuple[int, str, str]:
    """Run the command; return its exit code, its output and its complaints."""
    out, complaints = io.StringIO(), io.StringIO()
    try:
        call_command("encore", *words, stdout=out, stderr=complaints, no_color=True)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), complaints.getvalue()
    return 0, out.getvalue(), complaints.getvalue()


@pytest.fixture
def only(monkeypatch):
    """Ask these invariants and no others."""

    def register(*asked: Invariant) -> None:
        monkeypatch.setattr(invariants, "_things", {invariant.name: invariant for invariant in asked})

    return register


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "code"),
    [([CLEAN], 0), ([CLEAN, WRONG], 1), ([LATE], 2), ([LATE, WRONG], 1), ([CLEAN, BROKEN], 1), ([], 0)],
)
def test_the_books_answer_with_a_code(only, asked, code, caplog):
    only(*asked)

    assert say("check-ledger", "--no-progress")[0] == code


@pytest.mark.django_db
def test_what_is_wrong_is_named_with_its_ids(only):
    only(CLEAN, WRONG, LATE)

    _code, out, _complaints = say("check-ledger", "--no-progress")

    assert "ok    clean: Is it clean?" in out
    assert "WRONG wrong: Do lots add up? No, 1 times." in out
    assert "lot 4 lacks 3 points (ids 4, 7)" in out
    assert "LATE  late" in out


@pytest.mark.django_db
def test_a_question_that_cannot_be_asked_does_not_stop_the_others(only, caplog):
    only(BROKEN, CLEAN, WRONG)

    report = check_ledger()

    assert [(answer.invariant, answer.is_clean) for answer in report.answers] == [
        ("broken", False),
        ("clean", True),
        ("wrong", False),
    ]
    assert report.answers[0].error == "ZeroDivisionError: no lots"
    assert report.exit_code == 1


@pytest.mark.django_db
def test_monitoring_reads_json_and_nothing_else(only):
    only(CLEAN, WRONG)

    code, out, _complaints = say("check-ledger", "--json", "--no-progress")

    report = json.loads(out)
    assert (code, report["exit_code"]) == (1, 1)
    assert report["invariants"][1]["findings"] == [{"ids": [4, 7], "detail": "lot 4 lacks 3 points"}]


@pytest.mark.django_db
def test_the_hourly_job_fails_when_the_books_are_wrong(only, clock):
    only(CLEAN, WRONG)

    code, out, _complaints = say("run-job", "check_ledger", "--no-progress")

    run = JobRun.objects.get()
    assert (code, run.state, run.done, run.failed) == (3, "failed", 1, 1)
    assert "wrong: lot 4 lacks 3 points" in run.error
    assert "wrong: lot 4 lacks 3 points" in out


@pytest.mark.django_db
def test_a_job_is_run_as_of_the_time_that_was_said(counting):
    code, out, complaints = say("run-job", "count", "--at", "2026-03-03T13:00+01:00")

    run = JobRun.objects.get()
    assert (code, run.at.isoformat(), run.done) == (0, "2026-03-03T12:00:00+00:00", 6)
    assert "count: 6 of 6 done, 0 failed" in out
    assert complaints.splitlines() == [
        "count: 30 % (2 of 6)",
        "count: 60 % (4 of 6)",
        "count: 100 % (6 of 6)",
    ]


@pytest.mark.django_db
def test_a_run_is_told_in_json_without_progress(counting, clock):
    _code, out, complaints = say("run-job", "count", "--slot", "current", "--json", "--no-progress")

    run = json.loads(out)
    assert (run["job"], run["state"], run["done"]) == ("count", "done", 6)
    assert run["slot"].endswith(":00:00Z")
    assert complaints == ""


@pytest.mark.django_db
def test_the_exit_code_tells_failed_from_partly_done(counting, clock, caplog):
    def break_some(chunk):
        if chunk.lo == 3:
            raise ValueError("odd")

    counting.before_work = break_some
    partly, out, _complaints = say("run-job", "count")
    counting.due = 4
    failed, _out, _complaints = say("run-job", "count")

    assert (partly, failed) == (3, 1)
    assert "ValueError: odd" in out


@pytest.mark.django_db
def test_cron_runs_what_is_due_and_says_when_nothing_is(counting, clock, only):
    only(CLEAN)

    first = say("run-due")
    second = say("run-due")

    assert first[0] == 0
    assert "count: 6 of 6 done" in first[1]
    assert second[1] == "Nothing is due. Every job has been run in its current slot.\n"


@pytest.mark.django_db
def test_a_replay_runs_the_jobs_as_of_the_end_of_each_day(counting):
    code, out, _complaints = say("replay", "--from", "2026-02-27", "--to", "2026-03-02", "--job", "count")

    runs = JobRun.objects.order_by("at")
    assert code == 0
    assert [run.at.isoformat()[:16] for run in runs] == [
        "2026-02-28T00:00",
        "2026-03-01T00:00",
        "2026-03-02T00:00",
        "2026-03-03T00:00",
    ]
    assert [run.done for run in runs] == [6, 0, 0, 0]
    assert "count: 6 done over 4 days" in out


@pytest.mark.django_db
def test_a_period_that_ends_before_it_begins_is_refused(counting):
    code, _out, complaints = say("replay", "--from", "2026-03-02", "--to", "2026-03-01")

    assert (code, complaints) == (2, "--to 2026-03-01 is before --from 2026-03-02. Exchange them.\n")
    assert not JobRun.objects.exists()


@pytest.mark.django_db
def test_an_unknown_job_names_the_nearest_and_runs_nothing(counting, clock):
    code, _out, complaints = say("run-job", "cuont")

    assert (code, complaints) == (2, "There is no job called 'cuont'. Did you mean 'count'?\n")
    assert not JobRun.objects.exists()


def test_an_unknown_verb_names_the_nearest(capsys):
    with pytest.raises(SystemExit) as end:
        Command().run_from_argv(["manage.py", "encore", "chek-ledger"])

    assert end.value.code == 2
    assert "There is no verb 'chek-ledger'. Did you mean 'check-ledger'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--at", "2026-01-01T10:00"], "has no time zone. Write 2026-01-01T10:00:00Z for UTC."),
        (["--at", "tomorrow"], "'tomorrow' is no time. Write it like 2026-11-22T14:30Z."),
        (["--at", "9999-12-31T23:59-12:00"], "The year 9999 is out of reach. Write one from 1970 to 2999."),
        (["--slot", "x" * 101], "A slot has a name of 1 to 100 printable characters."),
        (["--workers", "0"], "'0' is no number of workers. Write 1 or more."),
        (["--workers", "²"], "'²' is no number of workers. Write 1 or more."),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_with_the_way_out(words, said, capsys):
    with pytest.raises(SystemExit) as end:
        Command().run_from_argv(["manage.py", "encore", "run-job", "count", *words])

    assert end.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.django_db
def test_an_interrupted_verb_says_how_to_go_on(counting, clock):
    def interrupt(chunk):
        raise KeyboardInterrupt

    counting.before_work = interrupt

    code, _out, complaints = say("run-job", "count", "--slot", "today")

    assert (code, JobRun.objects.get().state, counting.worked()) == (3, "running", {})
    assert "What is done stays done; give the same command again to go on." in complaints

    counting.before_work = lambda chunk: None
    assert say("run-job", "count", "--slot", "today")[0] == 0
    assert (JobRun.objects.get().state, len(counting.worked())) == ("done", 6)


def type_in(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Give a command in a process of its own, as a person does."""
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
        check=False,
    )


@pytest.fixture(scope="module")
def migrated(tmp_path_factory) -> dict[str, str]:
    """The environment of a shop with tables and nothing in them."""
    here = {"DATABASE_URL": f"sqlite:///{tmp_path_factory.mktemp('shop') / 'shop.sqlite3'}"}
    assert type_in("migrate", **here).returncode == 0
    return here


@pytest.mark.once
def test_the_command_as_a_person_types_it_ends_with_its_code(migrated):
    answer = type_in("encore", "run-job", "relase_due_points", **migrated)

    assert answer.returncode == 2
    assert "There is no job called 'relase_due_points'." in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.once
def test_a_reader_who_goes_away_ends_the_command_without_a_traceback(migrated):
    reading, writing = os.pipe()
    os.close(reading)

    ended = subprocess.run(
        [sys.executable, "manage.py", "encore", "check-ledger"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        env=os.environ | migrated,
        check=False,
    )
    os.close(writing)

    assert (ended.returncode, ended.stderr) == (141, "")


@pytest.mark.once
@pytest.mark.parametrize(
    "words", [["run-due"], ["check-ledger", "--json"], ["init", "--currency", "EUR", "--time-zone", "UTC"]]
)
def test_a_database_that_was_never_migrated_is_named_with_the_way_out(tmp_path, words):
    answer = type_in("encore", *words, DATABASE_URL=f"sqlite:///{tmp_path / 'empty.sqlite3'}")

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("The database lacks the tables of this version (")
    assert answer.stderr.endswith("Run manage.py migrate, then give this command again.\n")
    assert len(answer.stderr.splitlines()) == 1


@pytest.mark.once
@pytest.mark.parametrize(
    "url", ["postgres://nobody@127.0.0.1:1/shop", "sqlite:////no/such/folder/shop.sqlite3"]
)
def test_a_database_out_of_reach_is_named_with_the_reason_and_the_way_out(url):
    answer = type_in("encore", "run-due", DATABASE_URL=url)

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("The database can't be reached: ")
    assert "refused. Start it" in answer.stderr or "unable to open database file. Start it" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


@pytest.mark.django_db
def test_a_verb_does_not_begin_where_the_tables_are_those_of_an_older_version(counting, clock):
    MigrationRecorder(connection).migration_qs.filter(app="encore_backstage").delete()

    code, out, complaints = say("run-job", "count")

    assert (code, out, counting.worked()) == (1, "", {})
    assert complaints.startswith("The database lacks the tables of this version (")
    assert not JobRun.objects.exists()


@pytest.mark.django_db
def test_migrations_of_the_shop_itself_do_not_stop_a_verb(counting, clock):
    MigrationRecorder(connection).migration_qs.filter(app="sessions").delete()

    assert say("run-job", "count")[0] == 0


@pytest.mark.parametrize("words", [[], ["--help"]])
def test_every_verb_is_explained_in_the_help(capsys, words):
    with pytest.raises(SystemExit):
        Command().run_from_argv(["manage.py", "encore", *words])

    said = capsys.readouterr().out
    assert all(name in said for name in ("check-ledger", "replay", "run-due", "run-job"))
    assert verb.CHECK_LEDGER.help[:30] in said


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def open_terminal(stderr: io.StringIO, *, wants_progress: bool = True) -> Terminal:
    wrapped = Command(stdout=io.StringIO(), stderr=stderr, no_color=True)
    return Terminal(
        stdout=wrapped.stdout, stderr=wrapped.stderr, wants_json=False, wants_progress=wants_progress
    )


def test_a_bar_without_an_end_says_in_a_log_how_far_it_is_each_half_minute(monkeypatch):
    log, seconds = io.StringIO(), [0]
    monkeypatch.setattr("backstage.management.terminal.monotonic", lambda: seconds[0])

    with open_terminal(log).bar(label="reading", total=None, unit="rows") as bar:
        bar.advance(1000)
        seconds[0] = 31
        bar.advance(1000)
        bar.advance(1000)

    assert log.getvalue() == "reading: 2,000 rows\n"


def test_a_bar_is_drawn_on_a_terminal_and_nowhere_when_nobody_wants_it():
    wanted, unwanted = Screen(), Screen()

    for screen in (wanted, unwanted):
        with open_terminal(screen, wants_progress=screen is wanted).bar(label="import", total=4) as bar:
            bar.advance(4)

    assert "import: 100%" in wanted.getvalue()
    assert unwanted.getvalue() == ""
