"""What every test of coupons stands on: the books are right when it is over."""

import pytest

from coupons.queries.laws import LAWS


@pytest.fixture(autouse=True)
def books_are_right(request):
    """After every test that has a database, whatever it was about, unless it plants what is wrong."""
    yield
    module = request.module.__name__.rpartition(".")[2]
    if request.node.get_closest_marker("django_db") and module not in ("test_laws", "test_constraints"):
        found = [finding.detail for law in LAWS if not law.is_late for finding in law.find()]
        assert found == []
