"""A program that becomes a daemon and then does what its first argument says."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from tests.kit import wait_until
from tricorn.errors import BindError
from tricorn.supervisor.daemon import Daemon, daemonize


def main(task: str, report: Path) -> None:
    """Become a daemon, write what it is to ``report``, and go on."""
    with daemonize() as daemon:
        fresh = report.with_suffix(".new")
        fresh.write_text(json.dumps(_facts()))
        fresh.rename(report)
        _go_on(task, daemon, report)


def _facts() -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "sid": os.getsid(0),
        "parent": os.getppid(),
        "stdio": [str(Path(f"/proc/self/fd/{fd}").readlink()) for fd in range(3)],
        "directory": str(Path.cwd()),
    }


def _go_on(task: str, daemon: Daemon, report: Path) -> None:
    if task == "serve":
        daemon_pid = os.getpid()
        _fork_worker(lambda: os.getppid() != daemon_pid)
        daemon.ready("serving main:app on http://127.0.0.1:8000")
        print("nobody sees this")
        threading.Event().wait(60)
    elif task == "late":
        wait_until(report.with_suffix(".go").exists, "leave to go on")
        daemon.ready("nobody reads this")
        report.with_suffix(".served").touch()
        threading.Event().wait(60)
    elif task == "fail":
        raise BindError("cannot listen on :1: no")
    elif task == "break":
        raise ZeroDivisionError("division\nby zero")
    elif task == "die":
        _fork_worker(report.with_suffix(".go").exists)
        os.kill(os.getpid(), signal.SIGKILL)
    elif task == "large":
        raise BindError("x" * 1_000_000)
    elif task != "leave":
        raise AssertionError(task)


def _fork_worker(until: Callable[[], bool]) -> None:
    """A worker that lives until something is so, or for a minute."""
    if os.fork() == 0:
        try:
            wait_until(until, "the end of the worker", deadline=60)
        finally:
            os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
