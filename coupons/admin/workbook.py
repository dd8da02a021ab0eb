"""A workbook (.xlsx) that goes out while its rows are read, a few hundred in memory at a time.

A workbook is a zip of XML files. Python's own `zipfile` writes into a file that cannot be wound back, with
the sizes behind each part instead of before it; here that file is a pipe that is emptied after every few
rows. The libraries for workbooks write all of it before the first byte can leave, and those for streamed zips
would only save the pipe.

Every cell is a text by its type, so nothing that somebody typed is taken for a formula.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What one sheet can hold, and how many rows are written at once.
MOST_ROWS = 1_048_576
AT_ONCE = 500

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEETML = "application/vnd.openxmlformats-officedocument.spreadsheetml"
# What XML cannot hold; and what Excel would read as a letter by its number.
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LETTER_BY_NUMBER = re.compile("_(?=x[0-9A-Fa-f]{4}_)")

Row = Sequence[str]


def write_workbook(heading: Row, rows: Iterable[Row], *, sheets: int = 1, width: int = 30) -> Iterator[bytes]:
    """Give the bytes of a workbook as it is written: rows under a heading, on so many sheets.

    Rows that the sheets cannot hold are left out: say how many there will be beforehand. `width` is in
    letters.
    """
    rows, pipe = iter(rows), _Pipe()
    with ZipFile(pipe, "w", ZIP_DEFLATED) as book:  # type: ignore[call-overload]
        for name, text in _frame(sheets):
            book.writestr(name, _XML + text)
        yield pipe.take()
        for number in range(1, sheets + 1):
            with book.open(f"xl/worksheets/sheet{number}.xml", "w") as sheet:
                for text in _sheet(heading, islice(rows, MOST_ROWS - 1), width):
                    sheet.write(text.encode())
                    if written := pipe.take():  # the compressor gives what it has now and then
                        yield written
    yield pipe.take()


class _Pipe:
    """A file that can only be written, and that gives back what came since it was asked last."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._chunks.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        taken = b"".join(self._chunks)
        self._chunks.clear()
        return taken


def _frame(sheets: int) -> Iterator[tuple[str, str]]:
    """Give the parts around the sheets: what there is, and how it hangs together."""
    numbers = range(1, sheets + 1)
    yield (
        "[Content_Types].xml",
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEETML}.sheet.main+xml"/>'
        + "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_SHEETML}.worksheet+xml"/>'
            for n in numbers
        )
        + "</Types>",
    )
    yield "_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")])
    yield (
        "xl/workbook.xml",
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        + "".join(f'<sheet name="{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
        + "</sheets></workbook>",
    )
    yield (
        "xl/_rels/workbook.xml.rels",
        _relations([("worksheet", f"worksheets/sheet{n}.xml") for n in numbers]),
    )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    told = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{told}</Relationships>'


def _sheet(heading: Row, rows: Iterator[Row], width: int) -> Iterator[str]:
    """Give the XML of one sheet, some rows at a time."""
    columns = f'<cols><col min="1" max="{len(heading)}" width="{width}" customWidth="1"/></cols>'
    yield f'{_XML}<worksheet xmlns="{_MAIN}">{columns}<sheetData>{_row(heading)}'
    while some := list(islice(rows, AT_ONCE)):
        yield "".join(map(_row, some))
    yield "</sheetData></worksheet>"


def _row(row: Row) -> str:
    """Write one row. Rows and cells that do not say their place follow each other, and take half the room."""
    cells = [f'<c t="inlineStr"><is><t xml:space="preserve">{_text(cell)}</t></is></c>' for cell in row]
    return f"<row>{''.join(cells)}</row>"


def _text(cell: str) -> str:
    return escape(_LETTER_BY_NUMBER.sub("_x005F_", _NOT_IN_XML.sub("", cell)))
