"""Access lines to a pipe, as in a container: whole, and nobody waits for whoever reads them."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.kit import Server, serve, wait_until
from tests.kit.process import ROOT

ATOMIC = 4096
"""Bytes that go into a pipe as one (pipe(7), PIPE_BUF)."""
LOST = re.compile(r"(\d+) lines? of the access log w")
APPS = {"asgi": ("tls_asgi",), "wsgi": ("tls_wsgi", "--threads", "2")}


class Pipe:
    """A pipe as small as it can be, that is read when a test says so."""

    def __init__(self) -> None:
        self._end, self.writer = os.pipe()
        os.set_blocking(self._end, False)
        fcntl.fcntl(self._end, fcntl.F_SETPIPE_SZ, ATOMIC)
        self.came = b""

    def widen(self) -> None:
        """It takes all that a server keeps."""
        fcntl.fcntl(self._end, fcntl.F_SETPIPE_SZ, 1 << 20)

    def read(self) -> bytes:
        """What has come in all, with what there is now."""
        try:
            while some := os.read(self._end, 500):
                self.came += some
        except BlockingIOError:
            return self.came
        return self.came

    def lines(self) -> list[str]:
        """Those that have come whole, or what should be."""
        return self.read().decode().splitlines()

    def close(self) -> None:
        """The reader goes."""
        os.close(self._end)
        os.close(self.writer)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


@pytest.fixture(params=APPS)
def app(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """An application of each interface."""
    return APPS[request.param]


def logging(app: tuple[str, ...], log: Pipe | Path, *more: str) -> AbstractContextManager[Server]:
    """A server whose access lines go to a file or pipe."""
    name, *options = app
    fds = (log.writer,) if isinstance(log, Pipe) else ()
    path = f"/dev/fd/{log.writer}" if isinstance(log, Pipe) else str(log)
    to = ("--access-log", path, "--access-log-format", "json")
    return serve(f"tests.process.{name}:app", *options, *to, *more, app_dir=ROOT, pass_fds=fds)


def head(path: str, *fields: str) -> bytes:
    """A request."""
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: test", *fields, "", "")).encode()


def ask_often(server: Server, times: int, path: str) -> None:
    """So many requests on one connection, 20 sent at a time."""
    with server.connect() as wire:
        for _ in range(times // 20):
            wire.send(head(path) * 20)
            for _ in range(20):
                assert wire.response().status == 200


def test_whole_lines_of_several_workers(app: tuple[str, ...], pipe: Pipe) -> None:
    """What is longer than a pipe takes at once goes in between the lines of others."""
    times, clients = 100, 6
    path = "/pid?" + "a" * 1500
    with logging(app, pipe, "--workers", "2") as server:
        with ThreadPoolExecutor(clients) as pool:
            asking = [pool.submit(ask_often, server, times, path) for _ in range(clients)]
            wait_until(lambda: pipe.read() and all(one.done() for one in asking), "all answers")
            assert not any(one.exception() for one in asking)
        pipe.widen()
        wait_until(lambda: len(pipe.lines()) >= times * clients, "all lines")
    lines = [json.loads(line) for line in pipe.lines()]
    assert [line["status"] for line in lines] == [200] * times * clients


def test_nobody_reads(app: tuple[str, ...], pipe: Pipe) -> None:
    """The server goes on, keeps what it can, and says how many lines it could not."""
    times = 800
    with logging(app, pipe) as server:
        ask_often(server, times, "/pid?" + "a" * 3000)
        pipe.widen()

        def said() -> list[str]:
            pipe.read()
            return LOST.findall(server.stderr.text())

        wait_until(said, "the count")
        wait_until(lambda: len(pipe.lines()) + sum(map(int, said())) == times, "the rest")
    lines = [json.loads(line) for line in pipe.lines()]
    assert len(lines) > 200
    assert len(lines) < times


def test_nobody_reads_until_the_end(app: tuple[str, ...], pipe: Pipe) -> None:
    """A stop does not wait for the reader, either, and tells what is lost."""
    with logging(app, pipe, "--workers", "1") as server:
        ask_often(server, 100, "/pid?" + "a" * 300)
        assert server.stop() == 0
        lost = sum(map(int, LOST.findall(server.stderr.text())))
    assert all(map(json.loads, pipe.lines()))
    assert len(pipe.lines()) + lost == 100


def test_a_reader_that_comes_back(app: tuple[str, ...], pipe: Pipe) -> None:
    """What waits goes out without another request."""
    with logging(app, pipe) as server:
        ask_often(server, 100, "/pid?" + "a" * 300)
        pipe.widen()
        wait_until(lambda: len(pipe.lines()) == 100, "all lines")
    assert all(map(json.loads, pipe.lines()))


LONG = head("/pid?" + "q" * 5000, 'User-Agent: "' + "\\" * 3000, "Referer: short")


def test_long_lines(app: tuple[str, ...], pipe: Pipe) -> None:
    """What does not go into a pipe as one is cut where it is longest, and stays JSON."""
    with logging(app, pipe) as server, server.connect() as wire:
        assert wire.ask(LONG).status == 200
        (line,) = wait_until(pipe.lines, "the line")
    assert len(line.encode()) < ATOMIC
    told = json.loads(line)
    assert (told["referer"], told["status"]) == ("short", 200)
    assert re.fullmatch("q+…", told["query"])
    assert re.fullmatch(r'"\\+…', told["user_agent"])


def test_long_lines_in_a_file(app: tuple[str, ...], tmp_path: Path) -> None:
    log = tmp_path / "log"
    with logging(app, log) as server, server.connect() as wire:
        assert wire.ask(LONG).status == 200
        (line,) = wait_until(lambda: log.read_text().splitlines(), "the line")
    told = json.loads(line)
    assert (told["query"], told["user_agent"]) == ("q" * 5000, '"' + "\\" * 3000)
