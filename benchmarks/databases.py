"""Databases of the benchmark's own: made beside the project's, dropped at the end."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.db import connection
from psycopg import sql

SERVER = "postgres://postgres@127.0.0.1:5432/postgres"


def server_url() -> str:
    """Give the address of the server that DATABASE_URL names, else of the local one."""
    url = os.environ.get("DATABASE_URL", "")
    return url if url.startswith(("postgres://", "postgresql://")) else SERVER


def find_server() -> str:
    """Say why no server can be used; nothing if one can."""
    try:
        with psycopg.connect(_at(server_url(), "postgres"), connect_timeout=3):
            return ""
    except psycopg.Error as error:
        return f"no PostgreSQL server: {str(error).strip().splitlines()[0]}"


def _at(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextmanager
def temporary_url(lane: str) -> Iterator[str]:
    """Make an empty database for one lane; drop it and its copies in the end."""
    if lane == "sqlite":
        with tempfile.TemporaryDirectory(prefix="encore_bench_") as folder:
            yield f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
        return
    name = f"encore_bench_{os.getpid()}"
    with psycopg.connect(_at(server_url(), "postgres"), autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield _at(server_url(), name)
        finally:
            rows = server.execute(
                "SELECT datname FROM pg_database WHERE datname = %s OR starts_with(datname, %s)",
                [name, f"{name}_"],
            )
            for (database,) in rows.fetchall():
                server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))


class Copies:
    """Copies of the lane's database, so that each window starts from the same rows."""

    def __init__(self) -> None:
        self.base = connection.settings_dict["NAME"]
        self.numbers = 0

    def keep(self, name: str) -> str:
        """Copy what the connection is at under a name that `fresh` can start from."""
        return self._copy(connection.settings_dict["NAME"], f"{self.base}_{name}")

    @contextmanager
    def fresh(self, template: str) -> Iterator[None]:
        """Work on a new copy of a template; drop it afterwards."""
        self.numbers += 1
        name, before = f"{self.base}_{self.numbers}", connection.settings_dict["NAME"]
        self._copy(template, name)
        use(name)
        try:
            yield
        finally:
            use(before)
            with self._server() as server:
                server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _copy(self, template: str, name: str) -> str:
        connection.close()
        with self._server() as server:
            # By files: it ends with a checkpoint, so that all windows begin with the same work ahead.
            statement = "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY"
            if server.info.server_version < 150000:
                statement = "CREATE DATABASE {} TEMPLATE {}"
            server.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Identifier(template)))
        return name

    @staticmethod
    def _server() -> psycopg.Connection:
        return psycopg.connect(_at(server_url(), "postgres"), autocommit=True)


def use(name: str) -> None:
    """Point the project's connection at another database."""
    connection.close()
    connection.settings_dict["NAME"] = name
