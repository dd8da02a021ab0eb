"""Compare what the shop says now with what is stored, and name the difference.

Rows are plain tuples in the order of the FIELDS beside them, the same tuples that are read and written: a
batch of hundreds of purchases is compared without building an object for each line.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from operator import attrgetter
from typing import Any

from commerce.policies.returns import returned_minor
from commerce.policies.snapshot import LineSnapshot, Snapshot, TenderSnapshot

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

LINE_FIELDS = (
    "key", "sku", "name", "brand", "category_path", "quantity", "sold_minor", "tax_minor", "discount_minor",
    "cost_minor", "returned_quantity", "returned_minor", "returned_at", "is_goods",
)  # fmt: skip
TENDER_FIELDS = ("kind", "reference", "amount_minor")
FACT_FIELDS = (
    "currency", "placed_at", "paid_at", "delivered_at", "status", "refunded_minor", "codes",
)  # fmt: skip
RETURN_FIELDS = ("line_key", "quantity", "amount_minor", "returned_at")
QUANTITY, SOLD = LINE_FIELDS.index("quantity"), LINE_FIELDS.index("sold_minor")
RETURNED_QUANTITY, RETURNED_MINOR = (
    LINE_FIELDS.index("returned_quantity"),
    LINE_FIELDS.index("returned_minor"),
)
RETURNED_AT, IS_GOODS = LINE_FIELDS.index("returned_at"), LINE_FIELDS.index("is_goods")
REFUNDED = FACT_FIELDS.index("refunded_minor")
Row = tuple[Any, ...]

# What is stored of a line and of a tender is what was told of them.
line_row: Callable[[LineSnapshot], Row] = attrgetter(*LINE_FIELDS)
tender_row: Callable[[TenderSnapshot], Row] = attrgetter(*TENDER_FIELDS)
_plain_facts: Callable[[Snapshot], Row] = attrgetter(*FACT_FIELDS[:-1])


class Outcome(StrEnum):
    """What became of a snapshot."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    OLDER = "older"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Change:
    """What a snapshot changes: rows to write, and the steps of what came back."""

    has_new_facts: bool
    lines: list[Row]
    tenders: list[Row]
    returns: list[Row]

    def __bool__(self) -> bool:
        return bool(self.has_new_facts or self.lines or self.tenders or self.returns)


def as_of_number(as_of: datetime | int) -> int:
    """Return the sequence number, or the time in microseconds since 1970."""
    return as_of if isinstance(as_of, int) else (as_of - EPOCH) // MICROSECOND


def make_fingerprint(snapshot: Snapshot) -> str:
    """Return a digest of everything but `as_of`. Two spellings of one content have the same."""
    who = snapshot.who
    content = (
        (str(who.login), who.external_id, who.member_number, who.card_token, who.email, who.phone, who.name),
        sorted(who.verified),
        facts_row(snapshot),
        sorted(map(line_row, snapshot.lines)),
        sorted(map(tender_row, snapshot.tenders)),
    )
    return sha256(json.dumps(content, default=_spell).encode()).hexdigest()


def facts_row(told: Snapshot) -> Row:
    """Return what is stored on the purchase itself, in the order of FACT_FIELDS; codes are a set."""
    return (*_plain_facts(told), sorted(set(told.codes)))


def compare(
    snapshot: Snapshot, *, facts: Row | None, lines: dict[Row, Row], tenders: dict[Row, Row], at: datetime
) -> Change:
    """Return what `snapshot` changes about the stored facts, lines by key, and tenders by kind and reference.

    A line or tender that the shop no longer names keeps its row with nothing in it.
    Time: a return without a time of its own came back at `at`.
    """
    told_lines: dict[Row, Row] = {(line.key,): line_row(line) for line in snapshot.lines}
    told_lines |= {key: _removed_line(row) for key, row in lines.items() if key not in told_lines}
    told_tenders: dict[Row, Row] = {
        (tender.kind, tender.reference): tender_row(tender) for tender in snapshot.tenders
    }
    told_tenders |= {key: (*row[:2], 0) for key, row in tenders.items() if key not in told_tenders}
    told_facts = facts_row(snapshot)
    return Change(
        has_new_facts=facts != told_facts,
        lines=[row for key, row in told_lines.items() if lines.get(key) != row],
        tenders=[row for key, row in told_tenders.items() if tenders.get(key) != row],
        returns=list(_list_returns(told_lines, lines, at)) + _refund_step(told_facts, facts, at),
    )


def newest_customer(
    *, stored: int | None, stored_as_of: int | None, told: int | None, as_of: int, is_repeated: bool
) -> tuple[int | None, int | None]:
    """Return whose purchase it is, and the `as_of` of the snapshot that says so.

    The newest snapshot that names somebody decides; one that names nobody takes the purchase away from
    nobody. So an older one may still say who bought, and the order of arrival does not matter. A repetition
    corrects nothing: whoever claimed the purchase in the meantime keeps it.
    """
    if told is None:
        return stored, stored_as_of
    if stored is None or stored_as_of is None:
        return told, as_of
    if as_of < stored_as_of or (as_of == stored_as_of and is_repeated):
        return stored, stored_as_of
    return told, as_of


def _list_returns(told: dict[Row, Row], stored: dict[Row, Row], at: datetime) -> Iterator[Row]:
    for key, row in told.items():
        before = stored.get(key)
        if not row[RETURNED_QUANTITY] and not row[RETURNED_MINOR] and before is None:
            continue
        quantity = row[RETURNED_QUANTITY] - (before[RETURNED_QUANTITY] if before else 0)
        amount = _returned_of(row) - (_returned_of(before) if before else 0)
        if quantity or amount:
            yield (row[0], quantity, amount, row[RETURNED_AT] or at)


def _refund_step(told: Row, stored: Row | None, at: datetime) -> list[Row]:
    amount = told[REFUNDED] - (stored[REFUNDED] if stored else 0)
    return [("", 0, amount, at)] if amount else []


def _returned_of(row: Row) -> int:
    return returned_minor(
        sold_minor=row[SOLD],
        quantity=row[QUANTITY],
        returned_quantity=row[RETURNED_QUANTITY],
        returned_minor=row[RETURNED_MINOR],
    )


def _removed_line(row: Row) -> Row:
    """Return the line with nothing sold and nothing returned; its name and article stay readable."""
    return (*row[:QUANTITY], 0, 0, 0, 0, None, 0, None, None, row[IS_GOODS])


def _spell(value: Any) -> int | str:
    """Return one spelling for what JSON has none for: 2 and Decimal("2.000") are one quantity."""
    if isinstance(value, datetime):
        return as_of_number(value)
    return int(value) if value == int(value) else str(value.normalize())
