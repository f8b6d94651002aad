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
from tests.process.conftest import get
from tests.process.test_workers import KINDS, ask, is_alive, wait_gone
from tests.process.versions import Site

ENV = {"PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """An interface, and the options it is run with."""
    return KINDS[request.param]


@contextmanager
def started(site: Site, *options: str) -> Iterator[Server]:
    """A server whose successors are ended too."""
    server = Server(["site_app:app", *options], cwd=site.directory, env=ENV)
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
