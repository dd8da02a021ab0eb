"""A portrait of the best customers beside all who bought: four statements, whatever the number of customers.

Each statement begins with the ranking, and joins what it counts to it: facts of whoever was merged count for
the survivor, and who brought no revenue is on neither side.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, Count, F, IntegerField, Max, Min, QuerySet, Value, When
from django.db.models.functions import ExtractIsoWeekDay

from commerce.models import Customer, Purchase, PurchaseLine
from commerce.policies.portrait import (
    AGE_BANDS,
    FEWEST,
    Portrait,
    Share,
    Side,
    Trait,
    share_out,
)
from commerce.policies.portrait import Count as Counted
from commerce.policies.segments import Moment, Period
from commerce.policies.segments.moments import go_back
from commerce.queries.segments.compiler import FAMILY, SURVIVORS, Sql, compile_measure, compile_rows, glue
from commerce.queries.segments.facts import BUYER, money_rows, purchases_within
from commerce.registry import Measure

TOP: Final = 3
# The same cut as the condition `top_revenue` makes: the first of equals decides for all of them.
_IS_BEST: Final = "(ranking.ahead < {})"
_SECONDS_A_DAY: Final = 86_400
GOODS: Final = (Trait.CATEGORY, Trait.BRAND, Trait.PRODUCT)


def get_portrait(*, currency: str, period: Period, percent: int, zone: ZoneInfo, at: datetime) -> Portrait:
    """Give the portrait of the best so many per cent by revenue in a period.

    Goods are shares of the people who bought and kept them; channels and days of the week shares of orders;
    places and ages shares of the people of whom they are known. Queries: 4.
    """
    asked = _Asked(currency, period, percent, Moment(at, zone))
    best, everybody = asked.sides()
    shares: dict[Trait, Sequence[Share]] = {}
    if best.customers >= FEWEST:
        shares = asked.goods(best, everybody) | asked.habits() | asked.people()
    days = (period.ends_at(asked.moment) - (period.starts_at(asked.moment) or at)).days
    return Portrait(
        currency=currency,
        percent=percent,
        days=days,
        best=best,
        everybody=everybody,
        shares={trait: shares[trait] for trait in Trait if shares.get(trait)},
        untold=[trait for trait in Trait if not shares.get(trait)],
    )


class _Asked:
    """One question, and the beginning that its statements share."""

    def __init__(self, currency: str, period: Period, percent: int, moment: Moment) -> None:
        self.currency, self.period, self.moment = currency, period, moment
        self.connection: BaseDatabaseWrapper = connections[router.db_for_read(Customer)]
        self.is_best = _IS_BEST.format(percent * 100)
        measure = Measure(
            rows=money_rows(period, moment, currency=currency),
            totals={"spent": "SUM(fact.minor)"},
            only_where="total.spent > 0",
            ranks={
                "ahead": "(RANK() OVER (ORDER BY total.spent DESC) - 1) * 10000 / COUNT(*) OVER ()",
            },
        )
        self.head = glue(
            "",
            [
                Sql(f"WITH RECURSIVE {FAMILY},\n"),
                compile_measure(measure, name="ranking", connection=self.connection),
            ],
        )

    def sides(self) -> tuple[Side, Side]:
        """Count customers, orders, revenue, and the days between orders, on both sides. Queries: 1."""
        bought = purchases_within(self.period, self.moment, currency=self.currency)
        rows = Purchase.objects.filter(bought).values("customer_id")
        measure = Measure(
            rows=rows.annotate(orders=Count("pk"), first_at=Min("placed_at"), last_at=Max("placed_at")),
            totals={
                "orders": "SUM(fact.orders)",
                "first_at": "MIN(fact.first_at)",
                "last_at": "MAX(fact.last_at)",
            },
        )
        visits = compile_measure(measure, name="visits", connection=self.connection)
        found = self._fetch(
            Sql(",\n"),
            visits,
            Sql(
                f"SELECT {self.is_best}, COUNT(*), SUM(orders), SUM(spent), SUM(orders - 1),"
                f" SUM({self._days('visits.first_at', 'visits.last_at')})"
                " FROM ranking JOIN visits ON visits.customer_id = ranking.customer_id GROUP BY 1"
            ),
        )
        by_side = {bool(row[0]): Side(*(int(cell or 0) for cell in row[1:])) for row in found}
        nobody = Side(0, 0, 0, 0, 0)
        best, rest = by_side.get(True, nobody), by_side.get(False, nobody)
        both = zip(_cells(best), _cells(rest), strict=True)
        return best, Side(*(of_best + of_rest for of_best, of_rest in both))

    def goods(self, best: Side, everybody: Side) -> dict[Trait, Sequence[Share]]:
        """Share out categories, brands and products by the people who have kept some. Queries: 1."""
        within = purchases_within(self.period, self.moment, via="purchase__", currency=self.currency)
        kept = PurchaseLine.objects.filter(within, is_goods=True, quantity__gt=F("returned_quantity"))
        rows = kept.values("category_path", "brand", "sku", customer_id=BUYER).annotate(label=Max("name"))
        fact = self._facts(rows, "category_path, brand, sku, label")
        parts = [
            self._people_by(trait, key, label)
            for trait, key, label in zip(
                GOODS, ("category_path", "brand", "sku"), ("category_path", "brand", "label"), strict=True
            )
        ]
        found = self._fetch(
            Sql(",\nfacts AS ("),
            fact,
            Sql("\n)"),
            Sql(f"SELECT trait, label, best, everybody FROM ({' UNION ALL '.join(parts)}) AS counted"),
            Sql(f"WHERE place <= {TOP} ORDER BY trait, place"),
        )
        return {
            trait: share_out(
                [Counted(row[1], int(row[2]), int(row[3])) for row in found if row[0] == trait.value],
                best=best.customers,
                everybody=everybody.customers,
                most=TOP,
            )
            for trait in GOODS
        }

    def habits(self) -> dict[Trait, Sequence[Share]]:
        """Share out channels and days of the week by orders. Queries: 1."""
        bought = purchases_within(self.period, self.moment, currency=self.currency)
        rows = Purchase.objects.filter(bought).values(
            "customer_id",
            channel_name=F("channel__name"),
            weekday=ExtractIsoWeekDay("placed_at", tzinfo=self.moment.zone),
        )
        found = self._count(rows.annotate(orders=Count("pk")), "channel_name", "weekday", "orders")
        channels = share_out(_add_up(found, 0), most=TOP)
        return {
            Trait.CHANNEL: channels,
            Trait.WEEKDAY: share_out(_add_up(found, 1), in_order=True),
        }

    def people(self) -> dict[Trait, Sequence[Share]]:
        """Share out places and ages by the people of whom they are known. Queries: 1."""
        today = self.moment.today
        bands = [
            When(
                birth_date__gt=go_back(today, count=until * 12, unit="months"),
                birth_date__lte=today,
                then=Value(since),
            )
            for since, until in zip(AGE_BANDS, (*AGE_BANDS[1:], 150), strict=True)
        ]
        rows = Customer.objects.values(
            customer_id=F("pk"),
            town=F("place"),
            band=Case(*bands, default=None, output_field=IntegerField()),
            people=Value(1),
        )
        found = self._count(rows, "town", "band", "people")
        towns, ages = (
            _add_up([row for row in found if row[place] not in (None, "")], place) for place in (0, 1)
        )
        return {
            Trait.PLACE: share_out(towns, most=TOP) if _is_told(towns) else (),
            Trait.AGE: share_out(ages, in_order=True) if _is_told(ages) else (),
        }

    # -- the parts of a statement ----------------------------------------------------------------------------

    def _facts(self, rows: QuerySet[Any, Any], columns: str) -> Sql:
        """Give rows with the survivor that they count for, and whether that is one of the best."""
        facts = compile_rows(rows, connection=self.connection)
        who = "COALESCE(family.root_id, fact.customer_id)"
        return Sql(
            f"SELECT {who} AS who, {self.is_best} AS is_best, {columns} FROM ({facts.text}) AS fact"
            f" LEFT JOIN {SURVIVORS} AS family ON family.id = fact.customer_id"
            f" JOIN ranking ON ranking.customer_id = {who}",
            facts.params,
        )

    def _people_by(self, trait: Trait, key: str, label: str) -> str:
        best = "COUNT(DISTINCT CASE WHEN is_best THEN who END)"
        return (
            f"SELECT '{trait.value}' AS trait, MAX({label}) AS label, {best} AS best,"
            " COUNT(DISTINCT who) AS everybody,"
            f" ROW_NUMBER() OVER (ORDER BY {best} DESC, {key}) AS place"
            f" FROM facts WHERE {key} <> '' GROUP BY {key}"
        )

    def _count(self, rows: QuerySet[Any, Any], first: str, second: str, number: str) -> list[Any]:
        return self._fetch(
            Sql(",\nfacts AS ("),
            self._facts(rows, f"{first}, {second}, {number}"),
            Sql("\n)"),
            Sql(
                f"SELECT {first}, {second}, SUM(CASE WHEN is_best THEN {number} ELSE 0 END), SUM({number})"
                " FROM facts GROUP BY 1, 2 ORDER BY 1, 2"
            ),
        )

    def _days(self, first_at: str, last_at: str) -> str:
        if self.connection.vendor == "sqlite":
            return f"julianday({last_at}) - julianday({first_at})"
        return f"EXTRACT(EPOCH FROM {last_at} - {first_at}) / {_SECONDS_A_DAY}"

    def _fetch(self, *pieces: Sql) -> list[Any]:
        statement = glue(" ", [self.head, *pieces])
        with self.connection.cursor() as cursor:
            cursor.execute(statement.text, statement.params)
            return cursor.fetchall()


def _cells(side: Side) -> tuple[int, ...]:
    return (side.customers, side.orders, side.revenue_minor, side.gaps, side.gap_days)


def _add_up(rows: Sequence[Any], place: int) -> list[Counted]:
    """Add rows up by one of their two names, in the order of the names."""
    sums: dict[Any, tuple[int, int]] = {}
    for row in rows:
        best, everybody = sums.get(row[place], (0, 0))
        sums[row[place]] = (best + int(row[2]), everybody + int(row[3]))
    return [Counted(str(name), *sums[name]) for name in sorted(sums)]


def _is_told(counts: Sequence[Counted]) -> bool:
    return sum(count.best for count in counts) >= FEWEST
