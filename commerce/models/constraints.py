"""Conditions that several tables state about their columns.

They are the last line of defense: every writer refuses the same values earlier, with a message that a person
can act on.
"""

from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import Exact


def currency_has_three_letters(name: str) -> models.CheckConstraint:
    """Demand an ISO 4217 code by its length; that the currency exists is asked where it is written."""
    return models.CheckConstraint(condition=Exact(Length(models.F("currency")), 3), name=name)


def not_negative(name: str, *fields: str) -> models.CheckConstraint:
    """Demand that none of `fields` is below zero; NULL passes."""
    condition = models.Q()
    for field in fields:
        condition &= models.Q(**{f"{field}__gte": 0})
    return models.CheckConstraint(condition=condition, name=name)


def is_one_of(name: str, field: str, values: list[str]) -> models.CheckConstraint:
    """Demand that `field` holds one of the words that the code knows."""
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": values}), name=name)
