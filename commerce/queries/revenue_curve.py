"""What the best customers bring: the curve of the revenue, in one statement over all customers."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from django.db import connections, router

from commerce.models import Customer
from commerce.policies.revenue_curve import CurvePoint, RevenueCurve
from commerce.policies.segments import Moment, Period
from commerce.queries.segments.compiler import FAMILY, Sql, compile_measure
from commerce.queries.segments.facts import money_rows
from commerce.registry import Measure

# Place p of n is among the first so many per cent: the same cut as the condition `top_revenue` makes.
_PERCENT: Final = "(place - 1) * 100 / ranked + 1"


def get_revenue_curve(*, currency: str, period: Period, zone: ZoneInfo, at: datetime) -> RevenueCurve:
    """Give what the best customers brought in a period: money kept, by survivors of merges.

    Only who brought any revenue is on the curve. Equals have places of their own here, by age of the record.
    Queries: 1.
    """
    connection = connections[router.db_for_read(Customer)]
    order = "ORDER BY total.spent DESC, total.customer_id"
    measure = Measure(
        rows=money_rows(period, Moment(at, zone), currency=currency),
        totals={"spent": "SUM(fact.minor)"},
        only_where="total.spent > 0",
        ranks={
            "place": f"ROW_NUMBER() OVER ({order})",
            "ranked": "COUNT(*) OVER ()",
            "reached": f"SUM(total.spent) OVER ({order} ROWS UNBOUNDED PRECEDING)",
        },
    )
    ranking = compile_measure(measure, name="ranking", connection=connection)
    statement = (
        f"WITH RECURSIVE {FAMILY},\n{ranking.text}\n"
        f"SELECT {_PERCENT}, MAX(place), MAX(reached), MIN(spent) FROM ranking GROUP BY 1 ORDER BY 1"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, ranking.params)
        points = [CurvePoint(*map(int, row)) for row in cursor.fetchall()]
    last = points[-1] if points else CurvePoint(0, 0, 0, 0)
    return RevenueCurve(currency, last.customers, last.revenue_minor, points)


def select_revenue(*, currency: str, period: Period, zone: ZoneInfo, at: datetime) -> Sql:
    """Return the statement that selects `customer_id` and `spent` of every survivor who bought in a period.

    For a larger statement to read from. Units: minor units of `currency`.
    """
    connection = connections[router.db_for_read(Customer)]
    measure = Measure(
        rows=money_rows(period, Moment(at, zone), currency=currency), totals={"spent": "SUM(fact.minor)"}
    )
    money = compile_measure(measure, name="money", connection=connection)
    return Sql(
        f"WITH RECURSIVE {FAMILY},\n{money.text}\nSELECT customer_id, spent FROM money", tuple(money.params)
    )
