"""The gaps of a condition's sentence as fields of a form, and what a definition keeps of what was typed.

A definition is JSON with minor units, and shares and days as text; a person types amounts, percentages and
lines. Both directions of each kind of gap stand here side by side.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.admin.money import from_minor, to_minor
from commerce.policies.segments import Parameter
from commerce.policies.segments.parameters import Kind
from commerce.policies.snapshot import CURRENCIES

EVER, LAST_DAYS, LAST_MONTHS, FROM_TO = "ever", "days", "months", "from_to"
PERIODS = (
    (EVER, gettext_lazy("ever")),
    (LAST_DAYS, gettext_lazy("in the last days")),
    (LAST_MONTHS, gettext_lazy("in the last months")),
    (FROM_TO, gettext_lazy("from one day to another")),
)
CLASSES = tuple((str(number), str(number)) for number in range(1, 6))
YES, NO = "true", "false"


@dataclass(frozen=True, slots=True)
class Gap:
    """How one kind of parameter is asked for: its fields by their name's end, and both directions.

    `read(typed, currency)` gives what the definition keeps, None for nothing; `begin(kept, currency)` gives
    the initial values by the name's end.
    """

    fields: Callable[[Any], Mapping[str, forms.Field]]
    read: Callable[[Mapping[str, Any], str], Any]
    begin: Callable[[Any, str], Mapping[str, Any]]


def gap_of(parameter: Parameter) -> Gap:
    """Give the gap of a parameter. Every kind has one."""
    return GAPS[parameter.kind]


# -- one field -----------------------------------------------------------------------------------------------


def _single(make: Callable[[Any], forms.Field], read: Any = None, begin: Any = None) -> Gap:
    def first(typed: Mapping[str, Any], currency: str) -> Any:
        value = typed.get("")
        return None if value in (None, "", []) else read(value, currency) if read else value

    def start(kept: Any, currency: str) -> Mapping[str, Any]:
        return {"": begin(kept, currency) if begin and kept is not None else kept}

    return Gap(lambda label: {"": make(label)}, first, start)


def _whole(label: Any) -> forms.Field:
    return forms.IntegerField(label=label, required=False)


def _amount(label: Any) -> forms.Field:
    return forms.DecimalField(label=label, required=False, max_digits=15, decimal_places=3)


def _currency(label: Any) -> forms.Field:
    return forms.CharField(label=label, required=False, max_length=3)


def _percent(label: Any) -> forms.Field:
    return forms.DecimalField(label=label, required=False, max_digits=5, decimal_places=2)


def _day(label: Any) -> forms.Field:
    return forms.DateField(
        label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


def _text(label: Any) -> forms.Field:
    return forms.CharField(label=label, required=False, max_length=500)


def _texts(label: Any) -> forms.Field:
    return forms.CharField(
        label=label,
        required=False,
        help_text=gettext_lazy("One on each line."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )


def _number(label: Any) -> forms.Field:
    return forms.DecimalField(label=label, required=False)


def _classes(label: Any) -> forms.Field:
    return forms.MultipleChoiceField(
        label=label, required=False, choices=CLASSES, widget=forms.CheckboxSelectMultiple
    )


def _flag(label: Any) -> forms.Field:
    return forms.BooleanField(label=label, required=False)


def _read_money(value: Decimal, currency: str) -> int:
    return to_minor(value, _known(currency))


def _begin_money(kept: int, currency: str) -> Decimal:
    return from_minor(kept, _known(currency))


def _known(currency: str) -> str:
    """Give a currency to count in; a wrong one is told beside its own gap, so any will do here."""
    return currency if currency in CURRENCIES else "EUR"


def _lines(value: str, currency: str) -> list[str]:
    return [line.strip() for line in value.splitlines() if line.strip()]


def _scalars(value: str, currency: str) -> list[str | int | float | bool]:
    return [_scalar(line) for line in _lines(value, currency)]


def _scalar(text: str) -> str | int | float | bool:
    """Take true, false and numbers as what they are; whoever means the text writes it in quotation marks."""
    if text in (YES, NO):
        return text == YES
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _write_scalar(value: Any) -> str:
    if isinstance(value, bool):
        return YES if value else NO
    is_like_another = isinstance(value, str) and not isinstance(_scalar(value), str)
    return f'"{value}"' if is_like_another else str(value)


def _plain_number(value: Decimal, currency: str) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


# -- a period ------------------------------------------------------------------------------------------------


def _period(label: Any) -> Mapping[str, forms.Field]:
    return {
        "": forms.ChoiceField(label=label, choices=PERIODS, required=False),
        "-count": forms.IntegerField(label=gettext_lazy("How many"), required=False, min_value=1),
        "-from": _day(gettext_lazy("First day")),
        "-to": _day(gettext_lazy("Last day")),
    }


def _read_period(typed: Mapping[str, Any], currency: str) -> Any:
    kind = typed.get("") or EVER
    if kind in (LAST_DAYS, LAST_MONTHS):
        if typed.get("-count") is None:
            raise ValidationError(_("Say how many, such as 12."))
        return {"last": typed["-count"], "unit": kind}
    if kind == FROM_TO:
        days = {name: typed[f"-{name}"].isoformat() for name in ("from", "to") if typed.get(f"-{name}")}
        if not days:
            raise ValidationError(_("Give the first day, the last day, or both."))
        return days
    return None


def _begin_period(kept: Any, currency: str) -> Mapping[str, Any]:
    if not kept:
        return {"": EVER}
    if "last" in kept:
        return {"": kept.get("unit", LAST_DAYS), "-count": kept["last"]}
    return {"": FROM_TO, "-from": kept.get("from"), "-to": kept.get("to")}


GAPS: dict[Kind, Gap] = {
    Kind.WHOLE_NUMBER: _single(_whole),
    Kind.MONEY: _single(_amount, _read_money, _begin_money),
    Kind.CURRENCY: _single(_currency, lambda value, _: value.strip().upper()),
    Kind.PERCENT: _single(_percent, lambda value, _: str(value.normalize())),
    Kind.DAY: _single(_day, lambda value, _: value.isoformat()),
    Kind.PERIOD: Gap(_period, _read_period, _begin_period),
    Kind.TEXT: _single(_text, lambda value, _: value.strip()),
    Kind.TEXTS: _single(_texts, _lines, lambda kept, _: "\n".join(kept)),
    Kind.VALUES: _single(_texts, _scalars, lambda kept, _: "\n".join(map(_write_scalar, kept))),
    Kind.NUMBER: _single(_number, _plain_number),
    Kind.CLASSES: _single(
        _classes, lambda value, _: [int(one) for one in value], lambda kept, _: [str(one) for one in kept]
    ),
    Kind.FLAG: _single(_flag),
}
