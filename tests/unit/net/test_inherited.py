"""Sockets handed over by number."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from tricorn.config import Config
from tricorn.errors import BindError
from tricorn.net.listen import open_listeners
from tricorn.net.listener import Listener


def take(fd: int) -> Listener:
    (listener,) = open_listeners(Config.make(bind=[f"fd://{fd}"]).listen)
    return listener


def refusal(fd: int) -> str:
    with pytest.raises(BindError) as error:
        take(fd)
    return str(error.value)


@pytest.mark.parametrize("listening", [True, False])
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6, socket.AF_UNIX])
def test_takes_over_a_bound_socket(
    tmp_path: Path, family: socket.AddressFamily, listening: bool
) -> None:
    address: str | tuple[str, int]
    if family == socket.AF_UNIX:
        address = str(tmp_path / "app.sock")
    else:
        address = ("::1" if family == socket.AF_INET6 else "127.0.0.1", 0)
    sock = socket.socket(family)
    sock.bind(address)
    if listening:
        sock.listen(1)
    os.set_inheritable(sock.fileno(), True)
    listener = take(sock.detach())
    with closing(socket.socket(family)) as client:
        client.connect(listener.sock.getsockname())
    assert not listener.sock.getblocking()
    assert not listener.sock.get_inheritable()
    listener.close()
    if family == socket.AF_UNIX:
        assert (tmp_path / "app.sock").is_socket(), "its maker removes it, not we"


def test_closed_descriptor() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)
    assert f"descriptor {reader} is not an open socket" in refusal(reader)


def test_not_a_socket_stays_open(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        assert "is not an open socket" in refusal(file.fileno())
        file.write("still open")


def test_datagram_socket_stays_open() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.bind(("127.0.0.1", 0))
        assert "not a TCP or unix stream socket" in refusal(sock.fileno())
        assert sock.getsockname()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6, socket.AF_UNIX])
def test_unbound_socket(family: socket.AddressFamily) -> None:
    with closing(socket.socket(family)) as sock:
        assert "not bound to an address" in refusal(sock.fileno())


def test_connection() -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as server,
        closing(socket.create_connection(server.getsockname())) as client,
    ):
        assert "is a connection" in refusal(client.fileno())
