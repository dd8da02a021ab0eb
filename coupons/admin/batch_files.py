"""Codes as files that go out while they are read, a few thousand in memory at a time: CSV and XLSX.

What somebody else typed stays text for a spreadsheet: `safe_cell` in CSV, cells that are texts by type in
XLSX. Times are days in the coupon's own zone.
"""

import csv
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from backstage.policies.spreadsheets import safe_cell
from coupons.admin.workbook import MOST_ROWS, write_workbook
from coupons.models import CodeBatch
from coupons.models.codes import CodeStateChoices
from coupons.policies.states import CodeState
from coupons.queries.batches import ListedCode, read_codes

BOM = "\ufeff"  # or Excel takes UTF-8 for something else
# Where a comma parts euros from cents, spreadsheets part cells by semicolons.
SEMICOLON = ("pl", "nb")

USED = "used"

Row = tuple[str, ...]


class _Echo:
    """A file that gives back what is written into it."""

    def write(self, text: str) -> str:
        return text


def write_csv(batch: CodeBatch) -> Iterator[str]:
    """Give the lines of a CSV file, while the codes are read; in the language of this moment."""
    delimiter = ";" if (get_language() or "")[:2] in SEMICOLON else ","
    return _write_lines(csv.writer(_Echo(), delimiter=delimiter), _heading(), _list_rows(batch, _words()))


def _write_lines(writer: Any, heading: Row, rows: Iterator[Row]) -> Iterator[str]:
    yield BOM + writer.writerow(heading)
    for row in rows:
        yield writer.writerow([safe_cell(cell) for cell in row])


def write_xlsx(batch: CodeBatch) -> Iterator[bytes]:
    """Give the bytes of a workbook, while the codes are read; in the language of this moment.

    What is made meanwhile may be missing: sheets are counted first.
    """
    sheets = -(-max(batch.made_count, 1) // (MOST_ROWS - 1))
    return write_workbook(_heading(), _list_rows(batch, _words()), sheets=sheets)


def _heading() -> Row:
    return (_("Code"), _("Link"), _("Good until the end of"), _("State"))


def _words() -> dict[str, str]:
    words = {state.value: str(CodeStateChoices(state.value).label) for state in CodeState}
    return {**words, USED: _("Used")}


def _list_rows(batch: CodeBatch, words: Mapping[str, str]) -> Iterator[Row]:
    zone = ZoneInfo(batch.coupon.time_zone)
    for code in read_codes(batch):
        last = "" if code.ends_at is None else _last_day(code, zone)
        yield code.written, code.link, last, words[USED if code.used_count else code.state]


def _last_day(code: ListedCode, zone: ZoneInfo) -> str:
    assert code.ends_at is not None  # noqa: S101 (asked before)
    return (code.ends_at.astimezone(zone) - timedelta(microseconds=1)).date().isoformat()
