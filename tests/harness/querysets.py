"""Pytest plugin: no test may pass by the luck of an order, and no lock may reach further than it says.

* A query without an order promises none. SQLite and PostgreSQL happen to return rows as they were written, so
  here they come back shuffled, by a seed taken from the test's name: a failure can be repeated.
* `select_for_update()` with `select_related()` locks the joined rows as well, outside the global order of
  locks. `of=` must say which table is meant.
"""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import QuerySet

_chance = random.Random()
_fetch_all = QuerySet._fetch_all
_iterator = QuerySet.iterator


def fetch_all(queryset: QuerySet) -> None:
    if queryset._result_cache is not None:
        return _fetch_all(queryset)
    refuse_wide_lock(queryset)
    unordered = not queryset.ordered
    if unordered and queryset.query.is_sliced and may_be_ordered_by_chance(queryset):
        # Which rows a slice takes is left to chance as well. Its query is a copy already, so nobody else
        # sees this.
        queryset.query.add_ordering("?")
    _fetch_all(queryset)
    if unordered:
        _chance.shuffle(queryset._result_cache)
    return None


def iterator(queryset: QuerySet, *args: Any, **kwargs: Any) -> Iterator[Any]:
    refuse_wide_lock(queryset)
    if not queryset.ordered and not queryset.query.is_sliced and may_be_ordered_by_chance(queryset):
        queryset = queryset.order_by("?")
    return _iterator(queryset, *args, **kwargs)


def may_be_ordered_by_chance(queryset: QuerySet) -> bool:
    """ORDER BY RANDOM() is an error, or changes the result, under DISTINCT, GROUP BY and UNION."""
    query = queryset.query
    return not (query.distinct or query.combinator or query.group_by is not None)


def refuse_wide_lock(queryset: QuerySet) -> None:
    query = queryset.query
    if query.select_for_update and query.select_related and not query.select_for_update_of:
        raise TypeError(
            f"select_for_update() on {queryset.model.__name__} also locks what select_related() joins; "
            'say which table is meant, for example of=("self",)'
        )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    _chance.seed(item.nodeid)


def pytest_configure() -> None:
    QuerySet._fetch_all = fetch_all
    QuerySet.iterator = iterator


def pytest_unconfigure() -> None:
    QuerySet._fetch_all = _fetch_all
    QuerySet.iterator = _iterator
