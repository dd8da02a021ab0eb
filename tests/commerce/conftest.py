"""The shop that the tests of commerce are about."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from commerce import registry
from tests.factories.commerce import ChannelFactory


@pytest.fixture
def web(db):
    """A web shop that numbers its changes."""
    return ChannelFactory()


@pytest.fixture
def store(db):
    """A store whose till tells the time of its changes."""
    return ChannelFactory(key="store", name="Store", kind="store", timed=True)


@pytest.fixture
def alice(db):
    """A login."""
    return get_user_model().objects.create_user("alice")


@pytest.fixture
def mallory(db):
    """A login that types in other people's addresses."""
    return get_user_model().objects.create_user("mallory")


@pytest.fixture(autouse=True)
def own_doors(monkeypatch):
    """Open the doors of commerce to the test alone, and leave those of the process as they were."""
    for door in (registry.purchase_reactions, registry.customer_merges):
        monkeypatch.setattr(door, "_things", {})
        monkeypatch.setattr(door, "duplicates", [])


def at_once(*deeds: Callable[[], object]) -> list[object]:
    """Do several things at the same time, each on its own connection."""

    def alone(deed: Callable[[], object]) -> object:
        try:
            return deed()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(alone, deed) for deed in deeds]]


@pytest.fixture
def copies():
    """Return how many of so many COPY statements Django does not count."""
    return lambda count: count if connection.vendor == "postgresql" else 0
