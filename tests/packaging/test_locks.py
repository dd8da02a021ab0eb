"""What `bootstrap.py` installs: pinned by hash, from no index in particular, as `pyproject.toml` asks."""

import os
import re
import subprocess
import sys
import tomllib

import pytest
from django.conf import settings
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = settings.BASE_DIR
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {"standalone": "standalone", "test": "dev", "browser": "browser", "django61": "dev"}
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def asked_for(extra):
    """Follow the extras that name other extras of this project."""
    requirements = []
    for text in PROJECT["optional-dependencies"][extra]:
        requirement = Requirement(text)
        if requirement.name == PROJECT["name"]:
            for other in requirement.extras:
                requirements += asked_for(other)
        else:
            requirements.append(requirement)
    return requirements


def pinned(lock):
    """Return the versions of each package; one may be pinned twice, for older and newer Pythons."""
    versions = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE):
        versions.setdefault(name, []).append(version)
    return versions


def test_there_is_one_lock_for_every_way_to_run():
    assert {lock.stem for lock in LOCKS} == set(EXTRAS)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_names_no_index_and_pins_every_file(lock):
    text = lock.read_text(encoding="utf-8")

    assert [line for line in text.splitlines() if "://" in line or line.startswith("-")] == []
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_holds_what_the_project_asks_for(lock):
    versions = pinned(lock)

    missing = [
        f"{requirement}: run python3 bootstrap.py lock"
        for requirement in [*map(Requirement, PROJECT["dependencies"]), *asked_for(EXTRAS[lock.stem])]
        for found in [versions.get(canonicalize_name(requirement.name), [])]
        if not found or not all(requirement.specifier.contains(version) for version in found)
    ]

    assert missing == []


def test_the_long_term_django_is_locked_by_default_and_the_newer_one_in_its_own_lane():
    lines = {lock.stem: pinned(lock)["django"][0].rpartition(".")[0] for lock in LOCKS}

    assert lines == {"standalone": "5.2", "test": "5.2", "browser": "5.2", "django61": "6.1"}


@pytest.mark.slow
@pytest.mark.once
def test_an_index_that_does_not_answer_is_explained_and_leaves_no_half_environment(tmp_path):
    for name in ("bootstrap.py", "pyproject.toml", "requirements/standalone.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    unreachable = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0"}

    done = subprocess.run(
        [sys.executable, "bootstrap.py", "demo"],
        cwd=tmp_path, env=kept | unreachable, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "name one that it can reach in PIP_INDEX_URL" in done.stderr
    assert not (tmp_path / ".venv" / "standalone" / "built-from").exists()
