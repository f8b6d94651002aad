"""kill -9 of workers under load: no request fails but those on the connections of the killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit import wait_until
from tests.process.conftest import get
from tests.process.test_workers import KINDS
from tests.process.versions import Site
from tests.soak import held
from tests.soak.conftest import Row
from tests.soak.instance import PATIENCE, Instance, started
from tests.soak.load import Load
from tests.soak.test_storms import wait_answers

KILLS = 5
"""Of each kind; after more young deaths than that, a new worker waits."""

pytestmark = pytest.mark.timeout(300)


def kill_one(instance: Instance) -> set[int]:
    """Kill a worker that is in a call; the ports of the clients it had.

    The log must name that call.
    """
    before = instance.workers()
    with instance.server.connect() as wire:
        victim = int(wire.ask(get("/pid")).body)
        stuck = instance.server.stdout.text().count("stuck")
        wire.send(get("/block"))
        instance.server.stdout.wait(lambda text: text.count("stuck") > stuck, "the call")
        ports = held.kill(victim, instance.port)
        assert wire.ended()
    wait_until(lambda: instance.workers() - before, "another worker", deadline=PATIENCE)
    log = instance.server.stderr.wait(lambda text: f"worker {victim} ended" in text, "its end")
    assert "/block" in held.told(log, victim)
    return ports


@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_costs_what_the_worker_held(kind: str, tmp_path: Path, count: list[Row]) -> None:
    interface, *options = KINDS[kind]
    site = Site(tmp_path, interface)
    site.write("one")
    ports: set[int] = set()
    with started(site, "--port", "0", "--workers", "2", *options) as instance:
        instance.wait_workers(2)
        with Load(instance.server.address, keeping=10, fresh=10) as load:
            for _ in range(KILLS):
                wait_answers(load, 500)
                ports |= kill_one(instance)
            instance.wait_workers(2)
    tally = load.tally()
    count.append(
        {
            "storm": f"{kind}, kill -9",
            "requests": tally.answered,
            "connections": tally.connections,
            "kills": KILLS,
            "held": len(ports),
            "failed by a kill": len(tally.failures),
        }
    )
    strangers = [failure for failure in tally.failures if failure.port not in ports]
    assert not strangers, strangers
