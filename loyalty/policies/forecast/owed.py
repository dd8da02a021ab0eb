"""How many points a programme owes, month by month.

Each month's points are a cohort. Of what is left of it, members use the same share in every month, until at
its end just the part has been used that is used at all; the rest ends then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Final

from loyalty.policies.forecast.assumptions import NEVER, Assumptions, Never
from loyalty.policies.forecast.rounding import nearest

MONTHS: Final = 18
# The monthly share is a root, the one figure of a forecast that no fraction can hold. Forty digits are far
# more than any sum of it shows, and the same on every machine, which a float's power is not.
_ROOTS: Final = Context(prec=40)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedMonth:
    """What is owed at the end of a month: all of it, in money, and the money that will likely be asked for.

    Units: months since the start; points; minor units.
    """

    month: int
    points: int
    promised_minor: int
    likely_minor: int


def monthly_use_rate(assumed: Assumptions) -> Fraction:
    """Give the share of a cohort's rest that is used in a month; 0 for points that never end.

    Without an end the model names no month by which a point is used. It then counts every point as still
    owed, which is the most that it can be.
    """
    return 1 - _left_rate(assumed, 1)


def list_owed(assumed: Assumptions) -> tuple[OwedMonth, ...]:
    """Give what is owed at the end of each of the first months."""
    left = [_left_rate(assumed, age) for age in range(_count_alive(assumed, MONTHS))]
    return tuple(_owed(assumed, month, left) for month in range(1, MONTHS + 1))


def find_level(assumed: Assumptions) -> OwedMonth | Never:
    """Give what is owed when as many points end or are used as are earned; never, for points without end."""
    if isinstance(assumed.expiry_months, Never):
        return NEVER
    left = [_left_rate(assumed, age) for age in range(assumed.expiry_months)]
    return _owed(assumed, assumed.expiry_months, left)


def _count_alive(assumed: Assumptions, month: int) -> int:
    """Count the cohorts that have not ended."""
    return month if isinstance(assumed.expiry_months, Never) else min(month, assumed.expiry_months)


def _owed(assumed: Assumptions, month: int, left_rates: Sequence[Fraction]) -> OwedMonth:
    """Add up the cohorts that have not ended, by what is left of each at its age; the newest is untouched.

    Of a cohort's points, `1 - use_rate` end unused. What is left above that will be asked for.
    """
    alive = _count_alive(assumed, month)
    left = sum(left_rates[:alive], Fraction(0))
    unused = alive * (1 - Fraction(assumed.use_rate))
    earned = assumed.member_orders * assumed.order_points
    return OwedMonth(
        month=month,
        points=nearest(earned * left),
        promised_minor=nearest(earned * left * assumed.point_worth_minor),
        likely_minor=nearest(earned * (left - unused) * assumed.point_worth_minor),
    )


def _left_rate(assumed: Assumptions, age: int) -> Fraction:
    """Say what share of a cohort is left at an age in months: all of it at first, `1 - use_rate` at its
    end.
    """
    if age == 0 or isinstance(assumed.expiry_months, Never):
        return Fraction(1)
    unused = 1 - Fraction(assumed.use_rate)
    base = _ROOTS.divide(Decimal(unused.numerator), Decimal(unused.denominator))
    exponent = _ROOTS.divide(Decimal(age), Decimal(assumed.expiry_months))
    return Fraction(_ROOTS.power(base, exponent))
