"""Thousands of descriptors are open: by the application, or by whoever has started the server."""

from __future__ import annotations

import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit import Server
from tests.kit.process import ROOT, ended
from tests.process.test_workers import ask, children, wait_count, wait_replaced
from tests.process.versions import Site

MANY = 5000
pytestmark = pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 3 * MANY, reason="so many are not allowed here"
)
KINDS = {
    "asgi-asyncio": ("asgi", "--loop", "asyncio"),
    "asgi-uvloop": ("asgi", "--loop", "uvloop"),
    "wsgi": ("wsgi", "--threads", "4"),
}
POOR = (str(ROOT / "tests/process/poor.py"), f"descriptors={MANY}", "--")
LEAKS = f"""
import os
LEAKED = [os.open(os.devnull, os.O_RDONLY) for _ in range({MANY})]
"""


@pytest.fixture(params=KINDS)
def options(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, ...]:
    """How an application of each kind is served; the application is there."""
    interface, *options = KINDS[request.param]
    Site(tmp_path, interface).write("one")
    return tuple(options)


@contextmanager
def serving(directory: Path, *options: str) -> Iterator[Server]:
    """Below a parent that has left its descriptors open."""
    command = [sys.executable, "-m", "tricorn", "site_app:app", "--port", "0", *options]
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    with ended(Server(command, cwd=directory, env=env, program=POOR)) as server:
        server.wait_ready(1)
        yield server


def test_alone(options: tuple[str, ...], tmp_path: Path) -> None:
    with serving(tmp_path, *options) as server:
        assert ask(server, "/version") == "one"


def test_alone_with_a_certificate(options: tuple[str, ...], tmp_path: Path) -> None:
    """The files are looked at now and then, between waits for a signal."""
    with serving(tmp_path, *options, "--tls-self-signed") as server:
        assert server.stop() == 0


def test_workers(options: tuple[str, ...], tmp_path: Path) -> None:
    with serving(tmp_path, *options, "--workers", "2") as server:
        before = children(server)
        assert ask(server, "/version") == "one"
        Site(tmp_path, "asgi" if "--loop" in options else "wsgi").write("two")
        server.send_signal(signal.SIGHUP)
        wait_replaced(server, before)
        assert ask(server, "/version") == "two"
        server.send_signal(signal.SIGTTIN)
        wait_count(server, 3)
        server.send_signal(signal.SIGTTOU)
        wait_count(server, 2)


@pytest.mark.parametrize("workers", [(), ("--workers", "1")], ids=["alone", "worker"])
def test_an_application_that_opens_many(
    workers: tuple[str, ...], options: tuple[str, ...], tmp_path: Path
) -> None:
    app = tmp_path / "site_app.py"
    app.write_text(app.read_text() + LEAKS)
    with serving(tmp_path, *options, *workers) as server:
        assert ask(server, "/version") == "one"
