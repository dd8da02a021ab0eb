"""Splitting a whole number so that nothing is lost and nothing is made up."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstage.policies.apportion import apportion, apportion_whole

BOTH = [apportion, apportion_whole]
weights = st.dictionaries(
    st.text("abc", min_size=1, max_size=3), st.integers(0, 10**9), min_size=1, max_size=8
)


@pytest.mark.parametrize("split", BOTH)
def test_the_largest_remainder_gets_what_is_left_and_a_tie_goes_to_the_lower_key(split):
    assert split(10, {"a": 1, "b": 1, "c": 1}) == {"a": 4, "b": 3, "c": 3}
    assert split(2, {"c": 1, "b": 1, "a": 1}) == {"a": 1, "b": 1, "c": 0}
    assert split(7, {"a": 1, "b": 5, "c": 0}) == {"a": 1, "b": 6, "c": 0}


@pytest.mark.parametrize("split", BOTH)
@pytest.mark.parametrize("nobody", [{}, {"a": 0}, {"a": 0, "b": 0}])
def test_there_must_be_somebody_to_give_to(split, nobody):
    with pytest.raises(ValueError, match="at least one positive weight"):
        split(5, nobody)


@given(st.integers(0, 10**12), weights.filter(lambda weights: sum(weights.values())))
def test_the_parts_add_up_and_none_is_a_whole_point_off(total, weights):
    parts, weight_sum = apportion_whole(total, weights), sum(weights.values())

    assert sum(parts.values()) == total
    assert all(abs(parts[key] - Fraction(total * weight, weight_sum)) < 1 for key, weight in weights.items())


@given(st.integers(0, 10**12), weights.filter(lambda weights: sum(weights.values())))
def test_the_fast_way_and_the_exact_way_agree(total, weights):
    assert apportion_whole(total, weights) == apportion(total, weights)
