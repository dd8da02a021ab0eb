"""The strict harness: what production forgives, a test does not. One rule per file in `tests/harness/`."""

from importlib.util import find_spec

# Its tests import playwright, which only the browser's own environment has; the lanes say when they leave
# it out.
collect_ignore = [] if find_spec("playwright") else ["browser"]
pytest_plugins = [
    "pytester",
    "tests.harness.append_only",
    "tests.harness.client",
    "tests.harness.clock",
    "tests.harness.language",
    "tests.harness.querysets",
    "tests.harness.random_histories",
    "tests.harness.reports",
    "tests.harness.sockets",
    "tests.harness.undefined_variables",
]
