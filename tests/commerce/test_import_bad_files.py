"""What cannot be read is named, with the line and the fix, and nothing half is stored."""

import csv
import gzip
from pathlib import Path

import pytest

from commerce.models import Import, Purchase, PurchaseLine
from tests.commerce.command import encore
from tests.commerce.order_book import COLUMNS, write_file, write_rows
from tests.factories.commerce import ChannelFactory

BOOK = ("--format", "online-retail", "--channel", "web")
GOOD = ["1", "22111", "MUG", "2", "2025-04-01 10:00", "2.50", "17850", "Norway"]
HEADER = ",".join(COLUMNS)


@pytest.fixture
def web(db, clock):
    """A British web shop that tells the time of its changes."""
    return ChannelFactory(timed=True, key="web", currency="GBP", time_zone="Europe/London")


def with_cell(column, value):
    """The good row as part of another invoice, with one cell changed."""
    row = ["2", *GOOD[1:]]
    row[COLUMNS.index(column)] = value
    return row


def read_rejected(path):
    with Path(f"{path}.rejected.csv").open(newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("Quantity", "two", "Quantity is 'two'. Write a whole number, such as 6."),
        ("Quantity", "1.5", "Quantity is '1.5'. Write a whole number, such as 6."),
        ("Quantity", "NaN", "Quantity is 'NaN'. Write a whole number, such as 6."),
        ("Quantity", "٣", "Quantity is '٣'. Write a whole number, such as 6."),
        ("Quantity", "1000000000", "Quantity is '1000000000'. Write at most 999999999."),
        (
            "UnitPrice",
            "nan",
            "UnitPrice is 'nan'. Write a number with a point and at most six decimals, such as 12.50.",
        ),
        (
            "UnitPrice",
            "2,50",
            "UnitPrice is '2,50'. Write a number with a point and at most six decimals, such as 12.50.",
        ),
        (
            "UnitPrice",
            "1e9",
            "UnitPrice is '1e9'. Write a number with a point and at most six decimals, such as 12.50.",
        ),
        ("UnitPrice", "-2.50", "UnitPrice is '-2.50'. Goods cannot cost less than nothing."),
        (
            "UnitPrice",
            "99999999999999.0",
            "UnitPrice is a str with 18 characters. Times the quantity, no shop sells that much.",
        ),
        ("InvoiceDate", "1/4/2025", "InvoiceDate is '1/4/2025'. Write a time like 2010-12-01 08:26."),
        (
            "InvoiceDate",
            "2025-02-30 10:00",
            "InvoiceDate is '2025-02-30 10:00'. There is no such time (day is out of range for month).",
        ),
        (
            "InvoiceDate",
            "2026-03-04 10:00",
            "InvoiceDate is '2026-03-04 10:00'. It lies in the future. Correct it, or import it when it has come.",  # noqa: E501
        ),
        ("StockCode", " ", "StockCode is ' '. Write the code of the article."),
        ("InvoiceNo", "", "InvoiceNo is ''. Write the number of the invoice."),
    ],
)
def test_a_row_that_cannot_be_read_is_rejected_with_its_line_and_its_reason(
    web, tmp_path, column, value, reason
):
    bad = with_cell(column, value)
    book = write_file(tmp_path / "book.csv", [GOOD, bad])

    answer = encore("import", book, *BOOK)

    assert answer.code == 3
    assert read_rejected(book) == [[*COLUMNS, "rejected_line", "rejected_because"], [*bad, "3", reason]]
    assert list(Purchase.objects.values_list("reference", flat=True)) == ["1"]


def test_an_invoice_with_one_bad_row_is_rejected_whole_and_names_the_row(web, tmp_path):
    rows = [GOOD, ["1", "22222", "JUG", "many", *GOOD[4:]], ["1", "22333", "POT", "1", *GOOD[4:]]]
    book = write_file(tmp_path / "book.csv", rows)

    answer = encore("import", book, *BOOK)

    assert answer.code == 1
    assert [row[-2:] for row in read_rejected(book)[1:]] == [
        ["2", "Line 3 of the same purchase was rejected."],
        ["3", "Quantity is 'many'. Write a whole number, such as 6."],
        ["4", "Line 3 of the same purchase was rejected."],
    ]
    assert Purchase.objects.count() == 0


def test_the_file_of_rejected_rows_can_be_corrected_and_imported(web, tmp_path):
    book = write_file(tmp_path / "book.csv", [GOOD, with_cell("Quantity", "many")])
    encore("import", book, *BOOK)
    rejected = Path(f"{book}.rejected.csv")
    rejected.write_text(rejected.read_text().replace(",many,", ",3,"))

    answer = encore("import", rejected, *BOOK, "--json")

    assert (answer.code, answer.result["created"]) == (0, 1)
    assert PurchaseLine.objects.get(purchase__reference="2").quantity == 3


def test_rejected_rows_survive_a_resumed_import_exactly_once(web, tmp_path):
    rows = [GOOD, with_cell("Quantity", "many"), ["3", *GOOD[1:4], "2025-04-02 10:00", *GOOD[5:]]]
    book = write_file(tmp_path / "book.csv", rows)
    encore("import", book, *BOOK)
    before = read_rejected(book)
    with Path(f"{book}.rejected.csv").open("a") as file:
        file.write("what a killed import had written beyond its last batch\n")
    Import.objects.update(line=3, finished_at=None)

    answer = encore("import", book, *BOOK)

    assert answer.code == 3
    assert read_rejected(book) == before


def test_a_card_number_is_neither_stored_nor_copied_to_the_rejected_rows(web, tmp_path):
    book = write_file(
        tmp_path / "book.csv", [GOOD, with_cell("Description", "paid with 4111 1111 1111 1111")]
    )

    answer = encore("import", book, *BOOK)

    assert answer.code == 3
    assert "4111" not in Path(f"{book}.rejected.csv").read_text() + answer.said + answer.complained
    assert not PurchaseLine.objects.filter(name__contains="4111").exists()
    assert "The purchase was refused: card_number." in read_rejected(book)[1][-1]


def test_broken_utf8_rejects_the_row_and_no_other(web, tmp_path):
    book = tmp_path / "book.csv"
    lines = [HEADER, ",".join(GOOD), '2,22111,"LYKT, BL\xc5",2,2025-04-01 10:00,2.50,17850,Norway']
    book.write_bytes("\n".join(lines).encode("latin-1"))

    answer = encore("import", book, *BOOK)

    assert answer.code == 3
    assert read_rejected(book)[1][-2:] == [
        "3",
        "It is not UTF-8 (byte 18 of the line). Save the file with the encoding UTF-8.",
    ]
    assert Purchase.objects.get().reference == "1"


def test_rows_of_another_width_are_rejected(web, tmp_path):
    book = write_file(tmp_path / "book.csv", [GOOD, ["2", "22111"], ["3", *GOOD[1:], "more"]])

    answer = encore("import", book, *BOOK)

    assert answer.code == 3
    assert [row[-1][:56] for row in read_rejected(book)[1:]] == [
        "It has 2 columns, the first line of the file names 8. Pu",
        "It has 9 columns, the first line of the file names 8. Pu",
    ]


def test_a_semicolon_file_with_a_byte_order_mark_and_windows_line_ends_is_read(web, tmp_path):
    book = tmp_path / "book.csv"
    book.write_bytes("\r\n".join([";".join(COLUMNS), ";".join(GOOD), ""]).encode("utf-8-sig"))

    answer = encore("import", book, *BOOK)

    assert (answer.code, Purchase.objects.get().reference) == (0, "1")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty."),
        (b"\n\n", "The file is empty."),
        (
            b"InvoiceNo,Quantity,Country\n1,2,Norway\n",
            "does not name the columns StockCode, Description, InvoiceDate, UnitPrice, CustomerID. It names:",
        ),
        (b"\x1f\x8bnot really gzip", "The packed file ends or breaks behind line 0"),
    ],
)
def test_a_file_of_which_nothing_can_be_read_says_why(web, tmp_path, content, message):
    book = tmp_path / "book.csv"
    book.write_bytes(content)

    answer = encore("import", book, *BOOK)

    assert answer.code == 1
    assert message in answer.complained
    assert Import.objects.count() == 0


def test_a_file_that_does_not_exist_is_named(web, tmp_path):
    answer = encore("import", tmp_path / "nowhere.csv", *BOOK)

    assert answer.code == 1
    assert "nowhere.csv cannot be read: No such file or directory." in answer.complained


def test_a_quote_that_is_never_closed_stops_the_import_before_it(web, tmp_path):
    book = tmp_path / "book.csv"
    last = (
        '3,22111,"MUG,2,2025-04-02 10:00,2.50,17850,Norway\n' + ",".join(with_cell("InvoiceNo", "4")) + "\n"
    )
    book.write_text("\n".join([HEADER, ",".join(GOOD), last]))

    answer = encore("import", book, *BOOK)

    assert answer.code == 1
    assert "Line 3: a double quote is opened and never closed" in answer.complained
    assert Purchase.objects.count() == 0


def test_a_truncated_gzip_keeps_whole_days_and_the_complete_file_adds_the_rest(web, tmp_path):
    rows = write_rows(days=30)
    whole = write_file(tmp_path / "whole.csv.gz", rows)
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(whole.read_bytes()[:-1500])

    answer = encore("import", cut, *BOOK)
    stored = Purchase.objects.count()
    resumed = encore("import", whole, *BOOK, "--json")

    assert answer.code == 3
    assert "The packed file ends or breaks behind line" in answer.complained
    assert "is stored and stays" in answer.complained
    assert resumed.code == 0
    assert resumed.result["created"] > 0
    assert (
        resumed.result["created"] + resumed.result["unchanged"] + resumed.result["older"]
        == Purchase.objects.count()
    )
    assert 0 < stored < Purchase.objects.count()
    assert gzip.decompress(whole.read_bytes()).count(b"\n") == len(rows) + 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--format", "online-retail", "--channel", "wbe"), "There is no channel 'wbe'. Did you mean 'web'?"),
        ((*BOOK, "--time-zone", "London"), "There is no time zone 'London'."),
    ],
)
def test_what_does_not_exist_is_a_usage_error(web, tmp_path, arguments, message):
    answer = encore("import", write_file(tmp_path / "book.csv", [GOOD]), *arguments)

    assert answer.code == 2
    assert message in answer.complained
    assert Purchase.objects.count() == 0


def test_the_rejected_rows_cannot_overwrite_the_file(web, tmp_path):
    book = write_file(tmp_path / "book.csv", [GOOD])

    answer = encore("import", book, *BOOK, "--rejected", book)

    assert answer.code == 2
    assert book.read_text().startswith(HEADER)


def test_a_channel_that_numbers_its_changes_takes_no_file(db, clock, tmp_path):
    ChannelFactory(key="web", currency="GBP")

    answer = encore("import", write_file(tmp_path / "book.csv", [GOOD]), *BOOK)

    assert answer.code == 2
    assert "counts changes by a number" in answer.complained
