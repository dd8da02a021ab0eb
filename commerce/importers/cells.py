"""What stands in the cells of a file, read strictly: a value that could mean two things is no value."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from commerce.policies.snapshot import MOST_MINOR, MOST_QUANTITY, shown

# How many distinct texts each reader keeps. The same prices, quantities and times stand on thousands of
# lines.
KEPT: Final = 4096
PRICE_DECIMALS: Final = 6
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,15}", re.ASCII)
_DECIMAL: Final = re.compile(r"([+-]?)([0-9]{1,15})(?:\.([0-9]{1,6}))?", re.ASCII)
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?"
)


class CellError(ValueError):
    """A cell holds something that cannot be read; the message names the column, the value and the fix."""

    def __init__(self, *, column: str, value: str, fix: str) -> None:
        super().__init__(f"{column} is {shown(value)}. {fix}")
        self.column, self.fix = column, fix


@lru_cache(KEPT)
def read_whole(column: str, text: str) -> int:
    """Read a whole number, possibly negative."""
    if not _WHOLE.fullmatch(text.strip()):
        raise CellError(column=column, value=text, fix="Write a whole number, such as 6.")
    value = int(text)
    if abs(value) > MOST_QUANTITY:
        raise CellError(column=column, value=text, fix=f"Write at most {int(MOST_QUANTITY)}.")
    return value


@lru_cache(KEPT)
def read_quantity(column: str, text: str) -> int | Decimal:
    """Read a quantity of at most three decimals, 0 or more."""
    sign, digits, decimals = _split_number(column, text)
    if sign == "-" or len(decimals) > 3:
        raise CellError(column=column, value=text, fix="Write 0 or more, with at most three decimals.")
    value = Decimal(f"{digits}.{decimals or 0}")
    if value > MOST_QUANTITY:
        raise CellError(column=column, value=text, fix=f"Write at most {MOST_QUANTITY}.")
    return int(value) if value == int(value) else value


@lru_cache(KEPT)
def read_millionths(column: str, text: str) -> int:
    """Read a price for one piece, in millionths of the currency's unit: 2.55 is 2550000."""
    sign, digits, decimals = _split_number(column, text)
    value = int(digits + decimals.ljust(PRICE_DECIMALS, "0"))
    return -value if sign == "-" else value


def minor_of(*, millionths: int, quantity: int, digits: int) -> int:
    """Return price times quantity in minor units of a currency with `digits` decimals; half a unit counts as
    one.

    Units: both are 0 or more.
    """
    whole = 10 ** (PRICE_DECIMALS - digits)
    return (2 * millionths * quantity + whole) // (2 * whole)


@lru_cache(KEPT)
def read_minor(column: str, text: str, digits: int) -> int:
    """Read an amount of money in minor units of a currency with `digits` decimals: 12.50 is 1250."""
    sign, units, decimals = _split_number(column, text)
    if sign == "-":
        raise CellError(
            column=column, value=text, fix="Write 0 or more; what came back has columns of its own."
        )
    if decimals[digits:].strip("0"):
        raise CellError(
            column=column, value=text, fix=f"This currency has {digits} decimals; round the amount."
        )
    value = int(units + decimals[:digits].ljust(digits, "0"))
    if value > MOST_MINOR:
        raise CellError(column=column, value=text, fix="Write at most 2^53 minor units.")
    return value


@lru_cache(KEPT)
def tidy(text: str) -> str:
    """Return text without spaces around it, and with single ones inside."""
    return " ".join(text.split())


class Moments:
    """Reads times, those without an offset as local ones of a zone, and none that lies in the future."""

    def __init__(self, *, zone: ZoneInfo, now: datetime) -> None:
        self.zone = zone
        self.now = now
        self.read = lru_cache(KEPT)(self._read)

    def _read(self, column: str, text: str) -> datetime:
        stripped = text.strip()
        if not _TIME.fullmatch(stripped):
            raise CellError(column=column, value=text, fix="Write a time like 2010-12-01 08:26.")
        try:
            value = datetime.fromisoformat(stripped)
        except ValueError as error:
            raise CellError(column=column, value=text, fix=f"There is no such time ({error}).") from error
        moment = self._with_zone(column, text, value)
        if not 1970 <= moment.year <= 2999:
            raise CellError(column=column, value=text, fix="Write a time after 1970.")
        if moment > self.now:
            raise CellError(
                column=column,
                value=text,
                fix="It lies in the future. Correct it, or import it when it has come.",
            )
        return moment

    def _with_zone(self, column: str, text: str, value: datetime) -> datetime:
        """Return the moment. Of an hour that a change of clocks repeats, the first one is meant."""
        if value.tzinfo is not None:
            return value.astimezone(UTC)
        try:
            moment = value.replace(tzinfo=self.zone).astimezone(UTC)
        except OverflowError:
            return datetime(1, 1, 1, tzinfo=UTC)
        if moment.astimezone(self.zone).replace(tzinfo=None) - value > timedelta(0):
            raise CellError(
                column=column,
                value=text,
                fix=f"The clocks in {self.zone.key} were put forward over this time. Write it with its "
                f"offset, such as {value:%Y-%m-%dT%H:%M}+00:00.",
            )
        return moment


def _split_number(column: str, text: str) -> tuple[str, str, str]:
    match = _DECIMAL.fullmatch(text.strip())
    if match is None:
        raise CellError(
            column=column,
            value=text,
            fix="Write a number with a point and at most six decimals, such as 12.50.",
        )
    return match[1], match[2], match[3] or ""
