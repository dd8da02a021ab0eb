"""What a forecast says: sentences and columns for a person, plain values for a program."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any, Final

from loyalty.management.forecast_sources import Basis, Source
from loyalty.management.forecast_words import Purse, of_months, percent, plainly
from loyalty.policies.forecast import (
    Assumptions,
    Comparison,
    Forecast,
    GivingLimit,
    Never,
    OwedMonth,
    Step,
    StepEffect,
    nearest,
)

MONTHS_SHOWN: Final = (1, 3, 6, 9, 12, 18)
DECIMALS: Final = 6
WIDTH: Final = 26
SAYS: Final = {
    Source.GIVEN: "given",
    Source.READ: "read",
    Source.PROGRAMME: "from the programme",
    Source.GUESS: "a guess",
}


def list_lines(basis: Basis, forecast: Forecast, compared: tuple[Comparison, ...]) -> Iterator[str]:
    """Say everything, a line at a time."""
    purse = Purse(basis.assumed.currency, basis.assumed.minor_per_unit)
    yield "What this stands on"
    yield from _say_basis(basis, purse)
    yield ""
    yield "What it costs and what it must bring"
    yield from _say_cost(forecast, purse)
    yield from _say_goals(forecast, purse)
    yield ""
    yield "Points owed"
    yield from _say_owed(forecast, purse)
    if forecast.assumed.step is not None and forecast.step is not None:
        yield ""
        yield from _say_step(forecast, forecast.assumed.step, forecast.step, purse)
    yield ""
    yield from _say_limit(forecast, purse)
    yield ""
    yield "Compare"
    for other in compared:
        cost = f"{purse.roughly(other.monthly_cost_minor)} a month"
        likely = percent(other.likely_rate, least=1, most=2)
        yield _row(f"{plainly(other.points_per_unit)} points", f"{likely} likely, {cost}")


def _row(label: str, text: str, note: str = "") -> str:
    line = f"  {label:<{WIDTH}} {text}"
    return f"{line:<{WIDTH + 18}} {note}".rstrip()


def _say_basis(basis: Basis, purse: Purse) -> Iterator[str]:
    shown = _write_assumptions(basis.assumed, purse)
    guessed = []
    for name, (label, text) in shown.items():
        origin = basis.origins[name]
        said = SAYS[origin.source]
        yield _row(label, text, f"{said}: {origin.note}" if origin.note else said)
        guessed += [label] if origin.source is Source.GUESS else []
    records = basis.records
    if records.repeat_rate is not None:
        twice = percent(records.repeat_rate, least=0, most=0)
        yield _row("Customers who buy twice", twice, f"read: known customers: {records.customers:,}")
    if guessed:
        yield f"  Based on a guess: {', '.join(guessed)}. All that follows is as good as that."


def _write_assumptions(assumed: Assumptions, purse: Purse) -> dict[str, tuple[str, str]]:
    """Return label and figure of each assumption that has an origin."""
    hundred_points = nearest(assumed.point_worth_minor * 100)
    shown = {
        "average_order_minor": ("Average order", purse.exactly(assumed.average_order_minor)),
        "monthly_orders": ("Orders a month", f"{assumed.monthly_orders:,}"),
        "member_rate": ("Orders by members", percent(assumed.member_rate, least=0)),
        "margin_rate": ("Gross margin", percent(assumed.margin_rate, least=0)),
        "points_per_unit": (f"Points for each {purse.units(1)}", plainly(assumed.points_per_unit)),
        "point_worth_minor": ("100 points are worth", purse.exactly(hundred_points)),
        "use_rate": ("Points that get used", percent(assumed.use_rate, least=0)),
        "expiry_months": ("Points end after", of_months(assumed.expiry_months)),
    }
    if assumed.step is not None:
        over = percent(assumed.step.over_already_rate, least=0)
        shown["over_already_rate"] = ("Orders over the step", over)
    if assumed.lifetime_value_minor is not None:
        value = purse.exactly(assumed.lifetime_value_minor)
        shown["lifetime_value_minor"] = ("Lifetime value", value)
    if assumed.acquisition_cost_minor is not None:
        cost = purse.exactly(assumed.acquisition_cost_minor)
        shown["acquisition_cost_minor"] = ("Cost of a new customer", cost)
    return shown


def _say_cost(forecast: Forecast, purse: Purse) -> Iterator[str]:
    assumed = forecast.assumed
    points = nearest(assumed.points_per_unit * 100)
    worth = purse.exactly(nearest(forecast.promised_rate * 100 * assumed.minor_per_unit))
    yield f"  A customer who spends {purse.units(100)} gets {points:,} points, worth {worth}."
    used, members = percent(assumed.use_rate, least=0), percent(assumed.member_rate, least=0)
    yield _row("Discount you promise", percent(forecast.promised_rate))
    yield _row("Discount you likely pay", percent(forecast.likely_rate), f"{used} of points get used")
    yield _row("Over all your sales", percent(forecast.all_sales_rate), f"members are {members}")
    before, after = (
        purse.exactly(nearest(rate * 100 * assumed.minor_per_unit))
        for rate in (forecast.kept_before_rate, forecast.kept_after_rate)
    )
    yield _row(f"You keep of {purse.units(100)} sold", f"{before} → {after}")
    low, high = (
        purse.roughly(forecast.monthly_cost_low_minor),
        purse.roughly(forecast.monthly_cost_high_minor),
    )
    bounds = f"{percent(forecast.low_use_rate, least=0)} to {percent(forecast.high_use_rate, least=0)}"
    cost = f"about {purse.roughly(forecast.monthly_cost_minor)}"
    yield _row("Cost a month", cost, f"{low} to {high} if {bounds} of points get used")
    yield _row("Break-even", _say_break_even(forecast, purse))


def _say_break_even(forecast: Forecast, purse: Purse) -> str:
    lift, average = forecast.break_even_lift, forecast.break_even_average_minor
    if isinstance(lift, Never) or isinstance(average, Never):
        return "never: the discount takes all that the goods leave, however much is sold"
    now = purse.exactly(forecast.assumed.average_order_minor)
    return f"members spend {purse.exactly(average)}, not {now} (+{percent(lift)})"


def _say_goals(forecast: Forecast, purse: Purse) -> Iterator[str]:
    assumed, orders = forecast.assumed, forecast.orders_to_reward
    needed = forecast.needed_member_average_minor
    if isinstance(orders, Never):
        yield _row("First reward", "never: orders bring no points")
    elif orders is not None:
        yield _row("First reward", f"after {orders:,} order{'' if orders == 1 else 's'}", "aim for 1 to 3")
    if needed is None or assumed.target_average_minor is None:
        return
    now, goal = purse.exactly(assumed.average_order_minor), purse.exactly(assumed.target_average_minor)
    if isinstance(needed, Never):
        yield f"  Members alone never lift the average to {goal}: they place no orders."
        return
    members = percent(assumed.member_rate, least=0)
    yield f"  The goal of {goal} covers all orders, and members place {members} of them."
    yield f"  They alone would have to spend {purse.exactly(needed)} to lift the average from {now}."


def _say_owed(forecast: Forecast, purse: Purse) -> Iterator[str]:
    level = forecast.owed_level
    if isinstance(level, Never):
        yield "  Points that never end are all counted as still owed: the most that it can be."
    else:
        rate = percent(forecast.monthly_use_rate)
        end = of_months(forecast.assumed.expiry_months)
        yield f"  Each month {rate} of what is left gets used; the rest ends after {end}."
    for owed in forecast.owed:
        if owed.month in MONTHS_SHOWN:
            yield _row(f"After {of_months(owed.month)}", _say_debt(owed, purse))
    yield _row("Levels off at", "never" if isinstance(level, Never) else _say_debt(level, purse))


def _say_debt(owed: OwedMonth, purse: Purse) -> str:
    promised, likely = purse.roughly(owed.promised_minor), purse.roughly(owed.likely_minor)
    return f"{owed.points:,} points = {promised} promised, {likely} likely"


def _say_step(forecast: Forecast, step: Step, effect: StepEffect, purse: Purse) -> Iterator[str]:
    at = purse.exactly(step.threshold_minor)
    over = percent(step.over_already_rate, least=0)
    yield f"Step bonus: {step.bonus_points:,} points when an order reaches {at}"
    yield (
        f"  {over} of members' orders are there already and get it too: "
        f"{purse.exactly(effect.windfall_minor)} a month."
    )
    gain, paying, rate = purse.exactly(abs(effect.gain_minor)), effect.paying_orders, effect.paying_rate
    verb = "costs" if effect.gain_minor < 0 else "brings"
    each = f"Each order that grows from {purse.exactly(forecast.assumed.average_order_minor)} to {at}"
    yield f"  {each} {verb} {gain} after rewards."
    if isinstance(paying, Never) or isinstance(rate, Never):
        why = "members have not that many orders below" if effect.gain_minor > 0 else "each of them costs"
        yield f"  It never pays: {why}."
    else:
        more = "1 more order a month grows" if paying == 1 else f"{paying:,} more orders a month grow"
        yield f"  It pays off once {more} past {at}: {percent(rate)} of those below."


def _say_limit(forecast: Forecast, purse: Purse) -> Iterator[str]:
    limit, assumed = forecast.limit, forecast.assumed
    yield "The most that makes sense to give"
    if limit is None or assumed.lifetime_value_minor is None or assumed.acquisition_cost_minor is None:
        yield "  Not known. Give --acquisition-cost, and --lifetime-value where there are no purchases."
        return
    value, cost = purse.exactly(assumed.lifetime_value_minor), purse.exactly(assumed.acquisition_cost_minor)
    yield f"  A customer spends {value} with you, and it costs {cost} to win one."
    yield f"  With the goods paid, {purse.exactly(limit.limit_minor)} is left to give: {percent(limit.rate)}."
    promised, likely = purse.exactly(limit.promised_minor), purse.exactly(limit.likely_minor)
    yield f"  This programme promises {promised} and likely gives {likely}. {_judge(limit)}"


def _judge(limit: GivingLimit) -> str:
    if limit.likely_exceeds:
        return "That is too much: every such customer costs more than they bring."
    if limit.promise_exceeds:
        return "Careful: it is too much if members use all their points."
    return "That is within the limit."


def as_dict(basis: Basis, forecast: Forecast, compared: tuple[Comparison, ...]) -> dict[str, Any]:
    """Return everything as plain values: money in minor units, shares as decimals, "never" as a word."""
    return {
        "programme": basis.programme.key if basis.programme else None,
        "origins": {
            name: {"source": origin.source.value, "note": origin.note}
            for name, origin in basis.origins.items()
        },
        "records": _plain(basis.records),
        "forecast": _plain(forecast),
        "compare": _plain(compared),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return Decimal(nearest(value * 10**DECIMALS)).scaleb(-DECIMALS)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    return value
