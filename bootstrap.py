#!/usr/bin/env python3
"""Everything a newcomer needs, from a bare Python: `python3 bootstrap.py demo`.

Each verb makes sure of its environment under `.venv/` and then becomes the command that does the work. An
environment belongs to one lock in `requirements/`; it is built once and built anew when the lock or the
Python changes. Only the standard library is imported here, since nothing else is there yet.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
OLDEST_PYTHON = (3, 11)
OLDEST_PYTHON_FOR_DJANGO_61 = (3, 12)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

PRODUCTION = {
    "ALLOWED_HOSTS": "points.example.com",
    "CSRF_TRUSTED_ORIGINS": "https://points.example.com",
    "DEBUG": "false",
    "SECRET_KEY": "only-for-the-check-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
}
LINT = (
    ("style", ["-m", "ruff", "check", "."], {}),
    ("layout", ["-m", "ruff", "format", "--check", "."], {}),
    ("types", ["-m", "mypy"], {}),
    ("layers", ["-c", "from importlinter.cli import lint_imports_command as lint; lint()"], {}),
    ("packages declared and used", ["-m", "deptry", "."], {}),
    ("migrations written", ["manage.py", "makemigrations", "--check", "--dry-run"], {}),
    ("safe to deploy", ["manage.py", "check", "--deploy", "--fail-level", "WARNING"], PRODUCTION),
)
# name of the lock: (extra of pyproject.toml, constraints, oldest Python that it must serve)
LOCKS = {
    "standalone": ("standalone", "django52.in", "3.11"),
    "test": ("dev", "django52.in", "3.11"),
    "browser": ("browser", "django52.in", "3.11"),
    "django61": ("dev", "django61.in", "3.12"),
}


def main() -> None:
    refuse_old_python()
    arguments, rest = read_arguments()
    os.chdir(ROOT)
    if arguments.verb == "demo":
        options = ["--port", str(arguments.port), *(["--fresh"] if arguments.fresh else [])]
        become(environment("standalone"), ["manage.py", "encore", "demo", *options])
    if arguments.verb == "test":
        become(environment("test"), ["-m", "tests.harness.lanes", *lanes(everything=arguments.all), *rest])
    if arguments.verb == "lint":
        lint(environment("test"))
    if arguments.verb == "bench":
        become(environment("test"), ["-m", "benchmarks", *rest])
    if arguments.verb == "lock":
        lock(environment("test"))


def read_arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="bootstrap.py", description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    demo = verbs.add_parser("demo", help="a believable shop with its loyalty programme, in your browser")
    demo.add_argument("--port", type=int, default=8000, help="where the pages answer (8000)")
    demo.add_argument("--fresh", action="store_true", help="forget the last demo and build the shop anew")
    test = verbs.add_parser("test", help="the suite on SQLite and on PostgreSQL; more arguments go to pytest")
    test.add_argument(
        "--all", action="store_true", help="the slow group, the browser and Django 6.1 too, as CI does"
    )
    verbs.add_parser("lint", help="style, types, layers, packages, migrations, deployment")
    verbs.add_parser("bench", help="speed beside the database's own; more arguments go to the benchmark")
    verbs.add_parser("lock", help="write requirements/*.txt anew from pyproject.toml")
    arguments, rest = parser.parse_known_args()
    if rest and arguments.verb not in ("test", "bench"):
        parser.error(f"{arguments.verb} does not know {' '.join(rest)}")
    if arguments.verb == "test" and os.environ.get("CI") == "true":
        arguments.all = True
    return arguments, rest


# Environments


def environment(lock_name: str, python: str = sys.executable) -> str:
    """Return the Python of the environment for one lock; build it when it is missing or stale."""
    requirements = ROOT / "requirements" / f"{lock_name}.txt"
    folder = ROOT / ".venv" / lock_name
    interpreter = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / "built-from"
    wanted = hashlib.sha256(requirements.read_bytes() + os.path.realpath(python).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted and interpreter.exists():
        return str(interpreter)

    refuse_without_venv(python)
    began = time.monotonic()
    say(f"Making the environment .venv/{lock_name}, once; this takes a minute or two.")
    try:
        subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True, stdout=subprocess.DEVNULL)
    except (subprocess.CalledProcessError, PermissionError):
        stop(f"No environment could be made in {folder}.\nDoes the folder belong to you? If not, remove it.")
    install(str(interpreter), requirements)
    stamp.write_text(wanted)
    say(f"Made in {time.monotonic() - began:.0f} s.")
    return str(interpreter)


def install(interpreter: str, requirements: Path) -> None:
    """Install one lock, each file checked against its hash."""
    patience = [] if "PIP_RETRIES" in os.environ else ["--retries", "2"]
    command = [interpreter, "-m", "pip", "--disable-pip-version-check", "install", "-qq", *patience]
    command += ["--require-hashes", "--requirement", str(requirements)]
    if subprocess.run(command, check=False).returncode:
        stop(
            "The packages could not be installed; pip says why above. If this machine cannot reach the\n"
            "public package index, name one that it can reach in PIP_INDEX_URL (certificate in PIP_CERT),\n"
            "or a folder of downloaded packages in PIP_FIND_LINKS with PIP_NO_INDEX=1; then try again."
        )


def refuse_old_python() -> None:
    if sys.version_info >= OLDEST_PYTHON:
        return
    newer = find_python(OLDEST_PYTHON)
    way_out = (
        f"There is one here: {newer} bootstrap.py" if newer else "Install one and run bootstrap.py with it."
    )
    stop(
        f"This is Python {sys.version_info[0]}.{sys.version_info[1]}; encore needs 3.11 or newer.\n{way_out}"
    )


def refuse_without_venv(python: str) -> None:
    """Say which package is missing, since Debian and Ubuntu ship Python without its `venv`."""
    if python != sys.executable or (find_spec("venv") and find_spec("ensurepip")):
        return
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    stop(
        f"This Python ({sys.executable}) comes without `venv`, which makes environments.\n"
        f"On Debian or Ubuntu: apt install python{version}-venv. Then run this again."
    )


def find_python(oldest: tuple[int, int]) -> str | None:
    """Look for a Python that is new enough and can make environments; PATH may name some that do not run."""
    names = [shutil.which(f"python3.{minor}") for minor in range(14, oldest[1] - 1, -1)]
    kept_by_pyenv = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python"), reverse=True)
    probe = f"import ensurepip, sys, venv; sys.exit(sys.version_info < {oldest})"
    for python in [sys.executable, *filter(None, names), *map(str, kept_by_pyenv)]:
        if subprocess.run([python, "-c", probe], check=False, capture_output=True).returncode == 0:
            return python
    return None


# Verbs that do more than hand over


def lanes(*, everything: bool) -> list[str]:
    """Tell the suite which lanes to run; two of them need an environment of their own."""
    if not everything:
        return []
    newer = find_python(OLDEST_PYTHON_FOR_DJANGO_61)
    browser = any(map(shutil.which, BROWSERS))
    return [
        "--all",
        *(["--django61", environment("django61", newer)] if newer else []),
        *(["--browser", environment("browser")] if browser else []),
    ]


def lint(python: str) -> NoReturn:
    failed = []
    for name, command, extra in LINT:
        say(f"\n== {name}")
        if subprocess.run([python, *command], check=False, env={**os.environ, **extra}).returncode:
            failed.append(name)
    say(f"\nlint: {'not clean: ' + ', '.join(failed) if failed else 'clean'}")
    sys.exit(1 if failed else 0)


def lock(python: str) -> None:
    """Resolve each lock anew for every platform; no address of an index is written down."""
    for name, (extra, constraints, oldest) in LOCKS.items():
        command = [python, "-m", "uv", "pip", "compile", "pyproject.toml", "--extra", extra, "--upgrade"]
        command += ["--constraint", f"requirements/{constraints}", "--python-version", oldest, "--universal"]
        command += ["--generate-hashes", "--no-header", "--no-emit-index-url", "--no-emit-find-links"]
        command += ["--output-file", f"requirements/{name}.txt", "--quiet"]
        subprocess.run(command, check=True, env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"})
        say(f"requirements/{name}.txt written")


def become(python: str, command: list[str]) -> NoReturn:
    """Replace this process: Ctrl-C and TERM then reach the command itself, and nobody has to pass them on."""
    sys.stdout.flush()
    if os.name == "nt":
        # exec would detach from the console
        sys.exit(subprocess.run([python, *command], check=False).returncode)
    os.execv(python, [python, *command])


def say(text: str) -> None:
    print(text, flush=True)


def stop(text: str) -> NoReturn:
    print(text, file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main()
