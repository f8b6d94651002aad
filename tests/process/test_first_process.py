"""Signals where the kernel or a shell has taken their effect: process 1 of a container, and &."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit import Server, wait_until
from tests.kit.process import ended
from tests.process.conftest import get
from tests.process.test_poor_world import POOR, children
from tests.process.versions import Site

pytestmark = pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run(["unshare", "--fork", "--pid", "true"], check=False).returncode != 0,
    reason="a process 1 of our own is not permitted here",
)
KINDS = {"asgi": ("--loop", "uvloop"), "wsgi": ("--threads", "2")}
STOPPING = [signal.SIGTERM, signal.SIGINT]
BACKGROUND = ("ignored=SIGINT,SIGQUIT",)
SLOW_IMPORT = "import ctypes\nprint('loading', flush=True)\nctypes.PyDLL(None).pause()\n"
"""Stays in C code with the interpreter's lock."""


@contextmanager
def started(site: Site, *words: str, options: tuple[str, ...] = ()) -> Iterator[Server]:
    """A server alone in a situation."""
    command = [sys.executable, "-m", "tricorn", "site_app:app", "--port", "0", *options]
    with ended(Server(command, cwd=site.directory, program=(POOR, *words, "--"))) as server:
        yield server


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    """An application of each interface."""
    site = Site(tmp_path, request.param)
    site.write("one")
    return site


def process_of(server: Server, words: tuple[str, ...]) -> int:
    """The one that serves."""
    return next(iter(children(server.pid))) if "first" in words else server.pid


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal, and wait until it was delivered (proc(5), ShdPnd)."""
    os.kill(pid, number)
    path = Path(f"/proc/{pid}/status")

    def delivered() -> bool:
        lines = path.read_text().splitlines() if path.exists() else []
        pending = [int(line.split()[1], 16) for line in lines if line.startswith("ShdPnd")]
        return not any(one >> (number - 1) & 1 for one in pending)

    wait_until(delivered, f"{number.name} is delivered")


@pytest.mark.parametrize("number", STOPPING)
@pytest.mark.parametrize("words", [("first",), BACKGROUND], ids=str)
def test_a_second_signal_ends_at_once(
    words: tuple[str, ...], number: signal.Signals, site: Site
) -> None:
    """While the application is in C code that holds the interpreter's lock and never returns."""
    with started(site, *words, options=KINDS[site.interface]) as server:
        server.wait_ready(1)
        with server.connect() as wire:
            wire.send(get("/freeze"))
            server.stdout.wait(lambda text: "stuck" in text, "a call that never returns")
            pid = process_of(server, words)
            send(pid, number)
            assert server.running()
            os.kill(pid, number)
            code = server.wait_exit()
        assert code == (128 + number if "first" in words else -number)


@pytest.mark.parametrize("other", STOPPING)
@pytest.mark.parametrize("number", STOPPING)
def test_another_signal_is_a_second_one(
    number: signal.Signals, other: signal.Signals, site: Site
) -> None:
    """While the server drains, and Python code can run."""
    with started(site, "first", options=("--graceful-timeout", "60", "--threads", "2")) as server:
        server.wait_ready(1)
        with server.connect() as wire:
            wire.send(get("/block" if site.interface == "wsgi" else "/wait"))
            server.stdout.wait(lambda text: text != "", "a request in flight")
            pid = process_of(server, ("first",))
            send(pid, number)
            os.kill(pid, other)
            assert server.wait_exit() == 128 + other


def test_a_stop_while_the_application_is_loaded(site: Site) -> None:
    site.put(SLOW_IMPORT)
    with started(site, "first") as server:
        server.stdout.wait(lambda text: "loading" in text, "the import")
        os.kill(process_of(server, ("first",)), signal.SIGTERM)
        assert server.wait_exit() == 128 + signal.SIGTERM


def test_a_stop_while_an_application_is_preloaded(site: Site) -> None:
    site.put(SLOW_IMPORT)
    with started(site, "first", options=("--workers", "2", "--preload")) as server:
        server.stdout.wait(lambda text: "loading" in text, "the import")
        os.kill(process_of(server, ("first",)), signal.SIGTERM)
        assert server.wait_exit() == 128 + signal.SIGTERM


def test_a_thread_that_keeps_the_process_from_ending(site: Site) -> None:
    """The server has stopped, and the interpreter waits: a second signal still ends it."""
    text = (site.directory / "site_app.py").read_text()
    text += "\nthreading.Thread(target=threading.Event().wait).start()\n"
    text += "import atexit; threading._register_atexit(print, 'waiting', flush=True)\n"
    site.put(text)
    with started(site, "first") as server:
        server.wait_ready(1)
        pid = process_of(server, ("first",))
        os.kill(pid, signal.SIGTERM)
        server.stdout.wait(lambda text: "waiting" in text, "the end of the server")
        os.kill(pid, signal.SIGTERM)
        assert server.wait_exit() == 128 + signal.SIGTERM


def test_what_children_of_workers_leave_behind(site: Site) -> None:
    """Their orphans are process 1's, which takes leave of them."""
    with started(site, "first", options=(*KINDS[site.interface], "--workers", "1")) as server:
        server.wait_ready(1)
        with server.connect() as wire:
            for _ in range(5):
                assert wire.ask(get("/orphans")).status == 200
        supervisor = process_of(server, ("first",))

        def only_the_worker() -> bool:
            return len(children(supervisor)) == 1

        wait_until(only_the_worker, "the orphans have gone")
        os.kill(supervisor, signal.SIGTERM)
        assert server.wait_exit() == 0
