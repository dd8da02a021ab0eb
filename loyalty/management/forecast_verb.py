"""The verb `forecast`: what a programme would cost, before it is switched on. It changes nothing."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from backstage import clock
from backstage.registry import Out, Verb
from loyalty.management.forecast_options import add_arguments
from loyalty.management.forecast_report import as_dict, list_lines
from loyalty.management.forecast_sources import UsageError, gather
from loyalty.policies.forecast import (
    Assumptions,
    Comparison,
    ForecastError,
    compare_earn_rates,
    make_forecast,
)

OK, USAGE = 0, 2
# Half, as it is, half as much again, twice: what an owner asks next.
TIMES: Final = (Fraction(1, 2), Fraction(1), Fraction(3, 2), Fraction(2))


def _run(options: Mapping[str, Any], out: Out) -> int:
    try:
        basis = gather(options, at=clock.now())
        forecast = make_forecast(basis.assumed)
        compared = _compare(basis.assumed, options["compare"])
    except (UsageError, ForecastError) as error:
        out.error(str(error))
        return USAGE
    for line in list_lines(basis, forecast, compared):
        out.line(line)
    out.json(as_dict(basis, forecast, compared))
    return OK


def _compare(assumed: Assumptions, asked: list[Fraction] | None) -> tuple[Comparison, ...]:
    """Compare the rates that were asked for, or our own, as far as these promise no more than was paid."""
    if asked:
        return compare_earn_rates(assumed, asked)
    usual = [assumed.points_per_unit * times for times in TIMES if assumed.promised_rate * times <= 1]
    return compare_earn_rates(assumed, usual)


FORECAST = Verb(
    name="forecast",
    help="Say what a programme would cost and must bring, before it is switched on. Changes nothing.",
    add_arguments=add_arguments,
    run=_run,
)
