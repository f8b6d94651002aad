"""The system starts no more workers: those that are there serve on, and it is tried again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kit import Server, wait_until
from tests.kit.process import ROOT, ended
from tests.process.test_workers import ask, children, is_alive, wait_count
from tests.process.versions import Site
from tricorn.cli.instances import ask as command

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="only root can become another user, whom limits bind",
)

USER = 54321
"""Nobody else's: the limit counts all processes of a user."""
POOR = (str(ROOT / "tests/process/poor.py"), f"user={USER}", "--")
LIMITS = {
    "processes": ("nproc", "Resource temporarily unavailable"),
    "descriptors": ("nofile", "Too many open files"),
}


@pytest.fixture(params=["asgi", "wsgi"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    """An application whose directory the user may write to."""
    os.chown(tmp_path, USER, USER)
    site = Site(tmp_path, request.param)
    site.write("one")
    return site


@contextmanager
def serving(site: Site, *options: str) -> Iterator[Server]:
    """Two workers of a user whom limits bind."""
    args = ["site_app:app", "--workers", "2", "--port", "0", "--control-socket", "control"]
    program = POOR
    command = [sys.executable, "-m", "tricorn", *args, *options]
    with ended(Server(command, cwd=site.directory, program=program)) as server:
        server.wait_ready(1)
        yield server


@contextmanager
def limited(server: Server, what: str, descriptors: int = 0) -> Iterator[None]:
    """The supervisor gets no more of it inside the block; it keeps what it has."""
    most = descriptors or highest_descriptor(server) + 3
    limit(server, what, "1" if what == "processes" else str(most))
    try:
        yield
    finally:
        if server.running():
            limit(server, what, "1000")


def limit(server: Server, what: str, most: str) -> None:
    """Set the soft limit of a running process, by prlimit(1), as its own user."""
    words = ["prlimit", f"--pid={server.pid}", f"--{LIMITS[what][0]}={most}:"]
    subprocess.run(words, user=USER, group=USER, extra_groups=(), check=True)


def highest_descriptor(server: Server) -> int:
    """The last of the supervisor."""
    return max(int(one.name) for one in Path(f"/proc/{server.pid}/fd").iterdir())


def status(site: Site) -> dict[str, Any]:
    """What ``tricorn status --json`` shows."""
    *_, answer = command(site.directory / "control", {"command": "status"}, 5)
    data: dict[str, Any] = answer["data"]
    return data


@pytest.mark.parametrize("what", LIMITS)
def test_one_worker_more(site: Site, what: str) -> None:
    with serving(site) as server:
        before = children(server)
        with limited(server, what):
            server.send_signal(signal.SIGTTIN)
            server.stderr.wait(lambda text: "could not be started" in text, "the failure")
            assert children(server) == before
            assert ask(server, "/version") == "one"
            assert LIMITS[what][1] in status(site)["hindrance"]
        wait_count(server, 3)
        wait_until(lambda: not status(site)["hindrance"], "it is over")
        assert "Traceback" not in server.stderr.text()


@pytest.mark.parametrize("what", LIMITS)
def test_a_worker_dies(site: Site, what: str) -> None:
    with serving(site) as server:
        one, other = sorted(children(server))
        with limited(server, what, descriptors=3):  # else those of the dead one would do
            os.kill(one, signal.SIGKILL)
            server.stderr.wait(lambda text: "could not be started" in text, "the failure")
            assert children(server) == {other}
            assert ask(server, "/version") == "one"
        wait_count(server, 2)
        assert is_alive(other)


@pytest.mark.parametrize("what", LIMITS)
def test_a_reload(site: Site, what: str) -> None:
    """It goes on when there is room."""
    with serving(site) as server:
        before = children(server)
        site.write("two")
        with limited(server, what):
            server.send_signal(signal.SIGHUP)
            server.stderr.wait(lambda text: "could not be started" in text, "the failure")
            assert children(server) == before
            assert ask(server, "/version") == "one"
        wait_until(lambda: not children(server) & before, "all workers are new", deadline=30)
        assert ask(server, "/version") == "two"


def test_pauses_grow_and_are_told(site: Site) -> None:
    with serving(site) as server, limited(server, "processes"):
        server.send_signal(signal.SIGTTIN)
        pauses = [f"another try in {pause} s" for pause in ("0.5", "1", "2")]
        server.stderr.wait(lambda text: all(one in text for one in pauses), str(pauses))


def test_a_stop_meanwhile(site: Site) -> None:
    with serving(site) as server, limited(server, "processes"):
        server.send_signal(signal.SIGTTIN)
        server.stderr.wait(lambda text: "could not be started" in text, "the failure")
        assert server.stop() == 0


def test_a_first_start_says_why(site: Site) -> None:
    """Whoever starts it is to know that it does not serve."""
    limit = (str(shutil.which("prlimit")), "--nproc=1")
    args = ["site_app:app", "--workers", "2", "--port", "0"]
    command = [*limit, sys.executable, "-m", "tricorn", *args]
    with ended(Server(command, cwd=site.directory, program=POOR)) as server:
        assert server.wait_exit() == 1
        assert "a worker could not be started: Resource temporarily" in server.stderr.text()
        assert "Traceback" not in server.stderr.text()
