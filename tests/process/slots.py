"""Start forked workers and read what their slots say."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.kit import Server
from tests.kit.process import ROOT, ended

Slots = list[dict[str, Any]]


class Workers:
    """Forked workers behind one address."""

    def __init__(self, server: Server, gate: Path) -> None:
        self.server = server
        self._gate = gate

    def until(self, look: Callable[[Slots], bool], what: str) -> Slots:
        """The slots as soon as ``look(slots)`` holds; it sees none before they were told once."""

        def seen(text: str) -> bool:
            slots = last(text)
            return bool(slots) and look(slots)

        return last(self.server.stdout.wait(seen, what))

    def until_sum(self, name: str, value: int) -> Slots:
        """The slots as soon as a counter of all of them together is ``value``."""
        return self.until(lambda slots: total(slots, name) == value, f"{name} sums to {value}")

    def now(self) -> Slots:
        """The slots as they were last seen."""
        return last(self.server.stdout.text())

    def release(self) -> None:
        """Let whoever is in ``/block`` go on."""
        self._gate.write_bytes(b"")


def last(text: str) -> Slots:
    """The last whole line."""
    lines = text.split("\n")
    slots: Slots = json.loads(lines[-2]) if len(lines) > 1 else []
    return slots


def total(slots: Slots, name: str) -> int:
    """A counter of all slots together."""
    return sum(slot[name] for slot in slots)


@contextmanager
def forked(
    interface: str,
    directory: Path,
    *,
    workers: int,
    threads: int = 1,
    measured: bool = False,
    settings: dict[str, object] | None = None,
) -> Iterator[Workers]:
    """Serve on ``workers`` processes for the length of the block."""
    gate = directory / "gate"
    os.mkfifo(gate)
    server = Server(
        [interface, str(workers), str(threads)],
        cwd=ROOT,
        env={
            "GATE": str(gate),
            "MEASURED": "1" if measured else "",
            "SETTINGS": json.dumps(settings or {}),
        },
        program=("-m", "tests.process.forked"),
    )
    with ended(server):
        server.wait_ready(1)
        yield Workers(server, gate)
