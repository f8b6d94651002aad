"""Stops that something of the application holds up: the error log says what, "stopped" is last."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit import Server, serve
from tests.kit.process import ROOT, ended
from tests.process.test_run import script
from tests.process.test_workers import children

THREAD = "thread '{}' of the application still runs: the process ends with it"
SHUTDOWN = "still waiting for the lifespan shutdown of the application after 3 s"
HANDLERS = "still waiting for the exit handlers of the application (atexit) after 3 s"
LEFT = "still waiting for {} of the application after 3 s"

EVERYWHERE = {
    "thread": THREAD.format("importer"),
    "executor": THREAD.format("exporter_0"),
    "exit": HANDLERS,
}
WITH_A_LOOP = {
    "shutdown": SHUTDOWN,
    "blocked": SHUTDOWN,
    "task": LEFT.format("task 'collector'"),
    "to_thread": LEFT.format("thread '{loop}_0'"),
}
CASES = [
    *(("asgi", "asyncio", *case) for case in (EVERYWHERE | WITH_A_LOOP).items()),
    *(("asgi", "uvloop", *case) for case in WITH_A_LOOP.items()),
    *(("wsgi", "auto", *case) for case in EVERYWHERE.items()),
]


@contextmanager
def held(interface: str, how: str, gate: Path, *options: str) -> Iterator[Server]:
    """A server that will not end before somebody opens ``gate``."""
    os.mkfifo(gate)
    env = {"HELD": how, "GATE": str(gate)}
    with serve(f"tests.process.held_{interface}:app", *options, app_dir=ROOT, env=env) as server:
        yield server


def let_go(gate: Path) -> None:
    """Let it end."""
    gate.write_bytes(b"go")


@pytest.mark.parametrize(("interface", "loop", "how", "said"), CASES)
def test_what_holds_it_up_is_told(
    interface: str, loop: str, how: str, said: str, tmp_path: Path
) -> None:
    with held(interface, how, tmp_path / "gate", "--loop", loop) as server:
        said = said.format(loop=loop)
        server.send_signal(signal.SIGTERM)
        server.stderr.wait(lambda text: said in text, said)
        assert "INFO stopped" not in server.stderr.text()
        let_go(tmp_path / "gate")
        assert server.wait_exit() == 0
        assert server.stderr.text().endswith(" INFO stopped\n")
        assert server.stderr.text().count(said) == 1


def test_a_worker_tells_it_too(tmp_path: Path) -> None:
    with held("wsgi", "thread", tmp_path / "gate", "--workers", "1") as server:
        [worker] = children(server)
        server.send_signal(signal.SIGTERM)
        said = f"[{worker}] WARNING {EVERYWHERE['thread']}"
        server.stderr.wait(lambda text: said in text, said)
        let_go(tmp_path / "gate")
        assert server.wait_exit() == 0


@pytest.mark.parametrize(
    ("interface", "how", "said"),
    [
        ("asgi", "shutdown", "INFO still waiting for the lifespan shutdown of the application"),
        ("asgi", "task", "INFO still waiting for task 'collector' of the application"),
        ("wsgi", "thread", f"WARNING {EVERYWHERE['thread']}"),
    ],
)
def test_a_quick_stop_tells_it_before_it_kills(
    interface: str, how: str, said: str, tmp_path: Path
) -> None:
    with held(interface, how, tmp_path / "gate", "--workers", "1") as server:
        [worker] = children(server)
        assert server.stop(signal.SIGINT) == 0
        killed = (
            f"WARNING worker {worker} was killed: it was not gone 1.5 s after SIGINT; "
            "SIGTERM gives it --graceful-timeout\n"
        )
        before, found, _ = server.stderr.text().partition(killed)
        assert found
        assert f"[{worker}] {said}" in before


def test_a_quick_stop_names_the_request_that_blocks_the_loop() -> None:
    app = "tests.process.hangs_asgi:app"
    with serve(app, "--workers", "1", app_dir=ROOT) as server, server.connect() as wire:
        wire.send(b"GET /block HTTP/1.1\r\nHost: test\r\n\r\n")
        server.stdout.wait(lambda text: "in /block" in text, "a call that blocks")
        assert server.stop(signal.SIGINT) == 0
        killed = r"was killed: it was not gone 1.5 s after SIGINT; .*; in flight: GET /block of "
        assert re.search(killed, server.stderr.text())


def test_a_script_tells_it_at_its_end(tmp_path: Path) -> None:
    """It may do other things when the server has stopped."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    read = f"pathlib.Path({str(gate)!r}).read_bytes"
    thread = f"threading.Thread(target={read}, name='importer').start()"
    code = f"import pathlib, threading; {thread}; tricorn.run(app, port=0)"
    with ended(script(tmp_path, code)) as server:
        server.wait_ready(1)
        server.send_signal(signal.SIGTERM)
        said = f"INFO stopped\n.* WARNING {EVERYWHERE['thread']}\n"
        server.stderr.wait(lambda text: re.search(said, text) is not None, said)
        assert server.stdout.text() == "after\n"
        let_go(gate)
        assert server.wait_exit() == 0


def test_what_ends_in_time_is_not_told(tmp_path: Path) -> None:
    """An executor's threads that have nothing to do are alive, but in nobody's way."""
    with held("asgi", "executor", tmp_path / "gate") as server:
        let_go(tmp_path / "gate")
        assert server.stop() == 0
        assert "still" not in server.stderr.text()
