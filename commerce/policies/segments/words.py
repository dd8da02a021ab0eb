"""How amounts, days and periods read in a sentence, in the reader's language."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, get_currency_precision
from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext as _

from commerce.policies.segments.moments import Period


def say_money(minor: int, currency: str) -> str:
    """Return an amount of minor units as its country writes it.

    >>> say_money(4210, "GBP")
    '£42.10'
    """
    amount = Decimal(minor).scaleb(-get_currency_precision(currency))
    return format_currency(amount, currency, locale=_locale())


def say_number(value: int | float | Decimal) -> str:
    """Return a number with the reader's separators."""
    return format_decimal(value, locale=_locale())


def say_day(day: date) -> str:
    """Return a day as the reader writes it."""
    return format_date(day, format="medium", locale=_locale())


def say_value(value: object) -> str:
    """Return a value of an attribute as people write it."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return say_number(value) if isinstance(value, int | float) else str(value)


def say_list(items: Sequence[Any]) -> str:
    """Return what was listed, and how many more there are where a sentence would get too long."""
    shown = ", ".join(say_value(item) for item in items[:5])
    if len(items) <= 5:
        return shown
    return _("%(shown)s and %(count)s more") % {"shown": shown, "count": say_number(len(items) - 5)}


def say_period(period: Period) -> str:
    """Return the period as the end of a sentence ("spent at least £100.00 in the last 12 months")."""
    if period.count is not None:
        count = {"count": period.count}
        if period.unit == "days":
            return ngettext("in the last %(count)s day", "in the last %(count)s days", period.count) % count
        return ngettext("in the last %(count)s month", "in the last %(count)s months", period.count) % count
    if period.first and period.last:
        return _("from %(first)s to %(last)s") % {
            "first": say_day(period.first),
            "last": say_day(period.last),
        }
    if period.first:
        return _("since %(first)s") % {"first": say_day(period.first)}
    if period.last:
        return _("until %(last)s") % {"last": say_day(period.last)}
    return _("so far")


def say_needed(*, least: Any, most: Any, say: Any = say_number) -> str:
    """Return what a value between two bounds, or on one side of one, would have to be."""
    if least is None:
        return _("%(most)s at most") % {"most": say(most)}
    if most is None:
        return _("%(least)s needed") % {"least": say(least)}
    return _("%(least)s to %(most)s needed") % {"least": say(least), "most": say(most)}


def pick(values: Mapping[str, Any], *, least: str, most: str, both: str) -> str:
    """Return which of three sentences fits the bounds that were given."""
    if values["at_most"] is None:
        return least
    return most if values["at_least"] is None else both


def _locale() -> Locale:
    return Locale.parse(to_locale(get_language() or "en"))
