"""Our own file: one row for each line of each purchase, every column named. `docs/import.md` describes it.

Columns about the purchase count on its first row; on the others they are empty or say the same. A line
without a key of its own is known by its article, as in `online_retail`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from babel.numbers import get_currency_precision

from backstage.policies.names import did_you_mean
from commerce.importers.batches import Batch, RowsError, Sale
from commerce.importers.cells import CellError, Moments, read_minor, read_quantity, tidy
from commerce.importers.online_retail import KeyMaker
from commerce.importers.source import Row, SourceError, find_columns
from commerce.policies.snapshot import (
    CURRENCIES,
    STATUSES,
    LineSnapshot,
    Snapshot,
    SnapshotError,
    Status,
    TenderKind,
    TenderSnapshot,
    Who,
)

NAME: Final = "encore"
NEEDED: Final = ("reference", "placed_at", "amount")
WHO_TEXTS: Final = ("external_id", "member_number", "card_token", "email", "phone")
OF_PURCHASE: Final = (
    "placed_at", "as_of", "paid_at", "delivered_at", "status", "currency", *WHO_TEXTS, "verified", "customer",
    "refunded", "paid_points", "paid_gift_card", "codes",
)  # fmt: skip
OF_LINE: Final = (
    "line", "sku", "product", "brand", "category", "kind", "quantity", "amount", "tax", "discount", "cost",
    "returned_quantity", "returned_amount", "returned_at",
)  # fmt: skip
# Columns of a file of rejected rows: corrected, it is imported as it is.
OF_REJECTED: Final = ("rejected_line", "rejected_because")
KNOWN: Final = frozenset({"reference", *OF_PURCHASE, *OF_LINE, *OF_REJECTED})
KINDS: Final = ("goods", "shipping", "fee")

Cells = dict[str, str]


@dataclass(frozen=True, slots=True)
class Money:
    """Reads amounts of a currency with so many decimals."""

    digits: int

    def read(self, cells: Cells, name: str) -> int:
        """Return an amount that has to be there, in minor units."""
        return read_minor(name, cells[name], self.digits)

    def find(self, cells: Cells, name: str) -> int | None:
        """Return an amount in minor units; None where the cell is empty."""
        return self.read(cells, name) if cells.get(name) else None


class EncoreCsv:
    """Reads purchases; see the module."""

    name = NAME

    def __init__(self, names: Sequence[str], *, channel: str, currency: str, moments: Moments) -> None:
        self.names = [name.lower() for name in names]
        self.reference, self.placed_at, _ = find_columns(self.names, needed=NEEDED, spelled=str.lower)
        unknown = [name for name in self.names if name not in KNOWN]
        if unknown:
            raise SourceError(
                f"There is no column {unknown[0]!r}. {did_you_mean(unknown[0], KNOWN)} "
                f"Rename it, or remove it."
            )
        doubled = [name for name in KNOWN if self.names.count(name) > 1]
        if doubled:
            raise SourceError(f"The first line names the column {doubled[0]} twice. Remove one of them.")
        self.channel, self.currency, self.moments = channel, currency, moments

    def document_of(self, cells: list[str]) -> str:
        """Return the reference of the purchase."""
        return cells[self.reference].strip()

    def time_of(self, cells: list[str]) -> str:
        """Return when the purchase was placed, as it is written; rows behind the first may leave it empty."""
        return cells[self.placed_at].strip()

    def moment_of(self, snapshot: Snapshot) -> datetime:
        """Return `as_of`, which is a time in a file."""
        return snapshot.as_of if isinstance(snapshot.as_of, datetime) else snapshot.placed_at

    def read(self, rows: list[Row], batch: Batch) -> None:
        """Add a purchase to `batch`."""
        table = [(line, dict(zip(self.names, map(str.strip, cells), strict=True))) for line, cells, _ in rows]
        first = table[0][1]
        currency = first.get("currency") or self.currency
        if currency not in CURRENCIES:
            raise CellError(column="currency", value=currency, fix='Write an ISO 4217 code such as "EUR".')
        money = Money(get_currency_precision(currency))
        lines = self._read_lines(table, money)
        batch.sales.append(Sale(self._make_snapshot(first, lines, currency, money), rows))

    def _make_snapshot(
        self, cells: Cells, lines: tuple[LineSnapshot, ...], currency: str, money: Money
    ) -> Snapshot:
        placed_at = self._read_moment(cells, "placed_at", needed=True)
        paid_at, delivered_at = self._read_moment(cells, "paid_at"), self._read_moment(cells, "delivered_at")
        facts = [placed_at, paid_at, delivered_at, *(line.returned_at for line in lines)]
        status = cells.get("status", "") or _guess_status(paid_at, delivered_at)
        if status not in STATUSES:
            raise CellError(column="status", value=status, fix=f"Write one of {', '.join(sorted(STATUSES))}.")
        return Snapshot(
            channel=self.channel,
            reference=cells["reference"],
            as_of=self._read_moment(cells, "as_of") or max(fact for fact in facts if fact),
            who=_read_who(cells),
            currency=currency,
            placed_at=placed_at,  # type: ignore[arg-type]  # needed=True never returns None
            paid_at=paid_at,
            delivered_at=delivered_at,
            status=status,
            lines=lines,
            tenders=_read_tenders(cells, money),
            refunded_minor=money.find(cells, "refunded") or 0,
            codes=tuple(cells.get("codes", "").split()),
        )

    def _read_lines(self, table: list[tuple[int, Cells]], money: Money) -> tuple[LineSnapshot, ...]:
        first = table[0][1]
        lines: dict[str, LineSnapshot] = {}
        faults: dict[int, str] = {}
        keys = KeyMaker()
        for number, cells in table:
            try:
                _refuse_contradiction(cells, first)
                line = self._read_line(cells, keys, money)
                if line.key in lines:
                    raise CellError(
                        column="line", value=line.key, fix="Another row has the same; change one."
                    )
                lines[line.key] = line
            except (CellError, SnapshotError) as error:
                faults[number] = str(error)
        if faults:
            raise RowsError(faults)
        return tuple(lines.values())

    def _read_line(self, cells: Cells, keys: KeyMaker, money: Money) -> LineSnapshot:
        kind = cells.get("kind") or "goods"
        if kind not in KINDS:
            raise CellError(column="kind", value=kind, fix=f"Write one of {', '.join(KINDS)}.")
        sku = cells.get("sku", "")
        named = "shipping" if kind == "shipping" else sku or tidy(cells.get("product", ""))[:90] or kind
        return LineSnapshot(
            key=cells.get("line") or keys.make(named),
            sku=sku,
            name=tidy(cells.get("product", "")),
            brand=cells.get("brand", ""),
            category_path=cells.get("category", ""),
            quantity=_read_quantity(cells, "quantity", default=1),
            sold_minor=money.read(cells, "amount"),
            tax_minor=money.find(cells, "tax") or 0,
            discount_minor=money.find(cells, "discount") or 0,
            cost_minor=money.find(cells, "cost"),
            returned_quantity=_read_quantity(cells, "returned_quantity", default=0),
            returned_minor=money.find(cells, "returned_amount"),
            returned_at=self._read_moment(cells, "returned_at"),
            is_goods=kind == "goods",
        )

    def _read_moment(self, cells: Cells, name: str, *, needed: bool = False) -> datetime | None:
        text = cells.get(name, "")
        return self.moments.read(name, text) if text or needed else None


def _refuse_contradiction(cells: Cells, first: Cells) -> None:
    for name in OF_PURCHASE:
        value = cells.get(name, "")
        if value and value != first[name]:
            raise CellError(
                column=name,
                value=value,
                fix="The first row of this purchase says otherwise; leave it empty here, or write the same.",
            )


def _read_quantity(cells: Cells, name: str, *, default: int) -> int | Decimal:
    text = cells.get(name, "")
    return read_quantity(name, text) if text else default


def _read_tenders(cells: Cells, money: Money) -> tuple[TenderSnapshot, ...]:
    paid = (
        (TenderKind.POINTS, money.find(cells, "paid_points")),
        (TenderKind.GIFT_CARD, money.find(cells, "paid_gift_card")),
    )
    return tuple(TenderSnapshot(kind=kind, amount_minor=amount) for kind, amount in paid if amount)


def _guess_status(paid_at: datetime | None, delivered_at: datetime | None) -> str:
    """Return what the times say where the file has no column for it."""
    if delivered_at is not None:
        return Status.FULFILLED
    return Status.PLACED if paid_at is None else Status.PAID


def _read_who(cells: Cells) -> Who:
    verified = frozenset(cells.get("verified", "").split())
    if not verified <= {"email", "phone"}:
        raise CellError(
            column="verified",
            value=cells["verified"],
            fix='Write "email", "phone", both with a space between, or nothing.',
        )
    texts = {name: cells[name] for name in WHO_TEXTS if cells.get(name)}
    return Who(**texts, verified=verified, name=tidy(cells.get("customer", "")))
