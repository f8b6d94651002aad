"""Reloads, upgrades, recycling and changes of number under load: not one request is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit import wait_until
from tests.process.test_workers import KINDS
from tests.process.versions import Site
from tests.soak.conftest import Row
from tests.soak.instance import PATIENCE, Instance, started
from tests.soak.load import Load

REQUESTS = int(os.environ.get("SOAK_REQUESTS", "20000"))
"""At least so many in each storm, on each kind of application."""
RELOADS = int(os.environ.get("SOAK_RELOADS", "25"))
"""Reloads of each kind; also storms of TTIN and TTOU."""
UPGRADES = int(os.environ.get("SOAK_UPGRADES", "5"))
"""Upgrades in place of each kind."""
MOST_TIME = 900
"""Seconds for one storm."""

pytestmark = pytest.mark.timeout(MOST_TIME)

Storm = Callable[[Instance, Site, int, Load], None]


def reload(instance: Instance, site: Site, turn: int, load: Load) -> None:
    """New code for all workers."""
    old = instance.workers()
    site.write(f"version {turn}")
    instance.signal(signal.SIGHUP)
    wait_until(
        lambda: len(found := instance.workers()) == 2 and not found & old,
        "all workers are new",
        deadline=PATIENCE,
    )


def upgrade(instance: Instance, site: Site, turn: int, load: Load) -> None:
    """A new supervisor with new code."""
    site.write(f"version {turn}")
    instance.upgrade()


def more_and_fewer(instance: Instance, site: Site, turn: int, load: Load) -> None:
    """Three more and three fewer; every other time, before the three can serve."""
    for number in [signal.SIGTTIN] * 3 + [signal.SIGTTOU] * 3:
        instance.change(number, "workers are wanted now")
        if turn % 2 and number == signal.SIGTTIN:
            wait_answers(load, 200)
    wait_until(lambda: len(instance.workers()) == 2, "two workers", deadline=PATIENCE)


def recycle(instance: Instance, site: Site, turn: int, load: Load) -> None:
    """The option makes the storm: a worker goes, and another is in its place."""
    old = instance.workers()
    wait_until(lambda: old - instance.workers(), "a worker is recycled", deadline=PATIENCE)


def everything(instance: Instance, site: Site, turn: int, load: Load) -> None:
    """One into the other: nobody waits for the end of what was begun before."""
    site.write(f"version {turn}")
    instance.change(signal.SIGTTIN, "workers are wanted now")
    instance.change(signal.SIGHUP, "reloading: generation")
    if turn % 5 == 0:
        instance.upgrade()
    instance.change(signal.SIGTTOU, "workers are wanted now")


def wait_answers(load: Load, count: int) -> None:
    """Wait until so many more requests are answered."""
    until = load.answered + count
    wait_until(lambda: load.answered >= until, "service", deadline=PATIENCE)


RECYCLE = ("--max-requests", "50")
STORMS: dict[str, tuple[Storm, int, tuple[str, ...]]] = {
    "reload": (reload, RELOADS, ()),
    "upgrade": (upgrade, UPGRADES, ()),
    "recycle at 50": (recycle, RELOADS, RECYCLE),
    "TTIN and TTOU": (more_and_fewer, RELOADS, ()),
    "everything": (everything, UPGRADES, RECYCLE),
    "TTIN and TTOU, --reuse-port": (more_and_fewer, RELOADS, ("--reuse-port",)),
    "everything, --reuse-port": (everything, UPGRADES, (*RECYCLE, "--reuse-port")),
}


@pytest.mark.parametrize("storm", STORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_request_is_lost(kind: str, storm: str, tmp_path: Path, count: list[Row]) -> None:
    interface, *options = KINDS[kind]
    act, turns, more = STORMS[storm]
    site = Site(tmp_path, interface)
    site.write("version 0")
    with started(site, "--port", "0", "--workers", "2", *options, *more) as instance:
        seen = instance.wait_workers(2)
        with Load(instance.server.address, keeping=10, fresh=10) as load:
            for turn in range(1, turns + 1):
                act(instance, site, turn, load)
                seen |= instance.workers()
            while load.answered < REQUESTS:
                seen |= instance.workers()
                wait_answers(load, 200)
        log = instance.log()
    tally = load.tally()
    count.append(
        {
            "storm": f"{kind}, {storm}",
            "requests": tally.answered,
            "connections": tally.connections,
            "told to close": tally.told_to_close,
            "reloads": log.count("reloading: generation"),
            "upgrades": log.count("has taken over"),
            "changes": log.count("workers are wanted now"),
            "workers": len(seen),
            "failed": len(tally.failures),
            "longest, s": tally.longest,
        }
    )
    assert not tally.failures, tally.failures[:10]
    assert "Traceback" not in log
