"""Codes as files, a few thousand in memory at a time: CSV goes out while it is read, XLSX through a file.

What somebody else typed stays text for a spreadsheet: `safe_cell` in CSV, cells that are texts by type in
XLSX. Times are days in the coupon's own zone.
"""

import csv
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from tempfile import TemporaryFile
from types import ModuleType
from typing import IO
from zoneinfo import ZoneInfo

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from backstage.policies.spreadsheets import safe_cell
from coupons.models import CodeBatch
from coupons.models.codes import CodeStateChoices
from coupons.policies.states import CodeState
from coupons.queries.batches import ListedCode, read_codes

xlsxwriter: ModuleType | None = None
with suppress(ImportError):  # the extra `spreadsheets`
    xlsxwriter = import_module("xlsxwriter")

BOM = "\ufeff"  # or Excel takes UTF-8 for something else
# Where a comma parts euros from cents, spreadsheets part cells by semicolons.
SEMICOLON = ("pl", "nb")
# What a sheet holds, besides its heading.
MOST_ROWS = 1_048_575

Row = tuple[str, ...]


class _Echo:
    """A file that gives back what is written into it."""

    def write(self, text: str) -> str:
        return text


def write_csv(batch: CodeBatch) -> Iterator[str]:
    """Give the lines of a CSV file, while the codes are read."""
    delimiter = ";" if (get_language() or "")[:2] in SEMICOLON else ","
    writer = csv.writer(_Echo(), delimiter=delimiter)
    yield BOM + writer.writerow(_heading())
    for row in _list_rows(batch):
        yield writer.writerow([safe_cell(cell) for cell in row])


def write_xlsx(batch: CodeBatch) -> IO[bytes]:
    """Write a workbook and give the file, at its beginning. Raises: AssertionError without the library."""
    assert xlsxwriter is not None  # noqa: S101 (the page offers it only where it is)
    file = TemporaryFile()  # noqa: SIM115 (whoever sends it closes it)
    # Each row is written when the next one begins, so that a million take no more room than one.
    with xlsxwriter.Workbook(file, {"constant_memory": True}) as book:
        rows = _list_rows(batch)
        for _number in range(-(-max(batch.made_count, 1) // MOST_ROWS)):
            sheet = book.add_worksheet()
            sheet.set_column(0, 1, 30)
            for y, row in enumerate(_sheet_of(rows)):
                for x, cell in enumerate(row):
                    sheet.write_string(y, x, cell)
    file.seek(0)
    return file


def _sheet_of(rows: Iterator[Row]) -> Iterator[Row]:
    yield _heading()
    for _number in range(MOST_ROWS):
        row = next(rows, None)
        if row is None:
            return
        yield row


def _heading() -> Row:
    return (_("Code"), _("Link"), _("Good until the end of"), _("State"))


def _list_rows(batch: CodeBatch) -> Iterator[Row]:
    words = {state.value: str(CodeStateChoices(state.value).label) for state in CodeState}
    used, zone = _("Used"), ZoneInfo(batch.coupon.time_zone)
    for code in read_codes(batch):
        last = "" if code.ends_at is None else _last_day(code, zone)
        yield code.written, code.link, last, used if code.used_count else words[code.state]


def _last_day(code: ListedCode, zone: ZoneInfo) -> str:
    assert code.ends_at is not None  # noqa: S101 (asked before)
    return (code.ends_at.astimezone(zone) - timedelta(microseconds=1)).date().isoformat()
