"""The rows of PostgreSQL, in the order in which they are measured."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

from django.db import connection

from backstage.clock import now
from benchmarks import references
from benchmarks.databases import Copies
from benchmarks.measuring import Figure, Size
from benchmarks.rows_awards import awards, batches, no_wait_for_disk, portable_statements
from benchmarks.rows_balance import balance_page
from benchmarks.rows_codes import list_codes, make_codes
from benchmarks.rows_coupons import baskets, hot_coupon
from benchmarks.rows_due import cost_of_release, deadlocks_of_release, job_beside_statement
from benchmarks.rows_eligibility import eligibility
from benchmarks.rows_holds import holds, holds_of_one
from benchmarks.rows_import import import_book
from benchmarks.rows_partners import partner_month
from benchmarks.rows_tiers import requalify
from benchmarks.shop import open_shop, settle_statistics

HOT_LOTS = 60_000
WITH_LOTS = {"6", "6-cpu", "7", "8", "8-errors", "9", "10", "11", "12", "12-wal", "12-deadlocks", "13"}
WITH_READY_LOTS = {"6", "6-cpu", "7", "8", "8-errors", "13"}

Row = tuple[tuple[str, ...], Callable[[], object]]


def rows(scale: float, wanted: list[str]) -> Iterator[Row]:
    """Fill the databases that the wanted rows need, and give the rows."""
    size, copies = Size(scale), Copies()
    shop = open_shop(size.rows(280_000, 40_000))
    pending = ready = copies.base
    half, hot = shop.purchases // 2, min(HOT_LOTS, shop.purchases // 4)
    if WITH_LOTS & set(wanted):
        pending = _stock(
            copies,
            "pending",
            copies.base,
            (references.award(f"id <= {half}"), []),
            ("SELECT setval('bench_purchase', %s)", [half]),
        )
    if WITH_READY_LOTS & set(wanted):
        at, of_hot = now() + timedelta(days=20), f"id > {half} AND id <= {half + hot}"
        ready = _stock(
            copies,
            "ready",
            pending,
            (f"UPDATE encore_commerce_purchase SET customer_id = 1 WHERE {of_hot}", []),
            (references.award(of_hot), []),
            (references.RELEASE, [at, at]),
        )
    award, hold = partial(awards, copies, shop, size), partial(holds, copies, ready, shop, size)
    yield ("1",), lambda: award(processes=1)
    yield ("1-cpu",), _unbound_by_disk(lambda: award(processes=1))
    yield ("2",), lambda: award(processes=8)
    yield ("2-cpu",), _unbound_by_disk(lambda: award(processes=8))
    yield ("3",), _portable(lambda: award(processes=1))
    yield ("3-eight",), _portable(lambda: award(processes=8))
    yield ("5",), lambda: batches(copies, shop, size)
    yield ("6",), lambda: hold(processes=1)
    yield ("6-cpu",), _unbound_by_disk(lambda: hold(processes=1))
    yield ("7",), lambda: hold(processes=8)
    yield ("8", "8-errors"), lambda: _hot(copies, ready, hot, size)
    release = partial(
        job_beside_statement,
        copies,
        pending,
        size,
        name="release_due_points",
        statement=references.RELEASE,
        days=20,
    )
    yield ("9",), lambda: release(workers=1, lots=5_000)
    yield ("10",), lambda: release(workers=4, lots=10_000)
    yield ("11",), _portable(lambda: release(workers=1, lots=5_000))
    yield ("12", "12-wal"), lambda: cost_of_release(copies, pending, shop)
    yield ("12-deadlocks",), lambda: deadlocks_of_release(copies, pending, shop, size)
    yield (
        ("13",),
        lambda: job_beside_statement(
            copies,
            ready,
            size,
            name="expire_due_points",
            statement=references.EXPIRE,
            days=800,
            workers=4,
            lots=10_000,
        ),
    )
    yield ("14", "14-queries", "14-heavy"), lambda: balance_page(copies, shop, size)
    yield ("16", "16-job"), lambda: make_codes(copies, size)
    yield ("code-lists",), lambda: list_codes(copies, size)
    yield ("tiers", "tiers-first"), lambda: requalify(copies, size)
    yield ("17", "17-within", "17-exact"), lambda: hot_coupon(copies, size)
    yield ("coupons", "coupons-queries", "coupons-auto"), lambda: baskets(copies, size)
    yield ("partner-month",), lambda: partner_month(copies, shop, size)
    yield ("import",), lambda: import_book(copies, size)
    yield ("eligibility", "eligibility-invite", "portrait"), lambda: eligibility(copies, size)


def _stock(copies: Copies, name: str, template: str, *statements: tuple[str, list[object]]) -> str:
    """Keep a copy in which points are already on their way or ready."""
    with copies.fresh(template):
        with connection.cursor() as cursor:
            for statement, values in statements:
                cursor.execute(statement, values)
        settle_statistics()
        return copies.keep(name)


def _unbound_by_disk(measure: Callable[[], Figure]) -> Callable[[], Figure]:
    def unbound() -> Figure:
        with no_wait_for_disk():
            return measure()

    return unbound


def _portable(measure: Callable[[], Figure]) -> Callable[[], Figure]:
    def portable() -> Figure:
        with portable_statements():
            return measure()

    return portable


def _hot(copies: Copies, ready: str, lots: int, size: Size) -> tuple[Figure, Figure]:
    figure, errors = holds_of_one(copies, ready, 1, lots, size)
    figure.note = f"{lots:,} lots"
    return figure, Figure(errors)
