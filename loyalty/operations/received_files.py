"""Files that come in: read once into rows, then worked in parts by a job that can be killed and go on.

A dry run works the rows as if they counted and takes every change back, so that it finds what only the
database knows. What it has said of the rows stays, until the file is taken in.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from django.db import transaction

from backstage import clock
from backstage.operations import audit
from backstage.policies import SHOP, SYSTEM, By, Chunk, Progress
from loyalty.locks import lock_outside
from loyalty.models import ReceivedFile, ReceivedRow
from loyalty.operations.answers import take_answers
from loyalty.operations.incoming import take_incoming
from loyalty.policies.outside import FileKind, RowFault, RowState
from loyalty.policies.outside_files import FileRow, read_file

ROWS_PER_PART = 200
LONGEST_NAME = 255


class _TakenBack(Exception):
    """Ends a dry run's transaction."""


def receive_file(
    *,
    outside_id: int,
    kind: FileKind,
    name: str,
    content: bytes,
    is_dry_run: bool = False,
    at: datetime | None = None,
    by: By = SHOP,
) -> ReceivedFile:
    """Read a file into rows; the job, or `work_rows`, does the rest.

    Replay: the same bytes answer with the file that stands; one that was only checked is taken in now, if it
    is no dry run this time. Locks: the outside programme. Raises: FileUnreadable; nothing is stored then.
    """
    at = clock.now() if at is None else at
    read = read_file(content, kind)
    fingerprint = sha256(content).hexdigest()
    with transaction.atomic():
        outside = lock_outside(outside_id)
        standing = ReceivedFile.objects.filter(
            outside=outside, kind=kind.value, fingerprint=fingerprint
        ).first()
        if standing is not None:
            if standing.is_dry_run and not is_dry_run:
                _take_in(standing, at, by)
            return standing
        file = ReceivedFile.objects.create(
            outside=outside,
            kind=kind.value,
            name=name[:LONGEST_NAME],
            fingerprint=fingerprint,
            is_dry_run=is_dry_run,
            rows=len(read),
            received_at=at,
            received_by_kind=by.kind,
            received_by_id=by.id,
            received_by_label=by.label,
        )
        ReceivedRow.objects.bulk_create([_row(file, row) for row in read], batch_size=1000)
        _record("transfer_file_received", file, at, by)
    return file


def take_in_file(*, file_id: int, at: datetime | None = None, by: By = SHOP) -> ReceivedFile:
    """Take a file in that was only checked. Replay: one that was taken in stays so. Locks: the outside
    programme.
    """
    at = clock.now() if at is None else at
    with transaction.atomic():
        file = ReceivedFile.objects.get(id=file_id)
        lock_outside(file.outside_id)
        file.refresh_from_db()
        if file.is_dry_run:
            _take_in(file, at, by)
    return file


def _take_in(file: ReceivedFile, at: datetime, by: By) -> None:
    file.is_dry_run = False
    file.save(update_fields=["is_dry_run"])
    rows = ReceivedRow.objects.filter(file=file).exclude(fault=RowFault.UNREADABLE.value)
    rows.update(state=RowState.WAITING.value, fault="")
    _record("transfer_file_received", file, at, by)


def _row(file: ReceivedFile, row: FileRow) -> ReceivedRow:
    return ReceivedRow(
        file=file,
        line=row.line,
        reference=row.reference,
        account=row.account,
        units=row.units,
        answer=row.answer,
        reason=row.reason,
        state=(RowState.WAITING if row.is_readable else RowState.FAULTY).value,
        fault="" if row.is_readable else RowFault.UNREADABLE.value,
    )


def _record(kind: str, file: ReceivedFile, at: datetime, by: By) -> None:
    audit.record(
        kind=kind,
        object_kind="receivedfile",
        object_id=file.id,
        by=by,
        at=at,
        after={"kind": file.kind, "name": file.name, "rows": file.rows, "is_dry_run": file.is_dry_run},
    )


# -- working the rows ----------------------------------------------------------------------------------------


def plan_rows(at: datetime, file_id: int | None = None) -> list[Chunk]:
    """Cut the rows that wait into parts, each of one file, oldest file first."""
    waiting = ReceivedRow.objects.filter(state=RowState.WAITING.value).order_by("file_id", "id")
    if file_id is not None:
        waiting = waiting.filter(file_id=file_id)
    by_file: dict[int, list[int]] = {}
    for owner_id, row_id in waiting.values_list("file_id", "id"):
        by_file.setdefault(owner_id, []).append(row_id)
    return [
        Chunk(
            ids[start], ids[min(start + ROWS_PER_PART, len(ids)) - 1], len(ids[start : start + ROWS_PER_PART])
        )
        for ids in by_file.values()
        for start in range(0, len(ids), ROWS_PER_PART)
    ]


def work_rows(chunk: Chunk, at: datetime, chunk_id: int) -> Progress:
    """Work the rows of one part that still wait, in the caller's transaction. Raises: WriteConflict."""
    rows = list(
        ReceivedRow.objects.filter(id__range=(chunk.lo, chunk.hi), state=RowState.WAITING.value)
        .select_related("file__outside")
        .order_by("id")
    )
    if rows:
        _work(rows[0].file, rows, at, SYSTEM)
    faulty = sum(1 for row in rows if row.state == RowState.FAULTY)
    return Progress(done=len(rows) - faulty, failed=0)


def _work(file: ReceivedFile, rows: Sequence[ReceivedRow], at: datetime, by: By) -> None:
    take = take_answers if file.kind == FileKind.ANSWERS else take_incoming
    if file.is_dry_run:
        try:
            with transaction.atomic():
                take(file=file, rows=rows, at=at, by=by)
                raise _TakenBack
        except _TakenBack:
            pass
    else:
        take(file=file, rows=rows, at=at, by=by)
    ReceivedRow.objects.bulk_update(rows, ["state", "fault"])
