"""The business clock is fixed, or not read."""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from backstage import clock as business
from tests.harness.clock import START, ClockNotFixed

APPS = [path.parent for path in sorted(Path(settings.BASE_DIR).glob("*/apps.py"))]


def test_a_test_that_did_not_fix_the_clock_cannot_read_it():
    with pytest.raises(ClockNotFixed, match="take the fixture `clock`, or pass at="):
        business.now()


def test_a_fixed_clock_stands_still_until_it_is_moved(clock):
    assert business.now() == business.now() == START

    clock.advance(days=14)

    assert business.now() == START + timedelta(days=14)


def test_a_fixed_clock_does_not_move_back(clock):
    with pytest.raises(AssertionError, match="forward only"):
        clock.move_to(START - timedelta(seconds=1))

    assert business.now() == START


@pytest.mark.real_clock
def test_a_test_of_the_clock_reads_the_real_one():
    assert abs(business.now() - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.name)
def test_nobody_imports_the_clock_reading_by_its_bare_name(app):
    bare = [
        f"{path.relative_to(app.parent)}:{node.lineno}"
        for path in sorted(app.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "backstage.clock"
        for name in node.names
        if name.name == "now"
    ]

    assert bare == []
