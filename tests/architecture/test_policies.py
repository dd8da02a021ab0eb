"""Rules are pure: the same values in give the same answer out, at the checkout, in a forecast, in a test."""

import ast

import pytest

from tests.architecture.house import calls, nodes, place, sources

pytestmark = pytest.mark.once

# Of Django, a rule may have the words of its sentences.
WORDS = {"django.utils.translation", "django.utils.functional"}
IMPURE = {"now", "today", "utcnow", "time", "monotonic", "random", "randint", "uuid4", "token_hex", "getenv"}


def test_a_rule_has_nothing_of_django_but_words():
    found = {
        place(path, node): node.module
        for path in sources("policies")
        for node in nodes(path, ast.ImportFrom)
        if (node.module or "").startswith("django") and node.module not in WORDS
    }

    assert found == {}


def test_a_rule_reads_no_clock_and_throws_no_dice():
    found = {
        place(path, call): name
        for path in sources("policies")
        for name, call in calls(path)
        if name in IMPURE and not call.args and not call.keywords
    }

    assert found == {}


def test_a_rule_reads_and_writes_no_file():
    found = {
        place(path, call): name
        for path in sources("policies")
        for name, call in calls(path)
        if name in {"open", "read_text", "write_text", "print"}
    }

    assert found == {}
