"""Pytest plugin: write down how many tests passed, failed and were skipped, for whoever started this run.

Reading the counts from a file of our own is sturdier than parsing pytest's closing line, whose wording is
not a promise.
"""

import json
import os
from collections.abc import Mapping, Sized
from pathlib import Path

import pytest

VARIABLE = "ENCORE_TALLY"


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if VARIABLE in os.environ:
        tally = count(terminalreporter.stats)
        Path(os.environ[VARIABLE]).write_text(json.dumps(tally), encoding="ascii")


def count(stats: Mapping[str, Sized]) -> dict[str, int]:
    """Count a test that broke in its set-up or tear-down as failed."""
    return {
        "passed": len(stats.get("passed", ())),
        "failed": len(stats.get("failed", ())) + len(stats.get("error", ())),
        "skipped": len(stats.get("skipped", ())),
    }
