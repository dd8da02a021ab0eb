"""A warning is a failure: it is the cheapest notice of tomorrow's bug."""

import warnings

import pytest


def test_a_warning_is_raised_as_an_error():
    with pytest.raises(DeprecationWarning, match="the day after tomorrow"):
        warnings.warn("it goes away the day after tomorrow", DeprecationWarning, stacklevel=1)
