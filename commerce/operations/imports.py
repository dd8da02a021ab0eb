"""Keep track of how far the reading of a file has come."""

from collections.abc import Mapping
from datetime import datetime

from backstage.transactions import require_transaction
from commerce.models import Channel, Import


class ImportOvertakenError(RuntimeError):
    """Another process reads the same file at this moment; our batch is rolled back."""

    def __init__(self, *, name: str, line: int) -> None:
        super().__init__(
            f"Another process is importing {name} as well: it is already behind line {line}. Nothing of this "
            f"batch was stored here. Let the other one finish."
        )
        self.name, self.line = name, line


def begin_import(*, channel: Channel, format_: str, fingerprint: str, name: str, now: datetime) -> Import:
    """Return the record of this file on this channel: the one that was left behind, else a new one.

    Time: `now` is the machine's.
    Queries: 2 at most.
    """
    record, _ = Import.objects.get_or_create(
        channel=channel,
        format=format_,
        fingerprint=fingerprint,
        defaults={"name": name, "started_at": now, "seen_at": now},
    )
    return record


def restart_import(*, record: Import, now: datetime) -> None:
    """Let a file be read from its first line again."""
    record.line, record.tally, record.rejected_bytes, record.finished_at = 0, {}, 0, None
    record.started_at = record.seen_at = now
    record.save()


def note_progress(
    *,
    record: Import,
    line: int,
    tally: Mapping[str, int],
    rejected_bytes: int,
    now: datetime,
    is_finished: bool = False,
) -> None:
    """Store that everything up to `line` is done, in the transaction that does it.

    Raises: ImportOvertakenError where somebody else has noted progress meanwhile.
    Queries: 1.
    """
    require_transaction()
    changed = Import.objects.filter(pk=record.pk, line=record.line, finished_at__isnull=True).update(
        line=line,
        tally=dict(tally),
        rejected_bytes=rejected_bytes,
        seen_at=now,
        finished_at=now if is_finished else None,
    )
    if changed != 1:
        stored = Import.objects.get(pk=record.pk)
        raise ImportOvertakenError(name=record.name, line=stored.line)
    record.line = line
