"""What tests of the operations stand on: the books are right when they are over."""

import pytest

from coupons.queries.laws import LAWS


@pytest.fixture
def books_are_right(db):
    """After a test that writes by operations alone; rows of factories keep no books."""
    yield
    assert [finding.detail for law in LAWS if not law.late_after for finding in law.find()] == []
