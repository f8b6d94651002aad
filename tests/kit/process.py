"""Start a real ``tricorn`` process, learn where it listens, end it and check how it ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.kit.wire import Address, Wire

ROOT = Path(__file__).resolve().parents[2]
READY = re.compile(r"https?://(\[[0-9a-f:.]+\]|[0-9.]+):([0-9]+)|unix:(/[^\s,]+)")


class Output:
    """What a process has written to one pipe, collected as it comes."""

    def __init__(self, pipe: IO[str]) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._pipe = pipe
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    def _collect(self) -> None:
        for line in self._pipe:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        self._pipe.close()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def text(self) -> str:
        """Everything written so far."""
        with self._changed:
            return "".join(self.lines)

    def wait(self, look: Callable[[str], bool], what: str, *, deadline: float = 10.0) -> str:
        """Wait until ``look(text)`` holds; AssertionError after ``deadline`` seconds."""
        end = time.monotonic() + deadline
        with self._changed:
            while not look(text := "".join(self.lines)):
                left = end - time.monotonic()
                if self._ended or left <= 0:
                    raise AssertionError(f"never written: {what}; the output was:\n{text}")
                self._changed.wait(left)
        return text

    def finish(self) -> None:
        """Wait for the end of the pipe."""
        self._reader.join(10)


class Server:
    """One running process with its output and its addresses: ``python -m tricorn`` or a script.

    ``pass_fds`` are descriptors the process gets under the same numbers.
    """

    def __init__(
        self,
        args: list[str],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        program: tuple[str, ...] = ("-m", "tricorn"),
        pass_fds: tuple[int, ...] = (),
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *program, *args],
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            pass_fds=pass_fds,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.stdout = Output(self._process.stdout)
        self.stderr = Output(self._process.stderr)
        self.addresses: list[Address] = []

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def address(self) -> Address:
        """The first address the server listens on."""
        return self.addresses[0]

    @property
    def url(self) -> str:
        """``http://HOST:PORT`` of the first address, which must be a TCP one."""
        assert isinstance(self.address, tuple), "this server has no TCP address"
        host, port = self.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def wait_ready(self, binds: int, *, deadline: float = 20.0) -> None:
        """Wait until the server has named ``binds`` addresses on stderr."""

        def all_named(text: str) -> bool:
            return len(READY.findall(text)) >= binds

        text = self.stderr.wait(all_named, f"{binds} address(es) served", deadline=deadline)
        self.addresses = [self._address(found) for found in READY.finditer(text)]

    @staticmethod
    def _address(found: re.Match[str]) -> Address:
        host, port, path = found.groups()
        return Path(path) if path else (host.strip("[]"), int(port))

    def connect(self, *, deadline: float = 10.0) -> Wire:
        """Open a raw connection to the first address."""
        return Wire.connect(self.address, deadline=deadline)

    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process.poll() is None

    def send_signal(self, number: int) -> None:
        """Send a signal to this process alone."""
        self._process.send_signal(number)

    def wait_exit(self, *, deadline: float = 15.0) -> int:
        """Wait for the end of the process and of its output; the exit code, -N for signal N."""
        code = self._process.wait(deadline)
        self.stdout.finish()
        self.stderr.finish()
        return code

    def stop(self, number: int = signal.SIGTERM, *, deadline: float = 15.0) -> int:
        """Ask the server to end and return its exit code."""
        self.send_signal(number)
        return self.wait_exit(deadline=deadline)

    def kill(self) -> None:
        """End a process that has not ended by itself."""
        if self.running():
            self._process.kill()
        self.wait_exit()


@contextmanager
def serve(
    app: str,
    *options: str,
    app_dir: Path,
    binds: tuple[str, ...] = ("127.0.0.1:0",),
    env: Mapping[str, str] | None = None,
    pass_fds: tuple[int, ...] = (),
) -> Iterator[Server]:
    """Serve ``app`` from ``app_dir`` until the block ends, then check that SIGTERM ends it with 0.

    A server that the block has ended itself is left as it is. On any failure it is killed and its
    stderr is shown with the error.
    """
    args = [app, *(part for bind in binds for part in ("--bind", bind)), *options]
    with ended(Server(args, cwd=app_dir, env=env, pass_fds=pass_fds)) as server:
        server.wait_ready(len(binds))
        yield server


@contextmanager
def ended(server: Server) -> Iterator[Server]:
    """End ``server`` with the block, as :func:`serve` says."""
    try:
        yield server
        code = server.stop() if server.running() else 0
        assert code == 0, f"the server ended with {code} after SIGTERM"
    except BaseException as error:
        server.kill()
        error.add_note(f"stderr of the server:\n{server.stderr.text()[-8000:]}")
        raise
