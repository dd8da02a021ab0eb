"""Run the suite once per database, and with `--all` its slow group and once more on Django 6.1.

Says for each lane how it went and for each that was left out why. The last line is the sum over all lanes,
in the plain form of a test runner's closing line; the exit code is 1 if anything failed anywhere.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness import postgres_server, tally

NO_TESTS_COLLECTED = 5
FAST, SLOW, BUT_ONCE = "not slow and not browser", "slow and not browser", " and not once"
# A worker for each core, with a database of its own, but no more than a server has connections for. A file
# stays with one worker, so that what its tests share is made once. A worker that dies ends the lane: another
# would be given the same file, and die of the same test.
WORKERS = ("--numprocesses=auto", "--maxprocesses=8", "--dist=loadfile", "--max-worker-restart=0")


@dataclass(frozen=True, slots=True)
class Lane:
    """One run of pytest: with which Python, on which database, which group of tests."""

    name: str
    python: str
    vendor: str
    group: str
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    left_out: str = ""

    def __str__(self) -> str:
        if self.left_out:
            return f"left out: {self.left_out}"
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped} in {self.seconds:.0f} s"


def main() -> int:
    # A server of ours is stopped, not orphaned, when somebody ends this run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments, for_pytest = read_arguments()
    outcomes: dict[str, Outcome] = {}
    with contextlib.ExitStack() as stack:
        try:
            url, source = stack.enter_context(postgres_server.running())
            print(f"PostgreSQL: {source}", flush=True)
        except postgres_server.NoServer as reason:
            url = ""
            outcomes["PostgreSQL"] = Outcome(left_out=str(reason), failed=1 if arguments.all else 0)
        lanes = plan(url, everything=arguments.all, django61=arguments.django61, browser=arguments.browser)
        for lane in lanes:
            print(f"\n== {lane.name}", flush=True)
            outcomes[lane.name] = run(lane, for_pytest)
    return report(outcomes | left_out(arguments))


def read_arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="bootstrap.py test", add_help=False)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--django61", default="", metavar="PYTHON")
    parser.add_argument("--browser", default="", metavar="PYTHON")
    return parser.parse_known_args()


def left_out(arguments: argparse.Namespace) -> dict[str, Outcome]:
    """Say which lanes did not run, and why."""
    if not arguments.all:
        return {"slow group, browser, Django 6.1": Outcome(left_out="they run with --all and in CI")}
    reasons = {}
    if not arguments.browser:
        reasons["Browser"] = Outcome(left_out="no Chromium was found; on Debian: apt install chromium")
    if not arguments.django61:
        reasons["Django 6.1"] = Outcome(left_out="it needs Python 3.12 or newer, and none was found")
    return reasons


def plan(postgres_url: str, *, everything: bool, django61: str = "", browser: str = "") -> list[Lane]:
    """List the lanes; what does not depend on the database runs on SQLite alone."""
    here = sys.executable
    databases = {"SQLite": ("sqlite", "", {"DATABASE_URL": ""})}
    if postgres_url:
        databases["PostgreSQL"] = ("postgresql", BUT_ONCE, {"DATABASE_URL": postgres_url})
    lanes = [
        Lane(name, here, vendor, FAST + but, WORKERS, where)
        for name, (vendor, but, where) in databases.items()
    ]
    if everything:
        lanes += [
            Lane(f"{name}, slow group", here, vendor, SLOW + but, WORKERS, where)
            for name, (vendor, but, where) in databases.items()
        ]
    name, (vendor, _, where) = list(databases.items())[-1]
    if everything and browser:
        lanes.append(Lane(f"{name}, browser", browser, vendor, "browser", (), where))
    if everything and django61:
        lanes.append(Lane(f"{name}, Django 6.1", django61, vendor, FAST + BUT_ONCE, WORKERS, where))
    return lanes


def run(lane: Lane, for_pytest: list[str]) -> Outcome:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="encore-suite-") as folder:
        Path(folder).chmod(0o711)  # a server started by a test may run as another user
        counts = Path(folder) / "tally.json"
        told = {"ENCORE_TEST_VENDOR": lane.vendor, tally.VARIABLE: str(counts), "TMPDIR": folder}
        environment = {**os.environ, **lane.environment, **told}
        command = [lane.python, "-m", "pytest", "-p", "tests.harness.tally", "-m", lane.group]
        command += [*lane.options, *for_pytest]
        code = subprocess.run(command, check=False, env=environment, stdin=subprocess.DEVNULL).returncode
        seen = json.loads(counts.read_text()) if counts.exists() else {"failed": 0}
    if code not in (0, NO_TESTS_COLLECTED) and not seen["failed"]:
        seen["failed"] = 1  # pytest itself broke down: no test may have failed, and yet nothing was proved
    return Outcome(**seen, seconds=time.monotonic() - began)


def report(outcomes: Mapping[str, Outcome]) -> int:
    width = max(map(len, outcomes))
    print("\n" + "\n".join(f"{name:<{width}}  {outcome}" for name, outcome in outcomes.items()))
    passed = sum(outcome.passed for outcome in outcomes.values())
    failed = sum(outcome.failed for outcome in outcomes.values())
    print(f"\n{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
