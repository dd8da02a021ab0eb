"""Pytest plugin: whatever a test has said can be sent from a worker to the process that counts.

Reports travel as UTF-8, which has no half of a surrogate pair. A test of how such a text is refused may have
it in its log; sending that would end the whole run, not the test.
"""

from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    return sendable((yield))


def sendable(told: Any) -> Any:
    if isinstance(told, str):
        return told.encode(errors="backslashreplace").decode()
    if isinstance(told, dict):
        return {sendable(name): sendable(value) for name, value in told.items()}
    if isinstance(told, list | tuple):
        return type(told)(map(sendable, told))
    return told
