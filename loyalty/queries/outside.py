"""Questions about outside programmes: what members may exchange, what they did, what goes out and came in."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet

from loyalty.models import (
    OutsideAccount,
    OutsideProgramme,
    OutsideRate,
    Programme,
    ReceivedFile,
    ReceivedRow,
    Transfer,
    TransferFile,
)
from loyalty.policies.calendar import local_date
from loyalty.policies.outside import Direction, Outside, Rate, RowState
from loyalty.policies.outside_files import write_out


@dataclass(frozen=True, slots=True)
class Tally:
    """How far a received file is. Units: rows."""

    rows: int
    waiting: int
    taken: int
    known: int
    faulty: int

    @property
    def done(self) -> int:
        """Rows that nothing more will become of."""
        return self.rows - self.waiting


def list_outside(programme: Programme) -> list[Outside]:
    """Give the open outside programmes with their rates for points that go out. Queries: 2."""
    rows = OutsideProgramme.objects.filter(programme=programme, ended_at__isnull=True).order_by("name")
    rates: dict[int, list[Rate]] = {}
    out = OutsideRate.objects.filter(outside__programme=programme, direction=Direction.OUT.value)
    for rate in out.order_by("number"):
        value = Rate(
            id=rate.id,
            points=rate.points,
            units=rate.units,
            starts_at=rate.starts_at,
            ends_at=rate.ends_at,
        )
        rates.setdefault(rate.outside_id, []).append(value)
    return [
        Outside(id=row.id, name=row.name, unit=row.unit, rates_out=tuple(rates.get(row.id, ())))
        for row in rows
    ]


def find_accounts(*, member_id: int) -> dict[int, OutsideAccount]:
    """Give a member's account with each outside programme. Queries: 1."""
    rows = OutsideAccount.objects.filter(member_id=member_id, ended_at__isnull=True)
    return {row.outside_id: row for row in rows}


def list_transfers(*, member_id: int, count: int = 20) -> list[Transfer]:
    """Give a member's newest transfers. Queries: 1."""
    rows = Transfer.objects.filter(member_id=member_id).select_related("outside", "account")
    return list(rows.order_by("-id")[:count])


def write_file(file: TransferFile) -> bytes:
    """Write what goes out on one day; the same bytes whenever it is asked for. Queries: 1."""
    zone = file.outside.programme.zone
    rows = file.transfers.select_related("account").order_by("id")
    return write_out((row.id, row.account.number, row.units, local_date(row.asked_at, zone)) for row in rows)


def count_rows(file_ids: Collection[int]) -> dict[int, Tally]:
    """Count what became of the rows of received files. Queries: 2."""
    found: dict[int, dict[str, int]] = {file_id: {} for file_id in file_ids}
    counted = ReceivedRow.objects.filter(file_id__in=file_ids).order_by().values("file_id", "state")
    for row in counted.annotate(count=Count("id")):
        found[row["file_id"]][row["state"]] = row["count"]
    rows = dict(ReceivedFile.objects.filter(id__in=file_ids).values_list("id", "rows"))
    return {
        file_id: Tally(
            rows[file_id],
            waiting=states.get(RowState.WAITING.value, 0),
            taken=states.get(RowState.TAKEN.value, 0),
            known=states.get(RowState.KNOWN.value, 0),
            faulty=states.get(RowState.FAULTY.value, 0),
        )
        for file_id, states in found.items()
    }


def list_faulty_rows(file_id: int) -> QuerySet[ReceivedRow]:
    """Give the rows of a file that could not be taken, in the order of the file."""
    return ReceivedRow.objects.filter(file_id=file_id, state=RowState.FAULTY.value).order_by("line")


def count_unanswered(*, outside_id: int, before: datetime) -> int:
    """Count transfers that were sent before a moment and have no answer. Queries: 1."""
    return Transfer.objects.filter(outside_id=outside_id, state="sent", asked_at__lt=before).count()
