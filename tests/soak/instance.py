"""A server that is followed through its upgrades: which process is its supervisor now."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM, SIGUSR2, Signals

from tests.kit import Server, wait_until
from tests.process.test_workers import is_alive
from tests.process.versions import Site

PATIENCE = 60.0
"""Seconds that a change may take on a busy machine."""


class Instance:
    """A supervisor, those that took over from it, and their workers."""

    def __init__(self, server: Server, directory: Path) -> None:
        self.server = server
        self._directory = directory

    @property
    def pid(self) -> int:
        """The supervisor that serves now, by the log."""
        found = re.findall(r"process (\d+) has taken over", self.log())
        return int(found[-1]) if found else self.server.pid

    @property
    def port(self) -> int:
        """Where it listens."""
        assert isinstance(self.server.address, tuple)
        return self.server.address[1]

    def log(self) -> str:
        """What all of them have written so far."""
        return self.server.stderr.text()

    def count(self, text: str) -> int:
        """How often the log has it."""
        return self.log().count(text)

    def workers(self) -> set[int]:
        """The children of the supervisor (proc(5), children)."""
        pid = self.pid
        with suppress(FileNotFoundError):
            text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
            return {int(child) for child in text.split()}
        return set()

    def signal(self, number: Signals) -> None:
        """Send a signal to the supervisor."""
        os.kill(self.pid, number)

    def processes(self) -> set[int]:
        """Every living process in the server's directory: none can hide, whoever its parent is."""
        found = set()
        for path in Path("/proc").glob("[0-9]*/cwd"):
            with suppress(OSError):  # it may end just now
                if path.readlink() == self._directory:
                    found.add(int(path.parent.name))
        return found

    def change(self, number: Signals, said: str) -> None:
        """Send a signal and wait until the log says that it is taken.

        One at a time: of those of a kind that wait, the kernel keeps only one.
        """
        before = self.count(said)
        self.signal(number)
        wait_until(lambda: self.count(said) > before, f"{said} after {number.name}")

    def upgrade(self) -> None:
        """Have a new supervisor take over, and wait for the old one's end."""
        old = self.pid
        self.signal(SIGUSR2)
        wait_until(lambda: self.pid != old, "a new supervisor", deadline=PATIENCE)
        wait_until(lambda: not is_alive(old), "the old one has left", deadline=PATIENCE)

    def wait_workers(self, count: int) -> set[int]:
        """Wait until there are so many, and nobody else of this server beside the supervisor."""

        def settled() -> set[int] | None:
            workers = self.workers()
            alone = self.processes() == {self.pid, *workers}
            return workers if alone and len(workers) == count else None

        return wait_until(settled, f"{count} workers and nobody else", deadline=PATIENCE)

    def stop(self) -> None:
        """Stop well, and wait until no process is left."""
        with suppress(ProcessLookupError):
            self.signal(SIGTERM)
        wait_until(lambda: not self.processes(), "no process is left", deadline=PATIENCE)
        self.server.wait_exit()


@contextmanager
def started(site: Site, *options: str) -> Iterator[Instance]:
    """A server for the length of the block; whatever is left of it is killed."""
    # Bytecode is told apart by whole seconds: a test writes faster than that.
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    server = Server(["site_app:app", *options], cwd=site.directory, env=env)
    instance = Instance(server, site.directory)
    try:
        server.wait_ready(1)
        yield instance
        instance.stop()
    except BaseException as error:
        error.add_note(f"the end of the log:\n{instance.log()[-8000:]}")
        raise
    finally:
        for pid in instance.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, SIGKILL)
        server.wait_exit()
