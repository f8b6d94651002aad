"""Clients of the control socket that do not behave: the server stays well."""

from __future__ import annotations

import os
import resource
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from tests.kit import wait_until
from tests.kit.control import Connect, answers, controlled, echo, rest, works

from tricorn.cli.instances import ask
from tricorn.supervisor.control import Request

NOBODY = 65534
FORKS = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"null\n",
        b"[]\n",
        b'"status"\n',
        b"{}\n",
        b'{"command": 7}\n',
        b'{"command": ""}\n',
        b"\xff\xfe\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"[" * 60_000 + b"\n",
    ],
    ids=lambda line: line[:20].decode("latin-1").strip() or "empty",
)
def test_what_is_no_request_is_refused(path: Path, connect: Connect, line: bytes) -> None:
    with controlled(path, echo):
        sock = connect()
        sock.sendall(line)
        (answer,) = answers(rest(sock))
        assert answer["exit"] == 1
        assert answer["data"]["error"] == "a request is a JSON object with a command"
        assert works(path)


def test_a_megabyte_without_a_newline(path: Path, connect: Connect) -> None:
    with controlled(path, echo):
        sock = connect()
        with suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(b"x" * 1024 * 1024)
        (answer,) = answers(rest(sock))
        assert answer["data"]["error"] == "a request has at most 65536 bytes"
        assert works(path)


def test_byte_by_byte(path: Path, connect: Connect) -> None:
    with controlled(path, echo):
        sock = connect()
        for byte in b'{"command": "status"}\n':
            sock.sendall(bytes([byte]))
        assert answers(rest(sock))[0]["exit"] == 0


def test_a_client_that_leaves_in_the_middle(path: Path, connect: Connect) -> None:
    with controlled(path, echo) as loop:
        sock = connect()
        sock.sendall(b'{"command": ')
        sock.close()
        assert works(path)
        wait_until(lambda: not loop.server._clients, "the connection is dropped")


def test_a_client_that_leaves_before_its_answer(path: Path, connect: Connect) -> None:
    kept: list[Request] = []

    def handler(request: Request) -> None:
        if request.command == "reload":
            kept.append(request)
        else:
            echo(request)

    with controlled(path, handler) as loop:
        sock = connect()
        sock.sendall(b'{"command": "reload"}\n')
        wait_until(lambda: kept, "the request is there")
        sock.close()
        loop.do(lambda: kept[0].progress("still at it"))
        loop.do(lambda: kept[0].finish())
        assert works(path)
        wait_until(lambda: not loop.server._clients, "the connection is dropped")


def test_a_client_that_has_sent_its_end_gets_its_answer(path: Path, connect: Connect) -> None:
    with controlled(path, echo):
        sock = connect()
        sock.sendall(b'{"command": "status"}\n')
        sock.shutdown(socket.SHUT_WR)
        assert answers(rest(sock))[0]["exit"] == 0


def test_a_client_that_says_nothing_is_dropped(
    path: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tricorn.supervisor.control._TIME_TO_ASK", 0.05)
    with controlled(path, echo) as loop:
        sock = connect()
        sock.sendall(b"{")
        assert rest(sock) == b""
        wait_until(lambda: loop.server.wait() is None, "no deadline is left")


def test_a_client_that_never_reads_is_dropped(
    path: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tricorn.supervisor.control._TIME_TO_TAKE", 0.05)

    def handler(request: Request) -> None:
        if request.command == "flood":
            request.finish(0, {"text": "x" * 1024 * 1024})
        else:
            echo(request)

    with controlled(path, handler) as loop:
        connect().sendall(b'{"command": "flood"}\n')
        wait_until(lambda: loop.server._clients, "the connection is there")
        assert works(path)
        wait_until(lambda: not loop.server._clients, "the connection is dropped")


def test_what_waits_for_a_client_is_bounded(
    path: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tricorn.supervisor.control._TIME_TO_TAKE", 60.0)
    kept: list[Request] = []

    def handler(request: Request) -> None:
        if request.command != "flood":
            return echo(request)
        kept.append(request)
        for _ in range(9):
            request.progress("x" * 1024 * 1024)
        return None

    with controlled(path, handler) as loop:
        connect().sendall(b'{"command": "flood"}\n')
        wait_until(lambda: kept, "the request is there")
        assert works(path)
        wait_until(lambda: not loop.server._clients, "the connection is dropped")


def test_too_many_clients(path: Path, connect: Connect) -> None:
    with controlled(path, echo) as loop:
        idle = [connect() for _ in range(32)]
        wait_until(lambda: len(loop.server._clients) == 32, "all are there")
        (answer,) = answers(rest(connect()))
        assert "too many" in answer["data"]["error"]
        idle.pop().close()
        wait_until(lambda: len(loop.server._clients) == 31, "one is gone")
        assert works(path)


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Leave this process without a free descriptor."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for fd in held:
            os.close(fd)


def test_without_descriptors_accepting_rests(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tricorn.supervisor.control._REST", 0.05)
    with (
        closing(socket.socket(socket.AF_UNIX)) as sock,
        controlled(path, echo) as loop,
    ):
        sock.settimeout(10)
        with no_descriptors():
            sock.connect(str(path))
            wait_until(lambda: loop.server._accepts_at is not None, "accepting rests")
            rounds, begin = loop.rounds, time.monotonic()
            wait_until(lambda: loop.rounds >= rounds + 4, "it has tried again")
            assert time.monotonic() - begin >= 0.05, "it does not rest"
        sock.sendall(b'{"command": "status"}\n')
        assert answers(rest(sock))[0]["exit"] == 0


@FORKS
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_is_refused() -> None:
    """Even where the permissions of file and directory would let them."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        path = Path(directory, "control.sock")
        Path(directory).chmod(0o755)
        with controlled(path, echo):
            path.chmod(0o666)
            assert _as_nobody(path) == f"user {NOBODY} may not control a server of user 0"
            assert works(path)


def _as_nobody(path: Path) -> str:
    """What a child of another user is told."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setuid(NOBODY)
        (answer,) = ask(path, {"command": "status"}, 5)
        os.write(writing, answer["data"]["error"].encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    os.waitpid(child, 0)
    return text
