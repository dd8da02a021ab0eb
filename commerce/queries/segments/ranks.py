"""Conditions that compare a customer with all others: the top n % by revenue, and classes of five.

Equal customers are treated equally. Whoever spent as much as the last of the top is in it too, so that it may
hold a few more than n %; and a fifth may be larger than another. `NTILE`, which cuts exact fifths, would put
one of two equal customers into the better class, another one each time.
"""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.policies.segments import Moment
from commerce.policies.segments import parameters as ask
from commerce.policies.segments.words import say_list, say_money, say_number, say_period
from commerce.queries.segments.facts import money_rows, order_rows
from commerce.queries.segments.purchases import PERIOD
from commerce.registry import Bound, Found, Measure, SegmentCondition

Values = Mapping[str, Any]

# Whole numbers, whose division rounds down on both databases: rank 1 of n is class 5, rank n is class 1.
FIFTH: Final = "5 - (RANK() OVER (ORDER BY total.{} DESC) - 1) * 5 / COUNT(*) OVER ()"
CLASS_NAMES: Final = ("recency", "frequency", "money")


def say_top_revenue(values: Values) -> str:
    return _("is among the top %(percent)s %% by revenue in %(currency)s %(period)s") % {
        "percent": say_number(values["percent"]),
        "currency": values["currency"],
        "period": say_period(values["period"]),
    }


def measure_top_revenue(values: Values, moment: Moment) -> Measure:
    """Rank whoever brought any revenue in the period; the rest would only make n % of them more.

    The top is as many as n % of them, rounded up, and whoever equals its last.
    """
    return Measure(
        rows=money_rows(values["period"], moment, currency=values["currency"]),
        totals={"spent": "SUM(fact.minor)"},
        only_where="total.spent > 0",
        ranks={
            "place": "RANK() OVER (ORDER BY total.spent DESC)",
            "ranked": "COUNT(*) OVER ()",
            # How many of ten thousand are ahead, rounded down: below n % exactly when the unrounded share is.
            "ahead": "(RANK() OVER (ORDER BY total.spent DESC) - 1) * 10000 / COUNT(*) OVER ()",
        },
        bounds=[Bound(column="ahead", operator="<", value=int(values["percent"] * 100))],
    )


def tell_top_revenue(values: Values, found: Found, moment: Moment) -> str:
    if found.columns["place"] is None:
        return _("brought no revenue in %(currency)s %(period)s") % {
            "currency": values["currency"],
            "period": say_period(values["period"]),
        }
    ranked = found.columns["ranked"]
    return _("spent %(spent)s %(period)s: place %(place)s of %(ranked)s, %(top)s or better needed") % {
        "spent": say_money(found.columns["spent"], values["currency"]),
        "period": say_period(values["period"]),
        "place": say_number(found.columns["place"]),
        "ranked": say_number(ranked),
        "top": say_number(-(-ranked * int(values["percent"] * 100) // 10000)),
    }


TOP_REVENUE = SegmentCondition(
    key="top_revenue",
    label=gettext_lazy("top customers by revenue"),
    parameters=[
        ask.percent("percent", gettext_lazy("percent")),
        ask.currency("currency", gettext_lazy("currency")),
        PERIOD,
    ],
    say=say_top_revenue,
    measure=measure_top_revenue,
    tell=tell_top_revenue,
)


def say_classes(values: Values) -> str:
    parts = {
        "recency": _("how recently: class %(classes)s of 5"),
        "frequency": _("how often: class %(classes)s of 5"),
        "money": _("how much: class %(classes)s of 5"),
    }
    asked = [parts[name] % {"classes": say_list(values[name])} for name in CLASS_NAMES if values[name]]
    return _("ordered %(period)s in %(currency)s – %(classes)s") % {
        "period": say_period(values["period"]),
        "currency": values["currency"],
        "classes": "; ".join(asked),
    }


def measure_classes(values: Values, moment: Moment) -> Measure:
    """Put whoever ordered in the period into fifths by last purchase, number of purchases and money kept."""
    return Measure(
        rows=order_rows(values["period"], moment, currency=values["currency"]),
        totals={
            "last_at": "MAX(fact.last_at)",
            "orders": "SUM(fact.orders)",
            "spent": "SUM(fact.minor)",
        },
        times=frozenset({"last_at"}),
        ranks={
            "recency": FIFTH.format("last_at"),
            "frequency": FIFTH.format("orders"),
            "money": FIFTH.format("spent"),
        },
        bounds=[
            Bound(column=name, operator="in", value=values[name]) for name in CLASS_NAMES if values[name]
        ],
    )


def tell_classes(values: Values, found: Found, moment: Moment) -> str:
    if found.columns["orders"] is None:
        return _("ordered nothing in %(currency)s %(period)s") % {
            "currency": values["currency"],
            "period": say_period(values["period"]),
        }
    return _(
        "%(period)s: how recently class %(recency)s, how often class %(frequency)s, how much class %(money)s"
    ) % {
        **{name: found.columns[name] for name in CLASS_NAMES},
        "period": say_period(values["period"]),
    }


CLASSES = SegmentCondition(
    key="recency_frequency_money",
    label=gettext_lazy("recency, frequency and money"),
    parameters=[
        ask.currency("currency", gettext_lazy("currency")),
        ask.classes("recency", gettext_lazy("how recently: 5 is the latest fifth")),
        ask.classes("frequency", gettext_lazy("how often: 5 is the most frequent fifth")),
        ask.classes("money", gettext_lazy("how much: 5 is the fifth that spent most")),
        PERIOD,
    ],
    at_least_one_of=CLASS_NAMES,
    say=say_classes,
    measure=measure_classes,
    tell=tell_classes,
)
