"""Splitting a whole number so that the parts add up to it exactly."""

from collections.abc import Mapping
from fractions import Fraction


def apportion(total: int, weights: Mapping[str, int | Fraction]) -> dict[str, int]:
    """Split `total` over the keys in proportion to their weights, by largest remainder, ties by key.

    Raises: ValueError when no weight is positive, because there is nobody to give the total to.
    """
    weight_sum = sum(weights.values())
    if weight_sum <= 0:
        raise ValueError("apportion needs at least one positive weight")
    shares = {key: Fraction(total) * weight / weight_sum for key, weight in weights.items()}
    parts = {key: share.numerator // share.denominator for key, share in shares.items()}
    left_over = total - sum(parts.values())
    by_remainder = sorted(weights, key=lambda key: (parts[key] - shares[key], key))
    for key in by_remainder[:left_over]:
        parts[key] += 1
    return parts


def apportion_whole(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Split as `apportion` does for whole-number weights, without fractions: the hot path of earning."""
    weight_sum = sum(weights.values())
    if weight_sum <= 0:
        raise ValueError("apportion needs at least one positive weight")
    parts: dict[str, int] = {}
    remainders: list[tuple[int, str]] = []
    for key, weight in weights.items():
        parts[key], remainder = divmod(total * weight, weight_sum)
        remainders.append((-remainder, key))
    left_over = total - sum(parts.values())
    if left_over:
        for _, key in sorted(remainders)[:left_over]:
            parts[key] += 1
    return parts
