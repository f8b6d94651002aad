"""SIGUSR2: a new supervisor takes the sockets over, and the old one leaves; or nothing changes."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit import Server, wait_until
from tests.process.conftest import get, refuses
from tests.process.test_control_commands import tricorn
from tests.process.test_workers import KINDS, ask, children, is_alive, wait_gone
from tests.process.versions import Site

ENV = {"PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """An interface, and the options it is run with."""
    return KINDS[request.param]


@contextmanager
def started(site: Site, *options: str, env: dict[str, str] = ENV) -> Iterator[Server]:
    """A server whose successors are ended too."""
    server = Server(["site_app:app", *options], cwd=site.directory, env=env)
    try:
        server.wait_ready(1)
        yield server
    finally:
        pids = [server.pid, *successors(server)]
        for pid in pids:
            if is_alive(pid):
                os.kill(pid, signal.SIGTERM)
        server.wait_exit()
        for pid in pids:
            wait_gone(pid)


def successors(server: Server) -> list[int]:
    """The supervisors that were started since, oldest first."""
    found = re.findall(r"the new supervisor is process (\d+)", server.stderr.text())
    return [int(pid) for pid in found]


def upgrade(server: Server, pid: int) -> int:
    """Upgrade supervisor ``pid``; wait for the old one's end and return the new one's pid."""
    before = len(successors(server))
    os.kill(pid, signal.SIGUSR2)
    wait_until(lambda: len(successors(server)) > before, "the new supervisor")
    wait_until(lambda: not is_alive(pid), "the old supervisor has left")
    return successors(server)[-1]


def test_a_new_supervisor_takes_over(kind: tuple[str, ...], tmp_path: Path) -> None:
    site = Site(tmp_path, kind[0])
    site.write("one")
    options = ("--workers", "2", "--port", "0", *kind[1:])
    with started(site, *options) as server, server.connect() as wire:
        pid = server.pid
        assert wire.ask(get("/version")).body == b"one"
        site.write("two")
        os.kill(pid, signal.SIGUSR2)
        server.stderr.wait(lambda text: "has taken over" in text, "the change")
        while not wire.ask(get("/version")).says("close"):
            pass  # the connection is not cut: in the end a response tells
        wait_until(lambda: not is_alive(pid), "the old supervisor has left")
        assert ask(server, "/version") == "two"
        site.write("three")
        upgrade(server, successors(server)[-1])
        assert ask(server, "/version") == "three"


def test_a_unix_socket_goes_along(tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.write("one")
    path = tmp_path / "socket"
    with started(site, "--workers", "1", "--bind", f"unix:{path}") as server:
        upgrade(server, server.pid)
        assert path.exists()
        assert ask(server, "/version") == "one"
    assert not path.exists()


def test_a_new_supervisor_that_fails_changes_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.write("one")
    with started(site, "--workers", "1", "--port", "0") as server:
        site.put("raise RuntimeError('new and broken')")
        server.send_signal(signal.SIGUSR2)
        server.stderr.wait(lambda text: "upgrade failed" in text, "the failure")
        assert "new and broken" in server.stderr.text()
        assert ask(server, "/version") == "one"
        site.write("two")
        upgrade(server, server.pid)
        assert ask(server, "/version") == "two"


def test_the_pid_file_and_the_control_socket_go_along(tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.write("one")
    held, control = tmp_path / "pid", tmp_path / "control"
    files = ("--pid", str(held), "--control-socket", str(control))
    with started(site, "--workers", "1", "--port", "0", *files) as server:
        new = upgrade(server, server.pid)
        wait_until(lambda: held.exists() and held.read_text().strip() == str(new), "its number")
        wait_until(control.exists, "its control socket")
        assert ask(server, "/version") == "one"
    assert not held.exists()
    assert not control.exists()


SLOW = """
import os, time
print("imports", os.getpid(), flush=True)
while not os.path.exists("go"):
    time.sleep(0.01)
"""
"""Code that is imported for as long as a test likes."""


def begin_slow_upgrade(server: Server, site: Site, before: str = "") -> tuple[int, int]:
    """Upgrade to version two, which begins with ``before``: the new supervisor, and who imports."""
    site.write("two")
    site.put(before + SLOW + (site.directory / "site_app.py").read_text())
    server.send_signal(signal.SIGUSR2)
    text = server.stdout.wait(lambda text: "imports" in text, "the import")
    return successors(server)[-1], int(text.rsplit(maxsplit=1)[-1])


@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["workers", "preload"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_a_new_supervisor_that_has_not_taken_over(
    number: signal.Signals, options: tuple[str, ...], tmp_path: Path
) -> None:
    site = Site(tmp_path, "wsgi")
    site.write("one")
    with started(site, "--workers", "1", "--port", "0", *options) as server:
        new, importer = begin_slow_upgrade(server, site)
        assert server.stop(number) == 0
        assert not is_alive(new)
        assert not is_alive(importer)
        assert f"process {new} has not taken over: it is stopped too" in server.stderr.text()
        assert refuses(server)


def test_a_stop_with_a_delay_ends_it_at_once_and_serves_on(tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.write("one")
    options = ("--workers", "1", "--bind", f"unix:{tmp_path}/socket", "--drain-delay", "60s")
    with started(site, *options) as server:
        new, importer = begin_slow_upgrade(server, site)
        server.send_signal(signal.SIGTERM)
        wait_gone(new)
        wait_gone(importer)
        assert ask(server, "/version") == "one"
        assert server.stop(signal.SIGINT) == 0


def test_a_second_stop_ends_it_at_once_too(tmp_path: Path) -> None:
    """Its code does not hear the first signal."""
    site = Site(tmp_path, "wsgi")
    site.write("one")
    with started(site, "--workers", "1", "--port", "0") as server:
        deaf = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        new, importer = begin_slow_upgrade(server, site, deaf)
        server.send_signal(signal.SIGTERM)
        server.stderr.wait(lambda text: "it is stopped too" in text, "the stop")
        assert server.stop() == 1
        wait_gone(new)
        wait_gone(importer)


def test_a_stop_leaves_one_alone_that_has_just_taken_over(tmp_path: Path) -> None:
    """The old one hears of both at once."""
    site = Site(tmp_path, "asgi")
    site.write("one")
    options = ("--workers", "1", "--bind", f"unix:{tmp_path}/socket")
    env = {**ENV, "XDG_RUNTIME_DIR": str(tmp_path)}
    with started(site, *options, env=env) as server:
        new, _ = begin_slow_upgrade(server, site)
        server.send_signal(signal.SIGSTOP)
        (tmp_path / "go").touch()
        wait_until((tmp_path / "tricorn" / f"tricorn-{new}.sock").exists, "its control socket")
        server.send_signal(signal.SIGTERM)
        server.send_signal(signal.SIGCONT)
        wait_until(lambda: not is_alive(server.pid), "the old supervisor has left")
        assert f"process {new} has taken over" in server.stderr.text()
        assert ask(server, "/version") == "two"


def test_an_upgrade_that_fails_leaves_the_unix_socket(tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.write("one")
    with started(site, "--workers", "1", "--bind", f"unix:{tmp_path}/socket") as server:
        site.put("raise RuntimeError('new and broken')")
        server.send_signal(signal.SIGUSR2)
        server.stderr.wait(lambda text: "upgrade failed" in text, "the failure")
        assert ask(server, "/version") == "one"


def test_nothing_is_changed_any_more_once_a_stop_is_announced(tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.write("one")
    with started(site, "--workers", "1", "--port", "0", "--drain-delay", "60s") as server:
        server.send_signal(signal.SIGTERM)
        server.stderr.wait(lambda text: "stopping (SIGTERM) in 60 s" in text, "the stop")
        before = children(server)
        for number in (signal.SIGUSR2, signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU):
            server.send_signal(number)
        refused = "is refused: the server stops"
        text = server.stderr.wait(lambda text: text.count(refused) == 4, "four refusals")
        assert f"SIGUSR2 {refused}" in text
        for command in (["reload"], ["scale", "2"]):
            done = tricorn(*command, "--control", str(server.pid))
            assert (done.returncode, done.stderr) == (1, "tricorn: the server stops\n")
        assert children(server) == before
        assert not successors(server)
        assert server.stop(signal.SIGINT) == 0
