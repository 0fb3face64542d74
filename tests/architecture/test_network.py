"""No test reaches beyond this machine: a promise of the settings, tried out."""

import socket

import pytest
from pytest_socket import SocketConnectBlockedError


def test_a_test_cannot_reach_the_network() -> None:
    """Connecting anywhere but to this machine is refused before a packet leaves."""
    with (
        socket.socket() as plug,
        pytest.raises(SocketConnectBlockedError),
        pytest.warns(UserWarning, match="allowed"),
    ):
        plug.connect(("192.0.2.1", 443))


def test_a_test_can_reach_this_machine() -> None:
    """Connecting to a server on 127.0.0.1 is allowed: the simulated venue is one."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as plug,
    ):
        assert plug.getpeername() == server.getsockname()
