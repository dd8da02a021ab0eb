"""Pytest plugin: a template of ours that prints a variable nobody gave it fails the test.

Django prints nothing there and says nothing, so a renamed context variable shows as a gap on a page that
somebody must notice. Templates of other packages are left alone: Django's admin prints undefined variables
on purpose. `@pytest.mark.undefined_template_variables("name")` allows one, and fails when it is no longer
needed.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.template import engines
from django.template.base import FilterExpression, Node

MARKER = "undefined_template_variables"


class Spy(str):
    """An empty `string_if_invalid` that notes who asked for it.

    Django asks "is there a text for undefined variables?" at exactly one place; answering no keeps the page
    as it is in production, filters included. A text such as "%s" would switch the filters off.
    """

    __slots__ = ()
    seen: set[tuple[str, str]] = set()

    def __bool__(self) -> bool:
        asker = sys._getframe(1).f_locals.get("self")
        if isinstance(asker, FilterExpression):
            template = nearest_template()
            if is_ours(template):
                self.seen.add((str(asker.var), template))
        return False


def nearest_template() -> str:
    """Name the file of the innermost node being rendered; `context.template` would name the page's."""
    frame = sys._getframe(1)
    while frame := frame.f_back:
        node = frame.f_locals.get("self")
        if isinstance(node, Node) and getattr(node, "origin", None):
            return str(node.origin.name)
    return ""


def is_ours(template: str) -> bool:
    if template == "<unknown source>":  # written inside a test
        return True
    path = Path(template)
    return path.is_relative_to(settings.BASE_DIR) and ".venv" not in path.parts


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    watch()
    outer, Spy.seen = Spy.seen, set()  # a test of this plugin runs tests inside itself
    try:
        result = yield
    finally:
        seen, Spy.seen = Spy.seen, outer
    allowed = {name for marker in item.iter_markers(MARKER) for name in marker.args}
    found = {name for name, _ in seen}
    problems = [f"{name} in {template}" for name, template in sorted(seen) if name not in allowed]
    if problems:
        pytest.fail("printed without having been given: " + "; ".join(problems), pytrace=False)
    if allowed - found:
        pytest.fail(f"no longer undefined, take it out of the marker: {', '.join(sorted(allowed - found))}")
    return result


def watch() -> None:
    for engine in engines.all():
        engine.engine.string_if_invalid = Spy()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARKER}(*names): variables that this test leaves undefined")
