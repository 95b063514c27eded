"""The tests themselves run with the network out of reach."""

from __future__ import annotations

import socket
import urllib.request

import pytest


def test_no_socket_leaves_this_machine() -> None:
    with socket.socket() as outside, pytest.raises(OSError, match=r"a test reached for the network: 192\.0\.2\.1"):
        outside.connect(("192.0.2.1", 80))
    with pytest.raises(OSError, match=r"a test reached for the network: example\.com"):
        urllib.request.urlopen("http://example.com")


def test_loopback_stays_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()
