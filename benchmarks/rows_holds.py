"""Rows 6 to 8: points reserved at a checkout."""

from collections.abc import Callable
from datetime import timedelta

from django.db import connection, transaction

from backstage.clock import now
from backstage.policies import SHOP
from benchmarks import references
from benchmarks.databases import Copies
from benchmarks.laws import check_laws
from benchmarks.measuring import WARM_UP, Deed, Figure, NotMeasured, Size, in_pairs, in_processes, pgbench
from benchmarks.shop import Shop
from loyalty.ledger import moves

POINTS = 100  # over lots of 34
KEYS_AT_ONCE = 50


def hold_deed(member_of_number: Callable[[int], int]) -> Callable[[int], Deed]:
    """Reserve points for the next member in turn, in a transaction of its own."""

    def make(process: int) -> Deed:
        numbers: list[int] = []

        def deed() -> None:
            if not numbers:
                numbers.extend(_draw(KEYS_AT_ONCE))
            number = numbers.pop()
            at = now()
            with transaction.atomic():
                moves.hold(
                    member_id=member_of_number(number),
                    points=POINTS,
                    key=f"bench:{number}",
                    expires_at=at + timedelta(hours=1),
                    reference="basket",
                    at=at,
                    by=SHOP,
                )

        return deed

    return make


def _draw(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('bench_key') FROM generate_series(1, %s)", [count])
        return [number for (number,) in cursor.fetchall()]


def holds(copies: Copies, stock: str, shop: Shop, size: Size, *, processes: int) -> Figure:
    """Reserve points of members in turn, beside a function in the database that writes the same rows."""
    variables = {"members": shop.members}
    windows = 2 * size.pairs + 1
    most = shop.members // windows // processes - WARM_UP - KEYS_AT_ONCE  # a member has points for one hold

    def product() -> float:
        rate, errors = in_processes(hold_deed(lambda number: 1 + number % shop.members), processes, 60, most)
        if errors:
            raise NotMeasured(f"{errors} holds failed")
        return rate

    def reference() -> float:
        return pgbench(references.HOLD_IN_TURN, processes, 60, variables, most)

    with copies.fresh(stock):
        _make_function()
        figure = in_pairs(reference, product, size.pairs, "holds/s")
        check_laws([])
    return figure


def holds_of_one(copies: Copies, stock: str, member_id: int, lots: int, size: Size) -> tuple[Figure, int]:
    """Reserve points of one member from eight processes at once; give the number of errors too."""
    failed, pairs = 0, min(size.pairs, 3)
    most = lots * 34 // POINTS // (2 * pairs + 1) // 8 - WARM_UP - KEYS_AT_ONCE

    def product() -> float:
        nonlocal failed
        rate, errors = in_processes(hold_deed(lambda number: member_id), 8, 60, most)
        failed += errors
        return rate

    def reference() -> float:
        return pgbench(references.HOLD_OF_ONE, 8, 60, {"member": member_id}, most)

    with copies.fresh(stock):
        _make_function()
        figure = in_pairs(reference, product, pairs, "holds/s")
        check_laws([])
    return figure, failed


def _make_function() -> None:
    with connection.cursor() as cursor:
        cursor.execute(references.HOLD_FUNCTION)
