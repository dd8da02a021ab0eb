"""Read a file to its end, one transaction for each batch.

1. What cannot be read, or clashes with what is stored, goes to the file of rejected rows.
2. The purchases of the batch are synced as of its latest moment, then the cancellations, which may mean goods
   of the same batch.
3. Upper apps react to what changed (points are posted), unless they are left to the job.
4. How far we have come is noted in the same transaction.

So a killed import loses at most the batch it was at, and goes on behind the last one that was committed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from django.db import OperationalError, connection, transaction

from backstage import clock
from backstage.plain_sql import refresh_statistics
from commerce.importers.batches import Batch, Format, Sale, cut_batches
from commerce.importers.cells import Moments
from commerce.importers.encore_csv import EncoreCsv
from commerce.importers.online_retail import OnlineRetail
from commerce.importers.rejected import RejectedRows
from commerce.importers.source import Source, SourceError, make_fingerprint, open_source
from commerce.models import Channel, Import, Purchase
from commerce.operations.cancellations import apply_cancellations
from commerce.operations.imports import begin_import, note_progress, restart_import
from commerce.operations.reactions import react
from commerce.operations.sync import sync_purchases
from commerce.policies.changes import Outcome, as_of_number
from commerce.policies.changes import make_fingerprint as fingerprint_of
from commerce.policies.snapshot import LineSnapshot, Snapshot
from commerce.queries.kept_goods import list_line_snapshots

FORMATS: Final[dict[str, Callable[..., Format]]] = {
    EncoreCsv.name: EncoreCsv,
    OnlineRetail.name: OnlineRetail,
}
# A deadlock with the shop's own traffic is nobody's fault; three in a row are a fault.
ATTEMPTS: Final = 3
STORED: Final = (Outcome.CREATED, Outcome.CHANGED)
CLASH_TIE: Final = (
    "A purchase with this reference and the same as_of is stored already, and says something else. If this "
    "is newer, state a later as_of; if its rows stand apart in the file, put them together."
)
CLASH_TIME: Final = (
    "A purchase with this reference is stored already, placed at another time. If its rows stand apart in "
    "the file, put them together; if the number was given out twice, change one."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to import, and how."""

    file: str
    format: str
    channel: Channel
    zone: ZoneInfo
    rejected: Path
    is_dry_run: bool = False
    settles: bool = True
    again: bool = False


@dataclass(slots=True, kw_only=True)
class Report:
    """What became of the file. `tally` covers all of it, also what earlier attempts have stored."""

    tally: Counter[str] = field(default_factory=Counter)
    line: int = 0
    resumed_after: int = 0
    rows_now: int = 0
    is_finished: bool = False
    was_finished_at: datetime | None = None
    error: str = ""
    rejected_bytes: int = 0


Watcher = Callable[[int], None]


def run_import(*, request: Request, watch: Watcher, is_stopped: Callable[[], bool]) -> Report:
    """Import the file of `request` and return what became of it; `watch` hears how many bytes were taken.

    Replay: a file that was read to its end is not read again; with `again` it is, and changes nothing that it
    has stored.
    Raises: SourceError for a file of which nothing can be read.
    """
    fingerprint = make_fingerprint(request.file)
    with open_source(request.file) as source, _dry_or_not(request.is_dry_run):
        format_ = _make_format(source, request)
        record = _find_record(request, fingerprint)
        if record is not None and record.finished_at and not request.again:
            return Report(tally=Counter(record.tally), line=record.line, was_finished_at=record.finished_at)
        if record is not None and request.again:
            restart_import(record=record, now=clock.real_now())
        return _Run(request, source, format_, record).work(watch, is_stopped)


def _make_format(source: Source, request: Request) -> Format:
    return FORMATS[request.format](
        source.names,
        channel=request.channel.key,
        currency=request.channel.currency,
        moments=Moments(zone=request.zone, now=clock.now()),
    )


def _find_record(request: Request, fingerprint: str) -> Import | None:
    """Return how far this file has come. What comes through a pipe has no record, and is read from its
    beginning."""
    if not fingerprint:
        return None
    return begin_import(
        channel=request.channel,
        format_=request.format,
        fingerprint=fingerprint,
        name=Path(request.file).name[:255],
        now=clock.real_now(),
    )


@contextmanager
def _dry_or_not(is_dry_run: bool) -> Iterator[None]:
    """Let a dry run do everything, ask the database about every constraint, and take it all back."""
    if not is_dry_run:
        yield
        return
    with transaction.atomic():
        yield
        connection.check_constraints()
        transaction.set_rollback(True)


class _Run:
    """One reading of one file."""

    def __init__(self, request: Request, source: Source, format_: Format, record: Import | None) -> None:
        self.request, self.source, self.format, self.record = request, source, format_, record
        start = record.line if record else 0
        self.report = Report(tally=Counter(record.tally if record else {}), line=start, resumed_after=start)
        size = record.rejected_bytes if record else 0
        self.rejected = RejectedRows(request.rejected, source.names, size=size)

    def work(self, watch: Watcher, is_stopped: Callable[[], bool]) -> Report:
        """Store batch after batch until the file ends, cannot be read any further, or somebody wants us to
        stop."""
        report = self.report
        try:
            batches = cut_batches(self.source.rows(), self.format, after_line=report.line)
            for number, batch in enumerate(batches, start=1):
                self._store_or_retry(batch)
                if _has_doubled(number):
                    refresh_statistics()
                report.rows_now += batch.rows
                watch(self.source.position())
                if is_stopped():
                    return report
            self._finish()
            refresh_statistics()
        except SourceError as error:
            report.error = str(error)
        return report

    def _store_or_retry(self, batch: Batch) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            size, tally = self.rejected.size, Counter(self.report.tally)
            try:
                with transaction.atomic():
                    stored = replace(batch, rejected=list(batch.rejected))
                    store_batch(stored, self.format, self.request, tally)
                    self.rejected.write(stored.rejected)
                    self._note(batch.last_line, tally)
                self.report.tally, self.report.line = tally, batch.last_line
                self.report.rejected_bytes = self.rejected.size
                return
            except BaseException as error:
                self.rejected.cut_back(size=size)
                if self.record is not None:
                    self.record.line = self.report.line
                may_retry = isinstance(error, OperationalError) and not self.request.is_dry_run
                if not may_retry or attempt == ATTEMPTS:
                    raise

    def _note(self, line: int, tally: Counter[str], *, is_finished: bool = False) -> None:
        if self.record is not None:
            note_progress(
                record=self.record,
                line=line,
                tally=tally,
                rejected_bytes=self.rejected.size,
                now=clock.real_now(),
                is_finished=is_finished,
            )

    def _finish(self) -> None:
        with transaction.atomic():
            self._note(self.report.line, self.report.tally, is_finished=True)
        self.report.is_finished = True


def _has_doubled(number: int) -> bool:
    """Tell whether there are twice as many batches as the last time that this was so."""
    return number & (number - 1) == 0


def store_batch(batch: Batch, format_: Format, request: Request, tally: Counter[str]) -> None:
    """Store what `batch` says, and count in `tally` what became of it."""
    sales = _reject_clashes(batch, request.channel)
    moments = [format_.moment_of(sale.snapshot) for sale in sales]
    moments += [goods.cancelled_at for goods in batch.cancelled]
    if moments:
        at = max(moments)
        changed = _sync(batch, sales, at, tally)
        changed |= _cancel(batch, request.channel, at, tally)
        if request.settles and changed:
            settled = react(sorted(changed), at=at)
            tally["reactions"] += settled.done
            tally["reactions_failed"] += settled.failed
    tally["rows"] += batch.rows
    tally["rejected"] += len(batch.rejected)
    for reason, count in batch.ignored.items():
        tally[f"ignored: {reason}"] += count


def _reject_clashes(batch: Batch, channel: Channel) -> list[Sale]:
    """Reject what would overwrite another part of itself; return the rest.

    Rows of one invoice that stand far apart come in two batches, and the later part would be taken for the
    new state of the whole.
    """
    stored = {
        purchase.reference: purchase
        for purchase in Purchase.objects.filter(
            channel=channel, reference__in=[sale.snapshot.reference for sale in batch.sales]
        )
    }
    lines = list_line_snapshots(purchase_ids=_list_ties(batch, stored))
    accepted = []
    for sale in batch.sales:
        purchase = stored.get(sale.snapshot.reference)
        clash = _find_clash(sale.snapshot, purchase, lines) if purchase else ""
        if clash:
            batch.reject(sale.rows, {row[0]: clash for row in sale.rows})
        else:
            accepted.append(sale)
    return accepted


def _list_ties(batch: Batch, stored: Mapping[str, Purchase]) -> set[int]:
    """Return the ids of purchases whose stored state is as old as the told one and may say something else."""
    ties = set()
    for sale in batch.sales:
        purchase = stored.get(sale.snapshot.reference)
        if purchase is None or as_of_number(sale.snapshot.as_of) != purchase.as_of:
            continue
        if fingerprint_of(sale.snapshot) != purchase.fingerprint:
            ties.add(purchase.pk)
    return ties


def _find_clash(
    snapshot: Snapshot, purchase: Purchase, lines: Mapping[int, Mapping[int, LineSnapshot]]
) -> str:
    stored = lines.get(purchase.pk)
    # The lines themselves, and not the digest alone: a newer version of ours may digest the same purchase
    # otherwise.
    if stored and _what_was_sold(stored.values()) != _what_was_sold(snapshot.lines):
        return CLASH_TIE
    if snapshot.as_of == snapshot.placed_at != purchase.placed_at:
        return CLASH_TIME
    return ""


def _what_was_sold(lines: Iterable[LineSnapshot]) -> set[tuple[str, int | Decimal, int]]:
    return {(line.key, line.quantity, line.sold_minor) for line in lines}


def _sync(batch: Batch, sales: list[Sale], at: datetime, tally: Counter[str]) -> set[int]:
    results = sync_purchases([sale.snapshot for sale in sales], at=at)
    for sale, result in zip(sales, results, strict=True):
        tally[result.outcome] += 1
        if result.outcome == Outcome.REFUSED:
            reason = f"The purchase was refused: {result.problem}. The list of problems says more."
            batch.reject(sale.rows, {row[0]: reason for row in sale.rows})
    return {result.purchase_id for result in results if result.outcome in STORED and result.purchase_id}


def _cancel(batch: Batch, channel: Channel, at: datetime, tally: Counter[str]) -> set[int]:
    if not batch.cancelled:
        return set()
    report = apply_cancellations(channel=channel, goods=batch.cancelled, at=at)
    tally["cancelled"] += report.matched
    tally["unmatched"] += report.unmatched
    tally["remembered"] += report.remembered
    return set(report.purchase_ids)
