"""Pytest plugin: what one test speaks, the next one does not.

`LocaleMiddleware` leaves the language of a request with the thread. A server sets it anew for each request; a
test that asks no page would speak the language of whoever asked last.
"""

from collections.abc import Iterator

import pytest
from django.utils import translation


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    yield
    translation.deactivate()
