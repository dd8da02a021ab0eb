"""Pytest plugin: the business clock stands still, and only where a test asked for it.

A test that reads the clock without fixing it passes today and fails on a leap day. It either takes the
fixture `clock` or tells the operation when (`at=`). `@pytest.mark.real_clock` is for tests of the clock
itself. Whatever reads it writes `clock.now()`, never `from backstage.clock import now`: a name that was
imported cannot be replaced.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from backstage import clock as business

START = datetime(2026, 3, 3, 12, tzinfo=UTC)


class ClockNotFixed(RuntimeError):
    """A test read the business clock without having fixed it."""


class Clock:
    """The business time of one test; it moves forward when told to."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def move_to(self, at: datetime) -> datetime:
        assert at >= self.at, f"the clock moves forward only: it is {self.at}, you asked for {at}"
        self.at = at
        return at

    def advance(self, **by: float) -> datetime:
        """Take what `timedelta` takes: `clock.advance(days=14)`."""
        return self.move_to(self.at + timedelta(**by))


def refuse() -> datetime:
    raise ClockNotFixed(
        "this test reads the business clock without having fixed it: take the fixture `clock`, or pass at="
    )


@pytest.fixture(autouse=True)
def _business_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.node.get_closest_marker("real_clock"):
        monkeypatch.setattr(business, "now", refuse)


@pytest.fixture
def clock(_business_clock: None, monkeypatch: pytest.MonkeyPatch) -> Clock:
    fixed = Clock()
    replacement: Callable[[], datetime] = fixed.now
    monkeypatch.setattr(business, "now", replacement)
    return fixed


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real_clock: this test is about the business clock itself")
