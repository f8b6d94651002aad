"""What an application does to its server that nobody should: a clear error, or a clear end."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.hostile.clients import ask, get
from tests.hostile.conftest import ASGI, PLAIN
from tests.kit import Server, serve
from tests.kit.process import ROOT

MANY = 200
"""Clients: more than a poll serves."""
APP = "tests.hostile.strange_asgi:app"


@pytest.fixture(scope="module", params=ASGI)
def strange(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The application on each loop."""
    with serve(APP, *PLAIN, *ASGI[request.param], app_dir=ROOT) as server:
        yield server
        assert "bug in Tricorn" not in server.stderr.text()


@pytest.mark.parametrize("path", ["/elsewhere", "/send_elsewhere"])
def test_an_awaitable_of_another_loop(strange: Server, path: str) -> None:
    """A RuntimeError says what to do instead."""
    told = ask(strange, path).body.decode(errors="replace")
    assert "RuntimeError: " in told
    assert "from another thread than the event loop's" in told
    assert "bug in Tricorn" not in told


def test_a_nested_loop() -> None:
    """It serves others, and does not spin."""
    with (
        serve(APP, "--loop", "asyncio", app_dir=ROOT) as server,
        server.connect() as first,
        server.connect() as second,
    ):
        first.send(get("/nested"))
        server.stdout.wait(lambda text: "nested begins" in text, "the loop is nested")
        assert second.ask(get("/hello")).body == b"hello"
        assert int(first.response().body) < 1000


@pytest.mark.parametrize(
    ("mode", "path", "options"),
    [
        ("asgi", "/close_poller", ("--loop", "asyncio")),
        ("asgi", "/close_poller", ("--loop", "uvloop")),
        ("wsgi", "/close_poller", ("--threads", "1")),
    ],
)
def test_an_application_that_closes_descriptors(
    mode: str, path: str, options: tuple[str, ...]
) -> None:
    """The process ends with a message: it would live on, and hear nobody."""
    app = f"tests.hostile.strange_{mode}:app"
    with serve(app, *options, app_dir=ROOT) as server:
        with server.connect() as wire:
            wire.send(get(path))
            assert server.wait_exit(deadline=20) == 1
        assert "closed a descriptor of the server" in server.stderr.text()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that counts")
def test_clients_that_leave_cost_no_memory(tmp_path: Path) -> None:
    """A task that catches the disconnect and returns leaves nothing behind."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with serve(APP, *PLAIN, app_dir=ROOT, env={"GATE": str(gate)}) as server:
        first = leave(server, gate, 2)
        assert leave(server, gate, 12) - first < 40_000


def has(times: int, text: str) -> bool:
    """Whether the application has said so often that it is time to leave."""
    return text.count("leave now") == times


def leave(server: Server, gate: Path, times: int) -> int:
    """Have many clients leave while nobody looks; bytes that are allocated then."""
    for _ in range(times):
        with ExitStack() as clients, server.connect() as other:
            for _ in range(MANY):
                wire = clients.enter_context(server.connect())
                wire.send(get("/caught"))
                wire.incoming.exactly(1)
            told = server.stdout.text().count("leave now") + 1
            other.send(get("/left"))
            server.stdout.wait(partial(has, told), "time to leave")
            clients.close()
            gate.write_bytes(b"")
            assert other.response().body == b"told"
    return int(ask(server, "/allocated").body)
