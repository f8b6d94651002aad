"""What goes wrong in the soak: each fault is begun at once, and says whose requests it may cost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.kit import Wire, wait_until
from tests.process.conftest import get
from tests.process.versions import Site
from tests.soak import held
from tests.soak.instance import PATIENCE, Instance
from tests.soak.load import Failure

BROKEN = "raise RuntimeError('broken on purpose')"
LASTING = 20.0
"""Seconds after a fault within which a request that the worker held fails."""
FEWEST = 3
"""Workers below which none is killed or frozen: somebody must serve."""


@dataclass
class Faults:
    """A seeded mix. ``cost`` has what each fault that costs requests may have cost."""

    instance: Instance
    site: Site
    control: Path
    dice: random.Random
    done: Counter[str] = field(default_factory=Counter)
    _cost: list[tuple[str, float, set[int]]] = field(default_factory=list)
    _frozen: list[Wire] = field(default_factory=list)
    _turn: int = 0

    def one(self) -> None:
        """Begin the next fault."""
        kinds: list[tuple[Callable[[], None], int]] = [
            *((self.kill, 6), (self.pause, 6), (self.reload, 6), (self.reload_broken, 4)),
            *((self.more, 4), (self.fewer, 4), (self.scale, 4), (self.grow, 3)),
            *((self.freeze, 2), (self.upgrade, 1)),
        ]
        faults, weights = zip(*kinds, strict=True)
        fault = self.dice.choices(faults, weights)[0]
        self.done[fault.__name__] += 1
        fault()

    def cause(self, failure: Failure) -> str:
        """The fault that explains a failure; nothing if none does."""
        for name, when, ports in self._cost:
            if failure.port in ports and 0 <= failure.when - when < LASTING:
                return name
        return ""

    def settle(self, workers: int) -> None:
        """Good code, and the number of workers as configured."""
        for wire in self._frozen:
            wire.close()
        self.reload()
        self.instance.wait_workers(workers)

    def _victim(self, fewest: int = 1) -> int | None:
        workers = sorted(self.instance.workers())
        return self.dice.choice(workers) if len(workers) >= fewest else None

    def _note(self, name: str, ports: set[int]) -> None:
        self._cost.append((name, time.monotonic(), ports))

    def kill(self) -> None:
        """kill -9 of a worker."""
        victim = self._victim(FEWEST)
        if victim is not None:
            with suppress(ProcessLookupError, FileNotFoundError):
                held.stop(victim)
                self._note("kill", held.ports(victim, self.instance.port))
                os.kill(victim, signal.SIGKILL)

    def pause(self) -> None:
        """A worker stands still for a while, and something else happens meanwhile."""
        victim = self._victim()
        if victim is None:
            return
        with suppress(ProcessLookupError):
            held.stop(victim)
            meanwhile: list[Callable[[], None]] = [self.reload, self.more, self.fewer]
            self.dice.choice(meanwhile)()
            time.sleep(self.dice.uniform(0.1, 1.5))
            os.kill(victim, signal.SIGCONT)

    def reload(self) -> None:
        """New code."""
        self._turn += 1
        self.site.write(f"version {self._turn}")
        self.instance.signal(signal.SIGHUP)

    def reload_broken(self) -> None:
        """Code that cannot be loaded; the file is good again afterwards."""
        self.site.put(BROKEN)
        said = "reload failed"
        before = self.instance.count(said)
        self.instance.signal(signal.SIGHUP)
        wait_until(lambda: self.instance.count(said) > before, said, deadline=PATIENCE)
        self.site.write(f"version {self._turn}")

    def more(self) -> None:
        """One worker more, within bounds."""
        if len(self.instance.workers()) < 6:
            self.instance.signal(signal.SIGTTIN)

    def fewer(self) -> None:
        """One worker fewer, within bounds."""
        if len(self.instance.workers()) > 2:
            self.instance.signal(signal.SIGTTOU)

    def scale(self) -> None:
        """`tricorn scale`; right after an upgrade there may be no socket for it."""
        words = ["scale", str(self.dice.randint(2, 5)), "--control", str(self.control)]
        command = [sys.executable, "-m", "tricorn", *words]
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
        assert done.returncode in (0, 3), done.stderr

    def grow(self) -> None:
        """A worker takes memory, and will be recycled for it."""
        with self.instance.server.connect(deadline=PATIENCE) as wire:
            wire.send(get("/grow"))
            with suppress(AssertionError, OSError):  # it may meet another fault
                wire.response()

    def freeze(self) -> None:
        """A worker hangs, with all its threads; it is killed for that after a while."""
        if len(self.instance.workers()) < FEWEST:
            return
        wire = self.instance.server.connect(deadline=PATIENCE)
        self._frozen.append(wire)
        said = self.instance.server.stdout.text().count("stuck")
        with suppress(AssertionError, OSError):
            victim = int(wire.ask(get("/pid")).body)
            wire.send(get("/freeze"))
            self.instance.server.stdout.wait(lambda text: text.count("stuck") > said, "the hang")
            held.stop(victim)
            self._note("freeze", held.ports(victim, self.instance.port))
            os.kill(victim, signal.SIGCONT)

    def upgrade(self) -> None:
        """A new supervisor; a change of mind of the old one meanwhile is possible."""
        old, failed = self.instance.pid, self.instance.count("upgrade failed")
        self.instance.signal(signal.SIGUSR2)
        wait_until(
            lambda: self.instance.pid != old or self.instance.count("upgrade failed") > failed,
            "the upgrade's end",
            deadline=PATIENCE,
        )
