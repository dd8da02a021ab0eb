"""What the environment decides, and what it may not."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from config import secret_key
from config.celery import app

PUBLIC = {"ALLOWED_HOSTS": "points.example.com", "SECRET_KEY": "a key for the test " * 4}


def manage(tmp_path, *command, **environment):
    kept = {
        name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "ENCORE_ENV_FILE") if name in os.environ
    }
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        env={**kept, "ENCORE_VAR_DIR": str(tmp_path), **environment},
        cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.once
def test_production_settings_pass_every_deployment_check(tmp_path):
    done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PUBLIC)

    assert (done.returncode, done.stdout.partition("(")[0]) == (0, "System check identified no issues ")


@pytest.mark.slow
@pytest.mark.once
def test_a_public_site_without_a_key_of_its_own_does_not_start(tmp_path):
    done = manage(tmp_path, "check", ALLOWED_HOSTS="points.example.com")

    assert done.returncode == 1
    assert done.stderr.startswith("The settings do not hold together: SECRET_KEY is not set")
    assert not (tmp_path / "secret-key").exists()


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("url", ["mysql://shop@127.0.0.1/shop", "the big one in the cellar"])
def test_a_database_that_the_ledger_cannot_run_on_is_refused_with_the_way_out(tmp_path, url):
    done = manage(tmp_path, "check", DATABASE_URL=url)

    assert done.returncode == 1
    assert done.stderr.startswith("The settings do not hold together: DATABASE_URL starts with")
    assert "postgres://user:password@host:5432/name" in done.stderr


def test_a_first_try_keeps_one_key_for_all_its_processes(tmp_path):
    path = tmp_path / "var" / "secret-key"

    key = secret_key.read_or_create(path)

    assert len(key) == 50
    assert secret_key.read_or_create(path) == key
    assert path.stat().st_mode & 0o077 == 0
    assert list(path.parent.iterdir()) == [path]


def test_a_task_of_a_killed_worker_goes_back_to_the_queue():
    assert (app.conf.task_acks_late, app.conf.task_reject_on_worker_lost) == (True, True)


def test_every_registered_job_is_on_the_beat():
    app.finalize()

    assert app.conf.beat_schedule
    assert all(entry["task"].startswith("encore.") for entry in app.conf.beat_schedule.values())


def test_the_databases_run_as_the_ledger_needs_them():
    options = settings.DATABASES["default"]["OPTIONS"]

    wanted = {"sqlite3": ("transaction_mode", "IMMEDIATE"), "postgresql": ("prepare_threshold", 5)}
    name, value = wanted[settings.DATABASES["default"]["ENGINE"].rpartition(".")[2]]
    assert options[name] == value
