"""A balance is read from one state of the books, whatever happens meanwhile, and with few queries."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from loyalty.queries import balance, get_balance
from loyalty.queries.balance import book_at, get_account, read_balance
from tests.loyalty.ledger import deeds
from tests.loyalty.ledger.deeds import day


def elsewhere(deed):
    """Do it on another connection, and wait until it is committed."""

    def alone():
        try:
            return deed()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(alone).result(timeout=60)


def said(member):
    told = get_balance(member_id=member.id, at=day(0))
    return told.available, told.held


@pytest.fixture
def reserved_meanwhile(alice, monkeypatch):
    """All of alice's points are reserved between the reading of her account and of her lots."""
    load_book = balance.load_book
    deeds.give(alice, 100, at=day(0))

    def reserve_and_load(account):
        monkeypatch.setattr(balance, "load_book", load_book)
        elsewhere(lambda: deeds.hold(alice, 100, at=day(0)))
        return load_book(account)

    monkeypatch.setattr(balance, "load_book", reserve_and_load)


@pytest.mark.django_db(transaction=True)
def test_points_that_are_reserved_during_the_reading_are_still_ready_in_it(alice, reserved_meanwhile):
    assert said(alice) == (100, 0)
    assert said(alice) == (0, 100)


@pytest.mark.django_db(transaction=True)
def test_control_without_the_snapshot_they_would_be_nowhere(alice, reserved_meanwhile):
    account = get_account(alice.id)

    torn = read_balance(book_at(account, day(0)), account.member, day(0))

    assert (torn.available, torn.held) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_writing_goes_on_after_a_balance_was_read(alice):
    deeds.give(alice, 100, at=day(0))

    assert said(alice) == (100, 0)
    deeds.give(alice, 10, at=day(0))

    assert said(alice) == (110, 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("lots", "holds", "queries"), [(1, 0, 2), (20, 0, 2), (1, 1, 4), (4, 2, 5), (20, 10, 5)]
)
def test_the_queries_do_not_grow_with_the_points(alice, django_assert_num_queries, lots, holds, queries):
    for _ in range(lots):
        deeds.give(alice, 100, at=day(0))
    for _ in range(holds):
        deeds.hold(alice, 50, at=day(0))

    with django_assert_num_queries(queries), transaction.atomic(savepoint=False):
        assert said(alice) == (lots * 100 - holds * 50, holds * 50)
