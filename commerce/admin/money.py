"""Money as people type it, kept in minor units."""

from decimal import Decimal

from babel.numbers import get_currency_precision
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


def to_minor(amount: Decimal, currency: str) -> int:
    """Turn an amount into minor units. Raises: ValidationError for parts that the currency does not have."""
    minor = amount.scaleb(get_currency_precision(currency))
    if minor != minor.to_integral_value():
        raise ValidationError(
            _("%(currency)s has %(places)s decimal places. Write the amount with no more.")
            % {"currency": currency, "places": get_currency_precision(currency)}
        )
    return int(minor)


def from_minor(minor: int, currency: str) -> Decimal:
    """Turn minor units into an amount as people write it."""
    return Decimal(minor).scaleb(-get_currency_precision(currency))
