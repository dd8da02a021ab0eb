"""The rows of levels: those of everybody, tested and raised in a day's run."""

from collections.abc import Callable
from datetime import timedelta

from django.db import connection

from backstage.clock import now
from backstage.operations.jobs import run_job
from benchmarks import references
from benchmarks.databases import Copies
from benchmarks.measuring import Figure, NotMeasured, Size, in_pairs, rate_of
from benchmarks.shop import LIVE_FROM, settle_statistics
from loyalty.models import Programme, TierHolding
from loyalty.operations.tiers.schemes import save_scheme, switch_on_levels
from loyalty.policies.tiers.terms import TierPlan

ORDERS_EACH = 3
# Of a hundred members, so many order enough for a higher level on the day that is measured, and are tested.
RISING, TESTED = 1, 1
TIERS = (TierPlan("Bronze", 10_000), TierPlan("Silver", 30_000), TierPlan("Gold", 100_000))


def requalify(copies: Copies, size: Size) -> tuple[Figure, Figure]:
    """Run the daily job over everybody, beside one statement that sums up what everybody bought in a year.

    First on the day on which levels are switched on and everybody has to be placed, then on common days.
    """
    members = size.rows(1_000_000, 50_000)
    with copies.fresh(copies.base):
        first_id = _fill(members)
        first = in_pairs(_sum_up(members), _first_day(members), 1, "members/s")
        settle_statistics()
        first.note = f"{TierHolding.objects.count():,} levels of {members:,} members"
        days = iter(range(1, 100))

        def day() -> float:
            number = next(days)
            _live_a_day(first_id, members, number)
            return _run(members, days=number)

        return in_pairs(_sum_up(members), day, min(size.pairs, 3), "members/s"), first


def _first_day(members: int) -> Callable[[], float]:
    def place() -> float:
        programme = Programme.objects.get()
        save_scheme(programme_id=programme.pk, rules={"grace_days": 0}, tiers=TIERS)
        switch_on_levels(programme_id=programme.pk)
        return _run(members, days=0)

    return place


def _run(members: int, *, days: int) -> float:
    at = now() + timedelta(days=days)
    before = TierHolding.objects.count()
    rate = rate_of(members, lambda: run_job(name="requalify_tiers", at=at))
    if TierHolding.objects.count() == before:
        raise NotMeasured("the job changed no level")
    if run_job(name="requalify_tiers", at=at).done:
        raise NotMeasured("the job found something to do twice")
    return rate


def _sum_up(members: int) -> Callable[[], float]:
    def sum_up() -> float:
        since = now() - timedelta(days=365)
        return rate_of(members, lambda: _execute(references.LEVELS, [since]))

    return sum_up


def _execute(statement: str, values: list) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        cursor.fetchall()


def _live_a_day(first_id: int, members: int, number: int) -> None:
    """Let one member in a hundred order a lot, and one be tested today, others on each day."""
    day = f"now() + interval '{number} days'"
    with connection.cursor() as cursor:
        cursor.execute(_orders(first_id, members, f"n %% (100 / {RISING}) = {number}", day, "150000"), [])
        cursor.execute(
            f"UPDATE encore_loyalty_tierholding SET tests_on = ({day})::date - 1"
            f" WHERE ends_at IS NULL AND member_id %% (100 / {TESTED}) = {number}",
            [],
        )


def _fill(members: int) -> int:
    """Add members who have settled their orders over two years; give the id before the first of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT MAX(id) FROM encore_loyalty_member")
        (first_id,) = cursor.fetchone()
        series = f"generate_series({first_id + 1}, {first_id + members}) AS series(n)"
        for statement in (
            (
                "INSERT INTO encore_commerce_customer"
                " (id, name, language, place, country, attributes, tags, created_at)"
                f" SELECT n, '', '', '', '', '{{}}', '[]', '{LIVE_FROM}' FROM {series}"
            ),
            (
                "INSERT INTO encore_loyalty_member"
                " (id, programme_id, customer_id, number, state, joined_at, joined_by_request)"
                f" SELECT n, 1, n, 'T' || n, 'active', '{LIVE_FROM}', true FROM {series}"
            ),
            f"INSERT INTO encore_loyalty_pointsaccount (member_id) SELECT n FROM {series}",
        ):
            cursor.execute(statement)
        for order in range(ORDERS_EACH):
            placed = f"now() - ((n * 37 + {order} * 211) %% 700) * interval '1 day'"
            cursor.execute(_orders(first_id, members, "true", placed, "500 + (n * 7919) %% 40000"), [])
    settle_statistics()
    return int(first_id)


def _orders(first_id: int, members: int, chosen: str, placed_at: str, sold: str) -> str:
    """Store an order with one line and its award for each of these members."""
    return f"""
WITH purchase AS (
    INSERT INTO encore_commerce_purchase (channel_id, reference, customer_id, currency, placed_at, status,
        as_of, fingerprint, revision, refunded_minor, codes, changed_at, first_synced_at)
    SELECT 1, 'T' || nextval('bench_key'), n, 'EUR', {placed_at}, 'placed', 1, 'f', 1, 0, '[]', now(), now()
    FROM generate_series({first_id + 1}, {first_id + members}) AS series(n) WHERE {chosen}
    RETURNING id, customer_id AS n
), line AS (
    INSERT INTO encore_commerce_purchaseline (purchase_id, key, sku, name, brand, category_path, quantity,
        sold_minor, tax_minor, discount_minor, returned_quantity, is_goods)
    SELECT id, '1', 'S', 'A mug', '', '', 1, {sold}, 0, 0, 0, true FROM purchase
)
INSERT INTO encore_loyalty_award (programme_id, purchase_id, member_id, facts, lines, earned_points,
    standing_points, applied_revision, posts, waits_for, reason)
SELECT 1, id, n, '{references.FACTS}', '{references.LINES}', 34, 34, 1, 1, '[]', '' FROM purchase"""
