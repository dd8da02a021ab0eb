"""Pytest plugin: how Hypothesis looks for a history that breaks something.

On a developer's machine every run tries other histories; in CI always the same ones, so that a change is
judged by what it changes. Nothing is timed: two databases and a busy machine are slow in ways that say
nothing about the code.
"""

import os

from hypothesis import HealthCheck, Phase, settings

IN_CI = os.environ.get("CI") == "true"

settings.register_profile(
    "encore",
    deadline=None,
    derandomize=IN_CI,
    database=None if IN_CI else settings().database,
    print_blob=True,
    # Without Phase.explain, which traces every line of Django and turns a failure of seconds into minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink],
    # A database that is emptied per example is what these tests are about, and it takes its time.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("encore")
