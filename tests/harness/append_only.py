"""Pytest plugin: empty the append-only tables between tests that commit.

Their triggers refuse DELETE and TRUNCATE, which is how Django empties a database after a transactional
test. Here, and nowhere else, they are taken away for that moment.
"""

import contextlib
from collections.abc import Callable

import pytest
from django.db import connections
from django.test import TransactionTestCase

from backstage.ddl import triggers_dropped

_teardown: Callable[[TransactionTestCase], None] = TransactionTestCase._fixture_teardown


def teardown(test: TransactionTestCase) -> None:
    with contextlib.ExitStack() as stack:
        for alias in test._databases_names(include_mirrors=False):
            stack.enter_context(triggers_dropped(connections[alias]))
        _teardown(test)


def pytest_configure() -> None:
    TransactionTestCase._fixture_teardown = teardown


def pytest_unconfigure(config: pytest.Config) -> None:
    TransactionTestCase._fixture_teardown = _teardown
