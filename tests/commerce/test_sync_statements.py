"""A batch costs the same number of statements whatever its size."""

from datetime import UTC, datetime

import pytest

from commerce.operations import sync_purchases
from commerce.policies.snapshot import Who
from tests.factories.commerce import line, snapshot, tender

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
SIZES = (1, 50)


def batch(size, as_of, **told):
    return [snapshot(str(number), as_of, who=Who(external_id=str(number)), **told) for number in range(size)]


@pytest.fixture(autouse=True)
def warm(web):
    """The isolation level of a connection is asked for once."""
    sync_purchases([snapshot("warm")], at=AT)


@pytest.mark.parametrize("size", SIZES)
def test_statements_for_new_purchases_of_new_customers(size, django_assert_num_queries, copies):
    told = batch(size, 1, tenders=[tender()], lines=[line("1", returned_quantity=1), line("2")])

    # Two savepoints, channels, purchases, identities, customers, new customers, new identities, new
    # purchases, lines, tenders, returns, marks, problems put right.
    with django_assert_num_queries(15 - copies(2)):
        sync_purchases(told, at=AT)


@pytest.mark.parametrize("size", SIZES)
def test_statements_for_purchases_that_are_told_again(size, django_assert_num_queries):
    sync_purchases(batch(size, 1), at=AT)

    with django_assert_num_queries(8):
        sync_purchases(batch(size, 1), at=AT)


@pytest.mark.parametrize("size", SIZES)
def test_statements_for_purchases_that_changed(size, django_assert_num_queries, copies):
    sync_purchases(batch(size, 1), at=AT)
    told = batch(size, 2, lines=[line(returned_quantity=1), line("2")], status="paid", refunded_minor=5)

    with django_assert_num_queries(15 - copies(1)):
        sync_purchases(told, at=AT)


@pytest.mark.parametrize("size", SIZES)
def test_statements_for_purchases_that_are_refused(size, django_assert_num_queries):
    sync_purchases(batch(size, 1), at=AT)

    with django_assert_num_queries(7):
        sync_purchases(batch(size, 2, currency="USD"), at=AT)
