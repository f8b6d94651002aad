"""What a process holds, as the kernel counts it, and what the application inside it counts."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.clients import get
from tests.kit import Server, wait_until


@dataclass(frozen=True, slots=True)
class Held:
    """Descriptors and threads of the process; asyncio tasks and iterables left open inside it."""

    descriptors: int
    threads: int
    tasks: int
    unclosed: int


def descriptors(pid: int) -> int:
    """Open descriptors."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - a Path would be made for each


def processor_seconds(pid: int) -> float:
    """User and system time used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def own_memory(pid: int) -> int:
    """Bytes of anonymous memory, shared pages counted by their share."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss_Anon:\s+(\d+) kB", text, re.MULTILINE)
    assert found is not None, "this kernel does not report Pss_Anon"
    return int(found[1]) * 1024


class Watch:
    """Counts over a connection of its own that stays open, so that it never counts itself twice."""

    def __init__(self, server: Server) -> None:
        self.pid = server.pid
        self.wire = server.connect(deadline=30)
        self.census()
        self.before = self.held()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *failure: object) -> None:
        self.wire.close()

    def census(self) -> dict[str, int]:
        """What the application counts."""
        counts: dict[str, int] = json.loads(self.wire.ask(get("/census")).body)
        return counts

    def held(self) -> Held:
        """All that must be as before once the clients have gone."""
        counts = self.census()
        threads = len(os.listdir(f"/proc/{self.pid}/task"))  # noqa: PTH208
        unclosed = counts["opened"] - counts["closed"]
        return Held(descriptors(self.pid), threads, counts["tasks"], unclosed)

    def await_as_before(self, *, deadline: float = 15.0) -> None:
        """Wait until the process holds what it held at the start; else say what it holds."""
        try:
            wait_until(lambda: self.held() == self.before, "nothing is left", deadline=deadline)
        except AssertionError as error:
            error.add_note(f"before: {self.before}; now: {self.held()}")
            raise
