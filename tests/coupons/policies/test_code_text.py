"""What codes of a batch look like, how they are drawn, and how hard they are to guess."""

import random
from collections import Counter
from itertools import pairwise
from secrets import token_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupons.policies.code_text import (
    ALPHABET,
    HEAD,
    HEADS,
    Share,
    cut_evenly,
    draw_texts,
    is_ugly,
    odds,
    places_for,
    spell,
)
from coupons.policies.codes import normal_code

pytestmark = pytest.mark.once
ALL = Share(start=0, count=1, whole=1)


def draw(count, places=8, share=ALL):
    return draw_texts(count=count, places=places, share=share, token_bytes=token_bytes)


def test_the_alphabet_has_no_vowels_and_nothing_that_is_taken_for_something_else():
    assert (len(ALPHABET), sorted(set(ALPHABET))) == (28, list(ALPHABET))
    assert set(ALPHABET) & set("AEIOU01L") == set()


def test_a_hundred_thousand_codes_are_unique_sorted_and_of_the_alphabet():
    codes = draw(100_000)

    assert codes == sorted(set(codes))
    assert len(codes) == 100_000
    assert {len(code) for code in codes} == {8}
    assert set("".join(codes)) == set(ALPHABET)
    assert not any(map(is_ugly, codes))


def draw_seeded(count, share=ALL):
    """Draw the same codes in every run, so that chance fails none."""
    return draw_texts(count=count, places=8, share=share, token_bytes=random.Random(7).randbytes)


def outliers(seen, *, but):
    """Tell which letters come other than 10,000 times: 98 is the standard deviation, six are too many."""
    return {
        letter: seen[letter] for letter in ALPHABET if letter not in but and abs(seen[letter] - 10_000) > 588
    }


def test_every_letter_comes_as_often_as_any_other_in_the_places_that_nobody_can_guess():
    seen = Counter("".join(code[HEAD:] for code in draw_seeded(56_000)))

    # The only bad word of two letters is "NZ", which "N2" reads as well. A code with either is thrown away,
    # which takes five in a hundred from N and three from Z and 2. What others take is lost in the noise.
    assert outliers(seen, but="NZ2") == {}


@pytest.mark.parametrize(
    ("share", "place"), [(ALL, 0), (Share(start=5, count=1, whole=28**2), 2)], ids=["of all", "of a chunk"]
)
def test_every_head_comes_as_often_as_any_other(share, place):
    codes = draw_seeded(280_000, share=share)

    # N is left out, as above. Z and 2 need not be: no N can stand before them here.
    assert outliers(Counter(code[place] for code in codes), but="N") == {}


def test_chunks_of_a_batch_follow_each_other_and_are_equally_dense():
    chunks = [draw(1_000, share=Share(start=number * 1_000, count=1_000, whole=4_000)) for number in range(4)]

    for earlier, later in pairwise(chunks):
        assert earlier[-1] < later[0]
    assert {chunk[0][0] for chunk in chunks} == {"2", "9", "J", "S"}
    assert (HEADS[0], HEADS[-1], len(HEADS)) == ("222", "ZZZ", 28**3)


@given(whole=st.integers(1, 10**7), start=st.integers(0, 10**7), count=st.integers(1, 10**7))
def test_a_share_lies_within_all_that_there_is(whole, start, count):
    start, count = start % whole, min(count, whole - start % whole)

    first, beyond = Share(start=start, count=count, whole=whole).heads()

    assert 0 <= first < beyond <= len(HEADS)


@pytest.mark.parametrize("text", ["XXFCKXXX", "2SHT2345", "5H7XXXXX", "XXXX8888", "KRW22222", "PZDXXXXX"])
def test_a_text_that_reads_badly_is_not_used(text):
    assert is_ugly(text)


@pytest.mark.parametrize(
    ("count", "places", "said"), [(5_000, 8, 75_560_399), (1_000_000, 9, 10_578_455), (1, 6, 481_890_304)]
)
def test_the_odds_are_all_codes_by_those_that_exist(count, places, said):
    assert odds(count=count, places=places) == said


@pytest.mark.parametrize(("count", "places"), [(1, 8), (5_000, 8), (37_780, 8), (37_781, 9), (1_000_000, 9)])
def test_so_many_places_are_proposed_that_a_hit_takes_ten_million_guesses(count, places):
    assert places_for(count=count) == places


def test_a_code_is_shown_in_groups_of_four_and_found_again_however_it_is_typed():
    assert spell("SUN7K4QM2XP", prefix="SUN") == "SUN-7K4Q-M2XP"
    assert spell("7K4QM2XP9", prefix="") == "7K4Q-M2XP-9"
    assert {normal_code(text) for text in ("sun 7k4q m2xp", "SUN–7K4Q–M2XP", "sun-7k4qm2xp")} == {
        "SUN7K4QM2XP"
    }


@given(st.integers(1, 10**6), st.integers(1, 10**5))
def test_parts_add_up_and_none_is_much_smaller_than_another(count, at_most):
    parts = cut_evenly(count, at_most=at_most)

    assert sum(parts) == count
    assert max(parts) <= at_most
    assert max(parts) - min(parts) <= 1
