"""Reloads, recycling and changes of number under load lose no request; a kill only what it held."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit import Server, serve, wait_until
from tests.process.test_workers import KINDS, children, wait_count, wait_replaced
from tests.process.versions import Site
from tests.soak.load import Load

REQUESTS = int(os.environ.get("SOAK_REQUESTS", "30000"))
"""At least so many for each kind of application."""
RELOADS = int(os.environ.get("SOAK_RELOADS", "25"))

pytestmark = pytest.mark.timeout(600)


def reload(server: Server, site: Site, turn: int) -> None:
    """New code for all workers."""
    old = children(server)
    site.write(f"version {turn}")
    server.send_signal(signal.SIGHUP)
    wait_replaced(server, old)


def more_and_fewer(server: Server, site: Site, turn: int) -> None:
    """A storm of changes, back to where it began."""
    for number in [signal.SIGTTIN] * 3 + [signal.SIGTTOU] * 3:
        change(server, number)
    wait_count(server, 2)


def change(server: Server, number: signal.Signals) -> None:
    """One signal at a time: of those of a kind that wait, the kernel keeps only one."""
    before = changes(server)
    server.send_signal(number)
    wait_until(lambda: changes(server) > before, "the signal is taken")


def changes(server: Server) -> int:
    """How often another number of workers was asked for."""
    return server.stderr.text().count("workers are wanted now")


def kill_one(server: Server) -> None:
    """End a worker, and wait for the one in its place."""
    before = children(server)
    os.kill(min(before), signal.SIGKILL)
    wait_until(lambda: children(server) - before, "another worker")


def wait_answers(load: Load, count: int) -> None:
    """Wait until so many more requests are answered."""
    until = load.answered + count
    wait_until(lambda: load.answered > until, "service")


STORMS: dict[str, tuple[Callable[[Server, Site, int], None], tuple[str, ...]]] = {
    "reload": (reload, ()),
    "recycle": (lambda server, site, turn: None, ("--max-requests", "50")),
    "more and fewer": (more_and_fewer, ()),
}


@pytest.mark.parametrize("storm", STORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_request_is_lost(kind: str, storm: str, tmp_path: Path) -> None:
    interface, *options = KINDS[kind]
    act, more = STORMS[storm]
    site = Site(tmp_path, interface)
    site.write("version 0")
    args = ("--workers", "2", *options, *more)
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    with serve("site_app:app", *args, app_dir=tmp_path, env=env) as server:
        seen = children(server)
        assert isinstance(server.address, tuple)
        with Load(server.address, keeping=10, fresh=10) as load:
            turn = 0
            while turn < RELOADS or load.answered < REQUESTS:
                turn += 1
                if turn <= RELOADS:
                    act(server, site, turn)
                seen |= children(server)
                assert server.running()
        tally = load.tally()
        print(
            f"\n{kind}, {storm}: {tally.answered:,} requests answered, {tally.told_to_close} "
            f"told to close, {len(seen)} workers, {len(tally.failures)} failures"
        )
        assert not tally.failures, tally.failures[:10]
        assert "Traceback" not in server.stderr.text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_costs_what_the_worker_held(kind: str, tmp_path: Path) -> None:
    interface, *options = KINDS[kind]
    site = Site(tmp_path, interface)
    site.write("one")
    clients, kills = 10, 5  # more would be followed by a pause
    with serve("site_app:app", "--workers", "2", *options, app_dir=tmp_path) as server:
        assert isinstance(server.address, tuple)
        with Load(server.address, keeping=clients, fresh=0) as load:
            for _ in range(kills):
                kill_one(server)
                wait_answers(load, 100)
        tally = load.tally()
        print(f"\n{kind}: {tally.answered:,} answered, {len(tally.failures)} lost by {kills} kills")
        # A connection has one request at a time: a kill can cost each client one.
        assert len(tally.failures) <= clients * kills
