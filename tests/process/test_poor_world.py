"""A poor world: what a server can miss, and what it has to do all the same.

Each situation is met with each interface: the server starts, serves, reloads, replaces a worker
that dies, and stops well. `tests/process/poor.py` makes the situations.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.kit import Server, Wire, wait_until
from tests.kit.process import ROOT
from tests.process.conftest import get
from tests.process.poor import ROOM
from tests.process.test_workers import is_alive
from tests.process.versions import Site

POOR = str(ROOT / "tests/process/poor.py")


@dataclass(frozen=True)
class Situation:
    """The words for `poor.py`, and the options of the server; FULL there is a full disk."""

    words: tuple[str, ...]
    options: tuple[str, ...] = ()


FULL = "FULL"
SITUATIONS = {
    "no directory to write to": Situation(("readonly",)),
    "no HOME": Situation(("without=HOME,USER,LOGNAME,TMPDIR,PATH",)),
    "stdin closed": Situation(("closed=0",)),
    "stdout closed": Situation(("closed=1",)),
    "stderr closed": Situation(("closed=2",)),
    "nothing open": Situation(("closed=0,1,2",)),
    "stdout and stderr on a full disk": Situation(("full=1,2",)),
    "stdout and stderr without a reader": Situation(("unread=1,2",)),
    "access lines to a full disk": Situation(("full=1",), ("--access-log", "stdout")),
    "logs on a full disk": Situation(
        (f"disk={FULL}",), ("--error-log", f"{FULL}/errors", "--access-log", f"{FULL}/access")
    ),
    "thousands of descriptors": Situation(("descriptors=5000",)),
    "few descriptors": Situation(("room=64",)),
    "rights that are dropped": Situation(("readable",), ("--user", "nobody")),
    "rights that are dropped, with logs": Situation(
        ("readable",), ("--user", "nobody", "--error-log", "errors", "--access-log", "access")
    ),
    "process 1": Situation(("first",)),
    "signals ignored": Situation(("ignored=SIGINT,SIGQUIT,SIGHUP,SIGCHLD,SIGPIPE",)),
    "working directory deleted": Situation(("gone",)),
}
ALONE = {name: one for name, one in SITUATIONS.items() if "--user" not in one.options}
"""Only workers become another user."""
INTERFACES = {"asgi": ("--loop", "asyncio"), "wsgi": ("--threads", "2")}

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0
    or shutil.which("unshare") is None
    or subprocess.run(["unshare", "--mount", "true"], check=False).returncode != 0,
    reason="only root makes other worlds",
)


@dataclass(frozen=True)
class World:
    """A server in a situation. ``pid`` is the one that signals are for."""

    site: Site
    server: Server
    address: tuple[str, int]
    pid: int

    def ask(self, path: str) -> str:
        """One answer over a connection of its own."""
        with Wire.connect(self.address) as wire:
            answer = wire.ask(get(path))
            assert answer.status == 200
            return answer.body.decode()

    def children(self) -> set[int]:
        """The processes below it."""
        return children(self.pid)


def children(pid: int) -> set[int]:
    """The child processes (proc(5), children)."""
    return {int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


@contextmanager
def world(situation: Situation, site: Site, *options: str) -> Iterator[World]:
    """Serve in a situation, on a socket of ours: the server may not be able to name its own."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices,
    ):
        notices.bind("")  # the kernel finds a name, which is in no directory
        server = launch(situation, site, options, (listener, notices))
        address = listener.getsockname()
        listener.close()  # so that a server that ends is missed at once
        try:
            if "--workers" in options:
                wait_serving(server, notices)
            started = World(site, server, address, server.pid)
            assert started.ask("/version") == "one"
            if "first" in situation.words:
                [inner] = children(server.pid)
                started = replace(started, pid=inner)
            yield started
        except BaseException as error:
            error.add_note(f"stderr of the server:\n{server.stderr.text()[-8000:]}")
            raise
        finally:
            server.kill()


def launch(
    situation: Situation,
    site: Site,
    options: Sequence[str],
    sockets: tuple[socket.socket, socket.socket],
) -> Server:
    """Start the server: it listens on the first socket, and tells the other one what it does."""
    full = str(site.directory / "full")
    words = [word.replace(FULL, full) for word in situation.words]
    more = [word.replace(FULL, full) for word in situation.options]
    listener, notices = sockets
    bind = ("--bind", f"fd://{listener.fileno()}", "--app-dir", str(site.directory))
    return Server(
        [sys.executable, "-m", "tricorn", "site_app:app", *bind, *more, *options],
        cwd=site.directory,
        env={
            "PYTHONDONTWRITEBYTECODE": "1",
            "NOTIFY_SOCKET": "@" + notices.getsockname()[1:].decode(),
        },
        program=(POOR, *words, "--"),
        pass_fds=(listener.fileno(),),
    )


def wait_serving(server: Server, notices: socket.socket) -> None:
    """Wait until all workers serve, as the service manager is told (sd_notify(3))."""
    notices.setblocking(False)

    def told() -> bool:
        assert server.running(), "the server has ended"
        with suppress(BlockingIOError):
            return b"READY=1" in notices.recv(4096)
        return False

    wait_until(told, "READY=1")


@pytest.fixture(params=INTERFACES)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """An application of each interface, where every user can read it."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        site = Site(Path(directory), request.param)
        site.write("one")
        yield site


def reloads(world: World) -> None:
    before = world.children()
    world.site.write("two")
    os.kill(world.pid, signal.SIGHUP)
    wait_until(lambda: not world.children() & before, "all workers are new", deadline=30)
    assert world.ask("/version") == "two"


def replaces_a_worker(world: World) -> None:
    victim = min(world.children())
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in world.children(), "its end")
    wait_until(lambda: len(world.children()) == 2, "another one")
    assert world.ask("/version") in ("one", "two")


def reopens_its_logs(world: World) -> None:
    before = world.children()
    os.kill(world.pid, signal.SIGUSR1)
    assert world.ask("/version") in ("one", "two")
    assert world.children() == before


def changes_its_size(world: World) -> None:
    os.kill(world.pid, signal.SIGTTIN)
    wait_until(lambda: len(world.children()) == 3, "3 workers")
    os.kill(world.pid, signal.SIGTTOU)
    wait_until(lambda: len(world.children()) == 2, "2 workers")


def stops(world: World) -> None:
    pids = world.children()
    os.kill(world.pid, signal.SIGTERM)
    assert world.server.wait_exit() == 0
    assert not any(map(is_alive, pids))


def stops_quickly(world: World) -> None:
    pids = world.children()
    os.kill(world.pid, signal.SIGINT)
    assert world.server.wait_exit() == 0
    assert not any(map(is_alive, pids))


@pytest.mark.parametrize("stop", [stops, stops_quickly])
@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=SITUATIONS)
def test_workers(situation: Situation, stop: Callable[[World], None], site: Site) -> None:
    with world(situation, site, "--workers", "2", *INTERFACES[site.interface]) as started:
        if stop is stops:
            for event in (replaces_a_worker, reloads, reopens_its_logs, changes_its_size):
                event(started)
        stop(started)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
@pytest.mark.parametrize("situation", ALONE.values(), ids=ALONE)
def test_alone(situation: Situation, number: signal.Signals, site: Site) -> None:
    with world(situation, site, *INTERFACES[site.interface]) as started:
        assert started.ask("/pid")
        os.kill(started.pid, number)
        assert started.server.wait_exit() == 0


LINES = Situation((f"disk={FULL}",), ("--access-log", f"{FULL}/access"))
JSON = ("--access-log-format", "json")
LONGER = 600
"""Bytes, more than a line has."""


def disk_of(started: World) -> Path:
    """The full disk, which the server alone sees."""
    return Path(f"/proc/{started.pid}/root{started.site.directory}/full")


def cut_a_line(started: World) -> Path:
    """Ask until the disk has taken half a line of the access log, which is returned."""
    full = disk_of(started)
    log, room = full / "access", ROOM // 2
    os.truncate(full / "large", room)
    written = log.stat().st_size
    while room - written > LONGER:
        started.ask("/version/before")
        written = wait_until(lambda: grown(log, written), "the line")  # noqa: B023
    started.ask(f"/version/before?{'x' * LONGER}")  # no end of a line is where the disk ends
    wait_until(lambda: log.read_bytes()[-1:] != b"\n", "half a line")
    return log


def grown(log: Path, written: int) -> int:
    """Its bytes, if they are more."""
    size = log.stat().st_size
    return size if size > written else 0


def ask_with_room(started: World, log: Path) -> list[str]:
    """One more request, now that there is room; the lines of the log."""
    os.truncate(disk_of(started) / "large", 0)
    started.ask("/version/after")
    wait_until(lambda: b"/version/after" in log.read_bytes(), "the next line")
    return log.read_text().splitlines()


def has_open(pid: int, name: str) -> bool:
    """Whether a process has a file of that name open (proc(5), fd)."""
    found = []
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.append(one.readlink())
    return any(name in str(path) for path in found)


def check_alone(lines: list[str]) -> int:
    """Which line is cut: all others are whole, and the one of the last request is the last."""
    (half,) = (at for at, line in enumerate(lines) if not line.endswith("}"))
    *_, last = map(json.loads, lines[:half] + lines[half + 1 :])
    assert last["path"] == "/version/after"
    return half


def test_half_a_line_stays_alone(site: Site) -> None:
    """A disk that becomes full cuts a line; when there is room again, that line is written anew."""
    with world(SITUATIONS["logs on a full disk"], site, *JSON) as started:
        lines = ask_with_room(started, cut_a_line(started))
        half = check_alone(lines)
        assert lines[half + 1].startswith(lines[half])


@pytest.mark.parametrize("is_reload", [False, True], ids=["killed", "reloaded"])
def test_half_a_line_of_a_worker_that_is_gone(is_reload: bool, site: Site) -> None:
    """The next one does not write on in it; of those that the old one kept, the number is told."""
    with world(LINES, site, "--workers", "1", *JSON) as started:
        log, before = cut_a_line(started), started.children()
        if is_reload:
            os.kill(started.pid, signal.SIGHUP)
        else:
            os.kill(min(before), signal.SIGKILL)
        wait_until(lambda: started.children() and not started.children() & before, "a new worker")
        check_alone(ask_with_room(started, log))
        if is_reload:
            started.server.stderr.wait(lambda text: "of the access log w" in text, "the loss")


@pytest.mark.parametrize("workers", [(), ("--workers", "1")], ids=["alone", "supervised"])
@pytest.mark.parametrize("rotates", [False, True], ids=["same", "rotated"])
def test_lines_that_wait_go_to_the_file_that_is_opened_next(
    rotates: bool, workers: tuple[str, ...], site: Site
) -> None:
    with world(LINES, site, *workers, *JSON) as started:
        log = cut_a_line(started)
        old = log.rename(log.with_name("access.1"))
        if not rotates:  # the same file all the same, opened anew
            log.hardlink_to(old)
            old.unlink()
        (server,) = started.children() if workers else {started.pid}
        os.kill(started.pid, signal.SIGUSR1)
        wait_until(lambda: not has_open(server, "access.1"), "the new file")
        lines = ask_with_room(started, log)
        waited = 0 if rotates else check_alone(lines) + 1
        paths = [json.loads(line)["path"] for line in lines[waited:]]
        assert paths.pop() == "/version/after"
        assert set(paths) == {"/version/before"}
