"""Hanging applications are caught, shown in the log, and cost nobody else a request."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.kit import BadResponseError, Server, Wire, serve, wait_until
from tests.kit.process import ROOT
from tests.process.conftest import BODY, get
from tests.process.test_workers import ask, children, wait_gone

KINDS = {
    "asyncio": ("hangs_asgi", "--loop", "asyncio"),
    "uvloop": ("hangs_asgi", "--loop", "uvloop"),
    "wsgi-1": ("hangs_wsgi", "--threads", "1"),
    "wsgi-4": ("hangs_wsgi", "--threads", "4"),
}
ALL = tuple(KINDS)
ASGI, WSGI = ALL[:2], ALL[2:]

TOOK = r"GET {path} of 127\.0\.0\.1:\d+ has taken \d+\.\d s"
PAUSE = 0.01
"""Seconds between two requests of somebody else."""

Start = Callable[..., AbstractContextManager[Server]]


def start(kind: str, *options: str) -> AbstractContextManager[Server]:
    """``with start("uvloop", "--workers", "2") as server``."""
    module, *own = KINDS[kind]
    quick = ("--graceful-timeout", "1")
    return serve(f"tests.process.{module}:app", *own, *quick, *options, app_dir=ROOT)


class Others:
    """Somebody who asks all the time, each time over a connection of its own."""

    def __init__(self, server: Server) -> None:
        self.answered = 0
        self.failures: list[str] = []
        self._server = server
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(PAUSE):
            try:
                ask(self._server, "/pid")
                self.answered += 1
            except (AssertionError, OSError) as error:
                self.failures.append(repr(error))

    def end(self) -> None:
        """Ask no more."""
        self._ended.set()
        self._thread.join()


@contextmanager
def others(server: Server) -> Iterator[None]:
    """Others ask during the block, and each of them is answered; at least once after it."""
    asking = Others(server)
    try:
        yield
        before = asking.answered
        wait_until(lambda: asking.answered > before or asking.failures, "an answer for others")
    finally:
        asking.end()
    assert asking.failures == []


def hang(server: Server, path: str) -> Wire:
    """A request that hangs by now."""
    wire = server.connect(deadline=20)
    wire.send(get(path))
    server.stdout.wait(lambda text: f"in {path}\n" in text, "a call that never ends")
    return wire


def logged(server: Server, pattern: str) -> str:
    """The error log as soon as it has ``pattern``, in which a dot is any character."""
    found = re.compile(pattern, re.DOTALL)
    return server.stderr.wait(lambda text: bool(found.search(text)), pattern, deadline=20)


# ---- those that can be interrupted: the worker stays


CANCELLED = {
    "/wait": r"in app\n.*in wait_for_ever\n.*in wait\n.*waits for <asyncio\.locks\.Event",
    "/child": r"in through_a_child\n.*task 'child':\n.*in wait_for_ever\n.*in wait\n",
}


@pytest.mark.parametrize("path", CANCELLED)
@pytest.mark.parametrize("kind", ASGI)
def test_an_endless_await_is_cancelled(kind: str, path: str) -> None:
    with start(kind, "--workers", "2", "--request-timeout", "1") as server:
        before = children(server)
        with hang(server, path) as wire, others(server):
            assert wire.response().status == 504
            what = TOOK.format(path=path) + r": it is cancelled \(--request-timeout\)\n.*"
            logged(server, what + CANCELLED[path])
            logged(server, f"GET {path} was cancelled")
        assert children(server) == before


@pytest.mark.parametrize("kind", ASGI)
def test_a_task_is_cancelled_also_when_its_client_has_left(kind: str) -> None:
    with start(kind, "--request-timeout", "1") as server:
        hang(server, "/wait").close()
        logged(server, TOOK.format(path="/wait") + ": it is cancelled")
        assert ask(server, "/pid") == str(server.pid)


@pytest.mark.parametrize("kind", ASGI)
def test_work_after_the_response_takes_as_long_as_it_likes(kind: str) -> None:
    with start(kind, "--request-timeout", "0.5", "--graceful-timeout", "10") as server:
        with server.connect() as wire:
            assert wire.ask(get("/after")).body == b"answered"
        server.stdout.wait(lambda text: "is done" in text, "the work after the response")
        assert "/after" not in server.stderr.text()


@pytest.mark.parametrize("kind", WSGI)
def test_a_call_that_computes_is_interrupted(kind: str) -> None:
    with start(kind, "--workers", "2", "--request-timeout", "1") as server:
        before = children(server)
        with hang(server, "/spin") as wire, others(server):
            assert wire.response().status == 504
            what = TOOK.format(path="/spin")
            logged(server, what + r": it is interrupted \(--request-timeout\)\n.*in app\n.*in spin")
            logged(server, "GET /spin was interrupted")
        assert children(server) == before


@pytest.mark.parametrize("kind", ["asyncio", "wsgi-1"])
def test_an_application_that_spoils_its_scope(kind: str) -> None:
    with start(kind, "--request-timeout", "0.5") as server:
        for _ in range(2):
            with server.connect() as wire:
                assert wire.ask(get("/spoil")).status == 504
        logged(server, "a request has taken")


@pytest.mark.parametrize("kind", ALL)
def test_a_response_that_has_begun_is_cut(kind: str) -> None:
    with start(kind, "--request-timeout", "1") as server:
        with server.connect() as wire:
            wire.send(get("/begin"))
            with pytest.raises((BadResponseError, ConnectionResetError)):
                wire.response()
        assert ask(server, "/pid") == str(server.pid)
        assert "Traceback" not in server.stderr.text()


# ---- those that can't: the worker is replaced


STUCK = {
    "uvloop": {"/stay": "and goes on after it was cancelled.*in stay"},
    "wsgi-4": {
        "/block": r"and can't be interrupted.*in block\n",
        "/deadlock": r"and can't be interrupted.*in take_again\n",
        "/refuse": r"and can't be interrupted.*in refuse\n",
    },
    "wsgi-1": {"/block": r"and can't be interrupted.*in block\n"},
}


@pytest.mark.parametrize(("kind", "path"), [(kind, path) for kind in STUCK for path in STUCK[kind]])
def test_what_can_not_be_interrupted_is_answered_and_the_worker_replaced(
    kind: str, path: str
) -> None:
    with start(kind, "--workers", "2", "--request-timeout", "1") as server:
        before = children(server)
        with hang(server, path) as wire, others(server):
            assert wire.response().status == 504
            logged(server, TOOK.format(path=path) + " " + STUCK[kind][path])
            assert "this worker will be replaced" in server.stderr.text()
            wait_until(lambda: len(before - children(server)) == 1, "the worker leaves")
            wait_until(lambda: len(children(server)) == 2, "another worker")


@pytest.mark.parametrize(("kind", "path"), [("asyncio", "/block"), ("uvloop", "/spin")])
def test_a_blocked_event_loop_is_shown_and_the_worker_replaced(kind: str, path: str) -> None:
    with start(kind, "--workers", "2", "--request-timeout", "1") as server:
        before = children(server)
        with hang(server, path) as wire, others(server):
            what = rf"the event loop is blocked and holds up GET {path} of .* for \d+\.\d s"
            logged(server, rf"{what}.*in app\n.*in {path[1:]}\n")
            assert "this worker will be replaced" in server.stderr.text()
            assert wire.ended(), "the worker was killed in the end"
            wait_until(lambda: len(children(server) - before) == 1, "another worker")


@pytest.mark.parametrize("kind", ["uvloop", *WSGI])
def test_who_keeps_the_interpreter_is_seen_from_outside(kind: str) -> None:
    """No thread of the worker can run: the supervisor's --timeout is what is left."""
    with start(kind, "--workers", "2", "--request-timeout", "1", "--timeout", "2") as server:
        before = children(server)
        with hang(server, "/keep") as wire, others(server):
            assert wire.ended()
            logged(server, r"no sign of life.*in flight: GET /keep of .*was here when it hung")
            assert "in keep" in logged(server, "when it hung.*Thread.*in app")
            wait_until(lambda: len(children(server) - before) == 1, "another worker")


@pytest.mark.parametrize(("kind", "path"), [("uvloop", "/stay"), ("wsgi-4", "/block")])
def test_the_other_requests_of_that_worker_finish(kind: str, path: str) -> None:
    """Also one that has long waited for its client, which does not count."""
    options = ("--workers", "1", "--request-timeout", "1", "--graceful-timeout", "6")
    with start(kind, *options) as server, server.connect(deadline=30) as upload:
        [before] = children(server)
        head = f"POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: {BODY}\r\n\r\n"
        upload.send(head.encode() + bytes(BODY - 1))
        server.stdout.wait(lambda text: "in /upload\n" in text, "an upload")
        with hang(server, path) as wire:
            assert wire.response().status == 504
        wait_until(lambda: len(children(server)) == 2, "another worker", deadline=20)
        wait_until(lambda: ask(server, "/pid") != str(before), "it has taken over", deadline=20)
        upload.send(b"x")
        assert upload.response().body == str(before).encode()
        text = server.stderr.text()
        assert "/upload" not in text
        wait_until(lambda: before not in children(server), "the old worker leaves", deadline=20)


# ---- looking on


@pytest.mark.parametrize("kind", ALL)
def test_a_slow_request_is_told_once(kind: str) -> None:
    path = "/wait" if kind in ASGI else "/block"
    with start(kind, "--workers", "3", "--slow-request", "0.3") as server:
        before = children(server)
        with hang(server, path), others(server):
            frame = "wait_for_ever" if kind in ASGI else "block"
            what = TOOK.format(path=path) + r" so far \(--slow-request\)\n.*in app\n.*in "
            logged(server, what + frame)
            with hang(server, "/stay" if kind in ASGI else "/deadlock"):
                logged(server, "GET /(stay|deadlock) of")
            assert len(re.findall(f"GET {path} of", server.stderr.text())) == 1
        assert children(server) == before


@pytest.mark.parametrize("kind", ["uvloop", "wsgi-4"])
def test_without_a_supervisor(kind: str) -> None:
    path = "/stay" if kind in ASGI else "/block"
    with start(kind, "--request-timeout", "1") as server:
        with hang(server, path) as wire:
            assert wire.response().status == 504
        logged(server, "without --workers nobody replaces this process")
        assert ask(server, "/pid") == str(server.pid)
        server.kill()  # it could only be ended by force


@pytest.mark.parametrize("kind", ["uvloop"])
def test_stacks_show_where_tasks_wait(kind: str, tmp_path: Path) -> None:
    control = ("--control-socket", str(tmp_path / "control"))
    with start(kind, "--workers", "1", "--graceful-timeout", "0", *control) as server:
        [pid] = children(server)
        with hang(server, "/child"), hang(server, "/wait"):
            text = stacks(tmp_path / "control", pid)
            assert re.search(r"hread 0x.*in complete\n", text, re.DOTALL)
            for path, pattern in CANCELLED.items():
                what = rf"GET {path} of 127\.0\.0\.1:\d+, for \d+\.\d s\n.*"
                assert re.search(what + pattern, text, re.DOTALL), text
        with hang(server, "/block"):
            blocked = stacks(tmp_path / "control", pid)
            assert "in block" in blocked
            assert "GET" not in blocked
        server.kill()
        os.kill(pid, signal.SIGKILL)
        wait_gone(pid)


def stacks(control: Path, pid: int) -> str:
    """What ``tricorn stacks PID`` shows."""
    command = [sys.executable, "-m", "tricorn", "stacks", str(pid), "--control", str(control)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout


@pytest.mark.parametrize("kind", WSGI)
def test_threads_that_wait_for_their_clients_do_not_hang(kind: str) -> None:
    """All of them wait for uploads that have stopped: no reason to end the worker."""
    options = ("--workers", "1", "--timeout", "1s", "--body-timeout", "4s")
    with start(kind, *options) as server, ExitStack() as stack:
        worker = ask(server, "/pid")
        wires = [stack.enter_context(server.connect()) for _ in range(int(kind[-1]))]
        for wire in wires:
            head = b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n"
            wire.send(head + b"x" * 100_000)
        assert [wire.response().status for wire in wires] == [408] * len(wires)
        assert ask(server, "/pid") == worker
