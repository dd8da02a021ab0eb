"""The rows of SQLite, and the reference that they share: the sqlite3 module without Django."""

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from django.db import connection

from backstage.clock import now
from backstage.operations.jobs import run_job
from benchmarks import references
from benchmarks.databases import use
from benchmarks.laws import check_laws
from benchmarks.measuring import Figure, NotMeasured, Size, in_pairs, rate_of
from benchmarks.rows_due import chunks_of
from benchmarks.shop import Shop, open_shop
from loyalty.operations.awards import settle_awards

# The statements of one award, reading included, with the facts as literals.
READS = (
    "SELECT * FROM encore_commerce_purchase WHERE id = :purchase",
    "SELECT * FROM encore_loyalty_award WHERE programme_id = 1 AND purchase_id = :purchase",
    "SELECT * FROM encore_commerce_purchaseline WHERE purchase_id = :purchase ORDER BY key",
    "SELECT * FROM encore_loyalty_member WHERE programme_id = 1 AND customer_id = :member",
    "SELECT * FROM encore_loyalty_pointsaccount WHERE member_id = :member",
    "SELECT id, fingerprint FROM encore_loyalty_entry WHERE member_id = :member AND key = :key",
)
ENTRY = f"""INSERT INTO encore_loyalty_entry (member_id, kind, key, fingerprint, source_kind, source_id,
    channel_id, by_kind, by_id, reason, explanation, qualifying_change, qualifying_at, occurred_at,
    recorded_at)
    VALUES (:member, 1, :key, '{references.FINGERPRINT}', 'purchase', :purchase, 1, 'system', '', 'purchase',
    '{references.EXPLANATION}', 34, :at, :at, :at) RETURNING id"""
LOT = """INSERT INTO encore_loyalty_lot (member_id, entry_id, number, terms_id, source_kind, source_id,
    issued, pending, earned_at, dated_at, releases_at, expires_at, waits_for)
    VALUES (:member, :entry, 0, 1, 'purchase', :purchase, 34, 34, :at, :at, :ready, :ends, '') RETURNING id"""
MOVEMENT = """INSERT INTO encore_loyalty_movement
    (member_id, entry_id, lot_id, from_state, to_state, points, effective_at)
    VALUES (:member, :entry, :lot, 0, 1, 34, :at)"""
ACCOUNT = """UPDATE encore_loyalty_pointsaccount SET pending = pending + 34, active_at = :at
    WHERE member_id = :member"""
AWARD = f"""INSERT INTO encore_loyalty_award (programme_id, purchase_id, member_id, facts, lines,
    earned_points, standing_points, applied_revision, posts, waits_for, reason)
    VALUES (1, :purchase, :member, '{references.FACTS}', '{references.LINES}', 34, 34, 1, 1, '[]', '')"""

RELEASE = (
    """INSERT INTO encore_loyalty_entry (member_id, kind, key, source_kind, source_id, by_kind, by_id, reason,
    occurred_at, recorded_at, batch) SELECT member_id, 2, 'release:' || id, 'lot', id, 'system', '', 'time',
    releases_at, :at, 1 FROM encore_loyalty_lot WHERE pending > 0 AND releases_at <= :at""",
    """INSERT INTO encore_loyalty_movement
    (member_id, entry_id, lot_id, from_state, to_state, points, effective_at)
    SELECT entry.member_id, entry.id, lot.id, 1, 2, lot.pending, entry.occurred_at
    FROM encore_loyalty_entry AS entry
    JOIN encore_loyalty_lot AS lot ON lot.id = entry.source_id WHERE entry.batch = 1""",
    """UPDATE encore_loyalty_lot SET pending = pending - move.points, available = available + move.points
    FROM (SELECT lot_id, points FROM encore_loyalty_movement WHERE to_state = 2) AS move
    WHERE move.lot_id = id""",
    """UPDATE encore_loyalty_pointsaccount
    SET pending = pending - move.points, available = available + move.points
    FROM (SELECT member_id, SUM(points) AS points FROM encore_loyalty_movement WHERE to_state = 2
    GROUP BY member_id) AS move WHERE move.member_id = encore_loyalty_pointsaccount.member_id""",
)


def rows(scale: float, wanted: list[str]) -> Iterator[tuple[tuple[str, ...], Callable[[], object]]]:
    """Fill the file and give the rows."""
    size = Size(scale)
    shop = open_shop(size.rows(200_000, 60_000))
    connection.close()
    yield ("4",), lambda: award(shop, size)
    yield ("19",), lambda: release(shop, size)


@contextmanager
def copy_of_file() -> Iterator[None]:
    """Work on a copy of the file, so that each window starts from the same rows."""
    name = connection.settings_dict["NAME"]
    with tempfile.TemporaryDirectory(prefix="encore_bench_") as folder:
        with sqlite3.connect(name) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        file.close()
        shutil.copy(name, Path(folder) / "copy.sqlite3")
        use(str(Path(folder) / "copy.sqlite3"))
        try:
            yield
        finally:
            use(name)


def bare() -> sqlite3.Connection:
    """Connect as the project does, without it."""
    file = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    file.execute("PRAGMA journal_mode=WAL")
    file.execute("PRAGMA synchronous=NORMAL")
    file.execute("PRAGMA foreign_keys=ON")
    return file


def award(shop: Shop, size: Size) -> Figure:
    """Award purchase after purchase, beside the same statements without Django and without our rules."""
    ids = iter(range(1, shop.purchases + 1))

    def product() -> float:
        return _repeat(lambda: settle_awards(purchase_ids=[next(ids)]), size.seconds)

    def reference() -> float:
        connection.close()
        file, at, later = bare(), str(now()), str(now() + timedelta(days=14))
        rate = _repeat(lambda: _award_bare(file, next(ids), shop.members, at, later), size.seconds)
        file.close()
        return rate

    with copy_of_file():
        try:
            figure = in_pairs(reference, product, size.pairs, "awards/s")
        except StopIteration:
            raise NotMeasured("ran out of purchases; try a larger --scale") from None
        check_laws([1, 2, 3])
    return figure


def _award_bare(file: sqlite3.Connection, purchase: int, members: int, at: str, later: str) -> None:
    values = {"purchase": purchase, "member": 1 + (purchase - 1) % members, "key": f"purchase:{purchase}:1"}
    values |= {"at": at, "ready": later, "ends": later}
    file.execute("BEGIN IMMEDIATE")
    for read in READS:
        file.execute(read, values).fetchall()
    (values["entry"],) = file.execute(ENTRY, values).fetchone()
    (values["lot"],) = file.execute(LOT, values).fetchone()
    for write in (MOVEMENT, ACCOUNT, AWARD):
        file.execute(write, values)
    file.execute("COMMIT")


def _repeat(deed: Callable[[], object], seconds: float) -> float:
    for _ in range(20):
        deed()
    done, started = 0, time.perf_counter()
    while (spent := time.perf_counter() - started) < seconds:
        deed()
        done += 1
    return done / spent


def release(shop: Shop, size: Size) -> Figure:
    """Release all pending lots in chunks of 5,000, beside four statements for all of them."""
    with copy_of_file():
        file, at, later = bare(), str(now()), str(now() + timedelta(days=14))
        file.execute("PRAGMA synchronous=OFF")
        for purchase in range(1, shop.purchases // 2):
            _award_bare(file, purchase, shop.members, at, later)
        file.close()
        count = shop.purchases // 2 - 1
        return in_pairs(lambda: _release_bare(count), lambda: _release(count), min(size.pairs, 3), "lots/s")


def _release(count: int) -> float:
    with copy_of_file(), chunks_of(5_000):
        rate = rate_of(count, lambda: run_job(name="release_due_points", at=now() + timedelta(days=20)))
        check_laws([1, 2, 3])
    return rate


def _release_bare(count: int) -> float:
    with copy_of_file():
        file = bare()
        rate = rate_of(count, lambda: _release_in_one(file))
        file.close()
    return rate


def _release_in_one(file: sqlite3.Connection) -> None:
    file.execute("BEGIN IMMEDIATE")
    for statement in RELEASE:
        file.execute(statement, {"at": str(now() + timedelta(days=20))})
    file.execute("COMMIT")
