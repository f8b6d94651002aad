"""A server process under measurement: start and stop it, read its process tree from /proc."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")  # seconds
START_TIMEOUT = 20.0  # seconds
STOP_TIMEOUT = 3.0  # seconds; then it is killed


class StartError(Exception):
    """The server did not start; the message has the end of its output."""


@dataclass(frozen=True, slots=True)
class Process:
    """A running server: its first process and its port on 127.0.0.1."""

    pid: int
    port: int

    def tree(self) -> list[int]:
        """The pids of the process and all its descendants."""
        pids = [self.pid]
        for pid in pids:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    pids.extend(int(child) for child in task.read_text().split())
        return pids

    def cpu(self) -> float:
        """User and system time of the tree so far, ended children included, in seconds."""
        ticks = 0
        for pid in self.tree():
            # The second field is the command in brackets and may hold spaces.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
        return ticks * TICK

    def switches(self) -> int:
        """How often a thread of the tree has given up or lost the processor."""
        files = (path for pid in self.tree() for path in Path(f"/proc/{pid}/task").glob("*/status"))
        return sum(_field(path, "ctxt_switches:") for path in files)

    def memory(self) -> int:
        """Anonymous memory of the tree in bytes; pages shared by several processes count once."""
        paths = (Path(f"/proc/{pid}/smaps_rollup") for pid in self.tree())
        return sum(_field(path, "Pss_Anon:") for path in paths) * 1024

    def resident(self, name: str) -> int:
        """VmRSS (now) or VmHWM (the highest since `reset_peak`) of the tree in bytes."""
        paths = (Path(f"/proc/{pid}/status") for pid in self.tree())
        return sum(_field(path, f"{name}:") for path in paths) * 1024

    def reset_peak(self) -> None:
        """Makes VmHWM start again from VmRSS (proc(5), clear_refs)."""
        for pid in self.tree():
            Path(f"/proc/{pid}/clear_refs").write_text("5")


def _field(path: Path, suffix: str) -> int:
    """The sum of the numbers in lines whose name ends with `suffix`."""
    lines = (line.split() for line in path.read_text().splitlines())
    return sum(int(words[1]) for words in lines if len(words) > 1 and words[0].endswith(suffix))


def busy() -> float:
    """What everything has used of all cores so far, other guests of the host too, in seconds.

    Interrupts count: the kernel charges them to whatever process they interrupt (proc(5), stat).
    """
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) * TICK


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    command: list[str], port: int, cores: str, environment: dict[str, str], output: Path
) -> Iterator[Process]:
    """Runs `command` on the processors `cores` (taskset's list) while the block runs.

    Entered once the port accepts; its output goes to the file `output`.

    Raises:
        StartError: the command ended, or did not listen in time.
    """
    with output.open("wb") as file:
        child = subprocess.Popen(
            ["taskset", "-c", cores, *command],
            cwd=output.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    process = Process(child.pid, port)
    try:
        _wait_until_listening(child, port, output)
        yield process
    finally:
        _stop(child, process)


def _wait_until_listening(child: subprocess.Popen[bytes], port: int, output: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not accepts(port):
        if child.poll() is not None or time.monotonic() > deadline:
            why = "did not listen in time" if child.returncode is None else "ended"
            tail = output.read_text(errors="replace")[-400:]
            raise StartError(f"{why}: {' '.join(tail.split())}")
        time.sleep(0.001)


def accepts(port: int) -> bool:
    """Whether a connection to the port succeeds."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _stop(child: subprocess.Popen[bytes], process: Process) -> None:
    pids = process.tree()
    child.terminate()
    try:
        child.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        child.wait()
