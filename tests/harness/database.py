"""Pytest plugin: the environment in which the settings are read.

Loaded by `-p`, because pytest-django reads the settings before any `conftest.py`: a DATABASE_URL set there
would be too late, and the run would silently stay on SQLite. The database is the one that DATABASE_URL
names, SQLite without it.
"""

import os
import tempfile

import pytest

_private_folder = tempfile.TemporaryDirectory(prefix="encore-test-")
os.environ["ENCORE_VAR_DIR"] = _private_folder.name  # two runs in one checkout must not share a SQLite file
os.environ["ENCORE_ENV_FILE"] = os.devnull
os.environ["SECRET_KEY"] = "the suite signs nothing that leaves it"
for _name in ("ALLOWED_HOSTS", "CELERY_BROKER_URL", "DEBUG", "LOG_LEVEL"):
    os.environ.pop(_name, None)  # a developer's own environment must not decide a test


@pytest.fixture(scope="session")
def promised_vendor() -> str:
    """The database that whoever started this run meant it to be on."""
    return _promised()


def _promised() -> str:
    on_postgresql = os.environ.get("DATABASE_URL", "").startswith("postgres")
    return os.environ.get("ENCORE_TEST_VENDOR", "postgresql" if on_postgresql else "sqlite")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `postgresql` where the run is not on it: SQLite has one writer at a time."""
    left_out = [item for item in items if item.get_closest_marker("postgresql") and _promised() == "sqlite"]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_unconfigure() -> None:
    _private_folder.cleanup()
