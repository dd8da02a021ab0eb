"""How a forecast writes shares and money. In English, as every verb speaks."""

from decimal import Decimal
from fractions import Fraction

from babel.numbers import format_currency

from loyalty.policies.forecast import Never, nearest

LOCALE = "en"


def percent(share: Fraction, *, least: int = 1, most: int = 1) -> str:
    """Write a share in per cent, with `least` to `most` decimals: 5.0 %, 1.75 %."""
    number = f"{Decimal(nearest(share * 10 ** (2 + most))).scaleb(-most):f}"
    for _ in range(most - least):
        number = number.removesuffix("0")
    return f"{number.removesuffix('.')} %"


def plainly(number: Fraction) -> str:
    """Write a number as short as it is: 10, 0.5."""
    short = Decimal(nearest(number * 1000)).scaleb(-3).normalize()
    return f"{short:f}"


def of_months(months: int | Never) -> str:
    """Say when points end."""
    if isinstance(months, Never):
        return months.value
    return f"{months} month{'' if months == 1 else 's'}"


class Purse:
    """Writes amounts of one currency."""

    def __init__(self, currency: str, minor_per_unit: int) -> None:
        self.currency = currency
        self.minor_per_unit = minor_per_unit

    def exactly(self, minor: int) -> str:
        """Write an amount to its last minor unit: €3.70."""
        units = Decimal(minor) / self.minor_per_unit
        return format_currency(units, self.currency, locale=LOCALE)

    def roughly(self, minor: int) -> str:
        """Write an amount without its minor units, from 100 units on, where they say nothing: €196."""
        if abs(minor) < 100 * self.minor_per_unit:
            return self.exactly(minor)
        return self.units(nearest(Fraction(minor, self.minor_per_unit)))

    def units(self, count: int) -> str:
        """Write whole units: €1."""
        return format_currency(count, self.currency, "¤#,##0", locale=LOCALE, currency_digits=False)
