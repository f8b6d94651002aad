"""The servers that the clients ask, and the one client that runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.clients import Client, Over
from tests.kit import Server, Wire, serve
from tests.kit.certificates import Files, write_certificate
from tests.kit.process import ROOT, Output

LIMIT = "64KiB"
"""--body-size of the servers that refuse."""


class Program:
    """A client that runs, asked by lines of JSON."""

    def __init__(self, command: list[str]) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._stdin = self._process.stdin
        self._stdout = Output(self._process.stdout)
        self._stderr = Output(self._process.stderr)
        self._asked = 0

    def ask(self, row: dict[str, Any], deadline: float) -> dict[str, Any]:
        """What it saw; AssertionError if it says nothing for ``deadline`` seconds."""
        self._stdin.write(json.dumps(row) + "\n")
        self._stdin.flush()
        self._asked += 1
        try:
            self._stdout.wait(
                lambda text: text.count("\n") == self._asked, f"{row}", deadline=deadline
            )
        except AssertionError as error:
            error.add_note(f"stderr of the client:\n{self._stderr.text()[-4000:]}")
            raise
        facts: dict[str, Any] = json.loads(self._stdout.lines[-1])
        return facts

    def end(self) -> None:
        """It ends with its input; one that hangs is killed."""
        self._stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stdout.finish()
        self._stderr.finish()


@dataclass(frozen=True, slots=True)
class Served:
    """A server, and how to reach it."""

    server: Server
    files: Files | None

    @property
    def url(self) -> str:
        """Its first part, without a slash at the end."""
        return self.server.url.replace("http", "https" if self.files else "http", 1)

    def running(self) -> int:
        """How many downloads the application has not ended."""
        tls = self.files and self.files.client
        with Wire.connect(self.server.address, tls=tls or None) as wire:
            body = wire.ask(b"GET /who HTTP/1.1\r\nHost: a\r\n\r\n").body
        running: int = json.loads(body)["running"]
        return running


class World:
    """Servers, each started when it is first asked for; of the clients the last one."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self._stack = stack
        self._files = write_certificate(directory)
        # Node and curl take a file, and Python's contexts are no file.
        self._authority = directory / "authority.pem"
        self._files.authority.cert_pem.write_to_path(str(self._authority))
        self._servers: dict[tuple[str, bool, bool], Served] = {}
        self._program: tuple[object, Program] | None = None

    def served(self, interface: str, tls: bool, *, limited: bool = False) -> Served:
        """The server of an interface; a limited one refuses bodies above LIMIT."""
        key = (interface, tls, limited)
        if key not in self._servers:
            files = self._files if tls else None
            options = [*(files.options if files else ()), "--http2", "on"]
            if limited:
                options += ["--body-size", LIMIT]
            app = f"tests.clients.app_{interface}:app"
            server = self._stack.enter_context(serve(app, *options, app_dir=ROOT))
            self._servers[key] = Served(server, files)
        return self._servers[key]

    def program(self, client: Client, over: Over, interface: str) -> Program:
        """The client that is wanted, which is kept until another one is."""
        key = (client.command, over, interface)
        if self._program and self._program[0] != key:
            self.forget()
        if self._program is None:
            told = {"http": over.http, "ca": str(self._authority) if over.tls else None}
            self._program = (key, Program([*client.command, json.dumps(told)]))
        return self._program[1]

    def forget(self) -> None:
        """End the client, if one runs."""
        if self._program:
            self._program[1].end()
        self._program = None


@contextmanager
def world(directory: Path) -> Iterator[World]:
    """Everything ends with it; a server that does not end well fails there."""
    with ExitStack() as stack:
        made = World(stack, directory)
        stack.callback(made.forget)
        yield made
