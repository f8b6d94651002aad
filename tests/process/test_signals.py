"""Every signal of the supervisor's table with real processes, also when it comes at a bad time."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit import Server, wait_until
from tests.process.conftest import get, refuses
from tests.process.test_workers import (
    ask,
    children,
    is_alive,
    wait_count,
    wait_gone,
    wait_replaced,
)
from tests.process.versions import Site
from tricorn.supervisor.signals import TABLE

ENV = {"PYTHONDONTWRITEBYTECODE": "1"}
KINDS = {"asgi": (), "wsgi": ("--threads", "4")}
SLOW_START = "import time\nprint('loading', flush=True)\ntime.sleep(3600)\n"


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    """An application of each interface."""
    site = Site(tmp_path, request.param)
    site.write("one")
    return site


@contextmanager
def serving(site: Site, *options: str, stdin: int = subprocess.DEVNULL) -> Iterator[Server]:
    """Two workers, with the errors and the requests in files; a successor is ended too."""
    logs = ("--access-log", "access", "--error-log", "errors")
    args = ["site_app:app", "--workers", "2", "--port", "0", *KINDS[site.interface]]
    server = Server([*args, *logs, *options], cwd=site.directory, env=ENV, stdin=stdin)
    try:
        server.wait_ready(1)
        yield server
        pids = [server.pid, *successors(site)]
        for pid in filter(is_alive, pids):
            os.kill(pid, signal.SIGTERM)
        for pid in pids:
            wait_gone(pid)
    finally:
        for pid in filter(is_alive, successors(site)):
            os.kill(pid, signal.SIGKILL)
        server.kill()


def successors(site: Site) -> list[int]:
    """The supervisors that were started since."""
    return [int(pid) for pid in re.findall(r"the new supervisor is process (\d+)", errors(site))]


def errors(site: Site) -> str:
    """The error log."""
    path = site.directory / "errors"
    return path.read_text() if path.is_file() else ""


def said(site: Site, text: str) -> None:
    """Wait until the error log has it."""
    wait_until(lambda: text in errors(site), text)


def stops(number: signal.Signals) -> Callable[[Site, Server], None]:
    """All end, and the exit code says that it was well."""

    def case(site: Site, server: Server) -> None:
        pids = children(server)
        assert server.stop(number) == 0
        assert not any(map(is_alive, pids))

    return case


def reloads(site: Site, server: Server) -> None:
    before = children(server)
    site.write("two")
    server.send_signal(signal.SIGHUP)
    wait_replaced(server, before)
    assert ask(server, "/version") == "two"


def reopens(site: Site, server: Server) -> None:
    """What was rotated gets no more lines; the new files do, from the supervisor and workers."""
    access, old = site.directory / "access", site.directory / "access.1"
    ask(server, "/before")
    wait_until(lambda: "/before" in access.read_text(), "the request is logged")
    access.rename(old)
    (site.directory / "errors").rename(site.directory / "errors.1")
    server.send_signal(signal.SIGUSR1)
    wait_until(access.exists, "the new access log")
    # The two workers open it one after the other: none writes to the old one in the end.
    wait_until(lambda: not any(holds(pid, old) for pid in children(server)), "nobody has the old")
    ask(server, "/after")
    wait_until(lambda: "/after" in access.read_text(), "the request is logged")
    assert "/after" not in old.read_text()
    server.send_signal(signal.SIGTTIN)
    said(site, "3 workers are wanted now")


def holds(pid: int, path: Path) -> bool:
    """Whether a process has a file open."""
    try:
        return any(one.samefile(path) for one in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # one of them was closed meanwhile
        return True


def upgrades(site: Site, server: Server) -> None:
    server.send_signal(signal.SIGUSR2)
    said(site, "has taken over")
    wait_gone(server.pid)
    assert ask(server, "/version") == "one"


def more(site: Site, server: Server) -> None:
    server.send_signal(signal.SIGTTIN)
    wait_count(server, 3)


def fewer(site: Site, server: Server) -> None:
    """Never less than one."""
    for wanted in (1, 1):
        server.send_signal(signal.SIGTTOU)
        wait_count(server, wanted)
    assert ask(server, "/version") == "one"


def rests(site: Site, server: Server) -> None:
    """The address stays open: whoever comes waits until the workers are back."""
    server.send_signal(signal.SIGWINCH)
    wait_until(lambda: not children(server), "no workers")
    with server.connect() as wire:
        wire.send(get("/version"))
        server.send_signal(signal.SIGHUP)
        assert wire.response().body == b"one"


def reaps(site: Site, server: Server) -> None:
    """A worker that ends is no zombie, and its place is taken; CHLD alone means nothing."""
    before = children(server)
    server.send_signal(signal.SIGCHLD)
    os.kill(min(before), signal.SIGKILL)
    wait_until(lambda: len(children(server)) == 2 and min(before) not in children(server), "both")
    assert not Path(f"/proc/{min(before)}").exists()


CASES: dict[signal.Signals, Callable[[Site, Server], None]] = {
    signal.SIGTERM: stops(signal.SIGTERM),
    signal.SIGINT: stops(signal.SIGINT),
    signal.SIGQUIT: stops(signal.SIGQUIT),
    signal.SIGHUP: reloads,
    signal.SIGUSR1: reopens,
    signal.SIGUSR2: upgrades,
    signal.SIGTTIN: more,
    signal.SIGTTOU: fewer,
    signal.SIGWINCH: rests,
    signal.SIGCHLD: reaps,
}


@pytest.mark.parametrize("number", TABLE)
def test_each_signal(number: signal.Signals, site: Site) -> None:
    with serving(site) as server:
        CASES[number](site, server)
    assert "Traceback" not in errors(site)


# ---- at a bad time


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_one_ends_at_once(
    first: signal.Signals, second: signal.Signals, site: Site
) -> None:
    """Two of one kind end it with 1. TERM and then INT cancels, and ends within two seconds."""
    with serving(site) as server, server.connect() as wire:
        pids = children(server)
        wire.send(get("/freeze"))
        server.stdout.wait(lambda text: "stuck" in text, "a call that keeps the interpreter")
        server.send_signal(first)
        wait_count(server, 1)
        server.send_signal(second)
        same = (first == signal.SIGTERM) == (second == signal.SIGTERM)
        assert server.wait_exit(deadline=8) == (1 if same else 0)
        assert not any(map(is_alive, pids))


LATE = [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGWINCH]


def test_others_change_nothing_during_a_stop(site: Site) -> None:
    """No new workers, no open address, no new supervisor; the request in flight is finished."""
    with serving(site, "--graceful-timeout", "60") as server, server.connect() as wire:
        wire.send(get("/wait"))
        server.stdout.wait(lambda text: "waiting" in text, "a request in flight")
        server.send_signal(signal.SIGTERM)
        wait_count(server, 1)
        [worker] = children(server)
        for number in LATE:
            server.send_signal(number)
        assert len(children(server)) == 1
        (site.directory / "go").touch()
        assert wire.response().body == b"/wait"
        assert server.wait_exit() == 0
        assert not is_alive(worker)
        assert not successors(site)
    assert "Traceback" not in errors(site)
    assert refuses(server)


def test_logs_that_cannot_be_opened_anew(site: Site) -> None:
    """Requests go on; the mistake is told where the log was, and a second try works."""
    with serving(site) as server:
        path = site.directory / "errors"
        path.rename(site.directory / "errors.1")
        path.mkdir()
        server.send_signal(signal.SIGUSR1)
        old = site.directory / "errors.1"
        wait_until(lambda: "could not be opened anew" in old.read_text(), "the mistake")
        assert ask(server, "/version") == "one"
        path.rmdir()
        server.send_signal(signal.SIGUSR1)
        wait_until(path.is_file, "the new log")
        assert ask(server, "/version") == "one"


def test_winch_of_a_terminal_is_its_window(tmp_path: Path) -> None:
    """A supervisor in a terminal gets one whenever the window changes."""
    site = Site(tmp_path, "asgi")
    site.write("one")
    leading, following = pty.openpty()
    with serving(site, stdin=following) as server:
        before = children(server)
        server.send_signal(signal.SIGWINCH)
        server.send_signal(signal.SIGTTIN)  # is taken after it
        wait_count(server, 3)
        assert before < children(server)
    os.close(leading)
    os.close(following)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_while_the_first_workers_load(number: signal.Signals, site: Site) -> None:
    site.put(SLOW_START)
    server = Server(
        ["site_app:app", "--workers", "2", "--port", "0"],
        cwd=site.directory,
        env=ENV,
    )
    try:
        server.stdout.wait(lambda text: text.count("loading") == 2, "both are loading")
        pids = children(server)
        assert server.stop(number) == 0
        assert not any(map(is_alive, pids))
    finally:
        server.kill()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_what_a_terminal_sends_to_the_group_is_not_for_workers(
    number: signal.Signals, site: Site
) -> None:
    with serving(site) as server:
        before = children(server)
        for pid in before:
            os.kill(pid, number)
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            assert ask(server, "/version") == "one"
        assert children(server) == before
