"""``--reuse-port``: a socket for each worker, and nobody who waits on one is lost when it goes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from tests.kit import Server, serve, wait_until
from tests.process.conftest import get
from tests.process.test_workers import ask, children, wait_count, wait_replaced
from tests.process.versions import Site
from tests.soak.instance import PATIENCE, Instance, started
from tests.soak.load import Load

ENV = {"PYTHONDONTWRITEBYTECODE": "1"}
SEVERAL = 200
"""Connections: that one of two or three sockets gets none of them does not happen."""


@pytest.fixture(params=["asgi", "wsgi"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    """The application, version one."""
    site = Site(tmp_path, request.param)
    site.write("one")
    return site


def share(site: Site, *options: str, bind: str = "127.0.0.1:0") -> AbstractContextManager[Server]:
    """A server with a socket for each worker."""
    options = ("--reuse-port", *options)
    return serve("site_app:app", *options, app_dir=site.directory, binds=(bind,), env=ENV)


def listening(port: int) -> int:
    """How many sockets listen on a port of 127.0.0.1 (proc(5), net/tcp)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1] == f"0100007F:{port:04X}" and row[3] == "0A" for row in rows)


def port_of(server: Server) -> int:
    """Where it listens."""
    assert isinstance(server.address, tuple)
    return server.address[1]


def wait_sockets(server: Server, count: int) -> None:
    """Wait until so many sockets listen."""
    port = port_of(server)
    wait_until(lambda: listening(port) == count, f"{count} sockets", deadline=PATIENCE)


WAIT_FOR_GO = """
import os, pathlib, time
pathlib.Path("begun").touch()
while not os.path.exists("go"):
    time.sleep(0.01)
"""


def test_connections_spread(site: Site) -> None:
    with share(site, "--workers", "3") as server:
        pids = {int(ask(server, "/pid")) for _ in range(SEVERAL)}
        assert pids == children(server)
        wait_sockets(server, 3)


def test_unix_sockets_are_shared(site: Site) -> None:
    path = site.directory / "socket"
    with share(site, "--workers", "2", bind=f"unix:{path}") as server:
        before = children(server)
        server.send_signal(signal.SIGHUP)
        wait_replaced(server, before)
        assert ask(server, "/version") == "one"


def test_a_killed_worker_leaves_its_socket(site: Site) -> None:
    with share(site, "--workers", "2") as server:
        for _ in range(3):
            os.kill(int(ask(server, "/pid")), signal.SIGKILL)
            assert {ask(server, "/version") for _ in range(SEVERAL)} == {"one"}
        wait_sockets(server, 2)


def test_nobody_waits_for_a_worker_that_starts(site: Site) -> None:
    with share(site, "--workers", "1") as server:
        site.put(WAIT_FOR_GO + (site.directory / "site_app.py").read_text())
        server.send_signal(signal.SIGTTIN)
        wait_count(server, 2)
        wait_until((site.directory / "begun").exists, "the import", deadline=PATIENCE)
        assert len({ask(server, "/pid") for _ in range(SEVERAL)}) == 1
        (site.directory / "go").touch()
        wait_sockets(server, 2)
        wait_until(lambda: len({ask(server, "/pid") for _ in range(SEVERAL)}) == 2, "both")


def test_who_waits_is_let_in_by_the_worker_that_leaves(tmp_path: Path) -> None:
    """Both event loops are blocked, with clients in both queues, when one worker is to go."""
    site = Site(tmp_path, "asgi")
    site.write("one")
    with share(site, "--workers", "2") as server, ExitStack() as stack:
        wires = [stack.enter_context(server.connect()) for _ in range(40)]
        for wire in wires:
            wire.send(get("/wait"))
        server.stdout.wait(lambda text: text.count("waiting") == 2, "both are blocked")
        for _ in range(SEVERAL):
            wires.append(stack.enter_context(server.connect()))
            wires[-1].send(get("/version"))
        server.send_signal(signal.SIGTTOU)
        server.stderr.wait(lambda text: "1 workers are wanted now" in text, "the change")
        (tmp_path / "go").touch()
        assert {wire.response().status for wire in wires} == {200}
        wait_sockets(server, 1)


def test_the_option_can_not_change_for_an_address(site: Site) -> None:
    file = site.directory / "tricorn.toml"
    file.write_text("[listen]\nreuse-port = true\n[process]\nworkers = 2\n")
    with serve("site_app:app", app_dir=site.directory, env=ENV) as server:
        before = children(server)
        file.write_text("[process]\nworkers = 2\n")
        server.send_signal(signal.SIGHUP)
        text = server.stderr.wait(lambda text: "reload failed" in text, "the failure")
        assert "--reuse-port cannot be turned off" in text
        assert children(server) == before
        assert ask(server, "/version") == "one"


def test_servers_share_a_port(site: Site) -> None:
    with share(site) as first:
        bind = f"127.0.0.1:{port_of(first)}"
        with share(site, bind=bind) as second:
            assert listening(port_of(first)) == 2
            pids = {int(ask(first, "/pid")) for _ in range(SEVERAL)}
            assert pids == {first.pid, second.pid}
        failed = Server(["site_app:app", "--bind", bind], cwd=site.directory, env=ENV)
        failed.wait_exit()
        assert "the port is in use" in failed.stderr.text()


def reload(instance: Instance, site: Site, turn: int) -> None:
    """New code for all workers."""
    old = instance.workers()
    site.write(f"version {turn}")
    instance.signal(signal.SIGHUP)
    wait_until(
        lambda: len(found := instance.workers()) == 2 and not found & old,
        "all workers are new",
        deadline=PATIENCE,
    )


def upgrade(instance: Instance, site: Site, turn: int) -> None:
    """A new supervisor with new code."""
    site.write(f"version {turn}")
    instance.upgrade()


def more_and_fewer(instance: Instance, site: Site, turn: int) -> None:
    """Two more and two fewer."""
    for number, count in ((signal.SIGTTIN, 4), (signal.SIGTTOU, 2)):
        for _ in range(2):
            instance.change(number, "workers are wanted now")
        port = instance.port
        wait_until(lambda: listening(port) == count, f"{count} sockets", deadline=PATIENCE)  # noqa: B023


def recycle(instance: Instance, site: Site, turn: int) -> None:
    """The option makes a worker go, and another is in its place."""
    old = instance.workers()
    wait_until(lambda: old - instance.workers(), "a worker is recycled", deadline=PATIENCE)


CHANGES: dict[str, tuple[Callable[[Instance, Site, int], None], tuple[str, ...]]] = {
    "reload": (reload, ()),
    "upgrade": (upgrade, ()),
    "more and fewer": (more_and_fewer, ()),
    "recycling": (recycle, ("--max-requests", "100")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_request_is_lost(change: str, site: Site) -> None:
    act, options = CHANGES[change]
    bind = ("--port", "0", "--reuse-port", "--workers", "2")
    with started(site, *bind, *options) as instance:
        instance.wait_workers(2)
        with Load(instance.server.address, keeping=4, fresh=4) as load:
            for turn in range(1, 4):
                act(instance, site, turn)
                until = load.answered + 300
                wait_until(lambda: load.answered >= until, "service", deadline=PATIENCE)  # noqa: B023
        port = instance.port
        wait_until(lambda: listening(port) == 2, "two sockets", deadline=PATIENCE)
    assert load.tally().failures == []
