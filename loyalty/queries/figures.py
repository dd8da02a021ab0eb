"""How numbers, money and days are written for whoever reads: by the active language, in one place.

Between the parts of one figure stands a no-break space, so that a narrow phone never splits "30 November".
"""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, get_currency_precision
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language, to_locale

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


def number(value: int) -> str:
    """Write a whole number with its groups and a real minus sign: −1,240."""
    sign = MINUS if value < 0 else ""
    return sign + number_format(abs(value), use_l10n=True, force_grouping=True)


def signed(value: int) -> str:
    """Write a change of points, with its sign: +85, −350."""
    return f"+{number(value)}" if value > 0 else number(value)


def money(minor: int, currency: str) -> str:
    """Write an amount of minor units with its currency: €8.50, 8,50 zł."""
    amount = Decimal(abs(minor)).scaleb(-get_currency_precision(currency))
    sign = MINUS if minor < 0 else ""
    return sign + format_currency(amount, currency, locale=_locale()).replace(" ", NO_BREAK_SPACE)


def day(at: datetime, zone: ZoneInfo, *, now: datetime) -> str:
    """Write the day that `at` falls on in `zone`; the year only where it is not the one of `now`."""
    here, today = at.astimezone(zone), now.astimezone(zone)
    form = "MONTH_DAY_FORMAT" if here.year == today.year else "DATE_FORMAT"
    return date_format(here.date(), form).replace(" ", NO_BREAK_SPACE)


def last_day(until: datetime, zone: ZoneInfo, *, now: datetime) -> str:
    """Write the last whole day before `until`, which is an exclusive end."""
    return day(until - timedelta(microseconds=1), zone, now=now)


def _locale() -> Locale:
    try:
        return Locale.parse(to_locale(get_language() or "en"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")
