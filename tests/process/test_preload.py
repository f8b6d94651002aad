"""--preload: one load for all, new code by a new supervisor, and what a fork would break."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from tests.kit import Server, wait_until
from tests.process.conftest import get
from tests.process.test_commands import command, data
from tests.process.test_upgrade import started, successors
from tests.process.test_workers import KINDS, ask, children, is_alive, wait_count, wait_replaced
from tests.process.versions import Site


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """An interface, and the options it is run with."""
    return KINDS[request.param]


def write(site: Site, version: str) -> None:
    """The application of the tests; as its version, it gives the process that loaded it too."""
    site.write(version)
    code = (site.directory / "site_app.py").read_text()
    site.put(code.replace("return VERSION", "return f'{VERSION} {LOADER}'") + LOADER)


LOADER = "\nLOADER = os.getpid()\n"


def options(kind: tuple[str, ...], *more: str) -> tuple[str, ...]:
    """Two workers, preloaded."""
    return ("--workers", "2", "--port", "0", "--preload", *kind[1:], *more)


def test_the_application_is_loaded_once(kind: tuple[str, ...], tmp_path: Path) -> None:
    site = Site(tmp_path, kind[0])
    write(site, "one")
    with started(site, *options(kind)) as server:
        for worker in children(server):
            os.kill(worker, signal.SIGKILL)
            wait_replaced(server, {worker})
            wait_count(server, 2)
            assert ask(server, "/version") == f"one {server.pid}"


def test_a_reload_brings_new_code(kind: tuple[str, ...], tmp_path: Path) -> None:
    """By a new supervisor; a client that keeps its connection is told, and never cut."""
    site = Site(tmp_path, kind[0])
    write(site, "one")
    with started(site, *options(kind)) as server, server.connect() as wire:
        assert wire.ask(get("/version")).body == f"one {server.pid}".encode()
        write(site, "two")
        server.send_signal(signal.SIGHUP)
        server.stderr.wait(lambda text: "has taken over" in text, "the change")
        while not wire.ask(get("/version")).says("close"):
            pass
        wait_until(lambda: not is_alive(server.pid), "the old supervisor has left")
        assert ask(server, "/version") == f"two {successors(server)[-1]}"


def test_the_command_waits_for_the_outcome(tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    write(site, "one")
    control = ("--control-socket", str(tmp_path / "control"))
    with started(site, *options(("asgi",), *control)) as server:
        site.put("raise RuntimeError('new and broken')")
        failed = command(site, "reload")
        assert failed.returncode == 1
        assert "new and broken" in failed.stdout + failed.stderr
        assert "new and broken" in data(site, "status")["last_reload"]
        assert ask(server, "/version") == f"one {server.pid}"
        write(site, "two")
        assert command(site, "reload").returncode == 0
        assert ask(server, "/version") == f"two {successors(server)[-1]}"
        wait_until(lambda: not is_alive(server.pid), "the old supervisor has left")
        wait_until(lambda: (tmp_path / "control").exists(), "the new control socket")
        assert data(site, "status")["generation"] == 2


def test_code_that_never_worked_ends_the_server(tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.put("raise RuntimeError('broken from the start')")
    server = Server(["site_app:app", *options(("asgi",))], cwd=tmp_path)
    assert server.wait_exit() == 1
    assert "broken from the start" in server.stderr.text()


def test_it_does_not_go_together_with_a_rollback(tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.write("one")
    server = Server(["site_app:app", *options(("asgi",), "--rollback-errors", "5")], cwd=tmp_path)
    assert server.wait_exit() == 2
    assert "--preload and --rollback-errors exclude each other" in server.stderr.text()


OPENED = """
import socket, threading

CONNECTION = socket.create_connection(("127.0.0.1", {port}))

class Pool:
    def __init__(self):
        self.thread = threading.Thread(target=self.work, name="a pool", daemon=True)
        self.thread.start()
    def work(self):
        threading.Event().wait()

POOL = Pool()
"""


def test_what_a_fork_would_break_is_named(tmp_path: Path) -> None:
    site = Site(tmp_path, "wsgi")
    site.write("one")
    site.put("import database_pool\n" + (tmp_path / "site_app.py").read_text())
    with socket.create_server(("127.0.0.1", 0)) as database:
        port = database.getsockname()[1]
        (tmp_path / "database_pool.py").write_text(OPENED.format(port=port))
        # From Python 3.12 on, a fork with threads warns as well.
        quiet = {"PYTHONWARNINGS": "ignore::DeprecationWarning"}
        server = Server(["site_app:app", *options(("wsgi",))], cwd=tmp_path, env=quiet)
        try:
            server.wait_ready(1)
            said = server.stderr.text()
            assert 'database_pool has started the thread "a pool"' in said
            assert f"database_pool has opened a connection to 127.0.0.1 port {port}" in said
            assert said.count("--preload:") == 2
            assert ask(server, "/version") == "one"
        finally:
            assert server.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="threads are listed by /proc")
def test_threads_of_other_languages_are_named(tmp_path: Path) -> None:
    site = Site(tmp_path, "wsgi")
    site.write("one")
    started = "import _thread, time\n_thread.start_new_thread(time.sleep, (3600,))\n"
    site.put(started + (tmp_path / "site_app.py").read_text())
    quiet = {"PYTHONWARNINGS": "ignore::DeprecationWarning"}
    server = Server(["site_app:app", *options(("wsgi",))], cwd=tmp_path, env=quiet)
    try:
        server.wait_ready(1)
        assert "not written in Python has started the thread" in server.stderr.text()
    finally:
        assert server.stop() == 0
