"""What may be filled into a condition, and what is said beside the field when it cannot be read.

Values come from JSON: a form, an API or a stored segment. A reader returns the value that the condition works
with, or raises `Unreadable` with a sentence for whoever typed it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from backstage.policies.names import did_you_mean
from commerce.policies.segments.moments import Period
from commerce.policies.snapshot import CURRENCIES, MOST_MINOR

MOST_TEXTS: Final = 500
MOST_DAYS: Final = 36_500
MOST_MONTHS: Final = 1_200
Text = str | Promise


class Unreadable(ValueError):
    """A value that the parameter cannot take; the message says what it takes."""


class Kind(StrEnum):
    """What a form shows for a parameter."""

    WHOLE_NUMBER = "whole_number"
    MONEY = "money"
    CURRENCY = "currency"
    PERCENT = "percent"
    DAY = "day"
    PERIOD = "period"
    TEXT = "text"
    TEXTS = "texts"
    VALUES = "values"
    NUMBER = "number"
    CLASSES = "classes"
    FLAG = "flag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One gap in a condition's sentence. What is left out is `default`, unless it is required."""

    name: str
    label: Text
    kind: Kind
    read: Callable[[Any], Any]
    is_required: bool = False
    default: Any = None


def whole_number(
    name: str, label: Text, *, least: int = 0, most: int = 1_000_000_000, is_required: bool = False
) -> Parameter:
    """Return a parameter that takes a whole number from `least` to `most`."""
    return Parameter(
        name=name,
        label=label,
        kind=Kind.WHOLE_NUMBER,
        read=lambda value: _read_whole(value, least=least, most=most),
        is_required=is_required,
    )


def money(name: str, label: Text) -> Parameter:
    """Return a parameter that takes an amount in minor units; the condition names its currency beside it."""
    return Parameter(
        name=name,
        label=label,
        kind=Kind.MONEY,
        read=lambda value: _read_whole(value, least=0, most=MOST_MINOR),
    )


def currency(name: str, label: Text) -> Parameter:
    """Return a required parameter that takes the code of a currency."""
    return Parameter(name=name, label=label, kind=Kind.CURRENCY, read=_read_currency, is_required=True)


def percent(name: str, label: Text) -> Parameter:
    """Return a required parameter that takes a share above 0 and up to 100, with two decimals at most."""
    return Parameter(name=name, label=label, kind=Kind.PERCENT, read=_read_percent, is_required=True)


def day(name: str, label: Text) -> Parameter:
    """Return a parameter that takes a day."""
    return Parameter(name=name, label=label, kind=Kind.DAY, read=_read_day)


def period(name: str, label: Text) -> Parameter:
    """Return a parameter that takes a period; without one, all time counts."""
    return Parameter(name=name, label=label, kind=Kind.PERIOD, read=_read_period, default=Period())


def text(name: str, label: Text, *, longest: int) -> Parameter:
    """Return a required parameter that takes one text."""
    return Parameter(
        name=name,
        label=label,
        kind=Kind.TEXT,
        read=lambda value: _read_text(value, longest=longest),
        is_required=True,
    )


def texts(name: str, label: Text, *, longest: int, is_required: bool = True) -> Parameter:
    """Return a parameter that takes a list of texts, each once."""
    return Parameter(
        name=name,
        label=label,
        kind=Kind.TEXTS,
        read=lambda value: _read_list(value, lambda item: _read_text(item, longest=longest)),
        is_required=is_required,
    )


def values(name: str, label: Text) -> Parameter:
    """Return a parameter that takes a list of what an attribute may be: texts, numbers, true and false."""
    return Parameter(
        name=name, label=label, kind=Kind.VALUES, read=lambda value: _read_list(value, _read_scalar)
    )


def number(name: str, label: Text) -> Parameter:
    """Return a parameter that takes any finite number."""
    return Parameter(name=name, label=label, kind=Kind.NUMBER, read=_read_number)


def classes(name: str, label: Text) -> Parameter:
    """Return a parameter that takes some of the classes 1 (lowest fifth) to 5 (best fifth)."""
    return Parameter(
        name=name,
        label=label,
        kind=Kind.CLASSES,
        read=lambda value: tuple(sorted(_read_list(value, lambda item: _read_whole(item, least=1, most=5)))),
    )


def flag(name: str, label: Text) -> Parameter:
    """Return a parameter that can only be switched on."""
    return Parameter(name=name, label=label, kind=Kind.FLAG, read=_read_flag)


def _read_whole(value: Any, *, least: int, most: int) -> int:
    # True is an int to Python and a tick to whoever sent it.
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Unreadable(
            _("Give a whole number from %(least)s to %(most)s.") % {"least": least, "most": most}
        )
    return value


def _read_number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unreadable(_("Give a number."))
    if abs(value) > MOST_MINOR:
        raise Unreadable(_("Give a number that is not larger than %(most)s.") % {"most": MOST_MINOR})
    return value


def _read_currency(value: Any) -> str:
    if not isinstance(value, str) or value not in CURRENCIES:
        raise Unreadable(_("Give the three capital letters of a currency, for example EUR."))
    return value


def _read_percent(value: Any) -> Decimal:
    refusal = Unreadable(_("Give a percentage above 0 and up to 100, with two decimals at most."))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise refusal
    try:
        share = Decimal(str(value))
    except InvalidOperation:
        raise refusal from None
    if not share.is_finite() or not 0 < share <= 100 or share != round(share, 2):
        raise refusal
    return share


def _read_day(value: Any) -> date:
    refusal = Unreadable(_("Give a day as year-month-day, for example 2025-12-31."))
    # `fromisoformat` also takes 20251231 and week dates, which no reader of a stored segment expects.
    if not isinstance(value, str) or len(value) != 10:
        raise refusal
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise refusal from None


def _read_period(value: Any) -> Period:
    shape = _('Give {"last": 12, "unit": "months"}, or {"from": "2025-01-01", "to": "2025-12-31"}.')
    if not isinstance(value, dict) or not value:
        raise Unreadable(shape)
    unknown = next((key for key in value if key not in ("last", "unit", "from", "to")), None)
    if unknown is not None:
        known = ("last", "unit", "from", "to")
        raise Unreadable(
            _("A period has no %(name)r.") % {"name": unknown} + " " + did_you_mean(str(unknown), known)
        )
    if value.keys() <= {"last", "unit"}:
        return _read_last(value)
    if value.keys() <= {"from", "to"}:
        return _read_from_to(value)
    raise Unreadable(shape)


def _read_last(value: dict[str, Any]) -> Period:
    unit = value.get("unit", "days")
    if unit not in ("days", "months"):
        raise Unreadable(_("The unit of a period is days or months."))
    most = MOST_MONTHS if unit == "months" else MOST_DAYS
    return Period(count=_read_whole(value.get("last"), least=1, most=most), unit=unit)


def _read_from_to(value: dict[str, Any]) -> Period:
    first = _read_day(value["from"]) if "from" in value else None
    last = _read_day(value["to"]) if "to" in value else None
    if first and last and first > last:
        raise Unreadable(_("The period ends before it begins. Swap the two days."))
    return Period(first=first, last=last)


def _read_text(value: Any, *, longest: int) -> str:
    cleaned = value.strip() if isinstance(value, str) else ""
    # PostgreSQL stores no NUL, and broken UTF-8 arrives as a lone surrogate: neither is printable.
    if not cleaned or len(cleaned) > longest or not cleaned.isprintable():
        raise Unreadable(_("Give a text of 1 to %(longest)s printable characters.") % {"longest": longest})
    return cleaned


def _read_scalar(value: Any) -> str | int | float | bool:
    if isinstance(value, str):
        return _read_text(value, longest=200)
    return value if isinstance(value, bool) else _read_number(value)


def _read_list(value: Any, read: Callable[[Any], Any]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MOST_TEXTS:
        raise Unreadable(_("Give a list of 1 to %(most)s entries.") % {"most": MOST_TEXTS})
    # True equals 1 to Python, and is another thing in an attribute.
    distinct = {(isinstance(item, bool), item): item for item in map(read, value)}
    return tuple(distinct.values())


def _read_flag(value: Any) -> bool:
    if value is not True:
        raise Unreadable(_("This can only be true; leave it out otherwise."))
    return True
