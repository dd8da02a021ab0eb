"""Undefined template variables fail, and so does a needless permission for one."""

import pytest

PAGE = """
import pytest
from django.template import Context, Template

{marker}
def test_page():
    Template("{page}").render(Context({{"points": 120}}))
"""


def run(pytester: pytest.Pytester, page: str, marker: str = "") -> pytest.RunResult:
    pytester.makepyfile(PAGE.format(page=page, marker=marker))
    return pytester.runpytest_inprocess("-p", "tests.harness.undefined_variables", "-p", "no:django")


def test_a_variable_that_was_not_given_fails_the_test(pytester):
    result = run(pytester, "{{ points }} {{ balance.available }}")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*printed without having been given: balance.available in*"])


def test_a_default_does_not_excuse_a_variable_that_was_not_given(pytester):
    run(pytester, "{{ balance|default:'0' }}").assert_outcomes(failed=1)


def test_a_variable_that_was_given_passes(pytester):
    run(pytester, "{{ points }}").assert_outcomes(passed=1)


def test_a_marker_allows_one_variable_by_name(pytester):
    marker = "@pytest.mark.undefined_template_variables('balance')"

    run(pytester, "{{ balance }}", marker).assert_outcomes(passed=1)


def test_a_marker_that_is_no_longer_needed_fails_the_test(pytester):
    result = run(pytester, "{{ points }}", "@pytest.mark.undefined_template_variables('balance')")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*no longer undefined, take it out of the marker: balance*"])
