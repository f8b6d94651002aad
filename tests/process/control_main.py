"""A program with a control socket that answers each command as a supervisor would."""

from __future__ import annotations

import os
import selectors
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tricorn.supervisor.control import ControlServer, Request

STATUS: dict[str, Any] = {
    "app": "main:app",
    "pid": os.getpid(),
    "uptime": 3725.2,
    "addresses": ["http://127.0.0.1:8000", "unix:/run/app.sock"],
    "reloading": False,
    "workers": [
        {"number": 1, "pid": 11, "state": "serving", "in_flight": 4, "memory": 52 * 1024 * 1024},
        {"number": 2, "pid": 12, "state": "starting", "in_flight": 0, "memory": None},
    ],
    "last_reload": "ImportError: no\n  at \x1b[31mmain.py\n",
}


class Program:
    """Serves the control socket until ``stop``."""

    def __init__(self, setting: str, app: str) -> None:
        instance = {"pid": os.getpid(), "app": app, "directory": str(Path.cwd())}
        server = ControlServer.open(setting, instance, self.handle)
        assert server is not None
        self.server = server
        self.stopping: Request | None = None

    def handle(self, request: Request) -> None:
        """One command."""
        answers: dict[str, Callable[[Request], None]] = {
            "status": lambda request: request.finish(0, STATUS),
            "reload": self.reload,
            "scale": lambda request: request.finish(0, {"workers": request.options["workers"]}),
            "stacks": lambda request: request.finish(0, {"pid": request.options["pid"]}),
            "logs": lambda request: request.finish(0, {"lines": ["one", "two"]}),
            "stop": self.stop,
        }
        answers[request.command](request)

    def reload(self, request: Request) -> None:
        """One that fails."""
        request.progress("generation 2 is starting")
        request.fail("generation 2 did not start: ImportError")

    def stop(self, request: Request) -> None:
        """Answered when all is done, as the last act."""
        request.progress("waiting for 1 request")
        self.stopping = request

    def run(self) -> None:
        """The loop."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.server, selectors.EVENT_READ)
            while self.stopping is None:
                selector.select(self.server.wait())
                self.server.poll()
        if sys.argv[3:] != ["abrupt"]:
            self.stopping.finish()
            self.server.close()


if __name__ == "__main__":
    program = Program(sys.argv[1], sys.argv[2])
    print(program.server.path, flush=True)
    program.run()
