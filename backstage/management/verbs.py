"""Verbs of backstage: run-job, run-due, replay, check-ledger."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from backstage import clock
from backstage.conf import JOB_WORKERS
from backstage.models import JobRun
from backstage.operations.check import check_ledger
from backstage.operations.jobs import run_due, run_job
from backstage.policies import JobState
from backstage.policies.findings import Answer
from backstage.policies.jobs import slot_at
from backstage.queries import get_time_taken
from backstage.registry import Bar, Job, Out, Verb, invariants, jobs

OK, FAILED, USAGE, PARTLY = 0, 1, 2, 3
DAY = timedelta(days=1)
YEARS = range(1970, 3000)
SLOT_LENGTH = 100  # of the column


def moment(text: str) -> datetime:
    """Read a time from the command line; without a zone it could be any of two dozen moments."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no time. Write it like 2026-11-22T14:30Z.") from None
    if value.tzinfo is None:
        raise ArgumentTypeError(f"{text!r} has no time zone. Write {value.isoformat()}Z for UTC.")
    _check_year(value)
    return value.astimezone(UTC)


def day(text: str) -> date:
    """Read a date from the command line."""
    try:
        value = date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no date. Write it like 2026-11-22.") from None
    _check_year(value)
    return value


def slot_name(text: str) -> str:
    """Read the name of a slot from the command line."""
    if not text or len(text) > SLOT_LENGTH or not text.isprintable():
        raise ArgumentTypeError(f"A slot has a name of 1 to {SLOT_LENGTH} printable characters.")
    return text


def _check_year(value: date) -> None:
    if value.year not in YEARS:
        raise ArgumentTypeError(
            f"The year {value.year} is out of reach. Write one from {YEARS[0]} to {YEARS[-1]}."
        )


def positive(text: str) -> int:
    """Read a number of workers from the command line."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is no number of workers. Write 1 or more.")
    return int(text)


def _run_job_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", help="the job, such as release_due_points")
    parser.add_argument("--at", type=moment, help="work what is due at this time; now by default")
    parser.add_argument(
        "--slot", type=slot_name, help="take up this slot; 'current' for the one a scheduler would run now"
    )
    parser.add_argument("--workers", type=positive, default=None, help="how many threads share the work")


def _run_job(options: Mapping[str, Any], out: Out) -> int:
    job = jobs.get(options["name"])
    slot = options["slot"]
    if slot == "current":
        slot = slot_at(now=clock.real_now(), every=job.every)
    with out.bar(label=job.name, total=None) as bar:
        run = run_job(
            name=job.name,
            at=options["at"] or clock.now(),
            slot=slot,
            workers=options["workers"] or JOB_WORKERS.get(),
            progress=lambda run: bar.reach(done=run.done + run.failed, total=run.counted),
        )
    out.line(describe_run(run))
    out.json(run_as_dict(run))
    return exit_code([run])


def _run_due(_options: Mapping[str, Any], out: Out) -> int:
    runs = run_due(at=clock.now(), real_now=clock.real_now(), workers=JOB_WORKERS.get())
    for run in runs:
        out.line(describe_run(run))
    if not runs:
        out.line("Nothing is due. Every job has been run in its current slot.")
    out.json([run_as_dict(run) for run in runs])
    return exit_code(runs)


def _replay_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--from", dest="first", type=day, required=True, help="the first day")
    parser.add_argument("--to", dest="last", type=day, required=True, help="the last day, itself included")
    parser.add_argument("--job", dest="names", action="append", help="only this job; may be given again")
    parser.add_argument(
        "--every",
        type=positive,
        default=1,
        help="run the jobs every so many days, and on the last one; 1 by default",
    )


def _replay(options: Mapping[str, Any], out: Out) -> int:
    """Run the jobs as of the end of each day, in UTC, the most frequent job first."""
    if options["last"] < options["first"]:
        out.error(f"--to {options['last']} is before --from {options['first']}. Exchange them.")
        return USAGE
    names = options["names"] or [name for name, job in jobs.items() if not job.reads_only]
    chosen = sorted((jobs.get(name) for name in names), key=lambda job: (job.every, job.name))
    done, failed = dict.fromkeys([job.name for job in chosen], 0), list[JobRun]()
    days = (options["last"] - options["first"]).days + 1
    with out.bar(label="replay", total=days, unit="days") as bar:
        for run in _replay_days(options["first"], days, options["every"], chosen, bar):
            done[run.job] += run.done
            failed += [run] if run.state == JobState.FAILED else []
    for name, count in done.items():
        out.line(f"{name}: {count:,} done over {days:,} days")
    for run in failed:
        out.error(f"{run.at:%Y-%m-%d}: {describe_run(run)}")
    out.json({"days": days, "done": done, "failed": [run_as_dict(run) for run in failed]})
    return (PARTLY if any(done.values()) else FAILED) if failed else OK


def _replay_days(first: date, days: int, every: int, chosen: list[Job], bar: Bar) -> Iterator[JobRun]:
    for number in [*range(every, days, every), days]:
        at = datetime.combine(first, time(), UTC) + number * DAY
        for job in chosen:
            yield run_job(name=job.name, at=at, workers=JOB_WORKERS.get())
        bar.reach(done=number)


def _check_ledger(_options: Mapping[str, Any], out: Out) -> int:
    def tell(answer: Answer) -> None:
        bar.advance(1)
        if answer.is_clean:
            out.line(f"ok    {answer.invariant}: {answer.question} ({answer.seconds:.1f} s)")
        elif answer.error:
            out.line(f"ERROR {answer.invariant} could not be asked: {answer.error}")
        else:
            word = "LATE " if answer.liveness else "WRONG"
            out.line(f"{word} {answer.invariant}: {answer.question} No, {len(answer.findings)} times.")
            for finding in answer.findings:
                out.line(f"        {finding.detail} (ids {', '.join(map(str, finding.ids))})")

    with out.bar(label="check-ledger", total=len(invariants)) as bar:
        report = check_ledger(tell=tell)
    out.line("The books are right." if report.exit_code == 0 else "Nothing was changed; see above.")
    out.json(report.as_dict())
    return report.exit_code


def describe_run(run: JobRun) -> str:
    """Return one line on how a run went."""
    taken = f"{get_time_taken(run).total_seconds():.1f} s"
    line = f"{run.job}: {run.done:,} of {run.counted:,} done, {run.failed:,} failed, {taken}"
    if run.state == JobState.PAUSED:
        return f"{line}. Paused in the admin; nothing of this job runs until somebody resumes it."
    if run.state == JobState.RUNNING:
        return f"{line}. Another worker is still at it (slot {run.slot})."
    return f"{line}. {run.error}" if run.error else line


def run_as_dict(run: JobRun) -> dict[str, Any]:
    """Return a run as plain values."""
    names = (
        "id",
        "job",
        "slot",
        "state",
        "at",
        "started_at",
        "finished_at",
        "counted",
        "done",
        "failed",
        "error",
    )
    return {name: getattr(run, name) for name in names}


def exit_code(runs: list[JobRun]) -> int:
    """Return 0 when all went well, 3 when something did and something did not, 1 when nothing did."""
    failed = [run for run in runs if run.state == JobState.FAILED]
    if not failed:
        return OK
    return PARTLY if len(failed) < len(runs) or any(run.done for run in runs) else FAILED


def _no_arguments(_parser: ArgumentParser) -> None:
    """Take no options of its own."""


RUN_JOB = Verb(
    name="run-job", help="Run one job now, or as of a time.", add_arguments=_run_job_arguments, run=_run_job
)
RUN_DUE = Verb(
    name="run-due",
    help="Run every job whose time has come. For cron, once a minute, where there is no Celery.",
    add_arguments=_no_arguments,
    run=_run_due,
)
REPLAY = Verb(
    name="replay",
    help="Run the jobs as of the end of each day of a period, over what was imported.",
    add_arguments=_replay_arguments,
    run=_replay,
)
CHECK_LEDGER = Verb(
    name="check-ledger",
    help="Ask whether the books are right. Exit code 0: yes; 1: no; 2: right, but something is late.",
    add_arguments=_no_arguments,
    run=_check_ledger,
)
