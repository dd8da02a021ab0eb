"""The wheel, as a shop gets it: built, looked into, installed into an empty environment, used."""

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = [pytest.mark.slow, pytest.mark.once]

ROOT: Path = settings.BASE_DIR
APPS = {"backstage", "commerce", "coupons", "loyalty"}
HOST = Path(__file__).parent / "host"


def run(*command, cwd, check=True):
    """Run as a stranger would: nothing of this checkout or of this run's settings is in the environment."""
    ours = ("DJANGO_SETTINGS_MODULE", "PYTHONPATH", "DATABASE_URL", "SECRET_KEY")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0 or not check, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build from a copy of what git tracks, so that a stray file in the checkout neither helps nor hurts."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in run("git", "ls-files", "-z", cwd=ROOT).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target, cwd=source)
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """An environment with the wheel and what it asks for, at the versions of our lock."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    interpreter = folder / "bin" / "python"
    locked = (ROOT / "requirements" / "standalone.txt").read_text()
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(re.findall(r"^(\S+==[^\\\n]+?) *\\?$", locked, re.MULTILINE)))
    run(interpreter, "-m", "pip", "install", "--quiet", "--constraint", constraints, wheel, cwd=folder)
    return interpreter


@pytest.fixture
def host(tmp_path):
    return shutil.copytree(HOST, tmp_path / "host", ignore=shutil.ignore_patterns("__pycache__"))


def test_the_wheel_holds_the_apps_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    assert {name.partition("/")[0] for name in names} == APPS | {"encore_loyalty-0.1.0.dist-info"}
    assert [name for name in names if "__pycache__" in name or "/tests/" in name] == []


def test_the_wheel_holds_every_file_that_the_apps_need(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.partition("/")[0] in APPS}

    tracked = run("git", "ls-files", "-z", *sorted(APPS), cwd=ROOT).stdout.split("\0")
    assert held == {name for name in tracked if name}


def test_a_purchase_in_a_fresh_shop_earns_its_points(python, host):
    run(python, "manage.py", "check", "--fail-level", "WARNING", cwd=host)
    run(python, "manage.py", "migrate", "--verbosity", "0", cwd=host)

    bought = run(python, "buy.py", cwd=host)

    assert bought.stdout == "12 pending, 0 available\n"


def test_another_package_called_loyalty_is_named_before_it_can_do_harm(python, host):
    (host / "loyalty").mkdir()
    (host / "loyalty" / "__init__.py").touch()

    refused = run(python, "manage.py", "check", cwd=host, check=False)

    assert refused.returncode == 1
    assert "encore.E001" in refused.stderr
    assert str(host / "loyalty") in refused.stderr
