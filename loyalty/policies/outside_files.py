"""Files that go to outside programmes and come from them: plain CSV with a first line of names."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from backstage.policies.spreadsheets import safe_cell
from loyalty.policies.outside import LONGEST_ACCOUNT, LONGEST_REFERENCE, MOST_UNITS, FileKind, FileUnreadable

OUT_COLUMNS = ("reference", "account", "units", "asked_on")
COLUMNS = {
    FileKind.ANSWERS: ("reference", "answer"),
    FileKind.INCOMING: ("reference", "account", "units"),
}
ACCEPTED, REFUSED = "accepted", "refused"
LONGEST_REASON = 100
MOST_ROWS = 200_000
_REFERENCE = re.compile(r"T(\d{8,18})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One row as it was read. `is_readable` is False where a cell says nothing that it could."""

    line: int
    reference: str
    is_readable: bool
    answer: str = ""
    reason: str = ""
    account: str = ""
    units: int = 0


def write_reference(transfer_id: int) -> str:
    """Name a transfer as the outside programme is told it."""
    return f"T{transfer_id:08d}"


def read_reference(text: str) -> int | None:
    """Read the name of a transfer; None for what is none."""
    found = _REFERENCE.fullmatch(text)
    return int(found.group(1)) if found else None


def write_out(rows: Iterable[tuple[int, str, int, date]]) -> bytes:
    """Write the transfers of a day: the same rows give the same bytes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(OUT_COLUMNS)
    writer.writerows(
        [write_reference(transfer_id), safe_cell(account), str(units), asked_on.isoformat()]
        for transfer_id, account, units, asked_on in rows
    )
    return text.getvalue().encode()


def read_file(content: bytes, kind: FileKind) -> list[FileRow]:
    """Read a file that came in. Raises: FileUnreadable, for a file of which nothing can be read."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileUnreadable("The file is no text in UTF-8. Save it as “CSV UTF-8”.") from None
    first = text.partition("\n")[0]
    rows = csv.reader(
        io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ","
    )
    names = [name.strip().lower() for name in next(rows, [])]
    if missing := [name for name in COLUMNS[kind] if name not in names]:
        raise FileUnreadable(
            f"The first line does not name the columns {', '.join(missing)}. It names: {', '.join(names)}."
        )
    found = list(_read_rows(rows, names, kind))
    if len(found) > MOST_ROWS:
        raise FileUnreadable(f"The file has more than {MOST_ROWS:,} rows. Divide it into several.")
    return found


def _read_rows(rows: Iterable[list[str]], names: list[str], kind: FileKind) -> Iterator[FileRow]:
    for line, cells in enumerate(rows, start=2):
        if any(cell.strip() for cell in cells):
            told = {name: cell.strip().replace("\0", "") for name, cell in zip(names, cells, strict=False)}
            yield _read_answer(line, told) if kind is FileKind.ANSWERS else _read_incoming(line, told)


def _read_answer(line: int, told: dict[str, str]) -> FileRow:
    reference, answer = told.get("reference", ""), told.get("answer", "").lower()
    is_readable = read_reference(reference) is not None and answer in (ACCEPTED, REFUSED)
    return FileRow(
        line=line,
        reference=reference[:LONGEST_REFERENCE],
        is_readable=is_readable,
        answer=answer if is_readable else "",
        reason=told.get("reason", "")[:LONGEST_REASON],
    )


def _read_incoming(line: int, told: dict[str, str]) -> FileRow:
    reference, account, units = (told.get(name, "") for name in ("reference", "account", "units"))
    is_number = re.fullmatch(r"[0-9]{1,10}", units, re.ASCII) is not None
    is_readable = (
        0 < len(reference) <= LONGEST_REFERENCE
        and 0 < len(account) <= LONGEST_ACCOUNT
        and is_number
        and 0 < int(units) <= MOST_UNITS
    )
    return FileRow(
        line=line,
        reference=reference[:LONGEST_REFERENCE],
        is_readable=is_readable,
        account=account if is_readable else "",
        units=int(units) if is_readable else 0,
    )
