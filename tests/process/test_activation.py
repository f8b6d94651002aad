"""systemd's socket activation: the sockets are there before us, and after an upgrade."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.kit import Server, wait_until
from tests.process.test_upgrade import successors, upgrade
from tests.process.test_workers import ask, children, is_alive, wait_gone, wait_replaced
from tests.process.versions import Site

AS_SYSTEMD = """
import os, sys
given = [int(fd) for fd in sys.argv[1].split(",")]
for number, fd in enumerate(given):
    os.dup2(fd, 100 + number)
for number in range(len(given)):
    os.dup2(100 + number, 3 + number)
    os.close(100 + number)
os.environ.update(LISTEN_FDS=str(len(given)), LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, "-m", "tricorn", *sys.argv[2:]])
"""
"""Does what systemd does between fork and exec."""


@contextmanager
def activated(site: Site, sockets: list[socket.socket], *options: str) -> Iterator[Server]:
    """A server that got these sockets; it and its successors are ended with the block."""
    fds = [one.fileno() for one in sockets]
    words = [",".join(map(str, fds)), "site_app:app", *options]
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    server = Server(
        words,
        cwd=site.directory,
        env=env,
        program=("-c", AS_SYSTEMD),
        pass_fds=tuple(fds),
    )
    try:
        server.wait_ready(len(fds))
        yield server
    finally:
        for pid in (server.pid, *successors(server)):
            if is_alive(pid):
                os.kill(pid, signal.SIGTERM)
            wait_gone(pid)
        server.kill()


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    """Two that somebody else has opened."""
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as first,
        closing(socket.create_server(("127.0.0.1", 0))) as second,
    ):
        yield [first, second]


def served(server: Server) -> list[tuple[str, int]]:
    """The addresses as the server says them."""
    return [address for address in server.addresses if isinstance(address, tuple)]


@pytest.mark.parametrize("workers", [(), ("--workers", "2")])
@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_they_are_listened_on(
    interface: str, workers: tuple[str, ...], sockets: list[socket.socket], tmp_path: Path
) -> None:
    site = Site(tmp_path, interface)
    site.write("one")
    with activated(site, sockets, *workers) as server:
        assert served(server) == [one.getsockname() for one in sockets]
        assert ask(server, "/version") == "one"


def test_the_numbers_may_be_given_too(sockets: list[socket.socket], tmp_path: Path) -> None:
    """Then only those are listened on."""
    site = Site(tmp_path, "asgi")
    site.write("one")
    with activated(site, sockets[:1], "--bind", "fd://3") as server:
        assert served(server) == [sockets[0].getsockname()]
        assert ask(server, "/version") == "one"


def test_they_outlive_a_reload_and_an_upgrade(sockets: list[socket.socket], tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.write("one")
    with activated(site, sockets[:1], "--workers", "2") as server:
        before = children(server)
        site.write("two")
        server.send_signal(signal.SIGHUP)
        wait_replaced(server, before)
        assert ask(server, "/version") == "two"
        site.write("three")
        pid = upgrade(server, server.pid)
        assert ask(server, "/version") == "three"
        site.write("four")
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda: ask(server, "/version") == "four", "the next code")
        site.write("five")
        upgrade(server, pid)
        assert ask(server, "/version") == "five"


def test_those_of_another_process_are_left_alone(tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.write("one")
    env = {"LISTEN_FDS": "1", "LISTEN_PID": "1"}
    server = Server(["site_app:app", "--port", "0"], cwd=tmp_path, env=env)
    try:
        server.wait_ready(1)
        assert ask(server, "/version") == "one"
    finally:
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("count", "told"),
    [
        ("x", 'environment LISTEN_FDS: "x" is not a number up to 1024'),
        ("5000", 'environment LISTEN_FDS: "5000" is not a number up to 1024'),
        ("1000", "is not an open socket"),
    ],
)
def test_a_count_that_cannot_be_right(count: str, told: str, tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.write("one")
    code = "import os, sys; os.environ['LISTEN_PID'] = str(os.getpid()); "
    code += "os.execv(sys.executable, [sys.executable, '-m', 'tricorn', 'site_app:app'])"
    server = Server([], cwd=tmp_path, env={"LISTEN_FDS": count}, program=("-c", code))
    assert server.wait_exit() in (1, 2)
    assert told in server.stderr.text()
