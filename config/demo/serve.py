"""Runs the demo: the site and a Celery worker with its beat, both ended with this process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

STARTS_WITHIN_SECONDS = 60
STOPS_WITHIN_SECONDS = 10

Process = subprocess.Popen[bytes]


class Stopped(Exception):
    """Somebody asked us to stop."""


def serve(*, port: int, ready: Callable[[str], None]) -> int:
    """Start everything, say when the pages answer, and stay until somebody stops us or a part dies.

    Gives 0 when stopped, 1 when something ended by itself. Each part leads a process group of its own, so
    that its children end with it and Ctrl-C reaches only us.
    """
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    started: list[Process] = []
    try:
        for command in (_site(port), _worker()):
            started.append(_start(command))
        address = f"http://127.0.0.1:{port}/"
        _wait_for_pages(address, started)
        ready(address)
        sys.stdout.flush()
        return _watch(started)
    except Stopped:
        return 0
    finally:
        _end(started)


def _site(port: int) -> Sequence[str]:
    return (
        sys.executable,
        "-m",
        "gunicorn",
        "config.wsgi:application",
        "--bind",
        f"127.0.0.1:{port}",
        "--worker-class",
        "gthread",
        "--threads",
        "8",
        "--log-level",
        "warning",
    )


def _worker() -> Sequence[str]:
    # Threads, because the prefork pool takes long to stop; one process is plenty for a demo.
    return (
        sys.executable,
        "-m",
        "celery",
        "--app",
        "config",
        "worker",
        "--beat",
        "--pool",
        "threads",
        "--concurrency",
        "2",
        "--loglevel",
        "warning",
        "--without-mingle",
        "--without-gossip",
    )


def _start(command: Sequence[str]) -> Process:
    # Celery greets on standard output; ours is for the addresses and the line `ready`.
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)  # noqa: S603


def _wait_for_pages(address: str, started: Sequence[Process]) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < deadline:
        _require_alive(started)
        with suppress(URLError, ConnectionError, TimeoutError), urlopen(address, timeout=5):  # noqa: S310
            return
        time.sleep(0.2)
    raise RuntimeError(f"The pages did not answer at {address} within {STARTS_WITHIN_SECONDS} seconds.")


def _require_alive(started: Sequence[Process]) -> None:
    for process in started:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended by itself, with {process.returncode}.")


def _watch(started: Sequence[Process]) -> int:
    while all(process.poll() is None for process in started):
        time.sleep(0.5)
    return 1


def _end(started: Sequence[Process]) -> None:
    """Ask each part to end, and see that it and its children have."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for process in started:
        _signal(process, signal.SIGTERM)
    for process in started:
        try:
            process.wait(STOPS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()
        # Whatever a part has started and not ended itself, its beat for one, still is in its group.
        _signal(process, signal.SIGKILL)


def _signal(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped
