"""The order book of an online retailer, one row for each article of each invoice.

Columns: InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country.

1. An invoice is as old as its first row. The same article may stand on it twice.
2. An invoice whose number begins with C cancels goods of earlier ones without naming them.
3. One that begins with A corrects the books (a bad debt) and sells nothing.
4. A negative row of any other invoice corrects the stock and sells nothing.
5. Postage, fees, samples, manual corrections and vouchers are rows like any other, and no goods.
6. Without a CustomerID a guest bought.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

from babel.numbers import get_currency_precision

from commerce.importers.batches import Batch, RowsError, Sale
from commerce.importers.cells import (
    KEPT,
    CellError,
    Moments,
    minor_of,
    read_millionths,
    read_whole,
    tidy,
)
from commerce.importers.source import Row, find_columns
from commerce.policies.cancellations import CancelledGoods
from commerce.policies.snapshot import MOST_MINOR, LineSnapshot, Snapshot, SnapshotError, Status, Who

NAME: Final = "online-retail"
COLUMNS: Final = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
)
SHIPPING_CODES: Final = frozenset({"POST", "DOT"})
SHIPPING_KEY: Final = "shipping"
NOT_GOODS: Final = SHIPPING_CODES | {
    "M", "D", "C2", "S", "BANK CHARGES", "AMAZONFEE", "CRUK", "PADS", "B",
}  # fmt: skip
VOUCHER: Final = "GIFT_"
# What a program writes where the shop wrote no description.
NO_NAME: Final = frozenset({"nan", "NaN"})
GUEST: Final = Who()

STOCK_CORRECTION: Final = "a negative quantity on an invoice that cancels nothing corrects the stock"
BOOK_CORRECTION: Final = "an invoice that begins with A corrects the books"
NOTHING_MOVED: Final = "a quantity of 0 moves nothing"


class OnlineRetail:
    """Reads invoices; see the module."""

    name = NAME

    def __init__(self, names: Sequence[str], *, channel: str, currency: str, moments: Moments) -> None:
        places = find_columns(names, needed=COLUMNS, spelled=str.lower)
        self.invoice, self.sku, self.description, self.quantity = places[:4]
        self.date, self.price, self.customer = places[4:]
        self.channel, self.currency, self.moments = channel, currency, moments
        self.digits = get_currency_precision(currency)

    def document_of(self, cells: list[str]) -> str:
        """Return the number of the invoice."""
        return cells[self.invoice].strip()

    def time_of(self, cells: list[str]) -> str:
        """Return the time of the invoice as it is written."""
        return cells[self.date]

    def moment_of(self, snapshot: Snapshot) -> datetime:
        """Return the time of the invoice: the book knows nothing later of it."""
        return snapshot.placed_at

    def read(self, rows: list[Row], batch: Batch) -> None:
        """Add an invoice or a cancellation to `batch`."""
        number = rows[0][1][self.invoice].strip()
        if not number:
            raise CellError(column="InvoiceNo", value="", fix="Write the number of the invoice.")
        kind = number[0].upper()
        if kind == "A":
            batch.ignored[BOOK_CORRECTION] += len(rows)
        elif kind == "C":
            batch.cancelled += self._read_cancellation(number, rows, batch)
        else:
            lines = self._read_lines(rows, batch)
            if lines:
                batch.sales.append(Sale(self._make_snapshot(number, rows[0][1], lines), rows))

    def _make_snapshot(self, number: str, cells: list[str], lines: tuple[LineSnapshot, ...]) -> Snapshot:
        placed_at = self.moments.read("InvoiceDate", cells[self.date])
        return Snapshot(
            channel=self.channel,
            reference=number,
            as_of=placed_at,
            who=read_customer(cells[self.customer]),
            currency=self.currency,
            placed_at=placed_at,
            paid_at=placed_at,
            status=Status.PAID,
            lines=lines,
        )

    def _read_lines(self, rows: list[Row], batch: Batch) -> tuple[LineSnapshot, ...]:
        lines: dict[str, LineSnapshot] = {}
        keys = KeyMaker()
        ignored: list[str] = []

        def read(cells: list[str]) -> None:
            quantity = read_whole("Quantity", cells[self.quantity])
            if quantity <= 0:
                ignored.append(STOCK_CORRECTION if quantity else NOTHING_MOVED)
                return
            sku, is_shipping, is_goods = read_code(cells[self.sku])
            key = SHIPPING_KEY if is_shipping else keys.make(sku)
            before = lines.get(key)
            lines[key] = LineSnapshot(
                key=key,
                sku=before.sku if before else sku,
                name=read_name(cells[self.description]),
                quantity=quantity + (before.quantity if before else 0),
                sold_minor=self._read_amount(cells[self.price], quantity)
                + (before.sold_minor if before else 0),
                is_goods=is_goods,
            )

        _read_each(rows, read)
        batch.ignored.update(ignored)
        return tuple(lines.values())

    def _read_amount(self, text: str, quantity: int) -> int:
        millionths = read_millionths("UnitPrice", text)
        if millionths < 0:
            raise CellError(column="UnitPrice", value=text, fix="Goods cannot cost less than nothing.")
        amount = minor_of(millionths=millionths, quantity=quantity, digits=self.digits)
        if amount > MOST_MINOR:
            raise CellError(
                column="UnitPrice", value=text, fix="Times the quantity, no shop sells that much."
            )
        return amount

    def _read_cancellation(self, number: str, rows: list[Row], batch: Batch) -> list[CancelledGoods]:
        goods: list[CancelledGoods] = []
        keys = KeyMaker()
        cancelled_at = self.moments.read("InvoiceDate", rows[0][1][self.date])
        ignored: list[str] = []

        def read(cells: list[str]) -> None:
            quantity = read_whole("Quantity", cells[self.quantity])
            if quantity > 0:
                raise CellError(
                    column="Quantity",
                    value=cells[self.quantity],
                    fix="An invoice that cancels has negative ones.",
                )
            if quantity == 0:
                ignored.append(NOTHING_MOVED)
                return
            read_millionths("UnitPrice", cells[self.price])
            sku = read_code(cells[self.sku])[0]
            customer = read_customer(cells[self.customer]).external_id
            goods.append(CancelledGoods(number, keys.make(sku), sku, -quantity, customer, cancelled_at))

        if len(number) > 100:
            raise CellError(column="InvoiceNo", value=number, fix="Give at most 100 characters.")
        _read_each(rows, read)
        batch.ignored.update(ignored)
        return goods


class KeyMaker:
    """Makes the keys of one invoice's lines: the article, and for its second row "article#2".

    Not the number of the row: a key must stay the same when a shop exports its rows in another order.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def make(self, sku: str) -> str:
        """Return the key of the next row with this article."""
        count = self._counts[sku] = self._counts.get(sku, 0) + 1
        return sku if count == 1 else f"{sku}#{count}"


@lru_cache(KEPT)
def read_code(text: str) -> tuple[str, bool, bool]:
    """Return the article's code, whether it stands for postage, and whether it stands for goods."""
    sku = text.strip()
    if not sku:
        raise CellError(column="StockCode", value=text, fix="Write the code of the article.")
    if len(sku) > 90:
        raise CellError(column="StockCode", value=text, fix="Write at most 90 characters.")
    code = sku.upper()
    return sku, code in SHIPPING_CODES, code not in NOT_GOODS and not code.startswith(VOUCHER)


def read_name(text: str) -> str:
    """Return the description without stray spaces."""
    name = tidy(text)
    return "" if name in NO_NAME else name


@lru_cache(KEPT)
def read_customer(text: str) -> Who:
    """Return who bought. A spreadsheet turns the number 17850 into 17850.0 where a guest's cell is empty."""
    number = text.strip().removesuffix(".0")
    return Who(external_id=number) if number and number not in NO_NAME else GUEST


def _read_each(rows: list[Row], read: Callable[[list[str]], None]) -> None:
    """Read every row, and name all the faulty ones instead of only the first."""
    faults: dict[int, str] = {}
    for line, cells, _ in rows:
        try:
            read(cells)
        except (CellError, SnapshotError) as error:
            faults[line] = str(error)
    if faults:
        raise RowsError(faults)
