"""The shop that is measured: a programme, its members, and purchases that wait for their points."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection

from backstage.clock import now
from commerce.operations.channels import open_channel
from loyalty.operations.awards import settle_awards
from loyalty.operations.programme import create_programme

LIVE_FROM = datetime(2015, 1, 1, tzinfo=UTC)
POINTS = 34  # of each purchase: two lines of 1.70, 10 points for each 1.00
LOTS_PER_MEMBER = 7
SETTLED = 4_000


@dataclass(frozen=True)
class Shop:
    """What there is. Ids run from 1; member n is customer n; purchases above `purchases` are settled."""

    members: int
    purchases: int


def open_shop(purchases: int) -> Shop:
    """Fill an empty database with purchases that have not been settled yet."""
    channel = open_channel(key="web", name="Web", time_zone="UTC", currency="EUR", as_of_kind="sequence")
    programme = create_programme(
        key="club",
        name="Club",
        currency="EUR",
        time_zone="UTC",
        live_from=LIVE_FROM,
        settings={"worth_points": 100, "worth_minor": 100},
        rule={"points": 10, "per_minor": 100},
        terms={"window_days": 14},
    )
    shop = Shop(max(1, purchases // LOTS_PER_MEMBER), purchases)
    with connection.cursor() as cursor:
        for statement in _statements(Shop(shop.members, purchases + SETTLED), channel.id, programme.id):
            cursor.execute(statement)
        if connection.vendor == "postgresql":
            cursor.execute("CREATE SEQUENCE bench_purchase; CREATE SEQUENCE bench_key")
    # A shop that has run a while: plans that were made over empty tables are nobody's daily life.
    for start in range(purchases, purchases + SETTLED, 500):
        settle_awards(purchase_ids=range(start + 1, start + 501))
    settle_statistics()
    return shop


def settle_statistics() -> None:
    """Let the database know its tables, and do now what it would otherwise do in the middle of a window."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _statements(shop: Shop, channel_id: int, programme_id: int) -> list[str]:
    placed_at = _moment(now() - timedelta(hours=1))
    joined_at = _moment(LIVE_FROM)
    return [
        (
            "INSERT INTO encore_commerce_customer"
            " (name, language, place, country, attributes, tags, created_at)"
            f" SELECT '', '', '', '', '{{}}', '[]', {joined_at} FROM {_series(shop.members)}"
        ),
        (
            "INSERT INTO encore_loyalty_member"
            " (programme_id, customer_id, number, state, joined_at, joined_by_request)"
            f" SELECT {programme_id}, n, 'M' || n, 'active', {joined_at}, {_true()}"
            f" FROM {_series(shop.members)}"
        ),
        f"INSERT INTO encore_loyalty_pointsaccount (member_id) SELECT n FROM {_series(shop.members)}",
        (
            "INSERT INTO encore_commerce_purchase (channel_id, reference, customer_id, currency, placed_at,"
            " status, as_of, fingerprint, revision, refunded_minor, codes, changed_at, first_synced_at)"
            f" SELECT {channel_id}, 'P' || n, 1 + (n - 1) % {shop.members}, 'EUR', {placed_at}, 'placed', 1,"
            f" 'f' || n, 1, 0, '[]', {placed_at}, {placed_at} FROM {_series(shop.purchases)}"
        ),
        *(
            "INSERT INTO encore_commerce_purchaseline (purchase_id, key, sku, name, brand, category_path,"
            " quantity, sold_minor, tax_minor, discount_minor, returned_quantity, is_goods)"
            f" SELECT n, '{key}', 'S' || n % 1000, 'A mug', 'Mugs & Co', 'kitchen/mugs', 1, 170, 0, 0, 0,"
            f" {_true()} FROM {_series(shop.purchases)}"
            for key in ("1", "2")
        ),
    ]


def _series(count: int) -> str:
    if connection.vendor == "postgresql":
        return f"generate_series(1, {count}) AS series(n)"
    return (
        "(WITH RECURSIVE series(n) AS"
        f" (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {count}) SELECT n FROM series)"
    )


def _moment(at: datetime) -> str:
    return f"'{connection.ops.adapt_datetimefield_value(at)}'" + (
        "::timestamptz" if connection.vendor == "postgresql" else ""
    )


def _true() -> str:
    return "true" if connection.vendor == "postgresql" else "1"
