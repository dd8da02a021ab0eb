"""What gift cards come to: sold, used, owed, by currency; and how old what is owed is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, Sum

from coupons.models import GiftCard
from coupons.policies.gift_cards import GiftCardState

YEAR = timedelta(days=365)
# By the day of sale; the last one has no end.
AGES = (YEAR, 2 * YEAR, 3 * YEAR)


@dataclass(frozen=True, slots=True)
class GiftCardFigures:
    """The sums of one currency. Units: its minor units.

    `owed_minor` is what may be spent or is reserved at the moment; `owed_by_age` the same by the years since
    the sale: up to one, two, three, and more. What time has ended counts as expired, written down or not.
    """

    currency: str
    sold_minor: int
    used_minor: int
    expired_minor: int
    voided_minor: int
    owed_minor: int
    owed_by_age: list[int]


def list_figures(*, at: datetime) -> list[GiftCardFigures]:
    """Say what cards come to in each currency at a moment. Queries: 1."""
    over = Q(expires_at__lte=at) & (Q(reprieve_ends_at__isnull=True) | Q(reprieve_ends_at__lte=at))
    sums = {"balance": Sum("balance_minor"), "ended": Sum("balance_minor", filter=over)}
    sums |= {name: Sum(f"{name}_minor") for name in ("issued", "held", "used", "expired", "voided")}
    for number, age in enumerate(_list_ages(at)):
        # Without an end the comparison is neither true nor false, so its opposite has to be said.
        lasts = age & (Q(expires_at__isnull=True) | Q(expires_at__gt=at) | Q(reprieve_ends_at__gt=at))
        sums[f"balance_{number}"] = Sum("balance_minor", filter=lasts)
        sums[f"held_{number}"] = Sum("held_minor", filter=age)
    cards = GiftCard.objects.exclude(state=GiftCardState.WAITING)
    return [_read(row) for row in cards.values("currency").annotate(**sums).order_by("currency")]


def _list_ages(at: datetime) -> list[Q]:
    ages, newest = [], Q()
    for age in AGES:
        ages.append(newest & Q(issued_at__gt=at - age))
        newest = Q(issued_at__lte=at - age)
    return [*ages, newest]


def _read(row: Mapping[str, Any]) -> GiftCardFigures:
    told = {name: value or 0 for name, value in row.items()}
    return GiftCardFigures(
        currency=row["currency"],
        sold_minor=told["issued"],
        used_minor=told["used"],
        expired_minor=told["expired"] + told["ended"],
        voided_minor=told["voided"],
        owed_minor=told["balance"] - told["ended"] + told["held"],
        owed_by_age=[told[f"balance_{n}"] + told[f"held_{n}"] for n in range(len(AGES) + 1)],
    )
