"""Conditions on a customer's purchases as wholes: money, number, the last one, the channel."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from commerce.policies.segments import Moment, Period
from commerce.policies.segments import parameters as ask
from commerce.policies.segments.moments import go_back
from commerce.policies.segments.words import (
    pick,
    say_day,
    say_list,
    say_money,
    say_needed,
    say_number,
    say_period,
)
from commerce.queries.segments.facts import money_rows, purchase_rows
from commerce.registry import Bound, Found, Measure, SegmentCondition

Values = Mapping[str, Any]
PERIOD = ask.period("period", gettext_lazy("when"))
TIMES = ask.whole_number("times", gettext_lazy("in how many orders at least"), least=1)


def bounds_between(column: str, values: Values, *, missing: int | None) -> list[Bound]:
    """Return the tests that `at_least` and `at_most` ask for, as far as they are given."""
    bounds = []
    if values["at_least"] is not None:
        bounds.append(Bound(column=column, operator=">=", value=values["at_least"], missing=missing))
    if values["at_most"] is not None:
        bounds.append(Bound(column=column, operator="<=", value=values["at_most"], missing=missing))
    return bounds


def say_spend(values: Values) -> str:
    sentence = pick(
        values,
        least=_("spent at least %(least)s %(period)s"),
        most=_("spent at most %(most)s %(period)s"),
        both=_("spent %(least)s to %(most)s %(period)s"),
    )
    return sentence % {
        "least": say_money(values["at_least"] or 0, values["currency"]),
        "most": say_money(values["at_most"] or 0, values["currency"]),
        "period": say_period(values["period"]),
    }


def measure_spend(values: Values, moment: Moment) -> Measure:
    return Measure(
        rows=money_rows(values["period"], moment, currency=values["currency"]),
        totals={"spent": "SUM(fact.minor)"},
        bounds=bounds_between("spent", values, missing=0),
    )


def tell_spend(values: Values, found: Found, moment: Moment) -> str:
    def say(minor: int) -> str:
        return say_money(minor, values["currency"])

    return _("spent %(spent)s %(period)s, %(needed)s") % {
        "spent": say(found.columns["spent"] or 0),
        "period": say_period(values["period"]),
        "needed": say_needed(least=values["at_least"], most=values["at_most"], say=say),
    }


SPEND = SegmentCondition(
    key="spend",
    label=gettext_lazy("money spent"),
    parameters=[
        ask.currency("currency", gettext_lazy("currency")),
        ask.money("at_least", gettext_lazy("at least")),
        ask.money("at_most", gettext_lazy("at most")),
        PERIOD,
    ],
    say=say_spend,
    measure=measure_spend,
    tell=tell_spend,
    at_least_one_of=["at_least", "at_most"],
    ranges=[("at_least", "at_most")],
)


def say_orders(values: Values) -> str:
    sentence = pick(
        values,
        least=ngettext(
            "ordered at least %(least)s time %(period)s",
            "ordered at least %(least)s times %(period)s",
            values["at_least"] or 0,
        ),
        most=ngettext(
            "ordered at most %(most)s time %(period)s",
            "ordered at most %(most)s times %(period)s",
            values["at_most"] or 0,
        ),
        both=_("ordered %(least)s to %(most)s times %(period)s"),
    )
    return sentence % {
        "least": say_number(values["at_least"] or 0),
        "most": say_number(values["at_most"] or 0),
        "period": say_period(values["period"]),
    }


def measure_orders(values: Values, moment: Moment) -> Measure:
    return Measure(
        rows=purchase_rows(values["period"], moment),
        totals={"orders": "SUM(fact.orders)"},
        bounds=bounds_between("orders", values, missing=0),
    )


def say_times(count: int) -> str:
    """Return how often something was ordered, as a part of a sentence."""
    if count == 1:
        return _("once")
    return ngettext("%(count)s time", "%(count)s times", count) % {"count": say_number(count)}


def tell_orders(values: Values, found: Found, moment: Moment) -> str:
    return _("ordered %(times)s %(period)s, %(needed)s") % {
        "times": say_times(found.columns["orders"] or 0),
        "period": say_period(values["period"]),
        "needed": say_needed(least=values["at_least"], most=values["at_most"]),
    }


ORDERS = SegmentCondition(
    key="orders",
    label=gettext_lazy("number of orders"),
    parameters=[
        ask.whole_number("at_least", gettext_lazy("at least")),
        ask.whole_number("at_most", gettext_lazy("at most")),
        PERIOD,
    ],
    say=say_orders,
    measure=measure_orders,
    tell=tell_orders,
    at_least_one_of=["at_least", "at_most"],
    ranges=[("at_least", "at_most")],
)


def say_last_purchase(values: Values) -> str:
    if values["days_at_most"] is not None:
        count = values["days_at_most"]
        return ngettext(
            "last ordered %(count)s day ago or later", "last ordered %(count)s days ago or later", count
        ) % {"count": say_number(count)}
    if values["days_at_least"] is not None:
        count = values["days_at_least"]
        return ngettext(
            "last ordered %(count)s day ago or earlier", "last ordered %(count)s days ago or earlier", count
        ) % {"count": say_number(count)}
    if values["on_or_after"] is not None:
        return _("last ordered on %(day)s or later") % {"day": say_day(values["on_or_after"])}
    return _("last ordered before %(day)s") % {"day": say_day(values["before"])}


def measure_last_purchase(values: Values, moment: Moment) -> Measure:
    return Measure(
        rows=purchase_rows(Period(), moment),
        totals={"last_at": "MAX(fact.last_at)"},
        times=frozenset({"last_at"}),
        bounds=[bound_last(values, moment)],
    )


def bound_last(values: Values, moment: Moment) -> Bound:
    """Return the test of the last purchase, by whole days of the shop."""
    operator: Any = ">="
    if values["days_at_most"] is not None:
        day = go_back(moment.today, count=values["days_at_most"], unit="days")
    elif values["on_or_after"] is not None:
        day = values["on_or_after"]
    elif values["days_at_least"] is not None:
        operator = "<"
        day = go_back(moment.today, count=values["days_at_least"], unit="days") + timedelta(days=1)
    else:
        operator, day = "<", values["before"]
    return Bound(column="last_at", operator=operator, value=moment.midnight(day))


def tell_last_purchase(values: Values, found: Found, moment: Moment) -> str:
    last_at = found.columns["last_at"]
    if last_at is None:
        return _("has never ordered")
    day = moment.day_of(last_at)
    count = (moment.today - day).days
    return ngettext(
        "last ordered on %(day)s, %(count)s day ago", "last ordered on %(day)s, %(count)s days ago", count
    ) % {"day": say_day(day), "count": say_number(count)}


LAST_PURCHASE = SegmentCondition(
    key="last_purchase",
    label=gettext_lazy("last order"),
    parameters=[
        ask.whole_number("days_at_most", gettext_lazy("at most this many days ago"), most=ask.MOST_DAYS),
        ask.whole_number("days_at_least", gettext_lazy("at least this many days ago"), most=ask.MOST_DAYS),
        ask.day("on_or_after", gettext_lazy("on this day or later")),
        ask.day("before", gettext_lazy("before this day")),
    ],
    say=say_last_purchase,
    measure=measure_last_purchase,
    tell=tell_last_purchase,
    exactly_one_of=["days_at_most", "days_at_least", "on_or_after", "before"],
)


def say_channel(values: Values) -> str:
    return _("ordered in channel %(channels)s %(period)s, at least %(times)s") % {
        "channels": say_list(values["any_of"]),
        "period": say_period(values["period"]),
        "times": say_times(values["times"] or 1),
    }


def measure_channel(values: Values, moment: Moment) -> Measure:
    return Measure(
        rows=purchase_rows(values["period"], moment, channel__key__in=values["any_of"]),
        totals={"times": "SUM(fact.orders)"},
        bounds=[Bound(column="times", operator=">=", value=values["times"] or 1)],
    )


def tell_channel(values: Values, found: Found, moment: Moment) -> str:
    return _("ordered %(times)s in channel %(channels)s %(period)s, %(needed)s") % {
        "channels": say_list(values["any_of"]),
        "times": say_times(found.columns["times"] or 0),
        "period": say_period(values["period"]),
        "needed": say_needed(least=values["times"] or 1, most=None),
    }


CHANNEL = SegmentCondition(
    key="channel",
    label=gettext_lazy("channel"),
    parameters=[
        ask.texts("any_of", gettext_lazy("one of these channels"), longest=50),
        TIMES,
        PERIOD,
    ],
    say=say_channel,
    measure=measure_channel,
    tell=tell_channel,
)
