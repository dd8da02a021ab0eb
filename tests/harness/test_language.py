"""The language of one test is not that of the next."""

import pytest
from django.utils import translation


@pytest.mark.parametrize("turn", ["first", "second"])
def test_a_language_ends_with_its_test(turn):
    found = translation.get_language()

    translation.activate("pl")

    assert found == "en"
