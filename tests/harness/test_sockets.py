"""Tests talk to nobody unasked."""

import socket

import pytest

from tests.harness.sockets import SocketRefused


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


def test_a_test_that_did_not_ask_reaches_not_even_this_machine(listener):
    with pytest.raises(SocketRefused, match=r"pytest\.mark\.loopback"):
        socket.create_connection(listener)


@pytest.mark.loopback
def test_a_test_that_asked_reaches_this_machine(listener):
    with socket.create_connection(listener) as connection:
        assert connection.getpeername() == listener


@pytest.mark.loopback
@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "shop.example.com"])
def test_nobody_reaches_another_machine(host):
    with pytest.raises(SocketRefused, match="only this machine"):
        socket.create_connection((host, 80), timeout=0.1)
