"""The verb `import`."""

import signal
import threading
from argparse import ArgumentParser, BooleanOptionalAction
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.timezone import localtime

from backstage.policies.names import did_you_mean
from backstage.registry import Out, Verb
from commerce.importers.run import FORMATS, Report, Request, run_import
from commerce.importers.source import STANDARD_INPUT, SourceError
from commerce.models import Channel
from commerce.models.channels import AsOfKind
from commerce.operations.imports import ImportOvertakenError

OK, FAILED, USAGE, PARTLY = 0, 1, 2, 3
KILOBYTE: Final = 1024
# What a tally counts, in the order in which a person wants to read it.
SENTENCES: Final = (
    ("created", "{:,} purchases are new"),
    ("changed", "{:,} purchases changed"),
    ("unchanged", "{:,} purchases were known, and say the same"),
    ("older", "{:,} purchases are known in a newer state"),
    ("cancelled", "{:,} cancelled positions came back to earlier purchases"),
    ("remembered", "{:,} cancelled positions were taken into account before"),
    (
        "unmatched",
        "{:,} cancelled positions match nothing that was bought, or not all of it; see the list of problems",
    ),
    ("refused", "{:,} purchases were refused; see the list of problems"),
    ("reactions_failed", "{:,} purchases could not be posted yet; the job settle_purchases tries again"),
    ("rejected", "{:,} rows were rejected"),
)
IGNORED: Final = "ignored: "


class UsageError(ValueError):
    """The command asks for something that does not exist."""


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", help='the file, plain or gzip; "-" for standard input')
    parser.add_argument(
        "--format", required=True, choices=sorted(FORMATS), help="how its rows are to be read"
    )
    parser.add_argument("--channel", required=True, help="the key of the channel that it comes from")
    parser.add_argument("--time-zone", help="the zone of times without an offset; the channel's by default")
    parser.add_argument("--dry-run", action="store_true", help="do everything, then take it all back")
    parser.add_argument(
        "--settle",
        action=BooleanOptionalAction,
        default=True,
        help="post points with each batch; --no-settle leaves them to the job settle_purchases",
    )
    parser.add_argument("--again", action="store_true", help="read a file again that was read to its end")
    parser.add_argument("--rejected", help="where to write rejected rows; FILE.rejected.csv by default")


def _run(options: Mapping[str, Any], out: Out) -> int:
    try:
        request = _make_request(options)
    except UsageError as error:
        out.error(str(error))
        return USAGE
    started = monotonic()
    try:
        report = _import(request, out)
    except (SourceError, ImportOvertakenError) as error:
        out.error(str(error))
        return FAILED
    seconds = monotonic() - started
    _tell(request, report, seconds, out)
    out.json(_as_dict(request, report, seconds))
    return exit_code(report)


def _make_request(options: Mapping[str, Any]) -> Request:
    file = options["file"]
    rejected = Path(
        options["rejected"] or ("import.rejected.csv" if file == STANDARD_INPUT else f"{file}.rejected.csv")
    )
    if file != STANDARD_INPUT and rejected.resolve() == Path(file).resolve():
        raise UsageError("--rejected names the file that is imported. Choose another one.")
    channel = _get_channel(options["channel"])
    return Request(
        file=file,
        format=options["format"],
        channel=channel,
        zone=_get_zone(options["time_zone"] or channel.time_zone),
        rejected=rejected,
        is_dry_run=options["dry_run"],
        settles=options["settle"],
        again=options["again"],
    )


def _get_channel(key: str) -> Channel:
    channel = Channel.objects.filter(key=key).first()
    if channel is None:
        known = list(Channel.objects.order_by("key").values_list("key", flat=True)[:100])
        raise UsageError(
            f"There is no channel {key!r}. {did_you_mean(key, known)} "
            f"To open one: manage.py encore init --currency EUR --time-zone Europe/Oslo --channel {key}"
        )
    if channel.as_of_kind != AsOfKind.TIME:
        raise UsageError(
            f"The channel {key!r} counts changes by a number, and a file states times. Import into a channel "
            f"whose purchases are told by time."
        )
    return channel


def _get_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise UsageError(f'There is no time zone {name!r}. Write a name such as "Europe/London".') from None


def _import(request: Request, out: Out) -> Report:
    """Read the file, with a bar that goes by the bytes taken from the disk."""
    is_pipe = request.file == STANDARD_INPUT or not Path(request.file).exists()
    total = None if is_pipe else max(1, Path(request.file).stat().st_size // KILOBYTE)
    with out.bar(label="import", total=total, unit="kB") as bar, _stoppable() as is_stopped:
        return run_import(
            request=request,
            watch=lambda position: bar.reach(done=position // KILOBYTE),
            is_stopped=is_stopped,
        )


@contextmanager
def _stoppable() -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C or TERM end the import after its batch; the second one ends it at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def ask(number: int, _frame: object) -> None:
        signal.signal(number, before[signal.Signals(number)])
        asked.set()

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, ask)
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(request: Request, report: Report, seconds: float, out: Out) -> None:
    if report.was_finished_at:
        out.line(
            f"{request.file} was imported on {localtime(report.was_finished_at):%Y-%m-%d %H:%M}, all "
            f"{report.tally['rows']:,} rows of it. Nothing was changed. --again reads it once more."
        )
        return
    if report.resumed_after:
        out.line(f"Went on behind line {report.resumed_after:,}, where the last attempt ended.")
    rate = report.rows_now / seconds if seconds else 0
    out.line(f"{report.rows_now:,} rows of {request.file} in {seconds:.1f} s, {rate:,.0f} a second")
    for key, sentence in SENTENCES:
        if report.tally[key]:
            out.line(f"  {sentence.format(report.tally[key])}")
    for reason, count in _list_ignored(report):
        out.line(f"  {count:,} rows were left out: {reason}")
    if report.tally["rejected"]:
        out.line(f"Rejected rows, with reasons: {request.rejected}. Correct them there and import that file.")
    if request.is_dry_run:
        out.line("Nothing was changed. Run it again without --dry-run.")
    if report.error:
        out.error(report.error)
    if not report.is_finished and not request.is_dry_run:
        out.error(_say_how_to_go_on(report))


def _say_how_to_go_on(report: Report) -> str:
    kept = f"What stands before line {report.line + 1:,} is stored and stays"
    return f"{kept if report.line else 'Nothing was stored'}. Give the same command again to go on."


def _list_ignored(report: Report) -> list[tuple[str, int]]:
    return [
        (key.removeprefix(IGNORED), count)
        for key, count in sorted(report.tally.items())
        if key.startswith(IGNORED)
    ]


def _as_dict(request: Request, report: Report, seconds: float) -> dict[str, Any]:
    tally = {key: report.tally[key] for key, _ in SENTENCES}
    return {
        "file": request.file,
        "format": request.format,
        "channel": request.channel.key,
        "dry_run": request.is_dry_run,
        "finished": report.is_finished or report.was_finished_at is not None,
        "was_finished_at": report.was_finished_at,
        "resumed_after_line": report.resumed_after,
        "line": report.line,
        "rows": report.tally["rows"],
        **tally,
        "ignored": dict(_list_ignored(report)),
        "rejected_file": str(request.rejected) if report.tally["rejected"] else None,
        "error": report.error,
        "seconds": round(seconds, 3),
        "rows_per_second": round(report.rows_now / seconds) if seconds else 0,
    }


def exit_code(report: Report) -> int:
    """Return 0 when all rows were taken, 3 when only some were, 1 when none was."""
    if report.was_finished_at or (
        report.is_finished and not (report.tally["rejected"] or report.tally["refused"])
    ):
        return OK
    took_some = any(
        report.tally[key] for key in ("created", "changed", "unchanged", "older", "cancelled", "remembered")
    )
    return PARTLY if took_some or not (report.error or report.tally["rejected"]) else FAILED


IMPORT = Verb(
    name="import",
    help="Read a shop's order book, or past purchases, from a file.",
    add_arguments=_add_arguments,
    run=_run,
)
