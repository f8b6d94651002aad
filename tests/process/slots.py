"""Start forked workers and read what their slots say."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.kit import Server, wait_until
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
        """Let all calls of ``/block`` and ``/wait`` that have begun go on, one at the least."""
        begun = self.count("blocks")
        self._let_go()
        while self.count("goes on") < begun:
            self._let_go()

    def _let_go(self) -> None:
        before = self.count("goes on")
        wait_until(self._open_gate, "a call is at the gate")
        wait_until(lambda: self.count("goes on") > before, "it goes on")

    def count(self, word: str) -> int:
        """How often the applications have said so."""
        return self.server.stderr.text().count(word)

    def _open_gate(self) -> bool:
        """Let go who is at the gate; false if nobody is there yet."""
        try:
            os.close(os.open(self._gate, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return False
        return True


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
