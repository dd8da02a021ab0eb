"""A workbook that goes out while its rows are read."""

import io
import zipfile
from hashlib import sha256
from itertools import count
from xml.etree import ElementTree

import pytest

from coupons.admin import workbook
from coupons.admin.workbook import write_workbook

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
HEADING = ("Code", "State")


def open_book(chunks) -> zipfile.ZipFile:
    book = zipfile.ZipFile(io.BytesIO(b"".join(chunks)))
    assert book.testzip() is None
    return book


def read_sheet(book, number=1):
    """The texts of a sheet, and what kinds of cells they are in."""
    tree = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
    cells = list(tree.iter(f"{MAIN}c"))
    rows = [["".join(cell.itertext()) for cell in row] for row in tree.iter(f"{MAIN}row")]
    return rows, {cell.get("t") for cell in cells}


def test_rows_stand_under_their_heading_and_every_part_is_named_where_it_has_to_be():
    book = open_book(write_workbook(HEADING, [("SUN-1", "Ready"), ("", "Used")]))

    assert read_sheet(book) == ([["Code", "State"], ["SUN-1", "Ready"], ["", "Used"]], {"inlineStr"})
    assert book.namelist() == [
        "[Content_Types].xml",
        "_rels/.rels",
        "xl/workbook.xml",
        "xl/_rels/workbook.xml.rels",
        "xl/worksheets/sheet1.xml",
    ]
    for name in book.namelist():
        ElementTree.fromstring(book.read(name))
    types = book.read("[Content_Types].xml").decode()
    assert '"/xl/workbook.xml"' in types
    assert '"/xl/worksheets/sheet1.xml"' in types
    assert 'Target="worksheets/sheet1.xml"' in book.read("xl/_rels/workbook.xml.rels").decode()


@pytest.mark.parametrize(
    "typed",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "=cmd|' /C calc'!A0",
        "  two  spaces ",
        "<b>&amp;</b>",
        "żółć 🙂",
        "]]>",
        '"',
    ],
)
def test_what_somebody_typed_stays_the_text_that_it_is(typed):
    rows, kinds = read_sheet(open_book(write_workbook(("Code",), [(typed,)])))

    assert (rows[1], kinds) == ([typed], {"inlineStr"})


def test_what_no_workbook_can_hold_is_left_out_and_no_letter_is_read_by_its_number():
    rows, _ = read_sheet(open_book(write_workbook(("Code",), [("a\0b\x0bc\ufffe\ud800",), ("_x0041_",)])))

    assert rows[1:] == [["abc"], ["_x005F_x0041_"]]


def test_the_first_bytes_leave_before_any_row_is_read_and_few_rows_are_ever_in_memory():
    asked = count()
    rows = ((sha256(b"%d" % next(asked)).hexdigest(), "Ready") for _ in range(100_000))
    chunks = write_workbook(HEADING, rows)

    first = next(chunks)
    assert first.startswith(b"PK\x03\x04")
    assert next(asked) == 0
    for _number in range(3):
        next(chunks)
    assert next(asked) <= 20 * workbook.AT_ONCE
    chunks.close()  # whoever downloads goes away


def test_what_is_more_than_a_sheet_holds_goes_on_the_next_one(monkeypatch):
    monkeypatch.setattr(workbook, "MOST_ROWS", 3)
    rows = [(str(number), "") for number in range(5)]

    book = open_book(write_workbook(HEADING, rows, sheets=3))

    codes = [[row[0] for row in read_sheet(book, number)[0]] for number in (1, 2, 3)]
    assert codes == [["Code", "0", "1"], ["Code", "2", "3"], ["Code", "4"]]
    names = ElementTree.fromstring(book.read("xl/workbook.xml")).iter(f"{MAIN}sheet")
    assert [sheet.get("name") for sheet in names] == ["1", "2", "3"]
