"""Pytest plugin: a test talks to nobody, unless it asks to talk to this machine with `@pytest.mark.loopback`.

PostgreSQL is not affected: its client library opens its own connections, outside Python's `socket`.
"""

import ipaddress
import socket
from typing import Any

import pytest


class SocketRefused(RuntimeError):
    """A test tried to reach the network."""


@pytest.fixture(autouse=True)
def _refuse_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = request.node.get_closest_marker("loopback") is not None

    def guarded(original: Any) -> Any:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                check(str(address[0]), asked=asked)
            return original(self, address)

        return connect

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        check(host.decode() if isinstance(host, bytes) else str(host or "localhost"), asked=asked)
        return getaddrinfo(host, *args, **kwargs)

    getaddrinfo = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))


def check(host: str, *, asked: bool) -> None:
    """Let a test that asked reach this machine; any name but localhost would have to be looked up outside."""
    if not is_loopback(host):
        raise SocketRefused(f"a test tried to reach {host}; only this machine may be reached, when asked")
    if not asked:
        raise SocketRefused(f"a test tried to reach {host}; if it needs to, mark it @pytest.mark.loopback")


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "loopback: this test connects to a server on this machine")
