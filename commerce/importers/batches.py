"""Cut a file into batches, each of which is stored in one transaction.

A batch is what the shop would have told us in one night: the purchases of one local day, and no more than
some hundreds of them. So a history of years is posted in the order in which it happened, and the jobs can be
replayed over it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from commerce.importers.cells import CellError
from commerce.importers.source import Row, SourceError
from commerce.policies.cancellations import CancelledGoods
from commerce.policies.snapshot import MOST_LINES, Snapshot, SnapshotError

MOST_PURCHASES: Final = 500
# Where a file gives one time to everything (a date without an hour), a batch has to end between two purchases
# of the same time after all.
MOST_PURCHASES_AT_ONCE: Final = 2000


@dataclass(frozen=True, slots=True)
class Sale:
    """A purchase as the file states it, and the rows that do."""

    snapshot: Snapshot
    rows: list[Row]


@dataclass(slots=True)
class Batch:
    """What one transaction stores, up to and including `last_line` of the file."""

    sales: list[Sale] = field(default_factory=list)
    cancelled: list[CancelledGoods] = field(default_factory=list)
    rejected: list[tuple[Row, str]] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    last_line: int = 0

    def reject(self, rows: list[Row], faults: dict[int, str]) -> None:
        """Reject all rows of a document, each with its own fault or the line of the first one.

        Without the row that cannot be read the purchase would be stored smaller than it was, and look
        complete.
        """
        first = next(iter(faults))
        for row in rows:
            self.rejected.append(
                (row, faults.get(row[0], f"Line {first} of the same purchase was rejected."))
            )


class Format(Protocol):
    """How the rows of a file state purchases. `prepare` meets the names of the columns once."""

    name: str

    def document_of(self, cells: list[str]) -> str:
        """Return what the rows of one document have in common."""

    def time_of(self, cells: list[str]) -> str:
        """Return when the document was made, as it is written: a local day, then whatever is finer."""

    def read(self, rows: list[Row], batch: Batch) -> None:
        """Add what the rows of one document mean to `batch`.

        Raises: RowsError, CellError or SnapshotError for a document that is to be rejected.
        """

    def moment_of(self, snapshot: Snapshot) -> datetime:
        """Return when the shop knew what `snapshot` says."""


class RowsError(ValueError):
    """Rows of a document that cannot be read; `faults` says why, by line."""

    def __init__(self, faults: dict[int, str]) -> None:
        super().__init__("; ".join(faults.values()))
        self.faults = faults


def cut_batches(rows: Iterator[Row], format_: Format, *, after_line: int) -> Iterator[Batch]:
    """Yield the batches behind `after_line`.

    Rows of one document may stand apart within a batch (a till that writes two receipts at once). A batch
    ends where a document begins on another day, or at another time once there are enough of them.
    """
    documents: dict[str, list[Row]] = {}
    faulty: list[Row] = []
    time = last = ""
    line = after_line
    for row in rows:
        if row[0] <= after_line:
            continue
        number, cells, _fault = row
        try:
            document, time = format_.document_of(cells), format_.time_of(cells)
        except IndexError:
            faulty.append(row)
            line = number
            continue
        group = documents.get(document)
        if group is not None:
            if len(group) == MOST_LINES:
                raise SourceError(
                    f"Line {number}: a purchase has more than {MOST_LINES} rows. Is the column right?"
                )
            group.append(row)
        else:
            if documents and _is_over(len(documents), last, time):
                yield _read_batch(documents, faulty, format_, line)
                documents, faulty = {}, []
            documents[document] = [row]
            last = time or last
        line = number
    yield _read_batch(documents, faulty, format_, line)


def _is_over(count: int, last: str, time: str) -> bool:
    if not time:
        return count >= MOST_PURCHASES_AT_ONCE
    return time[:10] != last[:10] or (
        count >= MOST_PURCHASES and (time != last or count >= MOST_PURCHASES_AT_ONCE)
    )


def _read_batch(documents: dict[str, list[Row]], faulty: list[Row], format_: Format, line: int) -> Batch:
    batch = Batch(last_line=line, rows=len(faulty))
    for row in faulty:
        batch.rejected.append((row, row[2]))
    for rows in documents.values():
        batch.rows += len(rows)
        faults = {number: fault for number, _, fault in rows if fault}
        if faults:
            batch.reject(rows, faults)
            continue
        try:
            format_.read(rows, batch)
        except RowsError as error:
            batch.reject(rows, error.faults)
        except (CellError, SnapshotError) as error:
            batch.reject(rows, {row[0]: str(error) for row in rows})
    return batch
