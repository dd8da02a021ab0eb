"""The demo as a newcomer starts it: one command, a line `ready`, pages, a clock, and nothing left behind."""

import http.cookiejar
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.loopback]
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def demo(tmp_path):
    """A running demo with a small shop and data of its own; gives its process and address."""
    port = free_port()
    env = {
        **os.environ,
        "ENCORE_DEMO_CLOCK": "true",
        "ENCORE_VAR_DIR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'encore.sqlite3'}",
        "CELERY_BROKER_URL": "filesystem://",
        "LOG_LEVEL": "WARNING",
    }
    command = [
        sys.executable,
        "manage.py",
        "encore",
        "demo",
        "--port",
        str(port),
        "--members",
        "30",
        "--months",
        "1",
    ]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, f"http://127.0.0.1:{port}"
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(60)


def wait_for_ready(process):
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ready"):
            return line
    raise AssertionError("the demo ended without a line that begins with ready")


class Visitor:
    """Somebody with a browser: follows links, keeps cookies, sends forms."""

    def __init__(self, address):
        self.address = address
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )

    def get(self, path):
        with self.opener.open(self.address + path, timeout=30) as answer:
            return answer.read().decode()

    def post(self, path, page, **fields):
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page).group(1)
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": token, **fields}).encode()
        request = urllib.request.Request(self.address + path, data, {"Referer": self.address})
        with self.opener.open(request, timeout=30) as answer:
            return answer.read().decode()


def test_a_newcomer_sees_points_on_the_way_become_ready_and_the_demo_ends_whole(demo):
    process, address = demo
    line = wait_for_ready(process)
    visitor = Visitor(address)
    visitor.post("/demo/sign-in/", visitor.get("/"), **{"as": "member"})
    visitor.post("/demo/shop/order/", visitor.get("/demo/shop/"), sku="GRINDER", once="1a")
    waiting = visitor.get("/club/")

    visitor.post("/demo/clock/", waiting, by="month", next="/club/")
    visitor.post("/demo/clock/", visitor.get("/club/"), by="day", next="/club/")
    ready = visitor.get("/club/")
    children = children_of(process.pid)
    process.send_signal(signal.SIGTERM)

    assert address in line
    assert "1,780" in waiting  # 890 for the grinder, and as many again for Kaffe Plus
    assert "on their way" in waiting
    assert "on their way" not in ready
    assert process.wait(60) == 0
    assert [child for child in children if is_alive(child)] == []


def test_the_worker_writes_down_what_the_clock_has_decided(demo, tmp_path):
    process, address = demo
    wait_for_ready(process)
    visitor = Visitor(address)
    visitor.post("/demo/sign-in/", visitor.get("/"), **{"as": "member"})

    visitor.post("/demo/clock/", visitor.get("/"), by="month", next="/")

    assert wait_for_runs(tmp_path / "encore.sqlite3") == [
        ("expire_due_points", "done"),
        ("release_due_points", "done"),
        ("void_stale_holds", "done"),
    ]


def wait_for_runs(database):
    """Give the runs of the moved clock's own slot, once all three are over."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    runs = []
    while time.monotonic() < deadline and len(runs) < 3:
        time.sleep(0.5)
        with closing(sqlite3.connect(database)) as connection:
            runs = connection.execute(
                "SELECT job, state FROM encore_backstage_jobrun"
                " WHERE slot LIKE 'demo:%' AND finished_at IS NOT NULL ORDER BY job"
            ).fetchall()
    return runs


def children_of(pid):
    """List the processes that a process has started, and theirs."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, row.split())) for row in listed.splitlines()]
    found, wanted = [], [pid]
    while wanted:
        parent = wanted.pop()
        born = [child for child, of in pairs if of == parent]
        found += born
        wanted += born
    return found


def is_alive(pid):
    """Tell whether a process still runs; one that has ended and waits to be collected does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(state.stdout.strip()) and not state.stdout.startswith("Z")
