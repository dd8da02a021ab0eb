"""How a forecast turns exact shares into whole points and minor units."""

from fractions import Fraction

from loyalty.policies.earning import Rounding, round_points


def nearest(value: Fraction) -> int:
    """Round to a whole number, a half upwards: the one rounding of a forecast, at the end of each sum."""
    return round_points(value.numerator, value.denominator, Rounding.NEAREST)
