"""Sockets of one worker each at one address: how they begin, and how one ends."""

from __future__ import annotations

import socket

import pytest
from tests.kit import wait_until

from tricorn.config import Config
from tricorn.errors import BindError
from tricorn.net.listen import close_listeners, open_address
from tricorn.net.listener import Listener
from tricorn.net.seat import check_kind, close_seat, open_seat

CLIENTS = 40
"""That none of them comes to one of two sockets does not happen."""


def accept_all(listener: Listener, into: list[socket.socket]) -> int:
    """Accept who waits; how many there are by now."""
    try:
        while True:
            into.append(listener.sock.accept()[0])
    except BlockingIOError:
        return len(into)


def test_nobody_is_lost_when_a_seat_closes() -> None:
    """Clients that come while it closes are not heard, ask again, and get to the other one."""
    settings = Config.make(port=0, reuse_port=True).listen
    [reserved] = open_address(settings.bind[0], settings, only_reserve=True)
    going, staying = (open_seat(reserved) for _ in range(2))
    worker = Listener(going.sock.dup(), backlog=CLIENTS)
    staying.backlog = CLIENTS
    everything = [reserved, staying, worker]
    served: list[socket.socket] = []
    clients = []
    try:
        assert worker.begin()
        assert staying.begin()
        close_seat(going)
        for _ in range(CLIENTS):
            clients.append(socket.socket())
            clients[-1].setblocking(False)
            clients[-1].connect_ex(reserved.sock.getsockname())
        assert accept_all(worker, []) == 0
        worker.close()
        wait_until(lambda: accept_all(staying, served) == CLIENTS, "all of them", deadline=30)
    finally:
        close_listeners(everything)
        for sock in [*served, *clients]:
            sock.close()


def test_the_kind_of_an_address_stays() -> None:
    shared = Config.make(port=0).listen
    listeners = open_address(shared.bind[0], shared)
    try:
        check_kind(shared.bind[0], listeners, shared)
        with pytest.raises(BindError, match="--reuse-port cannot be turned on"):
            check_kind(shared.bind[0], listeners, Config.make(port=0, reuse_port=True).listen)
    finally:
        close_listeners(listeners)
