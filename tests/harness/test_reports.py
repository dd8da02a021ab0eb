"""What a worker sends."""

import pytest
from django.conf import settings

from tests.harness.reports import sendable

pytestmark = pytest.mark.once


def test_half_a_surrogate_pair_is_sent_as_it_is_written():
    report = {"sections": [("Captured log call", "b\ud800c żółw 🐢")], "longrepr": None, "duration": 0.5}

    assert sendable(report) == {
        "sections": [("Captured log call", r"b\ud800c żółw 🐢")],
        "longrepr": None,
        "duration": 0.5,
    }


def test_a_test_whose_log_holds_half_a_pair_fails_alone(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(settings.BASE_DIR))
    pytester.makeconftest('pytest_plugins = ["tests.harness.reports"]')
    pytester.makepyfile(
        """
        import logging

        def test_says_it():
            logging.getLogger("shop").error("\\ud800")
            assert "\\ud800" == ""

        def test_says_nothing():
            pass
        """
    )

    result = pytester.runpytest_subprocess("-n1", "-p", "no:django")

    result.assert_outcomes(passed=1, failed=1)
