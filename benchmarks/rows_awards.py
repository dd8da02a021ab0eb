"""Rows 1 to 5: what purchases earn."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection

from benchmarks import references
from benchmarks.databases import Copies
from benchmarks.laws import check_laws
from benchmarks.measuring import Deed, Figure, NotMeasured, Size, in_pairs, in_processes, pgbench, rate_of
from benchmarks.shop import Shop
from loyalty.ledger import due, hold_at_once, single_statement
from loyalty.operations.awards import settle_awards

IDS_AT_ONCE = 500
BATCH = 1_000


def award_deed(number: int) -> Deed:
    """Settle the next purchase that nobody has settled; ids are drawn in blocks, outside of what is timed."""
    ids: list[int] = []

    def deed() -> None:
        if not ids:
            ids.extend(draw_purchases(IDS_AT_ONCE))
        settle_awards(purchase_ids=[ids.pop()])

    return deed


def draw_purchases(count: int) -> list[int]:
    """Take the next purchases, so that product and reference never meet on one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('bench_purchase') FROM generate_series(1, %s)", [count])
        return [number for (number,) in cursor.fetchall()]


def awards(copies: Copies, shop: Shop, size: Size, *, processes: int) -> Figure:
    """Award purchase after purchase, beside one prepared statement that writes the same rows."""

    def product() -> float:
        rate, errors = in_processes(award_deed, processes, size.seconds)
        if errors:
            raise NotMeasured(f"{errors} awards failed")
        return rate

    def reference() -> float:
        return pgbench(references.AWARD_ONE, processes, size.seconds)

    with copies.fresh(copies.base):
        figure = in_pairs(reference, product, size.pairs, "awards/s")
        _require_enough(shop)
        check_laws(_settled(50))
    return figure


def _require_enough(shop: Shop) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM bench_purchase")
        (drawn,) = cursor.fetchone()
    if drawn > shop.purchases:
        raise NotMeasured(f"ran out of purchases: {drawn} of {shop.purchases}; try a larger --scale")


def _settled(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT purchase_id FROM encore_loyalty_award ORDER BY id DESC LIMIT %s", [count])
        return [purchase_id for (purchase_id,) in cursor.fetchall()]


@contextmanager
def no_wait_for_disk() -> Iterator[None]:
    """Let commits return before they are on disk, for product and reference alike."""
    options = connection.settings_dict["OPTIONS"]
    connection.settings_dict["OPTIONS"] = options | {"options": "-c synchronous_commit=off"}
    os.environ["PGOPTIONS"] = "-c synchronous_commit=off"
    connection.close()
    try:
        yield
    finally:
        connection.settings_dict["OPTIONS"] = options
        del os.environ["PGOPTIONS"]
        connection.close()


@contextmanager
def portable_statements() -> Iterator[None]:
    """Keep the ledger from its PostgreSQL-only statements."""
    fits, at_once, holds_fit = single_statement.fits, due._store_at_once, hold_at_once.fits
    single_statement.fits, due._store_at_once = lambda drafts: False, due._store
    hold_at_once.fits = lambda request: False
    try:
        yield
    finally:
        single_statement.fits, due._store_at_once, hold_at_once.fits = fits, at_once, holds_fit


def batches(copies: Copies, shop: Shop, size: Size) -> Figure:
    """Award in batches of 1,000, one transaction each, beside one statement for all."""
    count = min(size.rows(100_000, 10_000), shop.purchases) // BATCH * BATCH
    ids = list(range(1, count + 1))

    def product() -> float:
        for purchase_id in ids[:5]:  # plans and caches, as in a process that has run a while
            settle_awards(purchase_ids=[purchase_id])
        return rate_of(count, lambda: _settle_in_batches(ids))

    def reference() -> float:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return rate_of(count, lambda: cursor.execute(references.award(f"id <= {count}")))

    return in_pairs(
        lambda: _on_a_copy(copies, reference, None),
        lambda: _on_a_copy(copies, product, ids[:50]),
        min(size.pairs, 3),
        "awards/s",
    )


def _settle_in_batches(ids: list[int]) -> None:
    for start in range(0, len(ids), BATCH):
        settle_awards(purchase_ids=ids[start : start + BATCH])


def _on_a_copy(copies: Copies, window: Callable[[], float], settled: list[int] | None) -> float:
    with copies.fresh(copies.base):
        rate = window()
        if settled:
            check_laws(settled)
    return rate
