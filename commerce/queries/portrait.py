"""A portrait of the best customers beside all who bought: one statement, whatever the number of customers.

The ranking stands at its head, and whatever is counted is joined to it, because the ranking is what costs:
facts of whoever was merged count for the survivor, and who brought no revenue is on neither side.
"""

from collections import defaultdict
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
_SIDE: Final = "side"
GOODS: Final = (Trait.CATEGORY, Trait.BRAND, Trait.PRODUCT)
PEOPLE: Final = (Trait.PLACE, Trait.AGE)
IN_ORDER: Final = (Trait.WEEKDAY, Trait.AGE)
_GOODS_COLUMNS: Final = (
    (Trait.CATEGORY, "category_path", "category_path"),
    (Trait.BRAND, "brand", "brand"),
    (Trait.PRODUCT, "sku", "label"),
)


def get_portrait(*, currency: str, period: Period, percent: int, zone: ZoneInfo, at: datetime) -> Portrait:
    """Give the portrait of the best so many per cent by revenue in a period.

    Goods are shares of the people who bought and kept them; channels and days of the week shares of orders;
    places and ages shares of the people of whom they are known. Queries: 1.
    """
    asked = _Asked(currency, period, Moment(at, zone), is_best=_IS_BEST.format(percent * 100))
    rows: dict[str, list[Any]] = defaultdict(list)
    for trait, *cells in asked.fetch():
        rows[trait].append(cells)
    best, everybody = _sides(rows[_SIDE])
    shares: dict[Trait, Sequence[Share]] = {}
    if best.customers >= FEWEST:
        shares = {trait: _share_out(trait, rows[trait.value], best, everybody) for trait in Trait}
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


# -- what the rows say ---------------------------------------------------------------------------------------


def _sides(rows: Sequence[Any]) -> tuple[Side, Side]:
    """Read both sides: the best, and all, who are the best and the rest."""
    by_side = {name: Side(*(int(cell or 0) for cell in cells)) for name, *cells in rows}
    nobody = Side(0, 0, 0, 0, 0)
    best, rest = by_side.get("best", nobody), by_side.get("rest", nobody)
    return best, Side(
        *(of_best + of_rest for of_best, of_rest in zip(_cells(best), _cells(rest), strict=True))
    )


def _cells(side: Side) -> tuple[int, ...]:
    return (side.customers, side.orders, side.revenue_minor, side.gaps, side.gap_days)


def _share_out(trait: Trait, rows: Sequence[Any], best: Side, everybody: Side) -> Sequence[Share]:
    counts = [Counted(name, int(of_best or 0), int(of_all or 0)) for name, of_best, of_all, *_zeros in rows]
    if trait in PEOPLE and sum(count.best for count in counts) < FEWEST:
        return ()
    if trait in IN_ORDER:
        return share_out(sorted(counts, key=lambda count: int(count.name)), in_order=True)
    if trait in GOODS:
        return share_out(counts, best=best.customers, everybody=everybody.customers, most=TOP)
    return share_out(counts, most=TOP)


# -- the statement -------------------------------------------------------------------------------------------


class _Asked:
    """One question: the tables of its statement, and what it takes from them."""

    def __init__(self, currency: str, period: Period, moment: Moment, *, is_best: str) -> None:
        self.currency, self.period, self.moment, self.is_best = currency, period, moment, is_best
        self.connection: BaseDatabaseWrapper = connections[router.db_for_read(Customer)]

    def fetch(self) -> list[Any]:
        """Give rows of a trait, a name, and five numbers, of which shares use the first two."""
        tables = [
            compile_measure(self._ranking(), name="ranking", connection=self.connection),
            compile_measure(self._visits(), name="visits", connection=self.connection),
            self._facts("goods", self._goods(), "category_path, brand, sku, label"),
            self._facts("habits", self._habits(), "channel_name, weekday, orders"),
            self._facts("people", self._people(), "town, band, 1 AS one"),
        ]
        selects = [
            self._of_sides(),
            *(self._of_goods(trait, key, label) for trait, key, label in _GOODS_COLUMNS),
            _of_sums(Trait.CHANNEL, "habits", "channel_name", "orders"),
            _of_sums(Trait.WEEKDAY, "habits", "weekday", "orders"),
            _of_sums(Trait.PLACE, "people", "town", "one", "town <> ''"),
            _of_sums(Trait.AGE, "people", "band", "one", "band IS NOT NULL"),
        ]
        head = glue(",\n", [Sql(f"WITH RECURSIVE {FAMILY}"), *tables])
        with self.connection.cursor() as cursor:
            cursor.execute("\n".join([head.text, "\nUNION ALL\n".join(selects)]), head.params)
            return cursor.fetchall()

    def _ranking(self) -> Measure:
        return Measure(
            rows=money_rows(self.period, self.moment, currency=self.currency),
            totals={"spent": "SUM(fact.minor)"},
            only_where="total.spent > 0",
            ranks={"ahead": "(RANK() OVER (ORDER BY total.spent DESC) - 1) * 10000 / COUNT(*) OVER ()"},
        )

    def _visits(self) -> Measure:
        rows = self._purchases().values("customer_id")
        return Measure(
            rows=rows.annotate(orders=Count("pk"), first_at=Min("placed_at"), last_at=Max("placed_at")),
            totals={
                "orders": "SUM(fact.orders)",
                "first_at": "MIN(fact.first_at)",
                "last_at": "MAX(fact.last_at)",
            },
        )

    def _purchases(self) -> QuerySet[Purchase, Purchase]:
        return Purchase.objects.filter(purchases_within(self.period, self.moment, currency=self.currency))

    def _goods(self) -> QuerySet[Any, Any]:
        within = purchases_within(self.period, self.moment, via="purchase__", currency=self.currency)
        kept = PurchaseLine.objects.filter(within, is_goods=True, quantity__gt=F("returned_quantity"))
        return kept.values("category_path", "brand", "sku", customer_id=BUYER).annotate(label=Max("name"))

    def _habits(self) -> QuerySet[Any, Any]:
        weekday = ExtractIsoWeekDay("placed_at", tzinfo=self.moment.zone)
        rows = self._purchases().values("customer_id", channel_name=F("channel__name"), weekday=weekday)
        return rows.annotate(orders=Count("pk"))

    def _people(self) -> QuerySet[Any, Any]:
        today = self.moment.today
        bands = [
            When(
                birth_date__gt=go_back(today, count=until * 12, unit="months"),
                birth_date__lte=today,
                then=Value(since),
            )
            for since, until in zip(AGE_BANDS, (*AGE_BANDS[1:], 150), strict=True)
        ]
        band = Case(*bands, default=None, output_field=IntegerField())
        return Customer.objects.values(customer_id=F("pk"), town=F("place"), band=band)

    def _facts(self, name: str, rows: QuerySet[Any, Any], columns: str) -> Sql:
        """Give rows with the survivor that they count for, and whether that is one of the best."""
        facts = compile_rows(rows, connection=self.connection)
        who = "COALESCE(family.root_id, fact.customer_id)"
        return Sql(
            f"{name} AS (SELECT {who} AS who, {self.is_best} AS is_best, {columns}"
            f" FROM ({facts.text}) AS fact"
            f" LEFT JOIN {SURVIVORS} AS family ON family.id = fact.customer_id"
            f" JOIN ranking ON ranking.customer_id = {who})",
            facts.params,
        )

    def _of_sides(self) -> str:
        return (
            f"SELECT '{_SIDE}' AS trait, CASE WHEN {self.is_best} THEN 'best' ELSE 'rest' END AS name,"
            " COUNT(*) AS n1, SUM(orders) AS n2, SUM(spent) AS n3, SUM(orders - 1) AS n4,"
            f" SUM({self._days()}) AS n5"
            " FROM ranking JOIN visits ON visits.customer_id = ranking.customer_id GROUP BY 2"
        )

    def _of_goods(self, trait: Trait, key: str, label: str) -> str:
        """Count the people of each category, brand or article, and keep the most common among the best.

        Grouped twice, where `COUNT(DISTINCT)` would sort all lines once for each side of each trait.
        """
        best = "SUM(CASE WHEN is_best THEN 1 ELSE 0 END)"
        once = (
            f"SELECT who, is_best, {key}, MAX({label}) AS label_of FROM goods WHERE {key} <> ''"
            f" GROUP BY who, is_best, {key}"
        )
        return (
            f"SELECT '{trait.value}', label, best, everybody, 0, 0, 0 FROM ("
            f"SELECT MAX(label_of) AS label, {best} AS best, COUNT(*) AS everybody,"
            f" ROW_NUMBER() OVER (ORDER BY {best} DESC, {key}) AS place"
            f" FROM ({once}) AS once GROUP BY {key}) AS {trait.value} WHERE place <= {TOP}"
        )

    def _days(self) -> str:
        if self.connection.vendor == "sqlite":
            return "julianday(visits.last_at) - julianday(visits.first_at)"
        return f"EXTRACT(EPOCH FROM visits.last_at - visits.first_at) / {_SECONDS_A_DAY}"


def _of_sums(trait: Trait, table: str, column: str, number: str, where: str = "") -> str:
    return (
        f"SELECT '{trait.value}', CAST({column} AS TEXT), SUM(CASE WHEN is_best THEN {number} ELSE 0 END),"
        f" SUM({number}), 0, 0, 0 FROM {table}{f' WHERE {where}' if where else ''} GROUP BY {column}"
    )
