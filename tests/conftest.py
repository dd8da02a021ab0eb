"""The strict harness: what production forgives, a test does not. One rule per file in `tests/harness/`."""

pytest_plugins = [
    "pytester",
    "tests.harness.append_only",
    "tests.harness.client",
    "tests.harness.clock",
    "tests.harness.querysets",
    "tests.harness.random_histories",
    "tests.harness.sockets",
    "tests.harness.undefined_variables",
]
