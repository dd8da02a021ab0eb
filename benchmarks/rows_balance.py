"""Row 14: what a member sees."""

from datetime import timedelta

from django.db import connection

from backstage.clock import now
from backstage.operations.jobs import run_job
from benchmarks.databases import Copies
from benchmarks.measuring import Figure, Size, timed
from benchmarks.shop import Shop
from loyalty.operations.awards import settle_awards
from loyalty.queries.balance import book_at, get_account, get_balance
from loyalty.queries.history import history_of

HEAVY_MOVEMENTS = 10_000
REPEATS = 100


def balance_page(copies: Copies, shop: Shop, size: Size) -> tuple[Figure, Figure, Figure]:
    """Time the queries of the balance page beside a look-up by key, for a heavy and for a typical member."""
    with copies.fresh(copies.base):
        heavy, typical = _members()
        statements = _statements(typical)
        page = timed([lambda: _replay(statements)], REPEATS)
        lookup = timed(
            [
                lambda: _replay(
                    [("SELECT * FROM encore_loyalty_pointsaccount WHERE member_id = %s", [typical])]
                )
            ],
            REPEATS,
        )
        heavy_page = timed([lambda: show_page(heavy)], REPEATS)
        typical_page = timed([lambda: show_page(typical)], REPEATS)
        million = _with_many_entries(typical + 1, size)
    note = (
        f"page {typical_page * 1000:.1f} ms,"
        f" of a member with {million[0]:,} entries {million[1] * 1000:.1f} ms"
    )
    return (
        Figure(page / lookup, page * 1000, lookup * 1000, "ms", note),
        Figure(len(statements), note="; ".join(text.split(" FROM ")[-1][:60] for text, _ in statements)),
        Figure(heavy_page / typical_page, heavy_page * 1000, typical_page * 1000, "ms"),
    )


def show_page(member_id: int) -> None:
    """Read what the balance page shows: the balance and the newest twenty rows of its history."""
    at = now()
    history_of(book=book_at(get_account(member_id), at), at=at)


def _members() -> tuple[int, int]:
    """Make one member's history long by the product's own deeds; the other has seven purchases, as most."""
    heavy, typical, long_ago = 1, 2, now() - timedelta(days=1200)
    with connection.cursor() as cursor:
        # An accrual, a release and an expiry for each purchase.
        cursor.execute(
            "UPDATE encore_commerce_purchase SET customer_id = %s, placed_at = %s + id * interval '1 minute'"
            " WHERE id > (SELECT MAX(id) FROM encore_commerce_purchase) - %s",
            [heavy, long_ago, HEAVY_MOVEMENTS // 3],
        )
        cursor.execute(
            "SELECT id FROM encore_commerce_purchase WHERE customer_id IN (%s, %s) ORDER BY placed_at, id",
            [heavy, typical],
        )
        ids = [purchase_id for (purchase_id,) in cursor.fetchall()]
    for start in range(0, len(ids), 500):
        settle_awards(purchase_ids=ids[start : start + 500], at=now() - timedelta(minutes=30))
    for job in ("release_due_points", "expire_due_points"):
        run_job(name=job, at=now())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return heavy, typical


def _statements(member_id: int) -> list[tuple[str, list]]:
    """Record the page's statements with their values."""
    recorded: list[tuple[str, list]] = []

    def record(execute, sql, params, many, context):
        recorded.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(record):
        show_page(member_id)
    return recorded


def _replay(statements: list[tuple[str, list]]) -> None:
    with connection.cursor() as cursor:
        for text, values in statements:
            cursor.execute(text, values)
            cursor.fetchall()


def _with_many_entries(member_id: int, size: Size) -> tuple[int, float]:
    count = size.rows(1_000_000, 50_000)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO encore_loyalty_entry (member_id, kind, key, source_kind, by_kind, by_id, reason,"
            " occurred_at, recorded_at) SELECT %s, 9, 'bench:' || n, '', 'system', '', 'fact',"
            " now() - n * interval '1 second', now() FROM generate_series(1, %s) AS n",
            [member_id, count],
        )
        cursor.execute("ANALYZE encore_loyalty_entry")
    return count, timed([lambda: get_balance(member_id=member_id)], 20)
