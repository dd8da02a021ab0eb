"""Row `import`: a shop's book becomes purchases and points."""

import io
import random
import time
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import connection

from backstage.clock import now
from backstage.operations.check import check_ledger
from benchmarks.databases import Copies
from benchmarks.measuring import Figure, NotMeasured, Size
from commerce.operations.sync import sync_purchases
from commerce.policies.snapshot import LineSnapshot, Snapshot, Who
from loyalty.models import Programme
from loyalty.operations.awards import settle_awards

LINES_PER_PURCHASE = 15  # about what the invoices of a gift retailer have
PURCHASES_AT_ONCE = 500
RETURNED = 0.03  # of the purchases come back in part
TABLES = (
    "encore_commerce_customer",
    "encore_commerce_identity",
    "encore_commerce_purchase",
    "encore_commerce_purchaseline",
    "encore_commerce_return",
    "encore_loyalty_member",
    "encore_loyalty_pointsaccount",
    "encore_loyalty_award",
    "encore_loyalty_entry",
    "encore_loyalty_lot",
    "encore_loyalty_movement",
)


def import_book(copies: Copies, size: Size) -> Figure:
    """Sync and settle a generated book, then load what it left behind into bare tables."""
    count = size.rows(6_000, 600)
    with copies.fresh(copies.base):
        before = {table: _newest(table) for table in TABLES}
        Programme.objects.update(enrolment="automatic")
        book = _write_book(count)
        lines = sum(len(snapshot.lines) for snapshot in book)
        started = time.perf_counter()
        syncing = _import(book)
        spent = time.perf_counter() - started
        if any(not answer.is_clean and not answer.liveness for answer in check_ledger().answers):
            raise NotMeasured("check-ledger is not clean after the import")
        copying = _copy(before)
    note = f"{lines / spent:,.0f} lines a second; syncing takes {syncing / spent:.0%} of the time"
    return Figure(copying / spent, lines / spent, lines / copying, "lines/s", note)


def _write_book(count: int) -> list[Snapshot]:
    """Invent a book: customers who come again, lines of a gift shop, and a few returns at its end."""
    chance, started = random.Random(1), now() - timedelta(days=300)
    book = [_purchase(chance, number, started + timedelta(minutes=30 * number)) for number in range(count)]
    for snapshot in chance.sample(book, round(count * RETURNED)):
        book.append(_returned(snapshot))
    return book


def _purchase(chance: random.Random, number: int, placed_at: datetime) -> Snapshot:
    lines = tuple(
        LineSnapshot(
            key=str(key),
            sku=f"S{chance.randrange(4000)}",
            name="Cream hanging heart T-light holder",
            quantity=chance.randrange(1, 13),
            sold_minor=chance.randrange(100, 9000),
            category_path="home/lights",
        )
        for key in range(chance.randrange(1, 2 * LINES_PER_PURCHASE))
    )
    who = Who(external_id=str(chance.randrange(4000))) if chance.random() < 0.8 else Who()
    return Snapshot(
        channel="web",
        reference=f"B{number}",
        as_of=1,
        who=who,
        currency="EUR",
        placed_at=placed_at,
        lines=lines,
    )


def _returned(snapshot: Snapshot) -> Snapshot:
    first = replace(snapshot.lines[0], returned_quantity=snapshot.lines[0].quantity)
    return replace(snapshot, as_of=2, lines=(first, *snapshot.lines[1:]))


def _import(book: list[Snapshot]) -> float:
    syncing = 0.0
    for start in range(0, len(book), PURCHASES_AT_ONCE):
        started = time.perf_counter()
        results = sync_purchases(book[start : start + PURCHASES_AT_ONCE])
        syncing += time.perf_counter() - started
        settle_awards(purchase_ids=[row.purchase_id for row in results if row.purchase_id])
    return syncing


def _newest(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COALESCE(MAX(id), 0) FROM {table}")
        return int(cursor.fetchone()[0])


def _copy(before: dict[str, int]) -> float:
    """Load the rows that are new since `before` into tables without keys, checks or indexes; give the
    seconds.
    """
    spent = 0.0
    with connection.cursor() as cursor:
        for table, newest in before.items():
            rows = io.BytesIO()
            with cursor.copy(f"COPY (SELECT * FROM {table} WHERE id > {newest}) TO STDOUT") as copy:
                for block in copy:
                    rows.write(block)
            cursor.execute(f"CREATE TABLE bare_{table} (LIKE {table})")
            started = time.perf_counter()
            with cursor.copy(f"COPY bare_{table} FROM STDIN") as copy:
                copy.write(rows.getvalue())
            spent += time.perf_counter() - started
    return spent
