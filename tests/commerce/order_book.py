"""An order book with every quirk of a real one, and what it must come to, worked out in plain Python.

`write_rows` invents the same book every time. `Expected` knows nothing of the importer: it goes through the
rows once and keeps one list for each customer, as somebody with a pencil would.
"""

import csv
import gzip
import io
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

COLUMNS = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
]
# Without a zone, as a till prints it. The clocks of London change on the 30th.
FIRST_DAY = datetime(2025, 3, 28)  # noqa: DTZ001
ARTICLES = [
    (f"2{number}", price)
    for number, price in enumerate(("0.29", "1.25", "2.55", "4.95", "12.75", "39.95"), 100)
]
NOT_GOODS = [
    "POST",
    "DOT",
    "M",
    "D",
    "C2",
    "S",
    "BANK CHARGES",
    "AMAZONFEE",
    "CRUK",
    "PADS",
    "B",
    "gift_0001_20",
]

Cells = list[str]


def write_rows(*, days: int = 12, invoices_a_day: int = 12, seed: int = 1) -> list[Cells]:
    """Return the rows of a book, oldest first."""
    random = Random(seed)
    rows: list[Cells] = []
    number = 536_000
    for day in range(days):
        opens = FIRST_DAY + timedelta(days=day, hours=8)
        minutes = sorted(random.sample(range(600), invoices_a_day))
        for minute in minutes:
            number += 1
            at = opens + timedelta(minutes=minute)
            customer = random.choice(["", "17850", "13047", "12583", "14911", "17850.0"])
            kind = random.choice(["sale"] * 6 + ["cancellation"] * 3 + ["stock", "debt"])
            rows += _INVOICES[kind](random, str(number), at, customer)
    return rows


def _sale(random: Random, number: str, at: datetime, customer: str) -> list[Cells]:
    rows = []
    for position in range(random.randint(1, 6)):
        sku, price = random.choice(ARTICLES)
        name = random.choice(["WHITE  LANTERN ", ' SET OF 3 "TINS", RED', "nan", "Lykt, blå"])
        # The till needs a minute now and then; the invoice stays as old as its first row.
        moment = at + timedelta(minutes=position // 4)
        price = random.choice([price, price, price, "0.0", "0.001"])
        rows.append(_row(number, sku, name, random.randint(1, 24), moment, price, customer))
        if random.random() < 0.2:
            rows.append(_row(number, sku, name, random.randint(1, 3), moment, "3.33", customer))
    if random.random() < 0.4:
        rows.append(_row(number, random.choice(NOT_GOODS), "POSTAGE", 1, at, "18.0", customer))
    return rows


def _cancellation(random: Random, number: str, at: datetime, customer: str) -> list[Cells]:
    skus = random.sample(ARTICLES, random.randint(1, 3))
    rows = [_row(f"C{number}", sku, "", -random.randint(1, 30), at, "1.11", customer) for sku, _ in skus]
    return (
        [*rows, _row(f"C{number}", "D", "Discount", -1, at, "27.5", customer)]
        if random.random() < 0.2
        else rows
    )


def _stock(random: Random, number: str, at: datetime, customer: str) -> list[Cells]:
    return [_row(number, random.choice(ARTICLES)[0], "damaged", -random.randint(1, 50), at, "0.0", "")]


def _debt(random: Random, number: str, at: datetime, customer: str) -> list[Cells]:
    return [_row(f"A{number}", "B", "Adjust bad debt", 1, at, random.choice(["11062.06", "-11062.06"]), "")]


_INVOICES = {"sale": _sale, "cancellation": _cancellation, "stock": _stock, "debt": _debt}


def _row(number: str, sku: str, name: str, quantity: int, at: datetime, price: str, customer: str) -> Cells:
    return [number, sku, name, str(quantity), f"{at:%Y-%m-%d %H:%M}", price, customer, "United Kingdom"]


def write_file(path: Path, rows: list[Cells], *, columns: list[str] = COLUMNS) -> Path:
    """Write rows to a file, packed if its name ends in .gz."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([columns, *rows])
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@dataclass
class Bought:
    """A line as it was bought, and what came back of it."""

    invoice: str
    key: str
    sku: str
    at: str
    quantity: int
    minor: int
    is_goods: bool
    returned: int = 0

    @property
    def returned_minor(self) -> int:
        """Pro rata, half a penny counting as one."""
        return (2 * self.minor * self.returned + self.quantity) // (2 * self.quantity)


@dataclass
class Expected:
    """What a book comes to."""

    shelves: dict[str, list[Bought]] = field(default_factory=lambda: defaultdict(list))
    cancelled: int = 0
    unmatched: int = 0
    stock_rows: int = 0
    debt_rows: int = 0

    @property
    def lines(self) -> list[Bought]:
        return [line for shelf in self.shelves.values() for line in shelf]

    @property
    def invoices(self) -> set[str]:
        return {line.invoice for line in self.lines}

    def by_invoice(self) -> dict[str, list[Bought]]:
        invoices: dict[str, list[Bought]] = defaultdict(list)
        for line in self.lines:
            invoices[line.invoice].append(line)
        return invoices


def work_out(rows: list[Cells]) -> Expected:
    """Go through the rows in their order, which is the order in which it happened."""
    expected = Expected()
    started: dict[str, str] = {}
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for number, sku, _, quantity_text, at, price, customer_text, _ in rows:
        quantity, customer = int(quantity_text), customer_text.removesuffix(".0")
        if number.startswith("A"):
            expected.debt_rows += 1
        elif number.startswith("C"):
            _take_back(expected, customer, sku, -quantity, at)
        elif quantity < 0:
            expected.stock_rows += 1
        else:
            started.setdefault(number, at)
            counts[number, sku] += 1
            again = counts[number, sku]
            key = "shipping" if sku in ("POST", "DOT") else sku if again == 1 else f"{sku}#{again}"
            units, _, decimals = price.partition(".")
            thousandths = int(units) * 1000 + int(decimals.ljust(3, "0"))
            minor = (thousandths * quantity + 5) // 10
            expected.shelves[customer].append(
                Bought(number, key, sku, started[number], quantity, minor, sku not in NOT_GOODS)
            )
    return expected


def _take_back(expected: Expected, customer: str, sku: str, quantity: int, at: str) -> None:
    shelf = expected.shelves[customer] if customer else []
    bought = [line for line in shelf if line.sku == sku and line.at <= at]
    for line in sorted(bought, key=lambda line: (line.at, line.invoice, line.key), reverse=True):
        taken = min(quantity, line.quantity - line.returned)
        line.returned += taken
        quantity -= taken
    if quantity:
        expected.unmatched += 1
    else:
        expected.cancelled += 1
