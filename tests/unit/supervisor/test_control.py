"""The control socket: requests and answers, and the file."""

from __future__ import annotations

import os
import socket
import stat
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.kit import wait_until
from tests.kit.control import INSTANCE, Connect, answers, controlled, echo, rest, works

from tricorn.cli.instances import ask
from tricorn.errors import BindError, ControlError
from tricorn.supervisor.control import ControlServer, Request

NOBODY = 65534
FORKS = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


def test_a_request_with_options_and_its_answer(path: Path) -> None:
    with controlled(path, echo):
        assert list(ask(path, {"command": "scale", "workers": 3}, 5)) == [
            {"done": True, "exit": 0, "data": {"command": "scale", "options": {"workers": 3}}}
        ]


def test_progress_comes_at_once_and_the_end_later(path: Path) -> None:
    kept: list[Request] = []

    def keep(request: Request) -> None:
        request.progress("generation 2 is starting")
        kept.append(request)

    with controlled(path, keep) as loop:
        coming = ask(path, {"command": "reload"}, 5)
        assert next(coming) == {"text": "generation 2 is starting"}
        assert loop.server.wait() is None, "an answer may take as long as it takes"
        loop.do(lambda: kept[0].progress("ready"))
        assert next(coming) == {"text": "ready"}
        loop.do(lambda: kept[0].fail("it was not to be", 4))
        loop.do(lambda: kept[0].finish())
        loop.do(lambda: kept[0].progress("too late"))
        assert list(coming) == [{"done": True, "exit": 4, "data": {"error": "it was not to be"}}]


def test_who_it_is_is_answered_without_the_handler(path: Path) -> None:
    def refuse(request: Request) -> None:
        raise AssertionError("the handler was asked")

    with controlled(path, refuse):
        assert next(ask(path, {"command": "instance"}, 5))["data"] == INSTANCE


def test_a_handler_that_raises_costs_its_request_only(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def handler(request: Request) -> None:
        if request.command == "break":
            raise ZeroDivisionError
        echo(request)

    with controlled(path, handler):
        (answer,) = ask(path, {"command": "break"}, 5)
        assert answer["exit"] == 1
        assert "error log" in answer["data"]["error"]
        assert works(path)
    assert "ZeroDivisionError" in caplog.text


def test_many_at_once(path: Path) -> None:
    kept: list[Request] = []

    def keep(request: Request) -> None:
        kept.append(request)
        request.progress("kept")

    with controlled(path, keep) as loop:
        asking = [ask(path, {"command": str(number)}, 5) for number in range(20)]
        for one in asking:
            assert next(one) == {"text": "kept"}
        for request in kept:
            loop.do(lambda request=request: echo(request))  # type: ignore[misc]
        ends = [next(one)["data"]["command"] for one in asking]
    assert ends == [str(number) for number in range(20)]


def test_a_large_answer_arrives_whole(path: Path) -> None:
    text = "stack\n" * 200_000
    with controlled(path, lambda request: request.finish(0, {"text": text})):
        assert next(ask(path, {"command": "stacks"}, 5))["data"] == {"text": text}


def test_requests_that_are_open_at_the_end_are_answered(path: Path) -> None:
    kept: list[Request] = []
    with controlled(path, kept.append):
        coming = ask(path, {"command": "reload"}, 5)
        thread_end: list[dict[str, Any]] = []
        client = threading.Thread(target=lambda: thread_end.extend(coming))
        client.start()
        wait_until(lambda: kept, "the request is there")
    client.join(5)
    assert thread_end == [{"done": True, "exit": 1, "data": {"error": "the server has stopped"}}]


def test_an_idle_server_does_not_wake_up(path: Path) -> None:
    with controlled(path, echo) as loop:
        assert works(path)
        assert loop.server.wait() is None


def test_deadlines_are_told(path: Path, connect: Connect) -> None:
    server = ControlServer.open(str(path), INSTANCE, echo)
    assert server is not None
    with closing(server):
        assert server.wait() is None
        connect()
        server.poll()
        left = server.wait()
        assert left is not None
        assert 0 < left <= 5
        begin = time.monotonic()
        server.poll()
        assert time.monotonic() - begin < left, "poll never waits"


def test_only_the_owner_may_connect(path: Path) -> None:
    before = os.umask(0)
    try:
        with controlled(path, echo):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_the_file_goes_at_the_end(path: Path) -> None:
    with controlled(path, echo) as loop:
        assert loop.server.path == str(path)
    assert not path.exists()
    with pytest.raises(ControlError, match="no server listens"):
        list(ask(path, {"command": "status"}, 5))


def test_a_live_one_is_not_taken_over(path: Path) -> None:
    with controlled(path, echo):
        with pytest.raises(BindError) as error:
            ControlServer.open(str(path), INSTANCE, echo)
        assert str(error.value).startswith(
            f"--control-socket: cannot listen on unix:{path}: the socket is in use by process "
        )
        assert works(path)


def test_a_stale_one_is_taken_over(path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as stale:
        stale.bind(str(path))
    with controlled(path, echo):
        assert works(path)


@FORKS
def test_a_forked_child_leaves_it_alone(path: Path) -> None:
    with controlled(path, echo) as loop:
        listening = loop.server._listener.sock.fileno()
        child = os.fork()
        if child == 0:
            try:
                os.fstat(listening)
            except OSError:
                loop.server.close()
                os._exit(0)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        assert works(path)


@FORKS
def test_a_forked_child_does_not_keep_a_client_waiting(path: Path, connect: Connect) -> None:
    """One of which Python knows nothing has copies of all descriptors."""
    reading, writing = os.pipe()
    kept: list[Request] = []
    with controlled(path, kept.append) as loop:
        sock = connect()
        sock.sendall(b'{"command": "reload"}\n')
        wait_until(lambda: kept, "the request is there")
        child = _fork_in_c(reading, writing)
        loop.do(lambda: kept[0].finish())
        assert answers(rest(sock))[0]["exit"] == 0
        os.close(writing)
        os.close(reading)
        os.waitpid(child, 0)


def _fork_in_c(reading: int, writing: int) -> int:
    """A child that ends when the pipe is closed; the hooks of os.fork() do not run in it."""
    import ctypes

    libc = ctypes.PyDLL(None)
    child: int = libc.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    return child


def test_off() -> None:
    assert ControlServer.open("off", INSTANCE, echo) is None
